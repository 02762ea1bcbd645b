"""Silence of a device: it may not look alive because nobody has heard of it."""

import asyncio

from .contexts import DeviceContext
from .registrations import Registration
from .services import Services


class Freshness:
    """Makes a device unavailable while its last sign of life is ``limit`` seconds old or older."""

    def __init__(self, limit: float, ctx: DeviceContext) -> None:
        self._limit = limit
        self._ctx = ctx
        self._seen = ctx.clock.now()
        self._is_stale = False
        self._sign = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def renewed(self) -> None:
        """Take a sign of life, from any thread."""
        self._seen = self._ctx.clock.now()
        if self._is_stale:
            self._loop.call_soon_threadsafe(self._sign.set)

    async def watch(self) -> None:
        """Look until it is cancelled."""
        while True:
            await self._ctx.clock.sleep(self._left)
            # First, so that a sign that comes from now on is not missed.
            self._is_stale = True
            self._sign.clear()
            if self._left <= 0:
                await self._ctx.mark_unavailable("stale")
                await self._sign.wait()
                await self._ctx.mark_available("stale")
            self._is_stale = False

    @property
    def _left(self) -> float:
        return self._limit - (self._ctx.clock.now() - self._seen)


def freshness_of(registration: Registration, ctx: DeviceContext, services: Services) -> Freshness | None:
    """Return what watches a device, None unless it was registered with ``stale_after``. Raises ValueError."""
    if registration.stale_after is None:
        return None
    return Freshness(services.interval(registration, registration.stale_after), ctx)
