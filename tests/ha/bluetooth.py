"""Home Assistant's own Bluetooth on the mocked BlueZ, and flows through it."""

import asyncio
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.bluez import Characteristic, MockBlueZ, Peripheral

from .flows import Flow
from .links import until

ADAPTER = "00:00:00:00:00:01"
"""As the test plugin of Home Assistant has it."""
CONNECTION = {"connecting": "always", "interval": 600, "pair": False}
"""What the form of a link has when nobody changes it."""


async def start_bluetooth(hass: HomeAssistant) -> None:
    """Set up Home Assistant's Bluetooth with the mocked adapter."""
    entry = MockConfigEntry(domain="bluetooth", unique_id=ADAPTER, title="hci0")
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "bluetooth", {})
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED, entry.reason


async def until_heard(hass: HomeAssistant, peripheral: Peripheral) -> None:
    """Wait until Home Assistant can connect to a peripheral."""
    await until(lambda: bluetooth.async_ble_device_from_address(hass, peripheral.address, connectable=True), "heard")


async def in_range(hass: HomeAssistant, bluez: MockBlueZ, peripheral: Peripheral) -> Peripheral:
    """Bring a peripheral within range of Home Assistant."""
    bluez.add(peripheral)
    await until_heard(hass, peripheral)
    return peripheral


async def connected(hass: HomeAssistant, peripheral: Peripheral) -> Flow:
    """Choose a peripheral and look at what it offers."""
    flow = await Flow.config(hass, "ble")
    await flow.submit({"address": peripheral.address})
    return await flow.until("ble_services")


async def created(hass: HomeAssistant, flow: Flow) -> Any:
    """Return the entry that a flow has made."""
    assert flow.shown["type"] == "create_entry", flow.shown
    await hass.async_block_till_done()
    return flow.shown["result"]


class Sender:
    """Sends values again and again, as a device does."""

    def __init__(self, bluez: MockBlueZ, characteristic: Characteristic, *values: bytes) -> None:
        self._task = asyncio.create_task(self._send(bluez, characteristic, values))

    async def _send(self, bluez: MockBlueZ, characteristic: Characteristic, values: tuple[bytes, ...]) -> None:
        while True:
            for value in values:
                bluez.notify(characteristic, value)
                await asyncio.sleep(0.02)

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(self, *_: object) -> None:
        """End."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
