"""A Home Assistant in the process of a benchmark, and links in it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
import socket
from types import MappingProxyType
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.config_entries import ConfigEntries, ConfigEntry, ConfigSubentryData
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.const import DOMAIN, SUBENTRY_DEVICE


@asynccontextmanager
async def home_assistant(config: Path) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant core without frontend, recorder or network."""
    hass = HomeAssistant(str(config))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth_manager_from_config(hass, [], [])
    hass.set_state(CoreState.running)
    # What needs it would take the port of a Home Assistant that runs on this machine.
    http = {"server_host": "127.0.0.1", "server_port": _free_port()}
    if not await async_setup_component(hass, "http", {"http": http}):
        raise AssertionError("Home Assistant cannot serve HTTP")
    try:
        yield hass
    finally:
        await hass.async_stop(force=True)


async def add_link(
    hass: HomeAssistant, data: Mapping[str, Any], devices: Mapping[str, DeviceProfile]
) -> ConfigEntry[Any]:
    """Return the entry of a new link with its ``devices`` by name."""
    subentries = [
        ConfigSubentryData(data=profile.to_dict(), subentry_type=SUBENTRY_DEVICE, title=name, unique_id=None)
        for name, profile in devices.items()
    ]
    return await add_entry(hass, DOMAIN, data, subentries)


async def add_entry(
    hass: HomeAssistant,
    domain: str,
    data: Mapping[str, Any],
    subentries: Sequence[ConfigSubentryData] = (),
    version: int = 1,
) -> ConfigEntry[Any]:
    """Return the new entry of an integration."""
    entry: ConfigEntry[Any] = ConfigEntry(
        data=data,
        discovery_keys=MappingProxyType({}),
        domain=domain,
        minor_version=1,
        options={},
        source="user",
        subentries_data=list(subentries),
        title="Link",
        unique_id=None,
        version=version,
    )
    await hass.config_entries.async_add(entry)
    return entry


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
