"""A Home Assistant in the process of a benchmark."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import socket

from homeassistant import bootstrap, loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component


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


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
