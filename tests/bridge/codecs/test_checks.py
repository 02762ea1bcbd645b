"""The gas analyser's checksum holds on every recorded frame, and on no frame that was changed."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.checks import FieldCheck, recognise_check
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.errors import DecodeError, ProfileError

GAS_ANALYSER = Path(__file__).parents[2] / "data" / "gas-analyser-5ch.bin"
FRAMES = DelimiterFramer().feed(GAS_ANALYSER.read_bytes())
CHECK = FieldCheck(algorithm="sum16", start=1)
CHECK_FIELD_LENGTH = len(b"2A30;")


def test_the_recording_holds_six_frames_whose_checksums_hold() -> None:
    assert len(FRAMES) == 6
    for frame in FRAMES:
        CHECK.verify(frame, b";")


@given(st.sampled_from(FRAMES), st.integers(1, min(map(len, FRAMES)) - CHECK_FIELD_LENGTH - 1), st.integers(1, 255))
def test_any_single_changed_byte_in_the_covered_range_is_rejected(frame: bytes, position: int, change: int) -> None:
    changed = bytearray(frame)
    changed[position] ^= change

    with pytest.raises(DecodeError, match="checksum") as error:
        CHECK.verify(bytes(changed), b";")
    assert error.value.reason == "checksum"


@pytest.mark.parametrize("algorithm", ["sum8", "sum16", "xor8"])
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("with_separator", [True, False])
def test_a_check_is_recognised_and_means_the_same_bytes(algorithm: str, start: int, with_separator: bool) -> None:
    def sign(body: str) -> bytes:
        covered = body.encode()[start:] + (b"," if with_separator else b"")
        match algorithm:
            case "sum8":
                field = f"{sum(covered) % 256:02X}"
            case "sum16":
                field = f"{sum(covered) % 65536:04x}"  # lower case is understood as well
            case _:
                value = 0
                for byte in covered:
                    value ^= byte
                field = f"{value:02X}"
        return f"{body},{field}".encode()

    frames = [sign(f"A,{number}.{number * 7},x") for number in range(1, 9)]
    check = recognise_check(frames, b",")

    assert check == FieldCheck(algorithm=algorithm, start=start, with_separator=with_separator)


def test_a_check_is_proposed_only_when_it_held_on_three_different_frames() -> None:
    assert recognise_check(FRAMES, b";") == CHECK
    assert recognise_check(FRAMES[:3], b";") == CHECK
    assert recognise_check(FRAMES[:2] * 5, b";") is None
    assert recognise_check([FRAMES[0]] * 10, b";") is None


def test_one_garbled_frame_does_not_hide_the_check_that_the_others_have() -> None:
    garbled = FRAMES[0].replace(b"20.", b"21.", 1)

    assert recognise_check([*FRAMES, garbled], b";") == CHECK


def test_frames_without_a_checksum_give_no_proposal() -> None:
    assert recognise_check([f"{number};1.5;AB".encode() for number in range(20)], b";") is None


@given(frame=st.binary(max_size=60), separator=st.sampled_from([b";", b"::", b" "]), start=st.integers(0, 100))
def test_verifying_any_bytes_raises_nothing_but_decode_error(frame: bytes, separator: bytes, start: int) -> None:
    check = FieldCheck(algorithm="xor8", start=start, with_separator=False)
    try:
        check.verify(frame, separator)
    except DecodeError as error:
        assert error.reason == "checksum"  # noqa: PT017 - whether it fails depends on the bytes


def test_a_check_keeps_its_form_through_json() -> None:
    check = FieldCheck(algorithm="xor8", start=2, with_separator=False)

    assert FieldCheck.from_dict(check.to_dict(), "check") == check
    assert FieldCheck.from_dict({"algorithm": "sum8"}, "check") == FieldCheck(algorithm="sum8")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ("sum8", "check"),
        ({}, "check.algorithm"),
        ({"algorithm": "crc99"}, "check.algorithm"),
        ({"algorithm": ["sum8"]}, "check.algorithm"),
        ({"algorithm": "sum8", "start": -1}, "check.start"),
        ({"algorithm": "sum8", "start": True}, "check.start"),
    ],
)
def test_a_wrong_check_is_refused_with_its_place(data: Any, path: str) -> None:
    with pytest.raises(ProfileError) as error:
        FieldCheck.from_dict(data, "check")
    assert error.value.path == path
