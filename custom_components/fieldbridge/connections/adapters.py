"""USB serial adapters: known by their serial number, wherever they are plugged in."""

from collections.abc import Iterable
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


async def async_follow_adapter(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Note which adapter the port of an entry is, and change the port when that adapter is elsewhere now."""
    path = entry.data[CONF_DEVICE]
    try:
        ports = await usb.async_scan_serial_ports(hass)
    except OSError:  # what cannot be listed may be opened all the same
        return
    here = next((port for port in ports if path in (port.device, port.resolved_device)), None)
    if here is not None and entry.unique_id is None:
        _note(hass, entry, adapter_id(here), ports)
    elif here is None or adapter_id(here) != entry.unique_id:
        found = [port.device for port in ports if entry.unique_id is not None and adapter_id(port) == entry.unique_id]
        moved = found[0] if len(found) == 1 else usb.async_find_moved_serial_port(hass, path)
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


def _note(
    hass: HomeAssistant, entry: ConfigEntry[Any], identity: str | None, ports: Iterable[usb.SerialDevice]
) -> None:
    """Remember the adapter of an entry when nothing else is it."""
    others = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, identity) if identity else None
    if identity is not None and others is None and [adapter_id(port) for port in ports].count(identity) == 1:
        hass.config_entries.async_update_entry(entry, unique_id=identity)


def _is_taken(hass: HomeAssistant, entry: ConfigEntry[Any], device: str) -> bool:
    """Whether another entry has the port."""
    return any(
        other.entry_id != entry.entry_id and other.data.get(CONF_DEVICE) == device
        for other in hass.config_entries.async_entries(DOMAIN)
    )
