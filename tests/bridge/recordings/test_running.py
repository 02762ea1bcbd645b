"""A recording under way: what is in the file, what is counted, and why it ends."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.recordings import (
    Catalogue,
    Limits,
    RecordingEnd,
    RecordingPlan,
    RunningRecording,
    describe_device,
)
from custom_components.fieldbridge.bridge.recordings.catalogue import DiskAlmostFullError
from custom_components.fieldbridge.bridge.streams import OverflowPolicy
from custom_components.fieldbridge.bridge.testing import FakeClock, ManualClock

from .devices import SCALE, Device, Frame, names_in, room, rows_of

FORMATS = [".csv", ".jsonl", ".sqlite", ".parquet"]


async def until(condition: Callable[[], object]) -> None:
    """Wait for the writer's thread."""
    async with asyncio.timeout(8):
        while not condition():  # noqa: ASYNC110 - a thread works meanwhile
            await asyncio.sleep(0.005)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path / "recordings", Limits(keep_free=0))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("wide", [True, False])
async def test_values_are_read_back_as_they_came(catalogue: Catalogue, suffix: str, wide: bool) -> None:
    described, device = room()
    plan = RecordingPlan(title="Run", devices=[(described, device)], suffix=suffix, wide=wide)
    recording = await catalogue.start(plan)
    device.say(1.5, temp=21.5, door=True, mode="auto")
    device.say(2.0, temp=22.0)

    assert await recording.stop()

    rows = rows_of(catalogue, recording.name)
    merged = [(row.monotonic_ns, key, value) for row in rows for key, value in row.values.items()]
    assert merged == [
        (1_500_000_000, "temp", 21.5),
        (1_500_000_000, "door", True),
        (1_500_000_000, "mode", "auto"),
        (2_000_000_000, "temp", 22.0),
    ]
    assert {row.device for row in rows} == {"Room"}
    assert recording.end is RecordingEnd.STOPPED


@pytest.mark.parametrize(("wide", "came"), [(True, 10_000), (False, 30_000)])
async def test_every_row_that_came_is_written_or_counted_as_dropped(
    catalogue: Catalogue, wide: bool, came: int
) -> None:
    described, device = room()
    recording = await catalogue.start(RecordingPlan(title="Run", devices=[(described, device)], wide=wide))
    for start in range(0, 10_000, 1000):
        device.say_many(
            [Frame(t / 1000, {"temp": float(t), "door": True, "mode": "on"}) for t in range(start, start + 1000)]
        )

    await recording.stop()

    assert recording.written + recording.dropped == came
    assert recording.dropped > 0, "more than the buffer holds came at once"
    assert len(rows_of(catalogue, recording.name)) == recording.written


async def test_at_a_rate_values_are_held_on_a_grid(catalogue: Catalogue, tmp_path: Path) -> None:
    clock = ManualClock()
    described, device = room()
    plan = RecordingPlan(title="Run", devices=[(described, device)], rate_hz=10.0, duration=0.5)
    recording = RunningRecording(plan, tmp_path / "run.csv", clock=clock)
    device.values = {"temp": 20.0, "door": False}
    await recording.start()
    await clock.advance(0.15)
    device.values["temp"] = 21.0
    await clock.advance(0.1)
    device.values.clear()  # not fresh any more
    await clock.advance(0.5)
    await until(lambda: recording.end)

    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    rows = rows_of(catalogue, "run.csv")
    assert [row.values["temp"] for row in rows] == [20.0, 20.0, 21.0, None, None]
    assert [row.monotonic_ns // 1_000_000 for row in rows] == [0, 100, 200, 300, 400]
    assert recording.end is RecordingEnd.DURATION


async def test_two_devices_at_a_rate_are_two_rows_of_one_moment(tmp_path: Path) -> None:
    clock = ManualClock()
    described, first = room()
    other = describe_device("scale-id", "Scale", SCALE, [described])
    second = Device({"temp": 1.25})
    first.values = {"temp": 20.0}
    plan = RecordingPlan(title="Run", devices=[(described, first), (other, second)], rate_hz=10.0, duration=0.1)
    recording = RunningRecording(plan, tmp_path / "run.csv", clock=clock)
    await recording.start()
    await clock.advance(0.2)
    await until(lambda: recording.end)

    rows = rows_of(Catalogue(tmp_path), "run.csv")
    assert [(row.device, row.values) for row in rows] == [
        ("Room", {"temp": 20.0, "door": None, "mode": None}),
        ("Scale", {"Scale.temp": 1.25}),
    ]
    assert rows[0].monotonic_ns == rows[1].monotonic_ns


@pytest.mark.parametrize(("wide", "rows_per_slot"), [(True, 2), (False, 4)])
@pytest.mark.parametrize("overflow", [OverflowPolicy.BLOCK, OverflowPolicy.LATEST])
async def test_at_a_rate_every_slot_is_accounted_for_in_rows(
    tmp_path: Path, wide: bool, rows_per_slot: int, overflow: OverflowPolicy
) -> None:
    clock = FakeClock()  # moves on with every sleep, also of others, so that slots are missed
    described, first = room()
    other = describe_device("scale-id", "Scale", SCALE, [described])
    devices = [(described, first), (other, Device())]
    plan = RecordingPlan(title="Run", devices=devices, rate_hz=10.0, duration=2.0, wide=wide, overflow=overflow)
    recording = RunningRecording(plan, tmp_path / "run.csv", clock=clock)
    await recording.start()
    await until(lambda: recording.end)

    assert recording.written > 0
    assert recording.skipped > 0
    assert recording.written + recording.dropped + recording.skipped == 20 * rows_per_slot


async def test_a_recording_as_it_comes_ends_after_its_duration(tmp_path: Path) -> None:
    clock = ManualClock()
    catalogue = Catalogue(tmp_path, Limits(keep_free=0), clock=clock)
    recording = await catalogue.start(RecordingPlan(title="Run", devices=[room()], duration=2.5))
    await clock.advance(2.4)
    assert catalogue.running == (recording,)
    await clock.advance(0.2)
    await until(lambda: recording.end)

    assert recording.end is RecordingEnd.DURATION
    assert recording.duration == pytest.approx(2.55, abs=0.06)


async def test_too_little_free_space_ends_a_recording_with_what_was_written(tmp_path: Path) -> None:
    described, device = room()
    plan = RecordingPlan(title="Run", devices=[(described, device)])
    recording = RunningRecording(plan, tmp_path / "run.csv", keep_free=2**62)
    await recording.start()
    device.say(1.0, temp=20.0)
    await until(lambda: recording.written)
    async with asyncio.timeout(8):
        while recording.end is None:
            device.say(2.0, temp=21.0)
            await asyncio.sleep(0.02)

    assert recording.end is RecordingEnd.DISK_FULL
    assert "MB are free" in (recording.error or "")
    assert rows_of(Catalogue(tmp_path), "run.csv")[0].values == {"temp": 20.0}


async def test_a_recording_whose_disk_is_full_ends_also_when_its_device_says_no_more(tmp_path: Path) -> None:
    described, device = room()
    recording = RunningRecording(
        RecordingPlan(title="Run", devices=[(described, device)]), tmp_path / "run.csv", keep_free=2**62
    )
    await recording.start()
    device.say(1.0, temp=20.0)

    await until(lambda: recording.end)

    assert recording.end is RecordingEnd.DISK_FULL
    assert (recording.written, recording.dropped) == (1, 0)


@pytest.mark.parametrize("suffix", [".csv", ".sqlite"])
@pytest.mark.parametrize("wide", [True, False])
async def test_every_row_that_a_full_disk_cost_is_counted_as_dropped(tmp_path: Path, suffix: str, wide: bool) -> None:
    described, device = room()
    plan = RecordingPlan(title="Run", devices=[(described, device)], suffix=suffix, wide=wide)
    recording = RunningRecording(plan, tmp_path / f"run{suffix}", keep_free=2**62, clock=ManualClock())
    await recording.start()
    came = 0
    async with asyncio.timeout(20):
        while recording.end is None:
            if device.listeners.anybody:
                came += 10
            device.say_many([Frame(came + number, {"temp": 20.0}) for number in range(10)])
            await asyncio.sleep(0.001)

    assert recording.end is RecordingEnd.DISK_FULL
    assert recording.dropped
    assert recording.written + recording.dropped == came


async def test_nothing_is_begun_on_a_disk_that_is_almost_full(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=2**62))

    with pytest.raises(DiskAlmostFullError, match="have to stay free"):
        await catalogue.start(RecordingPlan(title="Run", devices=[room()]))

    assert names_in(tmp_path) == []


async def test_a_recording_that_fills_the_quota_alone_ends(tmp_path: Path) -> None:
    described, device = room()
    catalogue = Catalogue(tmp_path, Limits(keep_free=0, max_bytes=2000))
    recording = await catalogue.start(RecordingPlan(title="Run", devices=[(described, device)]))
    device.say_many([Frame(number / 1000, {"temp": float(number)}) for number in range(1000)])
    await until(lambda: recording.end)

    assert recording.end is RecordingEnd.QUOTA
    assert recording.written == 1000


async def test_whoever_waits_for_the_end_hears_of_a_complete_file(catalogue: Catalogue) -> None:
    recording = await catalogue.start(RecordingPlan(title="Run", devices=[room()]))
    heard: list[bool] = []
    recording.on_end(lambda ended: heard.append(ended.path.exists()))

    await recording.stop()
    await recording.stop()

    assert heard == [True]
    assert catalogue.running == ()


async def test_equal_titles_never_share_a_file(catalogue: Catalogue) -> None:
    plan = RecordingPlan(title="Run", devices=[room()])
    first, second = await asyncio.gather(catalogue.start(plan), catalogue.start(plan))

    await catalogue.stop_all(RecordingEnd.SHUTDOWN)

    assert {first.name, second.name} == {"Run.csv", "Run-2.csv"}
    assert second.end is RecordingEnd.SHUTDOWN


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_hz": 0},
        {"rate_hz": float("nan")},
        {"rate_hz": 1001},
        {"duration": 0},
        {"duration": float("inf")},
        {"suffix": ".exe"},
        {"devices": []},
    ],
)
def test_what_cannot_be_recorded_is_refused(wrong: dict[str, object]) -> None:
    arguments: dict[str, object] = {"title": "Run", "devices": [room()], **wrong}
    with pytest.raises(ValueError, match=r"must be|no channel"):
        RecordingPlan(**arguments)  # type: ignore[arg-type]


async def test_channels_named_as_the_columns_of_every_file_get_another_column(catalogue: Catalogue) -> None:
    described = describe_device("id", "Odd", [Channel(key="device", name="A", source="a"), *SCALE])
    device = Device()
    plan = RecordingPlan(title="Odd", devices=[(described, device)], overflow=OverflowPolicy.LATEST)
    recording = await catalogue.start(plan)
    device.say(1.0, device=7.0)
    await recording.stop()

    assert rows_of(catalogue, recording.name)[0].values == {"Odd.device": 7.0}
