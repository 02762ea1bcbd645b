"""An absolute schedule: slot n is due at start + n / rate, however long anything took.

Why a timer of the kernel: the selector of asyncio rounds every wait up to whole milliseconds, so that at 1 kHz one
wake-up in eight comes together with the next. A timerfd has no such rounding; where there is none, the clock sleeps.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
import os
import time
from typing import Any, Protocol, override

from ..clock import SystemClock
from ..interfaces import ClockPort


class Sleeper(Protocol):
    """Waits for moments of the monotonic clock."""

    def until(self, when: float) -> Awaitable[None]:
        """Return what is done at ``when`` (monotonic seconds)."""
        ...

    def close(self) -> None:
        """Free what was taken."""
        ...


class ClockSleeper:
    """Waits as well as the clock can; works everywhere."""

    def __init__(self, clock: ClockPort) -> None:
        self._clock = clock

    def until(self, when: float) -> Awaitable[None]:
        """Return what is done at ``when`` (monotonic seconds)."""
        return self._clock.sleep(when - self._clock.now())

    def close(self) -> None:
        """Nothing was taken."""


class _Moment(asyncio.Future[None]):
    """Wakes who waits for it in the very turn of the loop in which it comes: a future alone takes a turn more."""

    _waiter: tuple[Callable[[Any], object], Context | None] | None = None

    @override
    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Context | None = None) -> None:
        super().add_done_callback(fn, context=context)
        self._waiter = fn, context

    def come(self) -> None:
        """Be done; for a callback of the loop, within which no task runs."""
        if self._waiter is None:
            self.set_result(None)
            return
        wake, context = self._waiter
        self.remove_done_callback(wake)
        self.set_result(None)
        if context is None:
            wake(self)
        else:
            context.run(wake, self)


class TimerfdSleeper:
    """Waits with a timer of the Linux kernel, to some 0.1 ms. Raises OSError where there is none to be had."""

    def __init__(self) -> None:
        self._fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        self._moment: _Moment | None = None
        self._when = 0.0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)

    def until(self, when: float) -> Awaitable[None]:
        """Return what is done at ``when`` (monotonic seconds); one at a time."""
        self._moment = _Moment(loop=self._loop)
        self._when = when
        os.timerfd_settime(self._fd, flags=os.TFD_TIMER_ABSTIME, initial=max(when, 1e-9))
        return self._moment

    def close(self) -> None:
        """Give the timer back; idempotent."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _expired(self) -> None:
        if time.monotonic() < self._when:  # armed again since
            return
        moment = self._moment
        if moment is not None and not moment.done():
            moment.come()
        if self._moment is moment and self._fd >= 0:  # arming it again has cleared it as well
            with suppress(BlockingIOError):
                os.read(self._fd, 8)


def make_sleeper(clock: ClockPort) -> Sleeper:
    """Return the best sleeper for ``clock``: only the system's own clock is one that the kernel knows."""
    if isinstance(clock, SystemClock) and hasattr(os, "timerfd_create"):
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
