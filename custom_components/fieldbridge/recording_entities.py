"""Entities of the recordings of one device: the switch, the numbers, the end."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.event import EventEntity
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.components.switch import SwitchEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory, UnitOfInformation
from homeassistant.core import callback
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bridge.recordings import RecordingEnd, RunningRecording
from .coordinator import DeviceCoordinator, SessionCoordinator
from .device_taps import tappable_channels
from .recording_services import async_begin, recording_title
from .recordings import DATA_RECORDINGS, RecordingRequest, Recordings


@callback
def async_add_recording_entities(
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[SessionCoordinator[Any]], Sequence[Entity]],
) -> None:
    """Add what ``make`` returns for every device that is there and for each one that comes."""

    @callback
    def add_device(coordinator: SessionCoordinator[Any]) -> None:
        subentry_id = coordinator.subentry_id if isinstance(coordinator, DeviceCoordinator) else None
        async_add_entities(make(coordinator), config_subentry_id=subentry_id)

    entry.async_on_unload(entry.runtime_data.async_on_device(add_device))


class RecordingEntity(Entity):
    """Shows something of a device's recordings; available while its link is down, since a recording goes on then."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, coordinator: SessionCoordinator[Any], key: str) -> None:
        """Show the recordings of the coordinator's device."""
        self.coordinator = coordinator
        self._prefix = coordinator.unique_prefix
        # No channel has a key with a slash.
        self._attr_unique_id = f"{self._prefix}/{key}"
        self._attr_translation_key = key
        self._attr_device_info = coordinator.device_info

    @property
    def recordings(self) -> Recordings:
        """All recordings."""
        return self.hass.data[DATA_RECORDINGS]

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of recordings that begin and end."""
        self.async_on_remove(self.recordings.async_on_change(self._prefix, self._changed))
        self.coordinator.entities.add(self)
        self.async_on_remove(lambda: self.coordinator.entities.discard(self))

    @callback
    def _changed(self, recording: RunningRecording) -> None:
        self.async_write_ha_state()


class RecordingSwitch(RecordingEntity, SwitchEntity):
    """Records this device alone, as values come, into a CSV file."""

    def __init__(self, coordinator: SessionCoordinator[Any]) -> None:
        """Record the coordinator's device."""
        super().__init__(coordinator, "recording")
        self._turning = asyncio.Lock()
        """A recording takes a moment to begin, in which nobody may begin another or find nothing to end."""

    @property
    @override
    def is_on(self) -> bool:
        """Whether this device is recorded by itself; with others it is the action that stops."""
        return bool(self.recordings.of_device_alone(self._prefix))

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Begin, unless it is recorded already."""
        async with self._turning:
            if self.is_on:
                return
            coordinator = self.coordinator
            request = RecordingRequest(
                devices=[(coordinator, tappable_channels(coordinator))], title=recording_title([coordinator.shown_name])
            )
            await async_begin(self.hass, request)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """End."""
        async with self._turning:
            for recording in self.recordings.of_device_alone(self._prefix):
                await recording.stop()


@dataclass(frozen=True, kw_only=True)
class RecordingSensorDescription(SensorEntityDescription):
    """What a sensor shows of a recording."""

    value: Callable[[RunningRecording], float]


RECORDING_SENSORS: Final = (
    RecordingSensorDescription(
        key="recording_rate",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement="rows/s",
        suggested_display_precision=1,
        value=lambda recording: round(recording.rate, 2),
    ),
    RecordingSensorDescription(
        key="recording_dropped",
        native_unit_of_measurement="rows",
        value=lambda recording: recording.dropped + recording.skipped,
    ),
    RecordingSensorDescription(
        key="recording_size",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        value=lambda recording: recording.size,
    ),
)


class RecordingSensor(RecordingEntity, SensorEntity):
    """A number of the recordings under way, or of the last one when there is none."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_should_poll = True

    entity_description: RecordingSensorDescription

    def __init__(self, coordinator: SessionCoordinator[Any], description: RecordingSensorDescription) -> None:
        """Show what ``description`` names."""
        super().__init__(coordinator, description.key)
        self.entity_description = description

    @property
    @override
    def native_value(self) -> float | None:
        """The sum over all recordings that the device takes part in; None when there was none since the start."""
        shown = self.recordings.of_device(self._prefix)
        if not shown and (last := self.recordings.last_of_device(self._prefix)) is not None:
            shown = [last]
        return sum(map(self.entity_description.value, shown)) if shown else None


class RecordingEvent(RecordingEntity, EventEntity):
    """A recording of the device is over; the event says why, its attributes what came of it."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_event_types = [end.value for end in RecordingEnd if end is not RecordingEnd.INTERRUPTED]  # noqa: RUF012

    def __init__(self, coordinator: SessionCoordinator[Any]) -> None:
        """Tell of the recordings of the coordinator's device."""
        super().__init__(coordinator, "recording_finished")

    @callback
    @override
    def _changed(self, recording: RunningRecording) -> None:
        if recording.end is not None:
            self._trigger_event(recording.end, recording.summary())
            self.async_write_ha_state()
