"""Texts that a bridge app's devices can be set to."""

from typing import override

from homeassistant.components.text import TextEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_link import AppLink
from .app_setup import AppConfigEntry, AppDeviceCoordinator
from .bridge.controls import TextControl

PARALLEL_UPDATES = 0  # the app queues commands by itself


async def async_setup_entry(
    hass: HomeAssistant, entry: AppConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the texts that the app declares."""
    async_add_controls(entry, async_add_entities, TextControl, AppText)


class AppText(ControlEntity[TextControl], TextEntity):
    """A text of a device."""

    def __init__(self, coordinator: AppDeviceCoordinator, link: AppLink, control: TextControl) -> None:
        """Offer ``control``."""
        super().__init__(coordinator, link, control)
        self._attr_native_max = control.max_length

    @property
    @override
    def native_value(self) -> str | None:
        """The text, None before there is one."""
        return None if self.shown is None else str(self.shown)

    @override
    async def async_set_value(self, value: str) -> None:
        """Send the text."""
        await self.async_send(value, value)
