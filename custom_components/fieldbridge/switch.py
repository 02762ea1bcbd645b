"""Switches of devices."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .bridge.channels import Channel, Value
from .bridge.controls import SwitchControl
from .const import CONF_KIND, KIND_APP
from .coordinator import SessionCoordinator
from .entity import ChannelEntity, async_add_channels
from .recording_entities import RecordingSwitch, async_add_recording_entities

PARALLEL_UPDATES = 0  # links and apps queue commands by themselves


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches that devices have, those that are there and those that come."""
    if entry.data[CONF_KIND] == KIND_APP:
        async_add_controls(entry, async_add_entities, SwitchControl, AppSwitch)
    else:
        async_add_channels(entry, async_add_entities, Platform.SWITCH, ChannelSwitch)
    async_add_recording_entities(entry, async_add_entities, lambda coordinator: [RecordingSwitch(coordinator)])


class AppSwitch(ControlEntity[SwitchControl], SwitchEntity):
    """A switch of a device."""

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether the device says on, None before it says anything."""
        shown = self.shown
        if shown is None:
            return None
        # 1 is as good as True, unless it stands for off.
        return str(shown) != self.control.off and (shown == 1 or str(shown) == self.control.on)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Send the command for on."""
        await self.async_send(self.control.on, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Send the command for off."""
        await self.async_send(self.control.off, False)


class ChannelSwitch(ChannelEntity, SwitchEntity):
    """A switch of a device behind a link."""

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show and set ``channel``."""
        super().__init__(coordinator, channel)
        self._attr_assumed_state = not channel.source

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_is_on = None if value is None else bool(value)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Set it to on."""
        await self.async_set(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Set it to off."""
        await self.async_set(False)
