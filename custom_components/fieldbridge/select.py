"""Choices of devices."""

from typing import Any, override

from homeassistant.components.select import SelectEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_link import AppLink
from .app_setup import AppDeviceCoordinator
from .bridge.channels import Channel, Value
from .bridge.controls import SelectControl
from .const import CONF_KIND, KIND_APP
from .coordinator import SessionCoordinator
from .entity import ChannelEntity, async_add_channels

PARALLEL_UPDATES = 0  # links and apps queue commands by themselves


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the choices that devices have, those that are there and those that come."""
    if entry.data[CONF_KIND] == KIND_APP:
        async_add_controls(entry, async_add_entities, SelectControl, AppSelect)
    else:
        async_add_channels(entry, async_add_entities, Platform.SELECT, ChannelSelect)


class AppSelect(ControlEntity[SelectControl], SelectEntity):
    """A choice of a device."""

    def __init__(self, coordinator: AppDeviceCoordinator, link: AppLink, control: SelectControl) -> None:
        """Offer ``control``."""
        super().__init__(coordinator, link, control)
        self._attr_options = list(control.options)

    @property
    @override
    def current_option(self) -> str | None:
        """The chosen option, None for what is none."""
        shown = str(self.shown)  # which may be a number
        return shown if self.shown is not None and shown in self.control.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Send the option."""
        await self.async_send(option, option)


class ChannelSelect(ChannelEntity, SelectEntity):
    """A choice of a device behind a link."""

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show and set ``channel``."""
        self._attr_options = list(channel.write.options) if channel.write else []
        super().__init__(coordinator, channel)

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_current_option = str(value) if value in self.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Set the option."""
        await self.async_set(option)
