"""Which serial profiles read what arrives: each its own recording, none of them another's."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.codecs.recognise_framing import Chunk
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles
from custom_components.fieldbridge.bridge.profiles.matching import framing_of, matching, same_framing

RECORDINGS = sorted((Path(__file__).parents[2] / "data" / "serial").glob("*.bin"))
GAS_ANALYSER = Path(__file__).parents[2] / "data" / "gas-analyser-5ch.bin"


def serial() -> list[Profile]:
    return [file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "serial"]


def captured(data: bytes) -> list[Chunk]:
    return [Chunk(start / 100, data[start : start + 64]) for start in range(0, len(data), 64)]


def names(profiles: Sequence[Profile]) -> list[str]:
    return [profile.id for profile in profiles]


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_read_by_its_own_profile_first(recording: Path) -> None:
    assert names(matching(serial(), captured(recording.read_bytes()), ()))[:1] == [recording.stem]


def test_no_profile_claims_a_device_that_has_none() -> None:
    assert matching(serial(), captured(GAS_ANALYSER.read_bytes()), ()) == []
    assert matching(serial(), captured(bytes(range(256)) * 8), ()) == []
    assert matching(serial(), [], []) == []


def test_frames_stand_for_bytes_that_nobody_captured() -> None:
    frames = [Frame(float(number), b"ST,GS,+  12.3%dkg" % number) for number in range(3)]

    assert names(matching(serial(), [], frames)) == ["scale_st_gs"]
    assert matching(serial(), [], frames[:1]) == []


def test_framings_are_the_same_however_they_are_written() -> None:
    first = {"kind": "fixed", "length": 10, "start": "0xAA C0", "check": {"algorithm": "sum8"}}
    second = {"kind": "fixed", "length": 10, "start": "\\xAA\\xC0", "end": "", "max_length": 4096}

    assert same_framing(first, {**second, "check": {"algorithm": "sum8", "start": 0, "encoding": "big"}})
    assert not same_framing(first, second)
    assert not same_framing({"kind": "line"}, first)
    assert framing_of(next(profile for profile in serial() if profile.id == "nmea_gps")) == {"kind": "line"}
