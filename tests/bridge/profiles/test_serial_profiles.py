"""Every shipped serial profile reads its recording: framing, check, decoder and channels as they are shipped."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import DeviceSession
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles

RECORDINGS = Path(__file__).parents[2] / "data" / "serial"
PROFILES = {
    file.profile.id: file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "serial"
}

# profile, number of frames, {number of a frame, from 0: {channel: value}}
EXPECTED: list[tuple[str, int, dict[int, dict[str, Any]]]] = [
    (
        "plantower_pms5003",
        10,
        {
            0: {"pm1": 0, "pm25": 8, "pm10": 8, "count_03": 210, "count_05": 70, "count_1": 45},
            8: {"count_25": 18, "count_5": 0, "count_10": 0},
            9: {"pm25": 5, "count_03": 138, "count_25": 15},
        },
    ),
    ("nova_sds011", 10, {0: {"pm25": 0.6, "pm10": 0.6}, 9: {"pm25": 0.8, "pm10": 0.8}}),
    (
        "sensirion_sps30",
        10,
        {
            0: {"pm1": 5.2, "pm25": 9.5, "pm4": 12.6, "pm10": 13.3, "typical_size": 0.83},
            2: {"count_05": 44.1, "count_1": 53.4, "count_25": 55.5, "count_4": 55.9, "count_10": 56.0},
        },
    ),
    ("senseair_s8", 4, {0: {"co2": 904}, 3: {"co2": 2000}}),
    (
        "victron_ve_direct",
        3,
        {
            0: {
                "battery_voltage": 12.0,
                "battery_current": 0,
                "panel_voltage": 0.01,
                "panel_power": 0,
                "yield_total": 102.06,
                "yield_today": 0,
                "charge_state": 0,
                "error": 0,
                "product": "0xA053",
                "serial_number": "HQ9999ABCDE",
            },
            1: {
                "battery_voltage": 13.79,
                "battery_current": -1.25,
                "panel_voltage": 34.12,
                "panel_power": 47,
                "yield_total": 102.37,
                "yield_today": 0.31,
                "maximum_power_today": 52,
                "charge_state": 3,
            },
            2: {"battery_power": -81, "battery_level": 98.6, "aux_voltage": 12.95, "battery_voltage": 26.201},
        },
    ),
    (
        "dsmr_p1",
        3,
        {
            0: {
                "energy_1": 1581.123,
                "energy_2": 1435.706,
                "power": 2.027,
                "current_l1": 0,
                "gas": 981.443,
                "tariff": "0002",
                "meter_number": "3960221976967177082151037881335713",
            },
            1: {
                "returned_1": 2.444,
                "returned_2": 0,
                "power": 0.244,
                "voltage_l1": 230.0,
                "current_l1": 0.48,
                "gas": 0.107,
            },
            2: {"power": 0, "power_returned": 0.538, "voltage_l1": 234.7, "gas_be": 12.365, "tariff": "0001"},
        },
    ),
    (
        "nmea_gps",
        6,
        {
            0: {
                "latitude": 48.1173,
                "longitude": 11.516667,
                "altitude": 545.4,
                "satellites": 8,
                "hdop": 0.9,
                "fix_quality": 1,
            },
            1: {"latitude": 48.1173, "speed": 22.4, "course": 84.4, "altitude": 545.4},
            4: {"fix_quality": 0, "satellites": 0, "speed": 22.4},
            5: {"latitude": -48.117335, "longitude": -11.5167, "speed": 0.2},
        },
    ),
    (
        "scale_st_gs",
        8,
        {
            0: {"weight": 3.1, "stability": "Unstable", "mode": "Gross"},
            1: {"weight": 12.34, "stability": "Stable"},
            2: {"weight": -0.56, "mode": "Net"},
            3: {"weight": 1.5, "mode": "Tare", "stability": "Unstable"},
            4: {"weight": 999.99, "stability": "Overload"},
            5: {"weight": 999.99},
            6: {"weight": 7.5, "stability": "Stable"},
            7: {"weight": 42.0},
        },
    ),
]


def frames_of(profile: Profile) -> list[bytes]:
    """Return what the profile's framing makes of the recording, which begins and ends with a whole frame."""
    framer = framer_from_dict(profile.link["framing"])
    frames = framer.feed((RECORDINGS / f"{profile.id}.bin").read_bytes())
    counters = framer.counters
    assert (counters.garbage, counters.checksum, counters.malformed, counters.restarted) == (0, 0, 0, 0)
    return frames


@pytest.mark.parametrize(("name", "count", "expected"), EXPECTED, ids=[name for name, *_ in EXPECTED])
def test_values_come_out_of_the_recording(name: str, count: int, expected: dict[int, dict[str, Any]]) -> None:
    profile = PROFILES[name]
    session = DeviceSession(profile.device)
    frames = frames_of(profile)

    assert len(frames) == count
    for number, frame in enumerate(frames):
        session.accept([Frame(float(number), frame)])
        # Before the filters: a recording holds several meters, whose totals look like resets of one.
        values = {key: session.raw_value(key) for key in expected.get(number, {})}
        assert values == expected.get(number, {}), number
    assert session.counters.rejected == ({"pattern": 1} if name == "scale_st_gs" else {})


@pytest.mark.parametrize(("name", "count", "expected"), EXPECTED, ids=[name for name, *_ in EXPECTED])
def test_every_channel_has_a_value_in_the_recording(name: str, count: int, expected: dict[int, dict[str, Any]]) -> None:
    checked = {key for values in expected.values() for key in values}

    assert checked == {channel.key for channel in PROFILES[name].device.channels}


def test_eight_devices_are_described_and_each_has_a_recording() -> None:
    assert len(PROFILES) >= 8
    assert {name for name, *_ in EXPECTED} == set(PROFILES)
    assert {path.stem for path in RECORDINGS.iterdir()} == set(PROFILES)


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if "check" in profile.link["framing"]])
def test_where_there_is_a_check_no_changed_byte_is_shown(name: str) -> None:
    profile = PROFILES[name]
    data = (RECORDINGS / f"{profile.id}.bin").read_bytes()
    whole = set(frames_of(profile))
    for position in range(len(data)):
        framer = framer_from_dict(profile.link["framing"])
        broken = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        assert set(framer.feed(broken)) <= whole


@pytest.mark.parametrize("name", ["senseair_s8", "sensirion_sps30"])
def test_the_answer_to_a_question_is_told_from_others(name: str) -> None:
    talk = PROFILES[name].device.talk
    assert talk is not None
    (poll,) = talk.polls
    assert poll.question.answer is not None
    assert all(poll.question.answer.matches(frame) for frame in frames_of(PROFILES[name]))
    assert not poll.question.answer.matches(b"\x00\x00\x00\x00\xff")


def test_questions_are_the_bytes_that_the_sources_name() -> None:
    questions = {
        name: [poll.question.frame.fill({}).hex(" ").upper() for poll in talk.polls]
        + [frame.fill({}).hex(" ").upper() for frame in talk.init]
        for name, profile in PROFILES.items()
        if (talk := profile.device.talk) is not None
    }

    assert questions == {
        "senseair_s8": ["FE 04 00 03 00 01 D5 C5"],
        "sensirion_sps30": ["7E 00 03 00 FC 7E", "7E 00 00 02 01 03 F9 7E"],
    }


KINDS_OF_DAMAGE = st.sampled_from(["flip", "cut", "add", "repeat"])
EDITS = st.lists(st.tuples(st.integers(0, 4096), KINDS_OF_DAMAGE, st.binary(max_size=9)))


@pytest.mark.parametrize("name", PROFILES)
@given(edits=EDITS, piece=st.integers(1, 200))
def test_whatever_happens_to_the_bytes_every_frame_is_decoded_rejected_or_anothers(
    name: str, edits: list[tuple[int, str, bytes]], piece: int
) -> None:
    profile = PROFILES[name]
    data = bytearray((RECORDINGS / f"{name}.bin").read_bytes())
    for position, kind, noise in edits:
        at = position % max(len(data), 1)
        match kind:
            case "flip":
                data[at : at + 1] = bytes(byte ^ 0xFF for byte in data[at : at + 1])
            case "cut":
                del data[at : at + len(noise)]
            case "add":
                data[at:at] = noise
            case "repeat":
                data[at:at] = data[at : at + 40]
    framer, session = framer_from_dict(profile.link["framing"]), DeviceSession(profile.device)
    offered = 0
    for start in range(0, len(data), piece):
        frames = framer.feed(bytes(data[start : start + piece]))
        offered += len(frames)
        session.accept([Frame(float(start), frame) for frame in frames])

    counters = session.counters
    assert counters.decoded + counters.rejected.total() + counters.not_ours == offered
