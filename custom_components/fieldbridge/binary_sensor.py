"""Binary sensors: switch states of devices, and whether a link is open."""

from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bridge.channels import Channel, Value
from .coordinator import DeviceCoordinator, FieldbridgeConfigEntry
from .entity import ChannelEntity, LinkEntity, async_add_channels

PARALLEL_UPDATES = 0

CONNECTIVITY = BinarySensorEntityDescription(
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: FieldbridgeConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the connectivity of the link, and the switch states of each device as it comes."""
    async_add_entities([LinkConnectivity(entry.runtime_data.link_coordinator, CONNECTIVITY)])
    async_add_channels(entry, async_add_entities, Platform.BINARY_SENSOR, ChannelBinarySensor)


class ChannelBinarySensor(ChannelEntity, BinarySensorEntity):
    """A switch state of a device."""

    def __init__(self, coordinator: DeviceCoordinator, channel: Channel) -> None:
        """Show ``channel``."""
        super().__init__(coordinator, channel)
        self._attr_device_class = BinarySensorDeviceClass(channel.device_class) if channel.device_class else None

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_is_on = None if value is None else bool(value)


class LinkConnectivity(LinkEntity, BinarySensorEntity):
    """Whether the link is open."""

    @property
    @override
    def is_on(self) -> bool:
        """True while the link is open."""
        return self.coordinator.is_up

    @property
    @override
    def available(self) -> bool:
        """Always: that the link is down is what it tells."""
        return True
