"""Home Assistant's own Bluetooth on the mocked BlueZ."""

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.bluez import MockBlueZ, Peripheral

from .links import until

ADAPTER = "00:00:00:00:00:01"
"""As the test plugin of Home Assistant has it."""


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
