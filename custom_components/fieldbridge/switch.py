"""Switches of a bridge app's devices."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_setup import AppConfigEntry
from .bridge.controls import SwitchControl

PARALLEL_UPDATES = 0  # the app queues commands by itself


async def async_setup_entry(
    hass: HomeAssistant, entry: AppConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches that the app declares."""
    async_add_controls(entry, async_add_entities, SwitchControl, AppSwitch)


class AppSwitch(ControlEntity[SwitchControl], SwitchEntity):
    """A switch of a device."""

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether the device says on, None before it says anything."""
        shown = self.shown
        return None if shown is None else shown is True or shown == self.control.on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Send the command for on."""
        await self.async_send(self.control.on, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Send the command for off."""
        await self.async_send(self.control.off, False)
