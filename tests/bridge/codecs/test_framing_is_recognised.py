"""From captured bytes alone: where frames begin, how long they are, and which check they have."""

from collections.abc import Callable
from pathlib import Path
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.catalogue import ALGORITHMS, function_of
from custom_components.fieldbridge.bridge.codecs.frame_check import FrameCheck
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict
from custom_components.fieldbridge.bridge.codecs.recognise_check import recognise_frame_check
from custom_components.fieldbridge.bridge.codecs.recognise_framing import (
    Chunk,
    is_text,
    readability,
    recognise_framing,
    recognise_parity,
)

from .framings import EXAMPLES

RANDOM = random.Random(7)  # noqa: S311


def pms5003(number: int) -> bytes:
    words = [28, *(RANDOM.randrange(300) for _ in range(12)), 0x9700]
    body = b"\x42\x4d" + b"".join(word.to_bytes(2, "big") for word in words)
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


def sds011(number: int) -> bytes:
    data = RANDOM.randbytes(4) + b"\x12\x34"
    return b"\xaa\xc0" + data + bytes([sum(data) & 0xFF]) + b"\xab"


def counted(number: int) -> bytes:
    content = RANDOM.randbytes(4 + number % 5)
    body = b"\xa5\x5a" + bytes([len(content)]) + content
    return body + function_of("crc-16/modbus")(body).to_bytes(2, "little")


def slip(number: int) -> bytes:
    body = RANDOM.randbytes(12)
    body += function_of("crc-16/ibm-3740")(body).to_bytes(2, "big")
    return body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def vedirect(number: int) -> bytes:
    body = f"\r\nPID\t0xA053\r\nV\t{12000 + number}\r\nI\t-{number}\r\nChecksum\t".encode()
    return body + bytes([-sum(body) & 0xFF])


def p1(number: int) -> bytes:
    body = f"/ISk5\\2MT382\r\n\r\n1-0:1.8.1({number:010.3f}*kWh)\r\n1-0:1.7.0(0{number % 9}.123*kW)\r\n!".encode()
    return body + b"%04X\r\n" % function_of("crc-16/arc")(body)


DEVICES: dict[str, tuple[Callable[[int], bytes], dict[str, Any]]] = {
    "pms5003": (pms5003, {"kind": "fixed", "length": 32, "check": {"algorithm": "sum16", "start": 0}}),
    "sds011": (sds011, {"kind": "fixed", "length": 10, "check": {"algorithm": "sum8", "start": 2, "after": 1}}),
    "counted": (
        counted,
        {"kind": "length", "offset": 2, "extra": 5, "check": {"algorithm": "crc-16/modbus", "encoding": "little"}},
    ),
    "slip": (slip, {"kind": "slip", "check": {"algorithm": "crc-16/ibm-3740"}}),
    "vedirect": (vedirect, {"kind": "marks", "after": 1, "check": {"algorithm": "lrc"}}),
    "p1": (p1, {"kind": "telegram", "check": {"algorithm": "crc-16/arc", "encoding": "hex"}}),
}


def assert_has(form: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_has(form[name], value)
        else:
            assert form[name] == value, name


@pytest.mark.parametrize("with_pauses", [True, False])
@pytest.mark.parametrize("device", DEVICES)
def test_the_framing_of_a_device_is_recognised_with_its_check(device: str, with_pauses: bool) -> None:
    make, expected = DEVICES[device]
    frames = [make(number) for number in range(1, 13)]
    stream = frames[0][3:] + b"".join(frames[1:]) + frames[0][:3]
    if with_pauses:
        pieces = [frames[0][3:], *frames[1:], frames[0][:3]]
        chunks = [Chunk(float(number), piece) for number, piece in enumerate(pieces)]
        # USB adapters cut a frame in two
        chunks = [
            part
            for chunk in chunks
            for part in (Chunk(chunk.time, chunk.data[:2]), Chunk(chunk.time + 0.016, chunk.data[2:]))
        ]
    else:
        chunks = [Chunk(0.0, stream)]

    found = recognise_framing(chunks)

    assert found is not None
    assert found.has_check
    if with_pauses:
        assert_has(found.form, expected)
    else:  # without pauses an end mark may as well be the beginning of the next frame
        assert found.form["check"]["algorithm"] == expected["check"]["algorithm"]
    framer = framer_from_dict(found.form)
    assert len(framer.feed(stream)) >= 10


@pytest.mark.parametrize("device", DEVICES)
def test_three_whole_frames_are_enough(device: str) -> None:
    """Streams without pauses need a fourth; they bring it within the two seconds that recognition may take longer."""
    make, expected = DEVICES[device]
    frames = [make(number) for number in range(1, 5)]
    pieces = [frames[0][len(frames[0]) // 2 :], *frames[1:]]
    found = recognise_framing([Chunk(float(number), piece) for number, piece in enumerate(pieces)])

    assert found is not None
    assert found.form["check"]["algorithm"] == expected["check"]["algorithm"]


@pytest.mark.parametrize("kind", ["cobs", "dle", "slip", "stuffed between equal marks"])
def test_what_is_escaped_is_recognised_as_that_although_pauses_would_do(kind: str) -> None:
    """Of a few frames most need no escape, so that their check holds as they come."""
    generator = random.Random(kind)  # noqa: S311
    bodies = [b"\0~\x10\xc0" if number == 5 else generator.randbytes(8) for number in range(9)]
    crc = function_of("crc-16/modbus")
    frames = [EXAMPLES[kind].line(body + crc(body).to_bytes(2, "little")) for body in bodies]
    found = recognise_framing([Chunk(number * 0.5, frame) for number, frame in enumerate(frames)])

    assert found is not None
    assert_has(found.form, {**EXAMPLES[kind].form, "check": {"algorithm": "crc-16/modbus", "encoding": "little"}})
    assert bodies[5] in [frame[:-2] for frame in found.frames]


RECORDINGS = Path(__file__).parents[2] / "data" / "serial"


@pytest.mark.parametrize(
    ("device", "form"),
    [
        ("plantower_pms5003", {"kind": "fixed", "length": 32, "check": {"algorithm": "sum16"}}),
        ("nova_sds011", {"kind": "fixed", "length": 10, "check": {"algorithm": "sum8", "start": 2, "after": 1}}),
        ("senseair_s8", {"kind": "fixed", "length": 7, "check": {"algorithm": "crc-16/modbus"}}),
        ("sensirion_sps30", {"kind": "escaped", "start": "~", "check": {"algorithm": "sum8_inverted"}}),
        ("victron_ve_direct", {"kind": "marks", "check": {"algorithm": "lrc"}}),
        ("dsmr_p1", {"kind": "telegram", "check": {"algorithm": "crc-16/arc", "encoding": "hex"}}),
        ("nmea_gps", {"kind": "line"}),
        ("scale_st_gs", {"kind": "line"}),
    ],
)
def test_real_devices_are_recognised_from_their_recordings_alone(device: str, form: dict[str, Any]) -> None:
    found = recognise_framing([Chunk(0.0, (RECORDINGS / f"{device}.bin").read_bytes())])

    assert found is not None
    assert_has(found.form, form)


def test_lines_are_recognised_and_their_check_is_left_to_the_decoder() -> None:
    found = recognise_framing([Chunk(0.0, b".5;3\r\n21.5;40\r\n21.6;41\r\n2")])

    assert found is not None
    assert found.form == {"kind": "line"}


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"21.5\r22.5\r23.5\r", {"kind": "delimiter", "delimiter": "\\r"}),
        (b"\x02 1.5\x03\x02 2.5\x03\x02 3.5\x03", {"kind": "marks", "start": "\\x02", "keep_marks": False}),
    ],
)
def test_texts_without_line_feeds_are_recognised(data: bytes, form: dict[str, Any]) -> None:
    found = recognise_framing([Chunk(0.0, data)])

    assert found is not None
    assert_has(found.form, form)


def test_without_marks_and_lengths_pauses_separate_frames() -> None:
    frames = [RANDOM.randbytes(length) for length in (9, 17, 11, 23, 8, 14)]

    found = recognise_framing([Chunk(number * 0.5, frame) for number, frame in enumerate(frames)])

    assert found is not None
    assert found.form["kind"] == "silence"
    assert set(found.frames) <= set(frames)


def test_nothing_is_proposed_for_nothing() -> None:
    assert recognise_framing([]) is None
    assert recognise_framing([Chunk(0.0, b"\x01\x02\x03")]) is None


def test_a_wrong_baud_rate_is_less_readable_than_a_right_one() -> None:
    text = b"21.5;40;1013\r\n" * 10
    noise = bytes(byte ^ 0xA5 for byte in text)
    binary = b"".join(pms5003(number) for number in range(10))

    assert readability(text) > 0.95
    assert readability(binary) > 0.95
    assert readability(noise) < 0.6
    assert readability(RANDOM.randbytes(500)) < 0.6
    assert readability(b"") == 0


@pytest.mark.parametrize(("parity", "name"), [(0, "E"), (1, "O")])
def test_seven_bits_with_parity_that_were_read_as_eight_are_told_from_noise(parity: int, name: str) -> None:
    text = b"21.5;40;1013\r\n" * 4

    assert recognise_parity(bytes(byte | 0x80 * (byte.bit_count() % 2 != parity) for byte in text)) == name
    assert recognise_parity(text) is None
    assert recognise_parity(RANDOM.randbytes(60)) is None
    assert recognise_parity(b"") is None


def test_text_with_characters_of_several_bytes_is_text() -> None:
    assert is_text("Außen 21,5 °C, Wärme 12 µg/m³ Ä\r\n".encode())
    assert is_text("21,5 °C\r\n".encode("latin-1"))
    assert not is_text(RANDOM.randbytes(200))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("encoding", ["big", "little", "hex"])
def test_every_check_of_the_catalogue_is_recognised(algorithm: str, encoding: str) -> None:
    check = FrameCheck(algorithm=algorithm, encoding=encoding, start=1)
    generator = random.Random(f"{algorithm} {encoding}")  # noqa: S311
    frames = [b"S" + body + check.signed(b"S" + body) for body in (generator.randbytes(14) for _ in range(6))]

    found = recognise_frame_check(frames)

    assert found is not None
    assert all(found.holds(frame) for frame in frames)
    assert found.size == check.size


def test_a_check_is_proposed_only_when_it_held_on_three_different_frames() -> None:
    frames = [sds011(1), sds011(2), sds011(3)]

    assert recognise_frame_check(frames) == FrameCheck(algorithm="sum8", start=2, after=1)
    assert recognise_frame_check(frames[:2]) is None
    assert recognise_frame_check([frames[0], frames[1], frames[1], frames[0]]) is None
    assert recognise_frame_check([*frames, *(RANDOM.randbytes(10) for _ in range(4))]) is None


def test_noise_has_no_check() -> None:
    generator = random.Random(3)  # noqa: S311
    for _ in range(20):
        assert recognise_frame_check([generator.randbytes(12) for _ in range(8)]) is None


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(st.floats(0, 0.5), st.one_of(st.binary(max_size=40), st.sampled_from(sorted(EXAMPLES)))), max_size=12
    )
)
def test_whatever_was_captured_recognition_ends_and_what_it_proposes_can_be_built(
    pieces: list[tuple[float, bytes | str]],
) -> None:
    chunks, now = [], 0.0
    for pause, piece in pieces:
        now += pause
        data = EXAMPLES[piece].line(b"content") if isinstance(piece, str) else piece
        chunks.append(Chunk(now, data))

    found = recognise_framing(chunks)

    if found is not None:
        framer_from_dict(found.form)
