"""What can be recorded: the three documented shapes of a source, its errors, and links that come and go."""

import asyncio
from collections.abc import Sequence
import logging
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.acquisition import PollSource, Sample, record
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.testing.clocks import FakeClock, ManualClock


async def recorded(source: Any, clock: FakeClock, **arguments: Any) -> list[object]:
    async with record(source, rate_hz=10, clock=clock, **arguments) as recording:
        return [sample.value async for batch in recording for sample in batch]


async def test_parameters_instances_and_names_reach_a_source_that_takes_them() -> None:
    calls: list[Any] = []

    class Controller:
        async def poll(
            self, parameters: Sequence[str | int], names: Sequence[str] | None = None, instances: Sequence[int] = (1,)
        ) -> Sequence[Sample]:
            calls.append((parameters, names, instances))
            return ()

    await recorded(Controller(), FakeClock(), duration=0.1, parameters=["setpoint"], instances=(1, 2), names=["oven"])

    assert calls == [(["setpoint"], ["oven"], (1, 2))]


async def test_a_source_of_samples_gets_names_and_timeout_and_nothing_else() -> None:
    calls: list[Any] = []

    class Analyzer:
        async def poll(self) -> str:
            raise AssertionError("means something else here")

        async def poll_samples(
            self,
            *,
            names: Sequence[str] | None = None,
            timeout: float | None = None,  # noqa: ASYNC109
        ) -> Sequence[Sample]:
            calls.append((names, timeout))
            return ()

    await recorded(Analyzer(), FakeClock(), duration=0.1, timeout=2.0, instances=(3,))

    assert calls == [(None, 2.0)]


async def test_poll_many_is_taken_before_poll() -> None:
    class Manager:
        async def poll_many(self, parameters: Sequence[str | int]) -> Sequence[Sample]:
            return [Sample("device", parameter=str(parameter), value=1.0) for parameter in parameters]

        async def poll(self) -> Sequence[Sample]:
            raise AssertionError

    assert await recorded(Manager(), FakeClock(), duration=0.1, parameters=["a", "b"]) == [1.0, 1.0]


async def test_a_source_without_a_timeout_is_given_one_from_outside() -> None:
    class Stuck:
        async def poll(self) -> Sequence[Sample]:
            await asyncio.Event().wait()
            return ()

    with pytest.raises(TimeoutError):
        await recorded(Stuck(), FakeClock(), timeout=0.01)


async def test_missing_parameters_and_things_that_cannot_be_polled_are_named(flaky: FlakyType) -> None:
    class Needy:
        async def poll(self, parameters: Sequence[str]) -> Sequence[Sample]:
            return ()

    with pytest.raises(ValueError, match=r"parameters is required by Needy\.poll"):
        await recorded(Needy(), FakeClock())
    with pytest.raises(TypeError, match="poll_samples, poll_many, poll"):
        await recorded(object(), FakeClock())


class Failing:
    """Fails at given readings."""

    def __init__(self, *failing: int, error: Exception | None = None) -> None:
        self.failing = failing
        self.error = error or LinkError("unplugged")
        self.polls = 0

    def read(self) -> Sequence[Sample]:
        self.polls += 1
        if self.polls in self.failing:
            raise self.error
        return [Sample("device", value=self.polls)]


class Flaky(Failing):
    """Has to be waited for."""

    async def poll(self) -> Sequence[Sample]:
        await asyncio.sleep(0)
        return self.read()


class HeldFlaky(Failing):
    """Has what it says at hand."""

    def poll(self) -> Sequence[Sample]:
        return self.read()


type FlakyType = type[Flaky | HeldFlaky]


@pytest.fixture(params=[Flaky, HeldFlaky])
def flaky(request: pytest.FixtureRequest) -> FlakyType:
    """Return each kind of source in turn."""
    kind: FlakyType = request.param
    return kind


@pytest.mark.parametrize("error", [KeyError("user"), TimeoutError("slow"), LinkError("gone")])
async def test_an_error_of_the_source_comes_out_bare_after_what_was_read_before(
    flaky: FlakyType, error: Exception
) -> None:
    seen = []
    summaries = []

    async def run() -> None:
        async with record(flaky(4, error=error), rate_hz=10, clock=FakeClock()) as recording:
            summaries.append(recording.summary)
            async for batch in recording:
                seen.append(batch[0].value)  # noqa: PERF401  - what came before the error is the point

    with pytest.raises(type(error)) as caught:
        await run()

    assert caught.value is error
    assert seen == [1, 2, 3]
    assert summaries[0].finished_at is not None
    assert summaries[0].ledger.failed.total() == 1
    assert summaries[0].ledger.balanced


async def test_an_error_that_nobody_iterated_into_comes_out_of_the_block(flaky: FlakyType) -> None:
    async def run() -> None:
        async with record(flaky(1, error=KeyError("user")), rate_hz=10, clock=FakeClock()) as recording:
            await recording.finished()

    with pytest.raises(KeyError):
        await run()


async def test_an_error_that_the_block_has_handled_is_not_raised_again(flaky: FlakyType) -> None:
    async with record(flaky(1, error=KeyError("user")), rate_hz=10, clock=FakeClock()) as recording:
        with pytest.raises(KeyError):
            await anext(recording)


async def test_a_lost_link_that_ends_the_run_is_a_failed_slot_and_neither_late_nor_absorbed(
    flaky: FlakyType, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(LinkError):
        async with record(flaky(1), rate_hz=10, duration=1.0, clock=FakeClock()) as recording:
            await anext(recording)

    summary = recording.summary
    assert (summary.samples_emitted, summary.samples_late, summary.disconnects) == (0, 0, 0)
    assert (summary.ledger.slots, summary.ledger.failed.total()) == (1, 1)
    assert [line.getMessage() for line in caplog.records] == [
        "recorder.start rate_hz=10 duration_s=1.0 overflow=block buffer_size=64 names=None",
        "recorder.stop emitted=0 late=0 max_drift_ms=0.000 tick_p50_ms=0.000 tick_p99_ms=0.000",
    ]


async def test_a_run_says_that_it_begins_before_anything_else(
    flaky: FlakyType, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await recorded(flaky(1), FakeClock(), duration=1.0, auto_reconnect=True)

    assert [line.getMessage().split()[0] for line in caplog.records] == [
        "recorder.start",
        "recorder.disconnected",
        "recorder.reconnected",
        "recorder.stop",
    ]


async def test_a_poll_that_its_own_source_cancels_is_an_error_and_no_silent_end() -> None:
    class Cancelling:
        async def poll(self) -> Sequence[Sample]:
            answer: asyncio.Future[Sequence[Sample]] = asyncio.get_running_loop().create_future()
            answer.cancel()
            return await answer

    with pytest.raises(RuntimeError, match="the source cancelled its own poll"):
        await recorded(Cancelling(), FakeClock())


async def test_a_lost_link_is_a_gap_with_auto_reconnect(flaky: FlakyType, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    async with record(flaky(3, 4), rate_hz=10, duration=3.0, auto_reconnect=True, clock=clock) as recording:
        values = [batch[0].value async for batch in recording]

    summary = recording.summary
    assert summary.disconnects == 2
    assert summary.ledger.balanced
    assert (summary.ledger.slots, summary.ledger.failed["disconnected"]) == (30, 2)
    assert len(values) == summary.ledger.delivered
    (gap,) = summary.gaps
    assert gap.reason == "LinkError: unplugged"
    assert gap.ended_at is not None
    assert (gap.ended_at - gap.started_at).total_seconds() == pytest.approx(1.5, abs=0.11)
    assert gap.slots == 30 - len(values)
    assert [record.levelname for record in caplog.records if "connected" in record.message] == ["WARNING", "INFO"]


async def test_a_link_that_is_away_is_a_state_with_a_gap_that_grows(flaky: FlakyType) -> None:
    clock = ManualClock()
    async with record(flaky(2, 3, 4, 6), rate_hz=10, auto_reconnect=True, clock=clock) as recording:
        summary = recording.summary
        states = [summary.disconnected]
        grown = []
        for seconds in (0.1, 0.6, 1.1):
            await clock.advance(seconds)
            states.append(summary.disconnected)
            (gap,) = summary.gaps
            assert gap.ended_at is None
            grown.append(gap.slots)
        assert grown == sorted(set(grown))

        await clock.advance(1.85)
        assert [gap.ended_at is None for gap in summary.gaps] == [False]
        states.append(summary.disconnected)
        assert states == [False, True, True, True, False]
        await clock.advance(0.1)
        assert [gap.ended_at is None for gap in summary.gaps] == [False, True]


async def test_tries_are_spaced_out_and_only_good_data_begins_anew() -> None:
    clock = ManualClock()
    polled: list[float] = []

    class Dead:
        async def poll(self) -> Sequence[Sample]:
            polled.append(round(clock.now(), 1))
            raise ConnectionResetError

    async def reconnect() -> PollSource:
        return Dead()

    async with record(Dead(), rate_hz=10, auto_reconnect=True, reconnect_factory=reconnect, clock=clock) as recording:
        await clock.advance(20)

    assert polled == [0.0, 0.5, 1.5, 3.5, 8.5, 18.5]
    (gap,) = recording.summary.gaps
    assert gap.ended_at is None


async def test_a_reconnect_factory_makes_the_next_source_and_its_own_failures_are_waited_out(flaky: FlakyType) -> None:
    clock = FakeClock()
    attempts = 0

    async def reconnect() -> PollSource:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise LinkError("still gone")
        return flaky()

    source = flaky(*range(2, 100))
    async with record(
        source, rate_hz=10, duration=8.0, auto_reconnect=True, reconnect_factory=reconnect, clock=clock
    ) as recording:
        values = [batch[0].value async for batch in recording]

    assert attempts == 3
    assert values[:3] == [1, 1, 2]
    assert recording.summary.ledger.balanced


async def test_any_other_error_of_the_factory_ends_the_run(flaky: FlakyType) -> None:
    async def reconnect() -> PollSource:
        raise KeyError("no such device")

    with pytest.raises(KeyError):
        await recorded(flaky(1), FakeClock(), auto_reconnect=True, reconnect_factory=reconnect)


async def test_the_duration_holds_although_the_link_is_away(flaky: FlakyType) -> None:
    clock = FakeClock()
    async with record(flaky(*range(2, 100)), rate_hz=10, duration=0.3, auto_reconnect=True, clock=clock) as recording:
        assert [batch[0].value async for batch in recording] == [1]

    assert clock.now() == pytest.approx(0.3)
    assert recording.summary.ledger.slots == 3
    assert recording.summary.ledger.balanced
