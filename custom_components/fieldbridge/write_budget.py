"""A ceiling for the written states of all entities together: every one is a row in the database and an event for all.

It shapes nothing but repeated numbers. Availability, first values, switch states, texts and what was just set never
wait, and nothing is discarded: an entity in the queue writes the value that it then has.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

DEFAULT_RATE: Final = 50.0
"""Writes per second of all links; Home Assistant's own database falls behind at a few hundred."""
_BURST: Final = 2.0
"""Seconds of that rate that may come at once after a pause."""
_TICK: Final = 0.1
_MAX_DELAY: Final = 50.0
"""Seconds after which the last value is out, however long the queue was."""


class WriteBudget:
    """Lets writes pass up to a rate and the others one after the other: each entity has one place in the queue."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rate: float = DEFAULT_RATE) -> None:
        """Begin with all of the burst."""
        self.rate = rate
        self._loop = loop
        self._credit = rate * _BURST
        self._counted_at = loop.time()
        self._waiting: dict[object, Callable[[], None]] = {}
        self._longest = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Entities in the queue."""
        return len(self._waiting)

    @callback
    def admit(self, owner: object, write: Callable[[], None]) -> bool:
        """Return True when ``owner`` may write now; else ``write`` is called when it is its turn."""
        if owner in self._waiting:
            return False
        self._earn()
        if not self._waiting and self._credit >= 1.0:
            self._credit -= 1.0
            return True
        self._waiting[owner] = write
        self._longest = max(self._longest, len(self._waiting))
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._serve)
        return False

    @callback
    def withdraw(self, owner: object) -> None:
        """Leave the queue: the owner has written meanwhile, or is gone."""
        if self._waiting.pop(owner, None) is not None and not self._waiting:
            self._rest()

    @callback
    def _serve(self) -> None:
        self._timer = None
        self._earn()
        while self._waiting and self._credit >= 1.0:
            owner = next(iter(self._waiting))
            write = self._waiting.pop(owner)
            self._credit -= 1.0
            write()
        if self._waiting:
            self._timer = self._loop.call_later(_TICK, self._serve)
        else:
            self._rest()

    def _earn(self) -> None:
        """Count the credit of the time since the last look; a long queue is served faster, so that it ends in time."""
        now = self._loop.time()
        rate = max(self.rate, self._longest / _MAX_DELAY)
        self._credit = min(self._credit + (now - self._counted_at) * rate, self.rate * _BURST)
        self._counted_at = now

    def _rest(self) -> None:
        self._longest = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_BUDGET: HassKey[WriteBudget] = HassKey("fieldbridge_write_budget")


@callback
def async_write_budget(hass: HomeAssistant) -> WriteBudget:
    """Return the budget of this Home Assistant."""
    if _BUDGET not in hass.data:
        hass.data[_BUDGET] = WriteBudget(hass.loop)
    return hass.data[_BUDGET]
