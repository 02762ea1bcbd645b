"""Whether Home Assistant's Bluetooth is there, asked without importing it: a link of another kind needs none of it."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers.importlib import async_import_module

from ..bridge.errors import ProfileError
from ..bridge.links import Link
from ..const import DOMAIN


async def async_load_bluetooth(hass: HomeAssistant) -> bool:
    """Return whether Bluetooth is set up; then ``connections.ble`` can be imported at once."""
    if "bluetooth" not in hass.config.components:
        return False
    await async_import_module(hass, f"{__package__}.ble")
    return True


async def async_make_ble(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Link:
    """Return the link to the peripheral of an entry. Raises ConfigEntryNotReady, ConfigEntryError."""
    if not await async_load_bluetooth(hass):
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="no_bluetooth")
    from .ble import make_ble_link  # brings bleak

    try:
        return make_ble_link(hass, entry.title, entry.data)
    except ProfileError as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key="bad_link", translation_placeholders={"error": str(err)}
        ) from err


async def async_forget_peripheral(hass: HomeAssistant, address: str) -> None:
    """Let Home Assistant discover the peripheral of a removed entry anew."""
    if await async_load_bluetooth(hass):
        from .ble import forget  # brings bleak

        forget(hass, address)
