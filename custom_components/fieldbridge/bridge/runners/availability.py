"""Whether a device is said to be there: several reasons may speak against it at once."""

import asyncio

from .contexts import DeviceContext
from .retrying import sleep_unless


class Availability:
    """Says that a device is unavailable with the first reason, and available when the last one is gone."""

    def __init__(self, ctx: DeviceContext) -> None:
        self._ctx = ctx
        self._reasons: set[str] = set()

    async def lost(self, reason: str) -> None:
        """Add a reason."""
        if not self._reasons:
            await self._ctx.publish_unavailable()
        self._reasons.add(reason)

    async def restored(self, *reasons: str) -> None:
        """Take reasons back."""
        if self._reasons and not self._reasons - set(reasons):
            await self._ctx.publish_available()
        self._reasons.difference_update(reasons)


class Freshness:
    """Makes a device unavailable when ``limit`` seconds passed without a sign of life."""

    def __init__(self, limit: float, availability: Availability, ctx: DeviceContext, stop: asyncio.Event) -> None:
        self._limit = limit
        self._availability = availability
        self._clock = ctx.clock
        self._stop = stop
        self._seen = self._clock.now()

    async def renewed(self) -> None:
        """Take a sign of life."""
        self._seen = self._clock.now()
        await self._availability.restored("stale")

    async def watch(self) -> None:
        """Look until shutdown."""
        left = self._limit
        while await sleep_unless(self._stop, left, self._clock):
            left = self._limit - (self._clock.now() - self._seen)
            if left <= 0:
                await self._availability.lost("stale")
                left = self._limit
