"""Sensors: numbers and texts of devices, counters of links."""

from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory, Platform, UnitOfInformation
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .app_setup import async_add_app_channels
from .bridge.channels import Channel, Value, ValueKind
from .const import CONF_KIND, KIND_APP
from .coordinator import SessionCoordinator
from .entity import ChannelEntity, LinkEntity, async_add_channels
from .live_sensor import async_add_live_sensors
from .recording_entities import RECORDING_SENSORS, RecordingSensor, async_add_recording_entities
from .units import known_class

PARALLEL_UPDATES = 0

_COUNTERS = (
    "frames",
    "rejected",
    "unreadable",
    "implausible",
    "checksum",
    "overlong",
    "partial",
    "dropped",
    "unused",
    "oversized",
    "over_budget",
    "reconnects",
)

LINK_SENSORS = (
    SensorEntityDescription(
        key="bytes_received",
        translation_key="bytes_received",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    *(
        SensorEntityDescription(
            key=key,
            translation_key=key,
            state_class=SensorStateClass.TOTAL_INCREASING,
            entity_category=EntityCategory.DIAGNOSTIC,
            entity_registry_enabled_default=False,
        )
        for key in _COUNTERS
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the counters of the link, and the sensors of each device as it comes."""
    is_app = entry.data[CONF_KIND] == KIND_APP
    coordinator = entry.runtime_data.link_coordinator
    async_add_entities(LinkSensor(coordinator, each) for each in LINK_SENSORS if each.key in coordinator.data)
    if is_app:
        async_add_app_channels(hass, entry, async_add_entities, Platform.SENSOR, ChannelSensor)
    else:
        async_add_channels(entry, async_add_entities, Platform.SENSOR, ChannelSensor)
        async_add_live_sensors(entry, async_add_entities)
    async_add_recording_entities(
        entry,
        async_add_entities,
        lambda coordinator: [RecordingSensor(coordinator, description) for description in RECORDING_SENSORS],
    )


class ChannelSensor(ChannelEntity, SensorEntity):
    """A number or a text of a device."""

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show ``channel``."""
        super().__init__(coordinator, channel)
        if channel.kind is ValueKind.NUMBER:
            self._attr_native_unit_of_measurement = channel.unit
            self._attr_suggested_display_precision = channel.precision
            self._attr_device_class = known_class(SensorDeviceClass, channel.device_class, channel.name)
            self._attr_state_class = known_class(SensorStateClass, channel.state_class, channel.name)
        elif channel.texts:
            self._attr_device_class = SensorDeviceClass.ENUM
            self._attr_options = list(dict.fromkeys(channel.texts.values()))

    @override
    def _show(self, value: Value | None) -> None:
        self._attr_native_value = value


class LinkSensor(LinkEntity, SensorEntity):
    """One counter of a link."""

    @property
    @override
    def native_value(self) -> int:
        """The total since the entry was loaded."""
        count: int = self.coordinator.data[self.entity_description.key]
        return count
