"""Measures how late the event loop of the demo's Home Assistant runs its timers; numbers by REST."""

import asyncio
from statistics import quantiles

from aiohttp import web
from homeassistant.components.http import HomeAssistantView
from homeassistant.core import HomeAssistant
from homeassistant.helpers.typing import ConfigType
import probatio

DOMAIN = "demo_probe"
PERIOD = 0.01
"""Seconds between two samples."""

CONFIG_SCHEMA = probatio.Schema({DOMAIN: object}, extra=probatio.ALLOW_EXTRA)


class LagProbe:
    """Collects by how many seconds each timer was late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lags: list[float] = []
        self._arm()

    def _arm(self) -> None:
        due = self._loop.time() + PERIOD
        self._loop.call_at(due, self._sample, due)

    def _sample(self, due: float) -> None:
        self._lags.append(self._loop.time() - due)
        self._arm()

    def take(self) -> dict[str, float]:
        """Return the numbers (milliseconds) since the last call and begin anew."""
        lags, self._lags = self._lags, []
        if len(lags) < 2:
            return {"samples": len(lags)}
        cuts = quantiles(lags, n=100, method="inclusive")
        return {"samples": len(lags), "p50": cuts[49] * 1e3, "p99": cuts[98] * 1e3, "max": max(lags) * 1e3}


class LagView(HomeAssistantView):
    """GET /api/demo_probe."""

    url = "/api/demo_probe"
    name = "api:demo_probe"

    def __init__(self, probe: LagProbe) -> None:
        self._probe = probe

    async def get(self, request: web.Request) -> web.Response:
        """Return the numbers since the last request."""
        return self.json(self._probe.take())


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Begin to measure."""
    hass.http.register_view(LagView(LagProbe(hass.loop)))
    return True
