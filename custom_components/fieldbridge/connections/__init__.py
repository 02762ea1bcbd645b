"""Where links are taken from Home Assistant: the only place that turns an entry into a link, one module per kind."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE
from homeassistant.core import HomeAssistant

from ..bridge.links import FrameLink, Link, SerialLink
from ..const import CONF_KIND, KIND_BLE, KIND_MODBUS, KIND_MQTT, KIND_REPLAY, KIND_SERIAL, KIND_SIMULATED
from .adapters import async_follow_adapter, async_follow_plugging
from .bluetooth import async_make_ble
from .modbus import async_make_modbus
from .mqtt import async_make_mqtt
from .replay import async_make_replay
from .serial import make_serial
from .simulated import make_simulated

type LinkMaker = Callable[[HomeAssistant, ConfigEntry[Any]], Awaitable[Link]]
"""Returns a link that does not run yet; raises ConfigEntryNotReady, ConfigEntryAuthFailed or ConfigEntryError."""


async def _async_make_serial(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Link:
    return SerialLink(entry.title, make_serial(entry.data))


async def _async_make_simulated(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Link:
    return FrameLink(entry.title, make_simulated(entry.data))


_MAKERS: Final[dict[str, LinkMaker]] = {
    KIND_BLE: async_make_ble,
    KIND_MQTT: async_make_mqtt,
    KIND_REPLAY: async_make_replay,
    KIND_SERIAL: _async_make_serial,
    KIND_MODBUS: async_make_modbus,
    KIND_SIMULATED: _async_make_simulated,
}
"""How the links of each kind are made."""


async def async_make_link(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Link:
    """Return the link that an entry describes, not running yet."""
    if CONF_DEVICE in entry.data:  # a serial port, of whatever kind of link
        await async_follow_adapter(hass, entry)
        entry.async_on_unload(async_follow_plugging(hass, entry))
    return await _MAKERS[entry.data[CONF_KIND]](hass, entry)
