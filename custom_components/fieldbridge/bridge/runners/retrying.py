"""The one place where the bridge waits after a failure."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
import math
from typing import Any

from ..cron import CronSchedule, WallClock
from ..interfaces import BackoffStrategy, ClockPort

_LOOK_AT_THE_CLOCK = 60.0


async def sleep_unless(stop: asyncio.Event, seconds: float, clock: ClockPort) -> bool:
    """Sleep by the clock, no longer than until ``stop`` is set; returns True when the time passed in full."""
    if stop.is_set():
        # Who goes on sleeping in a loop would let nobody else run, not even what ends it.
        await asyncio.sleep(0)
        return False
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        stopping.cancel()
    if stop.is_set():
        return False
    sleeping.result()
    return True


async def within[T](seconds: float | None, work: Coroutine[Any, Any, T], clock: ClockPort) -> T:
    """Await ``work`` for at most ``seconds`` by the clock. Raises TimeoutError after cancelling it."""
    if seconds is None:
        return await work
    working = asyncio.ensure_future(work)
    expiring = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((working, expiring), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        expiring.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    raise TimeoutError(f"no answer within {seconds} s")


async def sleep_until(due: datetime, now: WallClock, clock: ClockPort, stop: asyncio.Event) -> bool:
    """Sleep until ``due`` by the clock on the wall; returns False when ``stop`` was set first."""
    while (left := due.timestamp() - now().timestamp()) > 0:
        # In pieces: the clock on the wall may be set meanwhile.
        if not await sleep_unless(stop, min(left, _LOOK_AT_THE_CLOCK), clock):
            return False
    return not stop.is_set()


class Beats:
    """The moments ``start + k * interval`` (s) until ``stop`` is set; those that were missed are left out."""

    def __init__(self, start: float, interval: float, clock: ClockPort, stop: asyncio.Event) -> None:
        self._start = start
        self._interval = interval
        self._clock = clock
        self._stop = stop
        self._number = -1
        self.on_advance: Callable[[], None] | None = None
        """Called when it turns to the next beat."""

    @property
    def due(self) -> float:
        """The moment of the beat that is waited for, or was last."""
        return self._start + max(self._number, 0) * self._interval

    async def next(self) -> bool:
        """Wait for the next beat, the first of which is at once; returns False at shutdown."""
        self._number += 1
        if self._number:
            elapsed = self._clock.now() - self._start
            self._number = max(self._number, math.ceil(elapsed / self._interval))
            if self.on_advance is not None:
                self.on_advance()
            await sleep_unless(self._stop, self._number * self._interval - elapsed, self._clock)
        return not self._stop.is_set()


class CronBeats:
    """The moment it begins, so that there is a state at once, and those at which a schedule is due."""

    def __init__(self, schedule: CronSchedule, now: WallClock, clock: ClockPort, stop: asyncio.Event) -> None:
        self._schedule = schedule
        self._now = now
        self._clock = clock
        self._stop = stop
        self._last: datetime | None = None

    async def next(self) -> bool:
        """Wait until the schedule is due next; returns False at shutdown."""
        now = self._now()
        if self._last is None:
            self._last = now
            return not self._stop.is_set()
        due = self._due_after(now, self._last)
        while (left := due.timestamp() - now.timestamp()) > 0:
            if not await sleep_unless(self._stop, min(left, _LOOK_AT_THE_CLOCK), self._clock):
                return False
            before, now = now, self._now()
            if now.timestamp() < before.timestamp():
                due = self._due_after(now, self._last)
        self._last = due
        return not self._stop.is_set()

    def _due_after(self, now: datetime, last: datetime) -> datetime:
        # Set back a little, the clock must not make the moment just served due again; set back by more, it counts anew.
        ahead = last.timestamp() - now.timestamp()
        return self._schedule.next_fire_after(last if 0 < ahead <= _LOOK_AT_THE_CLOCK else now)


@dataclass(slots=True)
class Retrier:
    """Counts failures in a row and waits the longer the more there are."""

    backoff: BackoffStrategy
    stop: asyncio.Event
    clock: ClockPort
    failures: int = field(default=0, init=False)

    async def pause(self) -> bool:
        """Count a failure and wait; returns False when the app is shutting down."""
        self.failures += 1
        return await sleep_unless(self.stop, self.backoff.delay(self.failures), self.clock)

    def succeeded(self) -> None:
        """Start counting anew."""
        self.failures = 0
