"""Buttons of a bridge app's devices."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_setup import AppConfigEntry
from .bridge.controls import ButtonControl

PARALLEL_UPDATES = 0  # the app queues commands by itself


async def async_setup_entry(
    hass: HomeAssistant, entry: AppConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons that the app declares."""
    async_add_controls(entry, async_add_entities, ButtonControl, AppButton)


class AppButton(ControlEntity[ButtonControl], ButtonEntity):
    """A button of a device."""

    @override
    async def async_press(self) -> None:
        """Send the button's command."""
        await self.async_send(self.control.payload)
