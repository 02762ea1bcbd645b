"""Choices of a bridge app's devices."""

from typing import override

from homeassistant.components.select import SelectEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_link import AppLink
from .app_setup import AppConfigEntry, AppDeviceCoordinator
from .bridge.controls import SelectControl

PARALLEL_UPDATES = 0  # the app queues commands by itself


async def async_setup_entry(
    hass: HomeAssistant, entry: AppConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the choices that the app declares."""
    async_add_controls(entry, async_add_entities, SelectControl, AppSelect)


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
        return str(self.shown) if self.shown in self.control.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Send the option."""
        await self.async_send(option, option)
