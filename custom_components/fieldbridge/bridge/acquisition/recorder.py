"""``record()``: polls a source on an absolute schedule and streams what it reads."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
import logging
import math
from typing import Any, Self

from ..clock import SystemClock
from ..interfaces import ClockPort
from ..streams import Fanout, OverflowPolicy, Subscription
from ..streams.ends import CANCELLED, COMPLETED, failed
from .block import Block
from .cadence import Cadence, make_sleeper
from .outage import Outage
from .polling import Poll, PollSource, make_poll
from .sample import Sample, WallAnchor
from .summary import DISCONNECTED, AcquisitionSummary, Ledger, Moments

_LOGGER = logging.getLogger(__name__)

STOP_DEADLINE = 5.0
"""Seconds for a consumer to take what was read before ``stop``."""

_LOWEST_RATE_HZ = 1e-9
"""Once in 32 years; timers that count nanoseconds reach no further than ten times that."""
_SLOTS_PER_SUM = 64
"""Slots whose times are summed up at a stretch."""

type Batch = Sequence[Sample]


@dataclass(slots=True)
class Recording[T]:
    """A run under way: iterate over it, or over ``stream``, for the batches of its ticks."""

    stream: Subscription[T]
    summary: AcquisitionSummary
    rate_hz: float
    _recorder: _Recorder | None = field(default=None, repr=False)
    """None when it was made by hand and polls nothing."""

    def __aiter__(self) -> Self:
        """Return the recording itself."""
        return self

    async def __anext__(self) -> T:
        """Return the next batch. Raises the source's own error once what it read before was taken."""
        return await anext(self.stream)

    def subscribe(
        self, *, overflow: OverflowPolicy = OverflowPolicy.DROP_OLDEST, buffer_size: int = 64
    ) -> Subscription[Batch]:
        """Return a further consumer of what is read from now on, with its own buffer and counters."""
        return self._running().fanout.subscribe(overflow=overflow, buffer_size=buffer_size)

    async def finished(self) -> AcquisitionSummary:
        """Wait until nothing more is polled; what is pending may still be taken."""
        return await self._running().finished()

    async def stop(self, *, deadline: float = STOP_DEADLINE) -> bool:
        """Poll no more, let every consumer take what is pending; False when ``deadline`` seconds did not suffice."""
        return await self._running().stop(deadline)

    def _running(self) -> _Recorder:
        if self._recorder is None:
            raise RuntimeError("this recording was not made by record()")
        return self._recorder


@asynccontextmanager
async def record(
    source: PollSource,
    *,
    rate_hz: float,
    parameters: Sequence[str | int] | None = None,
    instances: Sequence[int] = (1,),
    names: Sequence[str] | None = None,
    timeout: float | None = None,  # noqa: ASYNC109  - handed to the source
    duration: float | None = None,
    overflow: OverflowPolicy = OverflowPolicy.BLOCK,
    buffer_size: int = 64,
    auto_reconnect: bool = False,
    reconnect_factory: Callable[[], Awaitable[PollSource]] | None = None,
    clock: ClockPort | None = None,
) -> AsyncGenerator[Recording[Batch]]:
    """Poll ``source`` at ``rate_hz`` within ``async with``; ``buffer_size`` counts batches, ``duration`` seconds.

    The source's error comes out bare, from the iteration or, where nobody iterates, from the block. With
    ``auto_reconnect`` a ConnectionError (a LinkError is one) is a gap instead, and ``reconnect_factory`` may make a
    new source. Raises ValueError for arguments out of range.
    """
    _require("rate_hz", rate_hz)
    if rate_hz < _LOWEST_RATE_HZ:
        raise ValueError(f"rate_hz must be >= {_LOWEST_RATE_HZ}, got {rate_hz!r}")
    if duration is not None:
        _require("duration", duration, "> 0 or None")
    if timeout is not None:
        _require("timeout", timeout, "> 0 or None")
    if buffer_size < 1:
        raise ValueError(f"buffer_size must be >= 1, got {buffer_size!r}")
    if parameters is not None and not parameters:
        raise ValueError("parameters must not be empty")
    overflow = OverflowPolicy(overflow)

    def connect(source: PollSource) -> Poll:
        return make_poll(source, parameters=parameters, instances=instances, names=names, within=timeout)

    poll = connect(source)
    _LOGGER.info(
        "recorder.start rate_hz=%s duration_s=%s overflow=%s buffer_size=%s names=%s",
        rate_hz,
        duration,
        overflow.value,
        buffer_size,
        list(names) if names is not None else None,
    )
    recorder = _Recorder(
        poll,
        rate_hz=rate_hz,
        total=None if duration is None else max(1, round(duration * rate_hz)),
        overflow=overflow,
        buffer_size=buffer_size,
        auto_reconnect=auto_reconnect,
        reconnect=None if reconnect_factory is None else _reconnector(reconnect_factory, connect),
        clock=clock or SystemClock(),
    )
    try:
        with recorder.block:
            yield Recording(recorder.stream, recorder.summary, rate_hz, recorder)
    finally:
        await recorder.close()
    recorder.raise_unseen_failure()


class _Recorder:
    """The producer behind one Recording, and the only writer of its summary."""

    def __init__(
        self,
        poll: Poll,
        *,
        rate_hz: float,
        total: int | None,
        overflow: OverflowPolicy,
        buffer_size: int,
        auto_reconnect: bool,
        reconnect: Callable[[], Awaitable[Poll]] | None,
        clock: ClockPort,
    ) -> None:
        self._poll = poll
        self._total = total
        self._auto_reconnect = auto_reconnect
        self._reconnect = reconnect
        self._clock = clock
        self._sleeper = make_sleeper(clock, 1 / rate_hz)
        self._cadence = Cadence(rate_hz, clock=clock)
        self._outage: Outage | None = None
        self._slot = 0
        self._answer: Any = None
        """A poll that has to be awaited, or a batch that there was no room for."""
        self._target = 0.0
        """When the slot is due that is polled next, monotonic seconds."""
        self._started = 0.0
        """When its poll began."""
        self._moments: Moments = (0.0, 0.0, 0.0)
        """Of the slot that was used last."""
        self._taken_at = 0.0
        """When its batch was taken, if that had to be waited for."""
        self._loss_told = overflow is OverflowPolicy.BLOCK
        self._stopping = False
        self._pausing = False
        self._failure: Exception | None = None
        self.block = Block(self._taken)
        self.fanout: Fanout[Batch] = Fanout()
        self.stream = self.fanout.subscribe(overflow=overflow, buffer_size=buffer_size)
        now = WallAnchor.now()
        self._anchor = WallAnchor(now.utc, self._now_ns())
        self._ledger = Ledger(self.stream)
        self.summary = AcquisitionSummary(started_at=now.utc, ledger=self._ledger)
        # Begun at once: a task that is cancelled before its first turn would not give back the timer.
        self._task = asyncio.create_task(self._run(), name="fieldbridge recorder", eager_start=True)

    async def finished(self) -> AcquisitionSummary:
        """Wait for the end of the run."""
        await asyncio.wait([self._task])
        return self.summary

    async def stop(self, deadline: float) -> bool:
        """Poll no more and wait for the consumers; False when the deadline (seconds) passed first."""
        self._stopping = True
        if self._pausing:
            self._pausing = False
            self._task.cancel()
        try:
            async with asyncio.timeout(deadline):
                await self.finished()
                await self.fanout.drained()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End at once; what nobody took is counted as dropped."""
        self._task.cancel()
        await asyncio.wait([self._task])
        for subscription in self.fanout.subscriptions:
            subscription.close()
        _LOGGER.info(
            "recorder.stop emitted=%s late=%s max_drift_ms=%.3f tick_p50_ms=%.3f tick_p99_ms=%.3f",
            self.summary.samples_emitted,
            self.summary.samples_late,
            self.summary.max_drift_ms,
            self.summary.tick_duration_ms_p50,
            self.summary.tick_duration_ms_p99,
        )

    def raise_unseen_failure(self) -> None:
        """Raise the error that ended the run, when the block went on without having seen it."""
        if self._failure is not None and not self.stream.exhausted:
            raise self._failure

    def _taken(self) -> int | None:
        """Return how many batches were taken, None once somebody was told of the end."""
        consumers = self.fanout.subscriptions
        return None if any(one.exhausted for one in consumers) else sum(one.delivered for one in consumers)

    async def _run(self) -> None:
        end = CANCELLED
        try:
            await self._poll_slots()
            end = COMPLETED
        except asyncio.CancelledError:
            # stop() ends a wait by cancelling it.
            if not self._stopping or self._task.uncancel():
                raise
            end = COMPLETED
        except Exception as err:  # noqa: BLE001  - goes to the consumer as it is
            self._failure = err
            self.block.source_failed()
            end = failed(err)
        finally:
            if self._outage is not None:
                self._note_gap(self._outage)
            self.summary.finished_at = self._wall_now()
            self._sleeper.close()
            self.fanout.finish(end)

    async def _poll_slots(self) -> None:
        """Poll in each slot and publish, to the end; what needs no waiting for is done in the callback of the timer."""
        while not (self._stopping or self._slot == self._total):
            self._target = target = self._cadence.target(self._slot)
            self._pausing = self._clock.now() < target
            if not self._pausing and (missed := self._cadence.missed(self._slot)):
                self._skip(missed, self._slowest() if self._outage is None else DISCONNECTED)
                continue
            try:
                if self._pausing:
                    await self._sleeper.until(target, self._use_slot)
                    self._pausing = False
                else:
                    await asyncio.sleep(0)
                    self._use_slot()
                answer, self._answer = self._answer, None
                batch: Batch | None = await answer if hasattr(answer, "__await__") else answer
            except (Exception, asyncio.CancelledError) as err:  # noqa: BLE001  - raised again if it ends the run
                self._pausing = False
                await self._poll_failed(err)
                continue
            if batch is not None:
                await self._publish(batch)

    def _use_slot(self) -> float | None:
        """Poll and publish; return when the next slot is due, None if ``_poll_slots`` has to go on.

        This comes up to a thousand times a second, each time after a pause that has emptied the processor's caches, and
        then each function more costs about a microsecond: hence no more of them, and none of them awaits.
        """
        now = self._clock.now
        self._started = now()
        answer: Any = self._poll()  # to ask for its type would be a function more
        polled = now()
        offered = self.stream.offered
        if self._outage is not None or hasattr(answer, "__await__") or not self.fanout.put_now((answer,)):
            self._answer = answer
            return None
        self._count(polled, offered)
        if self._stopping or self._slot == self._total:
            return None
        self._target = target = self._cadence.target(self._slot)
        return target if now() < target else None

    async def _publish(self, batch: Batch) -> None:
        """Give out a batch that was waited for, or whose consumers have to be waited for."""
        polled = self._clock.now()
        if self._outage is not None:
            self._end_outage(self._outage)
        offered = self.stream.offered
        try:
            await self.fanout.put_many((batch,))
        finally:
            self._count(polled, offered)
        self._taken_at = self._clock.now()

    def _count(self, polled: float, offered: int) -> None:
        """Count the slot whose batch was ``polled``; from here on it is used, also when nobody took the batch."""
        summary, ledger = self.summary, self._ledger
        self._moments = moments = (self._target, self._started, polled)
        summary.timed.append(moments)
        if len(summary.timed) >= _SLOTS_PER_SUM:
            summary.sum_up()
        self._slot += 1
        ledger.slots += 1
        if self.stream.offered == offered:
            ledger.unclaimed += 1
        if not self._loss_told and ledger.evicted:
            self._loss_told = True
            _LOGGER.warning("recorder.%s reason=consumer_backpressure", self.stream.overflow)

    def _skip(self, count: int, cause: str) -> None:
        if self._total is not None:
            count = min(count, self._total - self._slot)
        self._slot += count
        self._ledger.slots += count
        self._ledger.skipped[cause] += count

    def _slowest(self) -> str:
        """Return what made the last slot late: the event loop, the poll or the consumer."""
        spent = [later - earlier for earlier, later in pairwise((*self._moments, self._taken_at))]
        return ("busy", "overrun", "backpressure")[spent.index(max(spent))]

    async def _poll_failed(self, error: BaseException) -> None:
        """Count the slot and wait out a lost link; raise anything else."""
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise error
        if self._auto_reconnect and isinstance(error, ConnectionError):
            self._fail_slot(DISCONNECTED)
            await self._wait_out(error)
            return
        self._fail_slot("error")
        if isinstance(error, asyncio.CancelledError):
            raise RuntimeError("the source cancelled its own poll") from None
        raise error

    def _fail_slot(self, cause: str) -> None:
        self._slot += 1
        self._ledger.slots += 1
        self._ledger.failed[cause] += 1

    def _end_outage(self, outage: Outage) -> None:
        self._note_gap(outage, self._wall_now())
        self._outage = None
        _LOGGER.info("recorder.reconnected tick=%s", self._slot)

    def _note_gap(self, outage: Outage, ended_at: datetime | None = None) -> None:
        """Write down what is known of the gap by now."""
        if self.summary.disconnected:
            self.summary.gaps.pop()
        self.summary.gaps.append(outage.gap(ended_at, self._slots_lost()))

    async def _wait_out(self, error: Exception) -> None:
        """Wait before the next try, never beyond the end of the run, and make a new source where that is possible."""
        self.summary.disconnects += 1
        log = _LOGGER.debug
        if self._outage is None:
            self._outage = Outage(self._wall_now(), error, self._slots_lost() - 1)
            log = _LOGGER.warning
        self._note_gap(self._outage)
        delay = self._outage.next_delay()
        log("recorder.disconnected reason=%s tick=%s backoff_s=%s", error, self._slot - 1, delay)
        if self._total is not None:
            delay = min(delay, max(0.0, self._cadence.target(self._total) - self._clock.now()))
        if self._stopping:
            return
        self._pausing = True
        await self._clock.sleep(delay)
        if self._reconnect is not None:
            try:
                self._poll = await self._reconnect()
            except ConnectionError as err:
                _LOGGER.debug("recorder.reconnect_failed reason=%s", err)
        self._pausing = False

    def _slots_lost(self) -> int:
        ledger = self._ledger
        return ledger.skipped[DISCONNECTED] + ledger.failed[DISCONNECTED]

    def _now_ns(self) -> int:
        return int(self._clock.now() * 1e9)

    def _wall_now(self) -> datetime:
        return self._anchor.at(self._now_ns())


def _reconnector(
    factory: Callable[[], Awaitable[PollSource]], connect: Callable[[PollSource], Poll]
) -> Callable[[], Awaitable[Poll]]:
    async def reconnect() -> Poll:
        return connect(await factory())

    return reconnect


def _require(name: str, value: float, limits: str = "> 0") -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be {limits}, got {value!r}")
