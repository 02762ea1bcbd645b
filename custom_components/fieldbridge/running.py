"""Running what an entry stands for, from its set-up until it is unloaded or Home Assistant stops."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback

from .const import DOMAIN

_STOP_TIMEOUT: Final = 8.0
"""Seconds to say goodbye to a broker and to close a port; Home Assistant waits for 10."""


@callback
def async_run(
    hass: HomeAssistant,
    entry: ConfigEntry,
    run: Callable[[asyncio.Event], Awaitable[None]],
    crashed: Callable[[Exception], None],
) -> Callable[[], Awaitable[None]]:
    """Run ``run(shutdown)`` in the background; ``crashed`` is told what it raises, and has to log it.

    Returns what stops it early; unloading the entry does so as well, but at the same time as everything else ends.
    """
    shutdown = asyncio.Event()

    async def run_to_the_end() -> None:
        try:
            await run(shutdown)
        except Exception as err:  # noqa: BLE001 - the callback tells it
            crashed(err)

    # Not a task of the entry: those are cancelled at once on unload, before they can say goodbye.
    task = hass.async_create_background_task(run_to_the_end(), f"{DOMAIN} {entry.title}")

    async def stop(_: Event | None = None) -> None:
        shutdown.set()
        await asyncio.wait([task], timeout=_STOP_TIMEOUT)
        task.cancel()

    entry.async_on_unload(stop)
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    return stop
