"""Entities that command a device of a bridge app, as its handlers declare them."""

from collections.abc import Callable
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import slugify

from .app_commands import async_send_command
from .app_device import AppDevice
from .app_link import AppLink
from .app_setup import AppConfigEntry, AppDeviceCoordinator
from .bridge.channels import Value
from .bridge.controls import Control
from .coordinator import SessionCoordinator


class ControlEntity[C: Control](CoordinatorEntity[SessionCoordinator[AppDevice]]):
    """One control of a device; without a path in the state it shows what was sent last."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: AppDeviceCoordinator, link: AppLink, control: C) -> None:
        """Offer ``control`` of the coordinator's device."""
        super().__init__(coordinator)
        self._link = link
        self.control = control
        self._sent: Value | None = None
        self._attr_name = control.name
        self._attr_unique_id = f"{coordinator.unique_prefix}_control_{slugify(control.name)}"
        self._attr_device_info = coordinator.device_info
        self._attr_assumed_state = control.state is None

    @property
    def shown(self) -> Value | None:
        """What the device says, or else what it was told."""
        path = self.control.state
        return self._sent if path is None else self.coordinator.session.value(path)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the path in the state."""
        await super().async_added_to_hass()
        self.coordinator.entities.add(self)
        self.async_on_remove(lambda: self.coordinator.entities.discard(self))
        if self.control.state is not None:
            self.async_on_remove(self.coordinator.session.on_value(self.control.state, self._state_changed))

    @callback
    def _state_changed(self, _: Value | None) -> None:
        self.async_write_ha_state()

    async def async_send(self, payload: str, shown: Value | None = None) -> None:
        """Send a command to the device. Raises HomeAssistantError when its handler fails, or it takes none."""
        session = self.coordinator.session
        await async_send_command(self._link, session.name, payload, self.control.sub_topic)
        self._sent = shown
        self.async_write_ha_state()


@callback
def async_add_controls[C: Control](
    entry: AppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    kind: type[C],
    make: Callable[[AppDeviceCoordinator, AppLink, C], Entity],
) -> None:
    """Add the controls of one kind of every device, those that are there and those that come."""
    link = entry.runtime_data.link

    @callback
    def add_device(coordinator: AppDeviceCoordinator) -> None:
        offered = link.controls(coordinator.session.name)
        async_add_entities([make(coordinator, link, control) for control in offered if isinstance(control, kind)])

    entry.async_on_unload(entry.runtime_data.async_on_device(add_device))
