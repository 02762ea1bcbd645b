"""The one place where the bridge waits after a failure."""

import asyncio
from dataclasses import dataclass, field

from ..interfaces import BackoffStrategy, ClockPort


async def sleep_unless(stop: asyncio.Event, seconds: float, clock: ClockPort) -> bool:
    """Sleep by the clock, no longer than until ``stop`` is set; returns True when the time passed in full."""
    if stop.is_set():
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
