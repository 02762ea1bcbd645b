"""Events: a recording of a device is over."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .recording_entities import RecordingEvent, async_add_recording_entities

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the event of each device, those that are there and those that come."""
    async_add_recording_entities(entry, async_add_entities, lambda coordinator: [RecordingEvent(coordinator)])
