"""Base entities: a channel of a device, and the link itself."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, override

from homeassistant.const import EntityCategory, Platform
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .bridge.channels import Channel, Value, ValueKind
from .bridge.errors import LinkError, WriteError
from .const import DOMAIN
from .coordinator import DeviceCoordinator, FieldbridgeConfigEntry, ServiceCoordinator, SessionCoordinator
from .write_budget import WriteBudget, async_write_budget

PLATFORMS: Final = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TEXT,
]


def write_interval(channel: Channel) -> float:
    """Return the least seconds between two written states; a publish policy keeps the pace by itself."""
    return 0.0 if channel.publish is not None else channel.pace


def platform_of(channel: Channel) -> Platform:
    """Return the platform that shows a channel, and sets it where it can be set."""
    if channel.write is not None:
        return Platform(channel.write.control.value)
    return Platform.BINARY_SENSOR if channel.kind is ValueKind.BINARY else Platform.SENSOR


@callback
def async_add_channels(
    entry: FieldbridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    platform: Platform,
    make: Callable[[DeviceCoordinator, Channel], ChannelEntity],
) -> None:
    """Add a platform's channels of every device that is there, and of each one that comes while the link runs."""

    @callback
    def add_device(coordinator: DeviceCoordinator) -> None:
        channels = coordinator.session.profile.channels
        async_add_entities(
            [make(coordinator, channel) for channel in channels if platform_of(channel) is platform],
            config_subentry_id=coordinator.subentry_id,
        )

    entry.async_on_unload(entry.runtime_data.async_on_device(add_device))


_AT_ONCE: Final = float("-inf")
"""Stands for the time of the last write where the next one must not wait."""


class ChannelEntity(CoordinatorEntity[SessionCoordinator[Any]]):
    """Shows one channel; hears only of changed values of this channel and writes at a bounded pace.

    The first value, a value that cannot be read and every change of availability are written at once; a value that
    comes too early is written when its time has come, unless a newer one took its place.
    """

    _attr_has_entity_name = True
    available = Entity.available
    """Told by the session, unlike a coordinator's entity, which asks: the device speaks and this value is fresh."""

    def __init__(self, coordinator: SessionCoordinator[Any], channel: Channel) -> None:
        """Show ``channel`` of the coordinator's device."""
        super().__init__(coordinator)
        self.channel = channel
        self._session = coordinator.session
        self._interval = write_interval(channel)
        self._repeats = channel.publish is not None
        """Whether a value is repeated on purpose."""
        self._budget: WriteBudget | None = None
        """Shared by the numbers of all links; none for what never waits."""
        self._written: Value | None = None
        self._written_at = _AT_ONCE
        self._pending: asyncio.TimerHandle | None = None
        self._attr_name = channel.name
        self._attr_unique_id = f"{coordinator.unique_prefix}_{channel.key}"
        self._attr_device_info = coordinator.device_info
        self._attr_entity_category = EntityCategory(channel.category) if channel.category else None
        self._attr_entity_registry_enabled_default = channel.enabled
        self._look()

    def _look(self) -> None:
        """Take over what is known: asked on every change of availability, not at every written state."""
        self._attr_available = self.coordinator.last_update_success and self._session.is_available(self.channel.key)
        self._show(self._session.value(self.channel.key))

    def _show(self, value: Value | None) -> None:
        """Take a value as the entity's state."""
        raise NotImplementedError

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to this channel."""
        await super().async_added_to_hass()
        self._look()
        if self.channel.kind is ValueKind.NUMBER:
            self._budget = async_write_budget(self.hass)
        at_once = not self._interval and self._budget is None
        self.async_on_remove(self._session.on_value(self.channel.key, self._put if at_once else self._value_changed))
        self.async_on_remove(self._cancel_pending)
        self.coordinator.entities.add(self)
        self.async_on_remove(lambda: self.coordinator.entities.discard(self))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write at once: availability is never held back."""
        self._look()
        self._write(self._session.value(self.channel.key))

    async def async_set(self, value: Value) -> None:
        """Set the channel. Raises ServiceValidationError for what is not allowed, HomeAssistantError when it failed."""
        names = {"channel": self.channel.name, "device": self.coordinator.name}
        try:
            await self._session.write(self.channel.key, value)
        except WriteError as err:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="write_refused",
                translation_placeholders={**names, "error": str(err)},
            ) from err
        except LinkError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="write_failed",
                translation_placeholders={**names, "error": str(err)},
            ) from err
        # The reading that confirms it is shown at once, whether it comes now or came while the write was under way.
        self._cancel_pending()
        self._written_at = _AT_ONCE
        if (confirmed := self._session.value(self.channel.key)) != self._written:
            self._write(confirmed)

    @callback
    def _value_changed(self, value: Value | None) -> None:
        if value is None or self._written is None or self._written_at == _AT_ONCE:
            self._write(value)
        elif self._pending is None:
            due = self._written_at + self._interval
            if self._interval and self.hass.loop.time() < due:
                self._pending = self.hass.loop.call_at(due, self._write_in_turn)
            elif self._budget is None or self._budget.admit(self, self._write_latest):
                self._put(value)

    @callback
    def _write_in_turn(self) -> None:
        """Write what is then known, within the budget of all entities if it is a number."""
        self._pending = None
        if self._budget is None or self._budget.admit(self, self._write_latest):
            self._write_latest()

    @callback
    def _write_latest(self) -> None:
        value = self._session.value(self.channel.key)
        if value != self._written or self._repeats:
            self._put(value)

    @callback
    def _write(self, value: Value | None) -> None:
        """Write at once; nothing that waits is needed any more."""
        self._cancel_pending()
        self._put(value)

    @callback
    def _put(self, value: Value | None) -> None:
        self._written = value
        self._written_at = self.hass.loop.time() if self._interval else 0.0
        self._show(value)
        self.async_write_ha_state()

    @callback
    def _cancel_pending(self) -> None:
        if self._budget is not None:
            self._budget.withdraw(self)
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None


class LinkEntity(CoordinatorEntity[ServiceCoordinator]):
    """Shows something of the link or app itself; always available, since it tells about the link being down."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: ServiceCoordinator, description: EntityDescription) -> None:
        """Show what ``description`` names."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.config_entry.entry_id}_{description.key}"
        self._attr_device_info = coordinator.device_info
