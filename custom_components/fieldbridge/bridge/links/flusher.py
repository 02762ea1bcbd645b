"""The timer of a link for what filters and publish policies say while no frame comes."""

import asyncio
from collections.abc import Callable, Iterable

from ..channels import DeviceSession
from ..interfaces import ClockPort


class Flusher:
    """One timer for all devices of a link: wakes when the first of them has something to say."""

    def __init__(self, sessions: Callable[[], Iterable[DeviceSession]]) -> None:
        self._sessions = sessions
        self._wake = asyncio.Event()
        self._sleeps_until: float | None = None

    def look(self) -> None:
        """Look whether something is due earlier than was known; called after every batch."""
        for session in self._sessions():
            if not session.is_timed:
                continue
            if (due := session.due) is not None and (self._sleeps_until is None or due < self._sleeps_until):
                self._wake.set()

    async def run(self, clock: ClockPort) -> None:
        """Flush what is due, for ever."""
        while True:
            now = clock.now()
            for session in tuple(self._sessions()):
                if (due := session.due) is not None and due <= now:
                    session.flush(now)
            self._wake.clear()
            self._sleeps_until = due = self._due()
            if due is None:
                await self._wake.wait()
            else:
                await self._sleep(clock, due - now)

    def _due(self) -> float | None:
        return min((due for session in self._sessions() if (due := session.due) is not None), default=None)

    async def _sleep(self, clock: ClockPort, seconds: float) -> None:
        """Sleep, unless something earlier comes up."""
        waits = [asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(self._wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
