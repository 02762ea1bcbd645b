"""The history of a link's filters over a restart: a median does not begin anew, an energy total stays guarded."""

from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.storage import Store

from .bridge.links import Link
from .const import DOMAIN

_VERSION: Final = 1
SAVE_INTERVAL: Final = timedelta(minutes=15)
"""What a power cut may cost; a card lives longer when it is seldom written."""


async def async_remember_filters(hass: HomeAssistant, entry: ConfigEntry, link: Link) -> None:
    """Let the devices of a link go on where they were, and keep their history from now on."""
    store = _store(hass, entry)
    saved = await store.async_load() or {}
    for device_id, session in link.sessions.items():
        session.restore(saved.get(device_id))
    written = saved

    async def save(_: datetime | Event | None = None) -> None:
        nonlocal written
        states = {device_id: state for device_id, session in link.sessions.items() if (state := session.save())}
        if states != written:
            written = states
            await store.async_save(states)

    entry.async_on_unload(async_track_time_interval(hass, save, SAVE_INTERVAL, name=f"{DOMAIN} filter memory"))
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, save))
    entry.async_on_unload(save)


async def async_forget_filters(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was stored of an entry."""
    await _store(hass, entry).async_remove()


@callback
def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.filters.{entry.entry_id}")
