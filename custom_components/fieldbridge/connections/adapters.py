"""USB serial adapters: known by their serial number, wherever they are plugged in."""

from collections import Counter
from collections.abc import Mapping
import logging
from typing import Any

from homeassistant.components import usb
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)


def adapter_id(port: usb.SerialDevice) -> str | None:
    """Return what identifies an adapter for ever, None for one that cannot be told from others of its kind."""
    if not isinstance(port, usb.USBDevice) or not usb.has_unique_serial_number(port):
        return None
    interface = f"_{port.interface_num}" if port.interface_num else ""  # one adapter may have several ports
    return f"{port.vid}:{port.pid}_{port.serial_number}{interface}"


async def async_adapter_id(hass: HomeAssistant, device: str) -> str | None:
    """Return what identifies the adapter at a port, None where that could be another one, too."""
    return _at(await _async_known(hass), device)


async def async_follow_adapter(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Note which adapter the port of an entry is, and change the port when that adapter is elsewhere now."""
    path, known = entry.data[CONF_DEVICE], await _async_known(hass)
    here = _at(known, path)
    if here is not None and entry.unique_id in (None, here):
        if hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, here) is None:
            hass.config_entries.async_update_entry(entry, unique_id=here)
        return
    port = known.get(entry.unique_id or "")
    moved = usb.async_find_moved_serial_port(hass, path) if port is None else port.device
    if moved is not None and not _is_taken(hass, entry, moved):
        _LOGGER.info("%s is at %s now", entry.title, moved)
        hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_DEVICE: moved})


@callback
def async_follow_plugging(hass: HomeAssistant, entry: ConfigEntry[Any]) -> CALLBACK_TYPE:
    """Look for the adapter of an entry whenever one is plugged in; returns the unsubscribe."""

    @callback
    def plugged(added: set[usb.USBDevice], removed: set[usb.USBDevice]) -> None:
        if added:
            entry.async_create_background_task(hass, async_follow_adapter(hass, entry), f"{DOMAIN} adapter")

    return usb.async_register_port_event_callback(hass, plugged)


async def _async_known(hass: HomeAssistant) -> dict[str, usb.SerialDevice]:
    """Return the ports of adapters that nothing else can be taken for, by what identifies them."""
    try:
        ports = await usb.async_scan_serial_ports(hass)
    except OSError:  # what cannot be listed may be opened all the same
        return {}
    identities = [(adapter_id(port), port) for port in ports]
    count = Counter(identity for identity, _ in identities)
    return {identity: port for identity, port in identities if identity is not None and count[identity] == 1}


def _at(known: Mapping[str, usb.SerialDevice], device: str) -> str | None:
    return next((name for name, port in known.items() if device in (port.device, port.resolved_device)), None)


def _is_taken(hass: HomeAssistant, entry: ConfigEntry[Any], device: str) -> bool:
    """Whether another entry has the port."""
    return any(
        other.entry_id != entry.entry_id and other.data.get(CONF_DEVICE) == device
        for other in hass.config_entries.async_entries(DOMAIN)
    )
