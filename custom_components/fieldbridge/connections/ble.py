"""Bluetooth LE peripherals by Home Assistant's Bluetooth: its adapters and proxies, its choice of the best path.

Imported only where Bluetooth is loaded, since it brings bleak.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bleak.backends.device import BLEDevice
from habluetooth import BluetoothServiceInfoBleak
from homeassistant.components import bluetooth
from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.core import HomeAssistant, callback

from ..bridge.codecs.characteristics import ServiceInfo
from ..bridge.links.ble_link import BleDescription, BleLink, BleStreamLink
from ..bridge.transports.ble import BleTransport
from ..bridge.transports.ble_peripheral import survey


class BluetoothFinder:
    """Finds one peripheral by what Home Assistant hears of it."""

    def __init__(self, hass: HomeAssistant, address: str, name: str) -> None:
        """Find nothing yet."""
        self.name = name
        self._hass = hass
        self._address = address

    def device(self) -> BLEDevice | None:
        """Return the device by the best path that can connect."""
        return bluetooth.async_ble_device_from_address(self._hass, self._address, connectable=True)

    def has_free_slot(self) -> bool:
        """Whether one that hears it takes another connection; of an adapter only trying tells."""
        heard_by = bluetooth.async_scanner_devices_by_address(self._hass, self._address, connectable=True)
        connectors = [one.scanner.connector for one in heard_by]
        return not connectors or any(connector is None or connector.can_connect() for connector in connectors)

    async def wait_seen(self) -> None:
        """Return with the next advertisement; also one that says nothing new, as a scale sends when it wakes."""
        seen = asyncio.Event()

        @callback
        def heard(_: BluetoothServiceInfoBleak) -> None:
            seen.set()

        stop = bluetooth.async_register_advertisement_callback(self._hass, heard, self._address)
        try:
            while True:
                await seen.wait()
                if self.device() is not None:
                    return
                seen.clear()  # by an adapter or proxy that cannot connect
        finally:
            stop()

    def why_unreachable(self) -> str:
        """Return Home Assistant's own explanation."""
        return bluetooth.async_address_reachability_diagnostics(
            self._hass, self._address, bluetooth.BluetoothReachabilityIntent.CONNECTION
        )


def make_ble_transport(hass: HomeAssistant, data: Mapping[str, Any]) -> BleTransport:
    """Return the transport that a config entry's data, or a flow's input, describes. Raises ProfileError."""
    described = BleDescription.from_dict(data)
    finder = BluetoothFinder(hass, data[CONF_ADDRESS], data[CONF_NAME])
    return BleTransport(finder, described.settings, described.framer)


def make_ble_link(hass: HomeAssistant, title: str, data: Mapping[str, Any]) -> BleLink | BleStreamLink:
    """Return the link that a config entry's data describes. Raises ProfileError."""
    transport = make_ble_transport(hass, data)
    return BleStreamLink(title, transport) if data.get("stream") else BleLink(title, transport)


async def async_survey(hass: HomeAssistant, address: str, name: str, *, pair: bool) -> Sequence[ServiceInfo]:
    """Connect, list what the peripheral offers, and let go. Raises LinkError that says why not."""
    return await survey(BluetoothFinder(hass, address, name), pair=pair)


@callback
def heard_peripherals(hass: HomeAssistant) -> list[BluetoothServiceInfoBleak]:
    """Return what can be connected to, the nearest first."""
    heard = bluetooth.async_discovered_service_info(hass, connectable=True)
    return sorted(heard, key=lambda info: info.rssi or -127, reverse=True)


@callback
def has_radio(hass: HomeAssistant) -> bool:
    """Whether any adapter or proxy can connect."""
    return bluetooth.async_scanner_count(hass, connectable=True) > 0


@callback
def forget(hass: HomeAssistant, address: str) -> None:
    """Let Home Assistant discover the peripheral anew."""
    bluetooth.async_rediscover_address(hass, address)
