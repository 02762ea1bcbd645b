"""Clocks that a test owns."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import heapq
import itertools

TURNS_TO_SETTLE = 25
"""Turns of the loop after which tasks that do not wait for time or threads have come to rest."""


TURNS_TO_WAIT = 100
"""Turns of the loop within which what a test waits for has to come true."""


@dataclass
class FakeClock:
    """Every sleep is over at once and moves the time on; a periodic loop spins, so end it by its count."""

    _time: float = 0.0

    def now(self) -> float:
        """Return the fake time in seconds."""
        return self._time

    async def sleep(self, seconds: float) -> None:
        """Let others run, then move the time on by ``seconds``."""
        await asyncio.sleep(0)
        self._time += seconds

    def advance(self, seconds: float) -> None:
        """Move the time on by ``seconds``."""
        self._time += seconds


@dataclass
class ManualClock:
    """Sleeps last until ``advance`` moves the time past them, in the order in which they are due."""

    _time: float = 0.0
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list, init=False, repr=False)
    _order: itertools.count[int] = field(default_factory=itertools.count, init=False, repr=False)

    def now(self) -> float:
        """Return the time in seconds."""
        return self._time

    async def sleep(self, seconds: float) -> None:
        """Wait until the time was advanced by ``seconds``."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._time + seconds, next(self._order), awake))
        await awake

    @property
    def sleeping(self) -> int:
        """Number of sleeps under way."""
        return sum(not awake.done() for _, _, awake in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move the time on, waking every sleep at its own moment and letting what follows from it happen."""
        end = self._time + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, awake = heapq.heappop(self._sleepers)
            if awake.done():
                continue
            self._time = max(self._time, due)
            awake.set_result(None)
            await self.settle()
        self._time = end

    async def settle(self, *, until: Callable[[], bool] | None = None) -> None:
        """Let what does not wait for time run, at most until ``until()`` holds; RuntimeError when it never does."""
        for _ in range(TURNS_TO_SETTLE if until is None else TURNS_TO_WAIT):
            if until is not None and until():
                return
            await asyncio.sleep(0)
        if until is not None:
            raise RuntimeError(
                f"{TURNS_TO_WAIT} turns of the loop did not make it true: it may wait for time or a thread"
            )
