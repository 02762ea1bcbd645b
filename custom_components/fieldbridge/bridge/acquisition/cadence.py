"""An absolute schedule: slot n is due at start + n / rate, however long anything took.

Why a timer of the kernel: the selector of asyncio rounds every wait up to whole milliseconds, so that at 1 kHz one
wake-up in eight comes together with the next. A timerfd has no such rounding; where there is none, the clock sleeps.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from contextvars import Context
import math
import os
import sys
import time
import types
from typing import Any, Protocol, Self

from ..clock import SystemClock
from ..interfaces import ClockPort

_TOLERANCE = 1e-6
"""Seconds by which a periodic timer may miss a moment before it is set anew; a wake-up takes twenty times as long."""

type Act = Callable[[], float | None]
"""Something to do at a moment; returns the moment of the next time, None when there is none."""


def _wake() -> None:
    """Do nothing: whoever waits goes on."""


class Sleeper(Protocol):
    """Waits for moments of the monotonic clock."""

    def until(self, when: float, act: Act = _wake) -> Awaitable[None]:
        """Act at ``when`` (monotonic seconds) and again as long as a next moment is named, then return."""
        ...

    def close(self) -> None:
        """Free what was taken."""
        ...


class ClockSleeper:
    """Waits as well as the clock can; works everywhere."""

    def __init__(self, clock: ClockPort) -> None:
        self._clock = clock

    async def until(self, when: float, act: Act = _wake) -> None:
        """Act at ``when`` (monotonic seconds) and again as long as a next moment is named, then return."""
        following: float | None = when
        while following is not None:
            await self._clock.sleep(following - self._clock.now())
            following = act()

    def close(self) -> None:
        """Nothing was taken."""


class TimerfdSleeper:
    """Waits with a timer of the Linux kernel, to some 0.1 ms. Raises OSError where there is none to be had.

    Microseconds count at a thousand moments a second. So it acts within the callback of the loop, and is itself the
    future that a task waits for (``asyncio.isfuture`` says what makes one), which goes on in that very callback. And
    with ``period`` (seconds) the timer goes on by itself: to set one that is the next to expire costs the processor
    more than to read that it did. One task at a time.
    """

    _asyncio_future_blocking = False

    def __init__(self, period: float = 0.0) -> None:
        self._fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        self._period_ns = round(period * 1e9)
        self._period = self._period_ns / 1e9 if self._period_ns else math.inf
        self._due = math.inf
        """When the timer expires next."""
        self._act: Act = _wake
        self._waiter: tuple[Callable[[Any], object], Context] | None = None
        self._error: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)

    @types.coroutine
    def until(self, when: float, act: Act = _wake) -> Generator[Self]:
        """Act at ``when`` (monotonic seconds) and again as long as a next moment is named, then return."""
        self._act = act
        if not -_TOLERANCE < when - self._due < _TOLERANCE:
            self._set(when)
        self._asyncio_future_blocking = True
        yield self

    def close(self) -> None:
        """Give the timer back; idempotent."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop whose tasks may wait; called by the task."""
        return self._loop

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Context) -> None:
        """Take what wakes the task; called by the task."""
        self._waiter = fn, context

    def cancel(self, msg: str | None = None) -> bool:
        """Wake the task early; called by the task when it is cancelled."""
        if self._waiter is None:
            return False
        (wake, context), self._waiter = self._waiter, None
        self._error = asyncio.CancelledError()
        self._loop.call_soon(wake, self, context=context)
        return True

    def result(self) -> None:
        """Say how the wait ended; called by the task as it wakes. Raises CancelledError, and what acting raised."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _expired(self) -> None:
        if self._waiter is None:
            self._set(math.inf)
            return
        try:
            times = int.from_bytes(os.read(self._fd, 8), sys.byteorder)
        except BlockingIOError:  # set again since
            return
        self._due += times * self._period
        waiter = wake, context = self._waiter
        following: float | None = None
        try:
            following = context.run(self._act)
        except BaseException as err:  # noqa: BLE001  - the task gets it
            self._error = err
        if self._waiter is not waiter:  # cancelled meanwhile
            return
        if following is None:
            self._waiter = None
            context.run(wake, self)
        elif not -_TOLERANCE < following - self._due < _TOLERANCE:
            self._set(following)

    def _set(self, when: float) -> None:
        self._due = when
        initial = 0 if when == math.inf else max(1, math.ceil(when * 1e9))
        os.timerfd_settime_ns(self._fd, flags=os.TFD_TIMER_ABSTIME, initial=initial, interval=self._period_ns)


def make_sleeper(clock: ClockPort, period: float = 0.0) -> Sleeper:
    """Return the best sleeper for ``clock``, and for moments that are mostly ``period`` seconds apart.

    Only the system's own clock is one that the kernel knows.
    """
    if isinstance(clock, SystemClock) and hasattr(os, "timerfd_create"):
        with suppress(OSError):  # not allowed here, or too many files are open
            return TimerfdSleeper(period)
    return ClockSleeper(clock)


class Cadence:
    """The slots of one run; slot 0 is due at once."""

    def __init__(self, rate_hz: float, *, clock: ClockPort) -> None:
        self._clock = clock
        self._rate_hz = rate_hz
        self.start = clock.now()

    def target(self, slot: int) -> float:
        """Return when a slot is due, monotonic seconds."""
        return self.start + slot / self._rate_hz

    def missed(self, slot: int) -> int:
        """Return how many slots, from ``slot`` on, are more than a whole period behind."""
        behind = (self._clock.now() - self.target(slot)) * self._rate_hz
        return int(behind) if behind > 1 else 0
