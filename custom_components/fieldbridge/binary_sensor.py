"""Binary sensors: switch states of devices, and whether a link is open."""

from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_setup import async_add_app_channels
from .bridge.channels import Channel, Value
from .const import CONF_KIND, KIND_APP
from .coordinator import SessionCoordinator
from .entity import ChannelEntity, LinkEntity, async_add_channels
from .units import known_class

PARALLEL_UPDATES = 0

CONNECTIVITY = BinarySensorEntityDescription(
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)
RUNNING = BinarySensorEntityDescription(
    key="running",
    device_class=BinarySensorDeviceClass.RUNNING,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the connectivity of the link, and the switch states of each device as it comes."""
    is_app = entry.data[CONF_KIND] == KIND_APP
    async_add_entities([LinkConnectivity(entry.runtime_data.link_coordinator, RUNNING if is_app else CONNECTIVITY)])
    if is_app:
        async_add_app_channels(hass, entry, async_add_entities, Platform.BINARY_SENSOR, ChannelBinarySensor)
    else:
        async_add_channels(entry, async_add_entities, Platform.BINARY_SENSOR, ChannelBinarySensor)


class ChannelBinarySensor(ChannelEntity, BinarySensorEntity):
    """A switch state of a device."""

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show ``channel``."""
        super().__init__(coordinator, channel)
        self._attr_device_class = known_class(BinarySensorDeviceClass, channel.device_class, channel.name)

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_is_on = None if value is None else bool(value)


class LinkConnectivity(LinkEntity, BinarySensorEntity):
    """Whether the link is open, or the app runs."""

    @property
    @override
    def is_on(self) -> bool:
        """True while the link is open, or the app runs."""
        return self.coordinator.is_up

    @property
    @override
    def available(self) -> bool:
        """Always: being down is what it tells."""
        return True
