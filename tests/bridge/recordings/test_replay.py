"""What was recorded is sent again as a link: the same values, at the pace that is wanted."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
import json
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.bridge.codecs.frame import Batch, Frame
from custom_components.fieldbridge.bridge.errors import BridgeError, LinkClosedError, LinkError
from custom_components.fieldbridge.bridge.recordings import (
    Catalogue,
    Description,
    Limits,
    RecordingPlan,
    describe_device,
    replay_devices,
    replay_frames,
)
from custom_components.fieldbridge.bridge.sinks import CaptureHeader, read_frames
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.replay import ReplayTransport

from .devices import ROOM, SCALE, Device, room

FRAMES = [Frame(10.0, b"a"), Frame(10.5, b"b"), Frame(12.0, b"c")]


class Sent:
    """What a transport sent, and when."""

    def __init__(self, transport: ReplayTransport, clock: ManualClock) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.losses: list[LinkError] = []
        self._clock = clock
        transport.register_callback(self._take)
        transport.register_loss_callback(self.losses.append)

    def _take(self, batch: Batch) -> None:
        self.frames += [(self._clock.now(), frame.data) for frame in batch]


async def settled(clock: ManualClock, seconds: float) -> None:
    """Move the time on in small steps, so that what is read in threads arrives."""
    for _ in range(round(seconds / 0.25)):
        await asyncio.sleep(0.002)
        await clock.advance(0.25)
    await asyncio.sleep(0.02)
    await clock.settle()


@pytest.mark.parametrize(("speed", "times"), [(1.0, [0.0, 0.5, 2.0]), (2.0, [0.0, 0.25, 1.0]), (0.0, [0.0, 0.0, 0.0])])
async def test_frames_keep_their_pace_or_take_another(speed: float, times: list[float]) -> None:
    clock = ManualClock()
    transport = ReplayTransport(lambda: iter(FRAMES), speed=speed, repeats=1, clock=clock)
    sent = Sent(transport, clock)
    await transport.open()
    await transport.start_scan()
    await settled(clock, 4)
    await transport.stop_scan()

    assert sent.frames == list(zip(times, [b"a", b"b", b"c"], strict=True))
    assert isinstance(sent.losses[0], LinkClosedError)
    with pytest.raises(LinkError, match="everything was replayed"):
        await transport.open()


async def test_a_replay_is_repeated_as_often_as_wanted() -> None:
    clock = ManualClock()
    transport = ReplayTransport(lambda: iter(FRAMES), speed=0.0, repeats=3, pause=1.0, clock=clock)
    sent = Sent(transport, clock)
    await transport.open()
    await transport.start_scan()
    await settled(clock, 6)
    await transport.stop_scan()

    assert [data for _, data in sent.frames] == [b"a", b"b", b"c"] * 3
    assert transport.counters.frames == 9


async def test_what_cannot_be_read_is_a_link_that_is_down() -> None:
    def read() -> Iterator[Frame]:
        yield from read_frames(Path("/no/such/file.capture"))

    with pytest.raises(LinkError, match="No such file"):
        await ReplayTransport(read).open()
    with pytest.raises(LinkError, match="nothing to replay"):
        await ReplayTransport(lambda: iter(())).open()


_LINES = st.lists(
    st.sampled_from(
        [
            "t_utc,monotonic_ns,device,temp,door,mode,event",
            "2026-11-21T12:00:00+00:00,1,Room,20.5,true,auto,",
            '{"fieldbridge_capture": 1, "link": "x", "started_at": "2026-11-21T12:00:00+00:00"}',
            '{"t": 1.5, "hex": "00ff"}',
            '{"t": [], "hex": 3}',
            '{"device": "Room", "t_utc": 5, "monotonic_ns": "x"}',
            '{"device": ["Room"], "t_utc": "2026-11-21", "monotonic_ns": 1}',
            "[]",
            '"',
        ]
    )
    | st.text(max_size=40),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(suffix=st.sampled_from([".csv", ".jsonl", ".capture", ".sqlite"]), lines=_LINES, wide=st.booleans())
def test_whatever_a_file_holds_it_is_replayed_or_refused(
    tmp_path: Path, suffix: str, lines: list[str], wide: bool
) -> None:
    path = tmp_path / f"odd{suffix}"
    path.write_bytes("\n".join(lines).encode(errors="replace"))
    described, _ = room()
    description = Description(
        title="Odd", started_at=datetime(2026, 11, 21, tzinfo=UTC), devices=(described,), wide=wide
    )

    with suppress(ValueError, BridgeError):
        assert all(isinstance(frame.data, bytes) for frame in replay_frames(path, description))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".sqlite", ".parquet"])
@pytest.mark.parametrize("wide", [True, False])
async def test_a_replayed_recording_shows_the_values_that_were_recorded(
    tmp_path: Path, suffix: str, wide: bool
) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    first, device = room()
    other, scale = describe_device("scale-id", "Scale", SCALE, [first]), Device()
    plan = RecordingPlan(title="Run", devices=[(first, device), (other, scale)], suffix=suffix, wide=wide)
    recording = await catalogue.start(plan)
    device.say(1.0, temp=21.5, door=True, mode="auto")
    scale.say(1.5, temp=80.25)
    await recording.stop()
    info = catalogue.find(recording.name)

    devices = replay_devices(info.path, info.description)
    sessions = {device.title: DeviceSession(device.profile) for device in devices}
    for frame in replay_frames(info.path, info.description):
        for session in sessions.values():
            session.accept([frame])

    assert sessions["Room"].values == {"temp": 21.5, "door": True, "mode": "auto"}
    assert sessions["Scale"].values == {"temp": 80.25}
    assert devices[0].profile.channels[0].unit == "°C"


@pytest.mark.parametrize(
    ("suffix", "number"),
    [
        *product([".csv", ".jsonl", ".sqlite", ".parquet"], [44, -3, 2**53 - 1, 44.0, 1e20]),
        *product([".csv", ".jsonl", ".sqlite"], [2**60 + 1]),  # Parquet has 53 bits for it
    ],
)
@pytest.mark.parametrize("wide", [True, False])
async def test_a_replayed_number_is_a_whole_one_only_where_it_was_recorded_as_one(
    tmp_path: Path, suffix: str, wide: bool, number: float
) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    described, device = room()
    plan = RecordingPlan(title="Run", devices=[(described, device)], suffix=suffix, wide=wide)
    recording = await catalogue.start(plan)
    device.say(1.0, temp=number)
    await recording.stop()
    info = catalogue.find(recording.name)

    replayed = [json.loads(frame.data)["c0"] for frame in replay_frames(info.path, info.description)]

    assert [(value, type(value)) for value in replayed] == [(number, type(number))]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".sqlite", ".parquet"])
@pytest.mark.parametrize("wide", [True, False])
async def test_an_empty_text_is_replayed_as_a_text_and_no_value_as_none(
    tmp_path: Path, suffix: str, wide: bool
) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    described, device = room()
    plan = RecordingPlan(title="Run", devices=[(described, device)], suffix=suffix, wide=wide)
    recording = await catalogue.start(plan)
    device.say(1.0, mode="")
    device.say(2.0, temp=20.5, door=None)
    await recording.stop()
    info = catalogue.find(recording.name)

    session = DeviceSession(replay_devices(info.path, info.description)[0].profile)
    session.accept(list(replay_frames(info.path, info.description)))

    assert session.values == {"mode": "", "temp": 20.5, "door": None}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".sqlite", ".parquet"])
async def test_whole_numbers_of_one_channel_stay_whole_beside_others_that_are_not(tmp_path: Path, suffix: str) -> None:
    for wide in (True, False):
        catalogue = Catalogue(tmp_path, Limits(keep_free=0))
        first, device = room()
        other, scale = describe_device("scale-id", "Scale", SCALE, [first]), Device()
        plan = RecordingPlan(title="Run", devices=[(first, device), (other, scale)], suffix=suffix, wide=wide)
        recording = await catalogue.start(plan)
        device.say(1.0, temp=21.0)
        device.say(2.0, temp=None)
        scale.say(3.0, temp=80)
        await recording.stop()

        frames = [json.loads(frame.data) for frame in replay_frames(recording.path, recording.description)]

        values = [value for frame in frames for key, value in frame.items() if key != "device"]
        assert [str(value) for value in values if value is not None] == ["21.0", "80"]


async def test_a_value_that_json_cannot_hold_is_replayed_as_none(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    described_room, device = room()
    recording = await catalogue.start(RecordingPlan(title="Run", devices=[(described_room, device)]))
    for value in (math.nan, math.inf):
        device.say(1.0, temp=value, mode="a")
    await recording.stop()

    frames = list(replay_frames(recording.path, recording.description))

    assert [JsonDecoder().parse(frame.data) for frame in frames] == [{"device": "Room", "c0": None, "c2": "a"}] * 2


async def test_a_replayed_capture_brings_its_devices(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    profile = DeviceProfile(decoder=JsonDecoder(), channels=ROOM)
    header = CaptureHeader("Lab port", devices=[{"title": "Room", "profile": profile.to_dict()}])
    capture = await catalogue.start_capture("Lab port", header)
    capture.take([Frame(1.0, b'{"temp": 19.5}')])
    await catalogue.stop_capture(capture)
    path = catalogue.find("Lab port.capture").path

    (device,) = replay_devices(path, None)
    session = DeviceSession(device.profile)
    session.accept(list(replay_frames(path, None)))

    assert (device.title, session.value("temp")) == ("Room", 19.5)
