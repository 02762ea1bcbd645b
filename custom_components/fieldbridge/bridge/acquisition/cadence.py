"""An absolute schedule: slot n is due at start + n / rate, however long anything took.

Why a timer of the kernel: the selector of asyncio rounds every wait up to whole milliseconds, so that at 1 kHz one
wake-up in eight comes together with the next. A timerfd has no such rounding; where there is none, the clock sleeps.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from contextvars import Context
import os
import time
import types
from typing import Any, Protocol, Self

from ..clock import SystemClock
from ..interfaces import ClockPort


class Sleeper(Protocol):
    """Waits for moments of the monotonic clock."""

    def until(self, when: float) -> Awaitable[None]:
        """Return when it is ``when`` (monotonic seconds)."""
        ...

    def close(self) -> None:
        """Free what was taken."""
        ...


class ClockSleeper:
    """Waits as well as the clock can; works everywhere."""

    def __init__(self, clock: ClockPort) -> None:
        self._clock = clock

    def until(self, when: float) -> Awaitable[None]:
        """Return when it is ``when`` (monotonic seconds)."""
        return self._clock.sleep(when - self._clock.now())

    def close(self) -> None:
        """Nothing was taken."""


class TimerfdSleeper:
    """Waits with a timer of the Linux kernel, to some 0.1 ms. Raises OSError where there is none to be had.

    It is itself the future that a task waits for (``asyncio.isfuture`` says what makes one), and wakes the task in the
    very turn of the loop in which the timer expires: a new future for each moment, and a turn more, cost microseconds
    that a thousand moments a second add up. One task at a time.
    """

    _asyncio_future_blocking = False

    def __init__(self) -> None:
        self._fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        self._when = 0.0
        self._waiter: tuple[Callable[[Any], object], Context] | None = None
        self._cancelled = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)

    @types.coroutine
    def until(self, when: float) -> Generator[Self]:
        """Return when it is ``when`` (monotonic seconds)."""
        self._when = when
        os.timerfd_settime(self._fd, flags=os.TFD_TIMER_ABSTIME, initial=when if when > 0.0 else 1e-9)
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
        self._cancelled = True
        self._loop.call_soon(wake, self, context=context)
        return True

    def result(self) -> None:
        """Say how the wait ended; called by the task as it wakes. Raises CancelledError."""
        if self._cancelled:
            self._cancelled = False
            raise asyncio.CancelledError

    def _expired(self) -> None:
        if time.monotonic() < self._when:  # armed again since
            return
        if self._waiter is not None:
            (wake, context), self._waiter = self._waiter, None
            context.run(wake, self)
        if self._fd >= 0 and self._waiter is None:  # arming it again has cleared it as well
            with suppress(BlockingIOError):
                os.read(self._fd, 8)


def make_sleeper(clock: ClockPort) -> Sleeper:
    """Return the best sleeper for ``clock``: only the system's own clock is one that the kernel knows."""
    if isinstance(clock, SystemClock) and hasattr(os, "timerfd_create"):
        with suppress(OSError):  # not allowed here, or too many files are open
            return TimerfdSleeper()
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
