"""Bluetooth LE devices in Home Assistant, over its own Bluetooth and a mocked BlueZ."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.profiles import shipped_profiles
from custom_components.fieldbridge.const import DOMAIN
from tests.bluez import MockBlueZ, Peripheral, heart_rate_strap

from .bluetooth import in_range, start_bluetooth
from .links import device, set_up, until, until_state


def profile(name: str) -> DeviceProfile:
    return next(file.profile.device for file in shipped_profiles() if file.profile and file.profile.id == name)


def strap_entry(strap: Peripheral, **data: Any) -> MockConfigEntry:
    return MockConfigEntry(
        domain=DOMAIN,
        title=strap.name,
        unique_id=strap.address,
        data={
            "kind": "ble",
            "address": strap.address,
            "name": strap.name,
            "notify": ["2a37"],
            "read": {},
            "start": [],
            "pair": False,
            "connecting": "always",
            "interval": 600.0,
            **data,
        },
        subentries_data=[device("Strap", profile("ble_heart_rate"))],
    )


@pytest.fixture
async def strap(hass: HomeAssistant, bluez: MockBlueZ) -> Peripheral:
    """A chest strap within range."""
    await start_bluetooth(hass)
    return await in_range(hass, bluez, heart_rate_strap())


async def test_a_notification_becomes_a_state_and_a_drop_makes_it_unavailable(
    hass: HomeAssistant, bluez: MockBlueZ, strap: Peripheral
) -> None:
    entry = strap_entry(strap)
    await set_up(hass, entry)
    await until(lambda: strap["2a37"].notifying)
    bluez.notify(strap["2a37"], b"\x00\x48")
    await until_state(hass, "sensor.strap_heart_rate", "72")

    bluez.drop(strap)
    await until_state(hass, "sensor.strap_heart_rate", "unavailable")
    await until(lambda: strap["2a37"].notifying)
    bluez.notify(strap["2a37"], b"\x00\x50")
    await until_state(hass, "sensor.strap_heart_rate", "80")


async def test_the_slot_is_free_after_unload_reload_and_removal(
    hass: HomeAssistant, bluez: MockBlueZ, strap: Peripheral
) -> None:
    entry = strap_entry(strap)
    await set_up(hass, entry)
    await until(lambda: strap["2a37"].notifying)
    assert bluez.connected == [strap.address]

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not bluez.connected

    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: strap["2a37"].notifying)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: strap["2a37"].notifying)
    assert bluez.connected == [strap.address]

    await hass.config_entries.async_remove(entry.entry_id)
    assert not bluez.connected


async def test_a_link_comes_back_when_bluetooth_was_away(
    hass: HomeAssistant, bluez: MockBlueZ, strap: Peripheral
) -> None:
    await set_up(hass, strap_entry(strap))
    await until(lambda: strap["2a37"].notifying)
    (bluetooth,) = hass.config_entries.async_entries("bluetooth")
    assert await hass.config_entries.async_unload(bluetooth.entry_id)
    await until_state(hass, "sensor.strap_heart_rate", "unavailable")
    assert await hass.config_entries.async_setup(bluetooth.entry_id)
    await until(lambda: strap["2a37"].notifying, seconds=20)
    bluez.notify(strap["2a37"], b"\x00\x48")
    await until_state(hass, "sensor.strap_heart_rate", "72")


async def test_without_bluetooth_the_link_waits_for_it(hass: HomeAssistant) -> None:
    entry = strap_entry(heart_rate_strap())
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)

    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "Bluetooth" in (entry.reason or "")
