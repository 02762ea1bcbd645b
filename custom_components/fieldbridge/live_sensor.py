"""A second entity of a channel that follows faster, for eyes and automations, not for the history."""

from datetime import datetime, timedelta
from typing import Any, Final, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .bridge.channels import Channel
from .const import DOMAIN
from .coordinator import DeviceCoordinator, FieldbridgeConfigEntry
from .units import known_class
from .write_budget import async_write_budget

LIVE_KEY: Final = "live"
LIVE_INTERVAL: Final = timedelta(seconds=0.5)
_RECORDER: Final = "recorder"
_GLOB: Final = "sensor.*_live"
"""Excludes the live entities that keep their name, all at once."""


@callback
def async_add_live_sensors(entry: FieldbridgeConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Add the live entities of every device that is there, and of each one that comes while the link runs."""

    @callback
    def add_device(coordinator: DeviceCoordinator) -> None:
        channels = coordinator.session.profile.channels
        async_add_entities(
            [LiveSensor(coordinator, channel) for channel in channels if channel.live],
            config_subentry_id=coordinator.subentry_id,
        )

    entry.async_on_unload(entry.runtime_data.async_on_device(add_device))


def live_unique_id(prefix: str, key: str) -> str:
    """Return the unique id of a channel's live entity; no key of a channel has a slash."""
    return f"{prefix}_{key}/live"


class LiveSensor(CoordinatorEntity[DeviceCoordinator], SensorEntity):
    """Shows the filtered value twice a second, whatever the publish policy holds back.

    Every state of an entity is recorded unless a person excludes it, which a repair asks for.
    """

    _attr_has_entity_name = True
    _attr_entity_registry_enabled_default = False
    _attr_translation_key = LIVE_KEY

    def __init__(self, coordinator: DeviceCoordinator, channel: Channel) -> None:
        """Follow ``channel`` of the coordinator's device."""
        super().__init__(coordinator)
        self._key = channel.key
        self._attr_unique_id = live_unique_id(coordinator.unique_prefix, channel.key)
        self._attr_device_info = coordinator.device_info
        self._attr_translation_placeholders = {"channel": channel.name}
        self._attr_native_unit_of_measurement = channel.unit
        self._attr_suggested_display_precision = channel.precision
        self._attr_device_class = known_class(SensorDeviceClass, channel.device_class, channel.name)
        self._look()

    @override
    async def async_added_to_hass(self) -> None:
        """Begin to look."""
        await super().async_added_to_hass()
        self.coordinator.entities.add(self)
        self.async_on_remove(lambda: self.coordinator.entities.discard(self))
        self.async_on_remove(lambda: async_write_budget(self.hass).withdraw(self))
        self.async_on_remove(async_track_time_interval(self.hass, self._look_again, LIVE_INTERVAL))
        self._tell_recorder()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Take the repair back with the entity."""
        ir.async_delete_issue(self.hass, DOMAIN, self._issue_id)
        await super().async_will_remove_from_hass()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._look()
        self.async_write_ha_state()

    @callback
    def _look_again(self, _: datetime) -> None:
        if self._look() and async_write_budget(self.hass).admit(self, self.async_write_ha_state):
            self.async_write_ha_state()

    def _look(self) -> bool:
        """Take over what is known; return whether it is another value."""
        session = self.coordinator.session
        before: tuple[Any, bool] = (self._attr_native_value, self._attr_available)
        self._attr_available = self.coordinator.last_update_success and session.is_available(self._key)
        self._attr_native_value = session.live_value(self._key)
        return before != (self._attr_native_value, self._attr_available)

    @property
    def _issue_id(self) -> str:
        return f"live_recorded_{self._attr_unique_id}"

    @callback
    def _tell_recorder(self) -> None:
        """Ask for the exclusion while it is missing: an integration has no say in what is recorded."""
        if _RECORDER not in self.hass.config.components:
            return
        from homeassistant.components.recorder import is_entity_recorded

        if not is_entity_recorded(self.hass, self.entity_id):
            return
        glob = _GLOB if self.entity_id.endswith("_live") else self.entity_id
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="live_recorded",
            translation_placeholders={
                "entity": self.entity_id,
                "lines": f"recorder:\n  exclude:\n    entity_globs:\n      - {glob}",
            },
        )
