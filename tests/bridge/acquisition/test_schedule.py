"""The schedule of record(): absolute targets, skipped slots, exact accounts. Time is a clock that the test owns."""

import asyncio
from collections.abc import Sequence
import math
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.acquisition import (
    OverflowPolicy,
    Recording,
    Sample,
    record,
)
from custom_components.fieldbridge.bridge.streams.ends import CANCELLED, COMPLETED
from custom_components.fieldbridge.bridge.testing.clocks import FakeClock, ManualClock


class Readings:
    """Takes a given time for every reading and remembers when it was read."""

    def __init__(self, clock: FakeClock, *durations: float) -> None:
        self.clock = clock
        self.durations = durations or (0.0,)
        self.polled_at: list[float] = []

    def read(self) -> Sequence[Sample]:
        self.polled_at.append(round(self.clock.now(), 6))
        self.clock.advance(self.durations[len(self.polled_at) % len(self.durations)])
        return [Sample("device", value=len(self.polled_at))]


class Source(Readings):
    """Has to be waited for."""

    async def poll(self) -> Sequence[Sample]:
        await asyncio.sleep(0)
        return self.read()


class HeldSource(Readings):
    """Has what it says at hand."""

    def poll(self) -> Sequence[Sample]:
        return self.read()


type SourceType = type[Source | HeldSource]


@pytest.fixture(params=[Source, HeldSource])
def source_type(request: pytest.FixtureRequest) -> SourceType:
    """Return each kind of source in turn."""
    kind: SourceType = request.param
    return kind


async def take_all(recording: Recording[Sequence[Sample]]) -> list[object]:
    return [sample.value async for batch in recording for sample in batch]


async def test_polls_lie_on_an_absolute_grid_that_no_poll_shifts(source_type: SourceType) -> None:
    clock = FakeClock(100.0)
    source = source_type(clock, 0.013, 0.09)

    async with record(source, rate_hz=10, duration=1.0, clock=clock) as recording:
        values = await take_all(recording)

    assert source.polled_at == [round(100 + number / 10, 6) for number in range(10)]
    assert values == list(range(1, 11))
    assert recording.summary.samples_emitted == 10
    assert recording.summary.samples_late == 0


async def test_polls_that_take_longer_than_a_period_skip_slots_and_every_slot_is_accounted_for(
    source_type: SourceType,
) -> None:
    clock = FakeClock()
    source = source_type(clock, 0.075)

    async with record(source, rate_hz=20, duration=1.0, clock=clock) as recording:
        await take_all(recording)

    ledger = recording.summary.ledger
    assert (ledger.slots, ledger.delivered, ledger.skipped["overrun"]) == (20, 14, 6)
    assert ledger.balanced
    assert recording.summary.samples_late == 6
    assert source.polled_at[:4] == [0.0, 0.075, 0.15, 0.225]


async def test_a_tick_that_is_less_than_a_period_late_is_made_up_and_not_late(source_type: SourceType) -> None:
    clock = FakeClock()
    source = source_type(clock, 0.0, 0.15, 0.0, 0.0)

    async with record(source, rate_hz=10, duration=0.4, clock=clock) as recording:
        await take_all(recording)

    assert source.polled_at == [0.0, 0.15, 0.2, 0.3]
    assert recording.summary.samples_late == 0
    assert recording.summary.max_drift_ms == pytest.approx(150)


async def test_durations_and_lateness_are_told_apart(source_type: SourceType) -> None:
    clock = FakeClock()
    source = source_type(clock, 0.004)

    async with record(source, rate_hz=10, duration=1.0, clock=clock) as recording:
        await take_all(recording)

    summary = recording.summary
    assert summary.tick_duration_ms_p50 == pytest.approx(4, rel=0.02)
    assert summary.tick_duration_ms_p99 == pytest.approx(4, rel=0.02)
    assert summary.start_lateness_ms.maximum == pytest.approx(0, abs=1e-6)
    assert summary.max_drift_ms == pytest.approx(4)


async def test_a_slow_consumer_blocks_the_run_under_block_and_the_missed_slots_are_its_own(
    source_type: SourceType,
) -> None:
    clock = FakeClock()
    source = source_type(clock)

    async with record(source, rate_hz=100, duration=1.0, buffer_size=1, clock=clock) as recording:
        values = []
        async for batch in recording:
            values += [sample.value for sample in batch]
            clock.advance(0.03)

    ledger = recording.summary.ledger
    assert ledger.slots == 100
    assert ledger.delivered == len(values)
    assert ledger.dropped == 0
    assert ledger.skipped.total() == 100 - len(values)
    assert ledger.skipped["overrun"] == 0
    assert ledger.balanced


@pytest.mark.parametrize(
    ("overflow", "kept", "emitted"),
    [
        (OverflowPolicy.DROP_NEWEST, [1, 2, 3, 4], 4),
        (OverflowPolicy.DROP_OLDEST, [97, 98, 99, 100], 100),
        (OverflowPolicy.LATEST, [100], 100),
    ],
)
async def test_overflow_loses_what_the_policy_says_and_counts_it_as_late(
    source_type: SourceType, overflow: OverflowPolicy, kept: list[int], emitted: int
) -> None:
    clock = FakeClock()
    async with record(
        source_type(clock), rate_hz=100, duration=1.0, overflow=overflow, buffer_size=4, clock=clock
    ) as recording:
        await recording.finished()
        values = await take_all(recording)

    assert values == kept
    assert recording.summary.samples_emitted == emitted
    assert recording.summary.samples_late == 100 - len(kept)
    assert recording.summary.ledger.balanced


@settings(max_examples=60, deadline=None)
@given(
    overflow=st.sampled_from(OverflowPolicy),
    rate_hz=st.sampled_from([3.0, 7.5, 50.0]),
    durations=st.lists(st.floats(0, 1.0), min_size=1, max_size=5),
    work=st.lists(st.floats(0, 1.0), min_size=1, max_size=5),
    leave_after=st.integers(1, 40),
    source_type=st.sampled_from([Source, HeldSource]),
)
def test_slots_are_delivered_skipped_dropped_or_failed_whatever_happens(
    overflow: OverflowPolicy,
    rate_hz: float,
    durations: list[float],
    work: list[float],
    leave_after: int,
    source_type: SourceType,
) -> None:
    async def run() -> None:
        clock = FakeClock()
        source = source_type(clock, *durations)
        taken = 0
        async with record(
            source, rate_hz=rate_hz, duration=6.0, overflow=overflow, buffer_size=2, clock=clock
        ) as recording:
            async for _ in recording:
                assert recording.summary.ledger.balanced
                clock.advance(work[taken % len(work)])
                taken += 1
                if taken == leave_after:
                    break
        ledger = recording.summary.ledger
        assert ledger.balanced
        assert ledger.pending == 0
        assert ledger.delivered == taken
        assert ledger.slots <= round(6.0 * rate_hz)
        if taken < leave_after:
            assert ledger.slots == round(6.0 * rate_hz)

    asyncio.run(run())


async def test_without_duration_it_runs_until_the_block_is_left() -> None:
    clock = ManualClock()

    class Plain:
        async def poll(self) -> Sequence[Sample]:
            return ()

    async with record(Plain(), rate_hz=1.0, clock=clock) as recording:
        await clock.advance(4.5)
        assert "'finished_at': None" in str(recording.summary.to_dict())
        assert recording.summary.ledger.pending == 5

    assert recording.summary.finished_at is not None
    assert recording.summary.ledger.dropped == 5
    assert recording.summary.samples_emitted == 5


async def test_stop_ends_a_wait_at_once_and_lets_the_consumer_take_everything() -> None:
    clock = ManualClock()
    values: list[int] = []

    class Counting:
        async def poll(self) -> Sequence[Sample]:
            return (Sample("device", value=1),)

    async with record(Counting(), rate_hz=0.1, clock=clock) as recording:
        await clock.advance(25)

        async def consume() -> None:
            async for batch in recording:
                values.append(len(batch))  # noqa: PERF401

        consuming = asyncio.create_task(consume())
        assert await recording.stop(deadline=5)
        await consuming

    assert values == [1, 1, 1]
    assert recording.summary.ledger.balanced
    assert recording.summary.ledger.dropped == 0


async def test_stop_gives_up_on_a_consumer_that_takes_nothing(source_type: SourceType) -> None:
    clock = FakeClock()
    async with record(source_type(clock), rate_hz=10, duration=1, clock=clock) as recording:
        await recording.finished()
        assert not await recording.stop(deadline=0.01)


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not hasattr(os, "timerfd_create"), reason="the timer is one of Linux")
async def test_a_run_that_is_left_at_once_gives_its_timer_back() -> None:
    before = open_files()

    async with record(Source(FakeClock()), rate_hz=10) as recording:
        pass

    assert open_files() == before
    assert recording.summary.finished_at is not None
    assert recording.stream.end is CANCELLED


async def test_two_who_stop_at_once_end_it_as_one_does() -> None:
    clock = ManualClock()
    async with record(Source(FakeClock()), rate_hz=0.1, clock=clock) as recording:
        await anext(recording)
        await clock.advance(1)

        assert all(await asyncio.gather(recording.stop(), recording.stop()))

        assert recording.stream.end is COMPLETED


class DyingSource:
    """Fails when it is told to."""

    def __init__(self) -> None:
        self.polled = asyncio.Event()
        self.dies = asyncio.Event()

    async def poll(self) -> Sequence[Sample]:
        self.polled.set()
        await self.dies.wait()
        raise ConnectionError("gone")


async def test_stop_waits_for_no_second_try_of_a_poll_that_fails_meanwhile() -> None:
    source = DyingSource()
    async with record(source, rate_hz=1, auto_reconnect=True, clock=ManualClock()) as recording:
        await source.polled.wait()
        stopping = asyncio.create_task(recording.stop(deadline=0.5))
        await asyncio.sleep(0)
        source.dies.set()

        assert await stopping

    assert recording.summary.ledger.balanced
    assert [gap.ended_at for gap in recording.summary.gaps] == [None]


async def test_stop_waits_for_no_source_that_is_being_made_anew() -> None:
    source, connecting = DyingSource(), asyncio.Event()
    source.dies.set()

    async def reconnect() -> DyingSource:
        connecting.set()
        await asyncio.Event().wait()
        return source

    async with record(
        source, rate_hz=1, auto_reconnect=True, reconnect_factory=reconnect, clock=FakeClock()
    ) as recording:
        await connecting.wait()

        assert await recording.stop(deadline=0.5)

        assert recording.stream.end is COMPLETED


async def test_every_further_consumer_has_accounts_of_its_own(source_type: SourceType) -> None:
    clock = FakeClock()
    async with record(source_type(clock), rate_hz=10, duration=2.0, clock=clock) as recording:
        latest = recording.subscribe(overflow=OverflowPolicy.LATEST)
        values = await take_all(recording)

    assert values == list(range(1, 21))
    assert (latest.offered, latest.dropped) == (20, 20)
    assert recording.summary.ledger.delivered == 20


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.nan, math.inf])
async def test_a_rate_that_is_no_rate_is_refused(rate_hz: float) -> None:
    with pytest.raises(ValueError, match=rf"^rate_hz must be > 0, got {rate_hz}$"):
        await record(Source(FakeClock()), rate_hz=rate_hz).__aenter__()


async def test_a_rate_that_no_timer_reaches_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^rate_hz must be >= 1e-09, got 1e-300$"):
        await record(Source(FakeClock()), rate_hz=1e-300).__aenter__()


async def test_a_policy_may_be_given_by_its_name_and_an_unknown_one_is_refused() -> None:
    async with record(Source(FakeClock()), rate_hz=1, overflow="latest") as recording:  # type: ignore[arg-type]
        assert recording.stream.overflow is OverflowPolicy.LATEST
    with pytest.raises(ValueError, match="'all' is not a valid OverflowPolicy"):
        await record(Source(FakeClock()), rate_hz=1, overflow="all").__aenter__()  # type: ignore[arg-type]


async def test_other_arguments_out_of_range_are_refused_by_name() -> None:
    source = Source(FakeClock())
    with pytest.raises(ValueError, match=r"^duration must be > 0 or None, got nan$"):
        await record(source, rate_hz=1, duration=math.nan).__aenter__()
    with pytest.raises(ValueError, match=r"^buffer_size must be >= 1, got 0$"):
        await record(source, rate_hz=1, buffer_size=0).__aenter__()
    with pytest.raises(ValueError, match="parameters"):
        await record(source, rate_hz=1, parameters=()).__aenter__()
    with pytest.raises(ValueError, match="timeout"):
        await record(source, rate_hz=1, timeout=0).__aenter__()
