"""Who may use a link next: one at a time, and what a person waits for goes before what is polled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock with two classes; an urgent one waits for at most the one that has the link now."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._urgent = 0
        self._nobody_urgent = asyncio.Event()
        self._nobody_urgent.set()

    @asynccontextmanager
    async def urgent(self) -> AsyncIterator[None]:
        """Take the next turn, in the order of coming among urgent ones."""
        self._urgent += 1
        self._nobody_urgent.clear()
        try:
            async with self._lock:
                yield
        finally:
            self._urgent -= 1
            if not self._urgent:
                self._nobody_urgent.set()

    @asynccontextmanager
    async def patient(self) -> AsyncIterator[None]:
        """Take a turn when nobody urgent waits for one."""
        while True:
            await self._nobody_urgent.wait()
            await self._lock.acquire()
            if not self._urgent:
                break
            self._lock.release()
        try:
            yield
        finally:
            self._lock.release()
