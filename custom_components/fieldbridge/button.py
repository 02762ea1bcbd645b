"""Buttons of devices."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .bridge.channels import Value
from .bridge.controls import ButtonControl
from .const import CONF_KIND, KIND_APP
from .entity import ChannelEntity, async_add_channels

PARALLEL_UPDATES = 0  # links and apps queue commands by themselves


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons that devices have, those that are there and those that come."""
    if entry.data[CONF_KIND] == KIND_APP:
        async_add_controls(entry, async_add_entities, ButtonControl, AppButton)
    else:
        async_add_channels(entry, async_add_entities, Platform.BUTTON, ChannelButton)


class AppButton(ControlEntity[ButtonControl], ButtonEntity):
    """A button of a device."""

    @override
    async def async_press(self) -> None:
        """Send the button's command."""
        await self.async_send(self.control.payload)


class ChannelButton(ChannelEntity, ButtonEntity):
    """A button of a device behind a link."""

    @override
    def _show(self, value: Value | None) -> None:
        """Show nothing: a button has no state but when it was pressed."""

    @override
    async def async_press(self) -> None:
        """Send what the button stands for."""
        await self.async_set(True)
