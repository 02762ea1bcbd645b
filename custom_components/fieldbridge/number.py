"""Numbers that devices can be set to."""

from typing import Any, override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberMode
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_controls import ControlEntity, async_add_controls
from .app_link import AppLink
from .app_setup import AppDeviceCoordinator
from .bridge.channels import Channel, Value
from .bridge.controls import NumberControl
from .const import CONF_KIND, KIND_APP
from .coordinator import SessionCoordinator
from .entity import ChannelEntity, async_add_channels
from .units import known_class

PARALLEL_UPDATES = 0  # links and apps queue commands by themselves


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numbers that devices have, those that are there and those that come."""
    if entry.data[CONF_KIND] == KIND_APP:
        async_add_controls(entry, async_add_entities, NumberControl, AppNumber)
    else:
        async_add_channels(entry, async_add_entities, Platform.NUMBER, ChannelNumber)


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


class ChannelNumber(ChannelEntity, NumberEntity):
    """A number of a device behind a link that can be set."""

    _attr_mode = NumberMode.BOX

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show and set ``channel``."""
        super().__init__(coordinator, channel)
        self._attr_native_unit_of_measurement = channel.unit
        self._attr_device_class = known_class(NumberDeviceClass, channel.device_class, channel.name)
        if channel.write is not None:
            self._attr_native_min_value = channel.write.minimum
            self._attr_native_max_value = channel.write.maximum
            self._attr_native_step = channel.write.step

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_native_value = value if isinstance(value, int | float) else None

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set the number."""
        await self.async_set(value)
