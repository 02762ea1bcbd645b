"""Measures the event loop of the demo's Home Assistant: late timers, the longest callback of Fieldbridge; by REST."""

import asyncio
from statistics import quantiles
import time
from typing import Any

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


class CallbackProbe:
    """Finds the longest callback or task step that runs Fieldbridge's code, in seconds of the thread's CPU time."""

    def __init__(self) -> None:
        self.longest = 0.0
        handles: Any = asyncio.Handle
        run = handles._run  # noqa: SLF001 - the loop offers no other place to look

        def timed(handle: asyncio.Handle) -> None:
            start = time.thread_time()
            run(handle)
            spent = time.thread_time() - start
            if spent > self.longest and is_ours(handle):
                self.longest = spent

        handles._run = timed  # noqa: SLF001

    def take(self) -> float:
        """Return the longest since the last call and begin anew."""
        longest, self.longest = self.longest, 0.0
        return longest


def is_ours(handle: Any) -> bool:
    """Return whether a handle runs code of Fieldbridge: its own tasks and timers, and the reads of its serial ports."""
    callback = handle._callback  # noqa: SLF001
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        code = getattr(owner.get_coro(), "cr_code", None)
    else:
        code = getattr(callback, "__code__", None)
    name = getattr(code, "co_filename", "")
    return "custom_components/fieldbridge/" in name or "/serialx/" in name


class LagView(HomeAssistantView):
    """GET /api/demo_probe."""

    url = "/api/demo_probe"
    name = "api:demo_probe"

    def __init__(self, probe: LagProbe, callbacks: CallbackProbe) -> None:
        self._probe = probe
        self._callbacks = callbacks

    async def get(self, request: web.Request) -> web.Response:
        """Return the numbers since the last request."""
        return self.json({**self._probe.take(), "callback": self._callbacks.take() * 1e3})


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Begin to measure."""
    hass.http.register_view(LagView(LagProbe(hass.loop), CallbackProbe()))
    return True
