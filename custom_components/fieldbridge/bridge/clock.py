"""The production clock."""

import asyncio
import time


class SystemClock:
    """Wraps ``time.monotonic``; satisfies ClockPort by structure."""

    now = staticmethod(time.monotonic)
    """Return monotonic seconds."""

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` of real time."""
        await asyncio.sleep(seconds)
