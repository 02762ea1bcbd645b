"""Texts that devices can be set to."""

from typing import Any, override

from homeassistant.components.text import TextEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_link import AppLink
from .app_setup import AppDeviceCoordinator
from .bridge.channels import Channel, Value
from .bridge.controls import TextControl
from .const import CONF_KIND, KIND_APP
from .coordinator import SessionCoordinator
from .entity import ChannelEntity, async_add_channels

PARALLEL_UPDATES = 0  # links and apps queue commands by themselves


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the texts that devices have, those that are there and those that come."""
    if entry.data[CONF_KIND] == KIND_APP:
        async_add_controls(entry, async_add_entities, TextControl, AppText)
    else:
        async_add_channels(entry, async_add_entities, Platform.TEXT, ChannelText)


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
        return None if self.shown is None else str(self.shown)[: self.max]

    @override
    async def async_set_value(self, value: str) -> None:
        """Send the text."""
        await self.async_send(value, value)


class ChannelText(ChannelEntity, TextEntity):
    """A text of a device behind a link that can be set."""

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show and set ``channel``."""
        super().__init__(coordinator, channel)
        if channel.write is not None:
            self._attr_native_max = channel.write.max_length

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_native_value = None if value is None else str(value)[: self.native_max]

    @override
    async def async_set_value(self, value: str) -> None:
        """Set the text."""
        await self.async_set(value)
