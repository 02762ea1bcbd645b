"""Numbers that a bridge app's devices can be set to."""

from typing import override

from homeassistant.components.number import NumberEntity, NumberMode
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_link import AppLink
from .app_setup import AppConfigEntry, AppDeviceCoordinator
from .bridge.controls import NumberControl

PARALLEL_UPDATES = 0  # the app queues commands by itself


async def async_setup_entry(
    hass: HomeAssistant, entry: AppConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numbers that the app declares."""
    async_add_controls(entry, async_add_entities, NumberControl, AppNumber)


class AppNumber(ControlEntity[NumberControl], NumberEntity):
    """A number of a device."""

    _attr_mode = NumberMode.BOX

    def __init__(self, coordinator: AppDeviceCoordinator, link: AppLink, control: NumberControl) -> None:
        """Offer ``control``."""
        super().__init__(coordinator, link, control)
        self._attr_native_min_value = control.minimum
        self._attr_native_max_value = control.maximum
        self._attr_native_step = control.step
        self._attr_native_unit_of_measurement = control.unit

    @property
    @override
    def native_value(self) -> float | None:
        """The number, None for what is none."""
        shown = self.shown
        return shown if isinstance(shown, int | float) else None

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Send the number, a whole one without its decimal point."""
        await self.async_send(str(int(value) if value.is_integer() else value), value)
