"""Entries, profiles and waiting, as the tests of the integration need them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind
from custom_components.fieldbridge.bridge.codecs.checks import FieldCheck
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder, SeparatedDecoder
from custom_components.fieldbridge.const import DOMAIN, SUBENTRY_DEVICE

GAS_FRAMES = (Path(__file__).parents[2] / "demo" / "gas-analyser-5ch.bin").read_bytes().splitlines(keepends=True)

GAS_ANALYSER = DeviceProfile(
    decoder=SeparatedDecoder(separator=";", fields=47, check=FieldCheck(algorithm="sum16", start=1)),
    channels=(
        Channel(key="oxygen", name="Oxygen", source="7", unit="%", precision=3, min_interval=0),
        Channel(key="co2", name="CO2", source="23", unit="%", precision=3),
    ),
)

ROOM = DeviceProfile(
    decoder=JsonDecoder(),
    channels=(
        Channel(
            key="temp",
            name="Temperature",
            source="temp",
            unit="°C",
            device_class="temperature",
            state_class="measurement",
            precision=1,
        ),
        Channel(key="door", name="Door", source="door", kind=ValueKind.BINARY, device_class="door"),
        Channel(key="mode", name="Mode", source="mode", kind=ValueKind.TEXT),
    ),
)


def device(title: str, profile: DeviceProfile) -> ConfigSubentryData:
    """Return the data of a device's subentry."""
    return ConfigSubentryData(data=profile.to_dict(), subentry_type=SUBENTRY_DEVICE, title=title, unique_id=None)


def serial_entry(
    url: str | Path, *devices: ConfigSubentryData, title: str = "Lab port", **options: Any
) -> MockConfigEntry:
    """Return the entry of a serial link."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=title,
        data={"kind": "serial", "device": str(url), "baudrate": 9600},
        options=options,
        subentries_data=devices,
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Add the entry and set it up."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def until(condition: Callable[[], object], what: str = "", seconds: float = 8.0) -> None:
    """Wait until ``condition`` holds; a real port and a real broker answer in their own time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for happens outside the loop
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what or condition}") from None


async def until_state(hass: HomeAssistant, entity_id: str, state: str) -> None:
    """Wait until an entity has a state."""

    def has_state() -> bool:
        found = hass.states.get(entity_id)
        return found is not None and found.state == state

    try:
        await until(has_state)
    except AssertionError:
        raise AssertionError(f"{entity_id} is {hass.states.get(entity_id)}, not {state}") from None


def entity_ids(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return all registered entities of an entry."""
    return {found.entity_id for found in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}


def device_id_of(hass: HomeAssistant, name: str) -> str:
    return next(each.id for each in dr.async_get(hass).devices if each.name == name)
