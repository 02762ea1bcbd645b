"""The production clock."""

import asyncio
import time


class SystemClock:
    """Wraps ``time.monotonic``; satisfies ClockPort by structure."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` of real time."""
        await asyncio.sleep(seconds)
