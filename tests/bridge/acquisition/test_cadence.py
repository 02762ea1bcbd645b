"""The two ways to wait for a moment do the same."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import os
from pathlib import Path
import resource
import socket
import time

import pytest

from custom_components.fieldbridge.bridge.acquisition import (
    Cadence,
    ClockSleeper,
    Sleeper,
    TimerfdSleeper,
    make_sleeper,
)
from custom_components.fieldbridge.bridge.clock import SystemClock
from custom_components.fieldbridge.bridge.testing.clocks import FakeClock

needs_timerfd = pytest.mark.skipif(not hasattr(os, "timerfd_create"), reason="a timer of the Linux kernel")


all_sleepers = pytest.mark.parametrize(
    "make",
    [
        pytest.param(TimerfdSleeper, marks=needs_timerfd),
        pytest.param(lambda: TimerfdSleeper(0.001), marks=needs_timerfd),
        lambda: ClockSleeper(SystemClock()),
    ],
)


@all_sleepers
async def test_no_sleeper_wakes_before_the_moment(make: Callable[[], Sleeper]) -> None:
    sleeper = make()
    try:
        for _ in range(20):
            when = time.monotonic() + 0.0015
            await sleeper.until(when)
            assert time.monotonic() >= when - 1e-6
        await sleeper.until(time.monotonic() - 1)
    finally:
        sleeper.close()
        sleeper.close()


@all_sleepers
async def test_who_acts_is_called_at_every_moment_that_he_names(make: Callable[[], Sleeper]) -> None:
    sleeper = make()
    start = time.monotonic()
    # On the grid of the period, between its lines, and with some of them left out.
    moments = [start + offset for offset in (0.001, 0.002, 0.003, 0.0035, 0.0045, 0.0095, 0.0105)]
    called_at: list[float] = []

    def act() -> float | None:
        called_at.append(time.monotonic())
        return moments[len(called_at)] if len(called_at) < len(moments) else None

    async with asyncio.timeout(5):
        await sleeper.until(moments[0], act)

    assert len(called_at) == len(moments)
    assert all(called >= moment - 1e-6 for called, moment in zip(called_at, moments, strict=True))
    sleeper.close()


@all_sleepers
async def test_what_acting_raises_reaches_who_waits(make: Callable[[], Sleeper]) -> None:
    sleeper = make()

    def act() -> float | None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        await sleeper.until(time.monotonic(), act)
    await sleeper.until(time.monotonic() + 0.001)  # and was only that once
    sleeper.close()


@all_sleepers
async def test_who_is_cancelled_while_he_acts_acts_no_more(make: Callable[[], Sleeper]) -> None:
    sleeper = make()
    calls = 0

    def act() -> float | None:
        nonlocal calls
        calls += 1
        waiting.cancel()
        return time.monotonic() + 0.001

    waiting = asyncio.ensure_future(sleeper.until(time.monotonic(), act))
    await asyncio.wait([waiting])
    await sleeper.until(time.monotonic() + 0.003)

    assert waiting.cancelled()
    assert calls == 1
    sleeper.close()


@needs_timerfd
async def test_a_timer_that_nobody_waits_for_wakes_the_loop_no_more() -> None:
    before = running_timers()
    sleeper = TimerfdSleeper(0.001)
    await sleeper.until(time.monotonic() + 0.001)
    assert running_timers() == before + 1

    await ClockSleeper(SystemClock()).until(time.monotonic() + 0.005)

    assert running_timers() == before
    sleeper.close()


def running_timers() -> int:
    """Return how many timers of the kernel run in this process."""
    texts = []
    for descriptor in Path("/proc/self/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # the one that the listing itself used
            texts.append(descriptor.read_text(encoding="ascii"))
    return sum("it_value: (" in text and "it_value: (0, 0)" not in text for text in texts)


@needs_timerfd
async def test_a_timer_goes_on_after_a_wait_that_was_cancelled() -> None:
    sleeper = TimerfdSleeper()
    waiting = asyncio.ensure_future(sleeper.until(time.monotonic() + 60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    async with asyncio.timeout(5):
        await sleeper.until(time.monotonic() + 0.001)

    sleeper.close()


@needs_timerfd
async def test_who_waits_for_a_timer_goes_on_in_the_turn_in_which_it_expires() -> None:
    sleeper = TimerfdSleeper()
    order: list[str] = []

    async def wait() -> None:
        await sleeper.until(time.monotonic() - 1)
        order.append("who waits")

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    ready, sender = socket.socketpair()
    with ready, sender:
        asyncio.get_running_loop().add_reader(ready, lambda: order.append("what was ready after it"))
        sender.send(b"x")
        await waiting
        await asyncio.sleep(0)
        asyncio.get_running_loop().remove_reader(ready)

    assert order[:2] == ["who waits", "what was ready after it"]
    sleeper.close()


@needs_timerfd
async def test_a_timer_that_is_armed_again_as_it_expires_wakes_nobody_early() -> None:
    sleeper = TimerfdSleeper()
    when = time.monotonic() + 0.02
    first = asyncio.ensure_future(sleeper.until(time.monotonic() - 1))
    await asyncio.sleep(0)
    first.cancel()

    # The selector sees the first timer expire, and its callback comes after the second one is armed.
    await asyncio.ensure_future(sleeper.until(when))

    assert time.monotonic() >= when
    assert first.cancelled()
    sleeper.close()


@needs_timerfd
async def test_a_wait_is_cancelled_at_once_and_says_so() -> None:
    sleeper = TimerfdSleeper()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sleeper.until(time.monotonic() + 60), timeout=0.001)

    await sleeper.until(time.monotonic() + 0.001)  # and was only that one
    sleeper.close()


@needs_timerfd
async def test_a_timer_may_be_closed_by_whom_it_wakes() -> None:
    sleeper = TimerfdSleeper()

    await sleeper.until(time.monotonic() + 0.001)
    sleeper.close()
    await asyncio.sleep(0)

    sleeper.close()


@needs_timerfd
async def test_where_no_timer_can_be_had_the_clock_is_asked() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        sleeper = make_sleeper(SystemClock())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert isinstance(sleeper, ClockSleeper)


async def test_a_clock_that_is_not_the_systems_own_is_asked_itself() -> None:
    clock = FakeClock(5.0)
    sleeper = make_sleeper(clock)

    await sleeper.until(7.5)

    assert isinstance(sleeper, ClockSleeper)
    assert clock.now() == 7.5
    sleeper.close()


def test_targets_do_not_add_up_rounding() -> None:
    cadence = Cadence(3.0, clock=FakeClock())

    assert cadence.target(3 * 86400 * 365) == 86400 * 365


def test_only_slots_that_are_a_whole_period_behind_are_missed() -> None:
    clock = FakeClock()
    cadence = Cadence(10.0, clock=clock)
    clock.advance(0.1)
    assert cadence.missed(0) == 0

    clock.advance(0.25)

    assert cadence.missed(0) == 3
    assert cadence.missed(3) == 0
