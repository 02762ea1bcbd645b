"""The seam between the bridge and Home Assistant: one coordinator per device, one for the link itself."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
import logging
from typing import Any, Protocol, override

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import slugify

from .bridge.channels import DeviceProfile, DeviceSession, Value
from .bridge.health.link_status import LinkState, LinkStatus
from .bridge.links import Link
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

SIGNAL_LINK = f"{DOMAIN}_link_{{}}"
"""Sent with (is up, error) when the link of an entry goes down or comes back."""
_COUNTER_INTERVAL = timedelta(seconds=30)
"""Counters are for a person who looks; nothing waits for them."""

type FieldbridgeConfigEntry = ConfigEntry[FieldbridgeData]


class Session(Protocol):
    """The living values of one device, by channel key."""

    @property
    def available(self) -> bool:
        """Whether the device speaks."""
        ...

    def value(self, key: str) -> Value | None:
        """Return the latest value of a channel, None when there is none."""
        ...

    def is_available(self, key: str) -> bool:
        """Whether the value of a channel is fresh."""
        ...

    def on_value(self, key: str, listener: Callable[[Value | None], None]) -> Callable[[], None]:
        """Call ``listener`` with every changed value of a channel; returns the unsubscribe."""
        ...

    def on_availability(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when the device or a channel becomes available or unavailable; returns the unsubscribe."""
        ...


class SessionCoordinator[S: Session](DataUpdateCoordinator[None]):
    """Availability of one device; its values go straight to the entities that show them.

    ``unique_prefix`` identifies the device for ever: unique ids are built from it.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        name: str,
        unique_prefix: str,
        session: S,
        device_info: dr.DeviceInfo,
    ) -> None:
        """Follow the session of one device."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=name, update_interval=None)
        self.unique_prefix = unique_prefix
        self.session = session
        self.last_update_success = session.available
        self.device_info = device_info
        self.entities: set[Entity] = set()
        """What is shown of the device now; entities enter and leave by themselves."""
        self._stop_listening = session.on_availability(self._availability_changed)

    @property
    def shown_name(self) -> str:
        """What the user calls the device, else the name it came with."""
        assert self.config_entry is not None  # noqa: S101  - see __init__
        (identifier,) = self.device_info["identifiers"]
        device = dr.async_get(self.hass).async_get_device_by_identifier(identifier, self.config_entry.entry_id)
        return (device.name_by_user if device is not None else None) or self.name

    @callback
    def _availability_changed(self) -> None:
        if self.session.available != self.last_update_success:
            self.last_update_success = self.session.available
            if self.last_update_success:
                _LOGGER.info("%s sends values", self.name)
            else:
                _LOGGER.info("%s is silent or its link is down", self.name)
        self.async_update_listeners()

    @override
    async def async_shutdown(self) -> None:
        """Stop following the session and take its entities out of Home Assistant; their registry entries stay."""
        self._stop_listening()
        await asyncio.gather(*(entity.async_remove() for entity in tuple(self.entities)))
        await super().async_shutdown()


class DeviceCoordinator(SessionCoordinator[DeviceSession]):
    """One device behind a link."""

    config_entry: FieldbridgeConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: FieldbridgeConfigEntry,
        subentry: ConfigSubentry,
        session: DeviceSession,
        link_device_id: str,
    ) -> None:
        """Follow the session of the subentry's device."""
        device_info = dr.DeviceInfo(
            identifiers={(DOMAIN, subentry.subentry_id)},
            name=subentry.title,
            manufacturer=session.profile.manufacturer,
            model=session.profile.model,
            via_device_id=link_device_id,
        )
        super().__init__(hass, entry, subentry.title, subentry.subentry_id, session, device_info)
        self.subentry_id = subentry.subentry_id


class ServiceCoordinator(DataUpdateCoordinator[dict[str, Any]]):
    """State and counters of what an entry stands for: a link or an app."""

    config_entry: ConfigEntry

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, statistics: Callable[[], dict[str, Any]]) -> None:
        """Read ``statistics`` from time to time."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title, update_interval=_COUNTER_INTERVAL)
        self._statistics = statistics
        self.data = statistics()
        self.device_info = dr.DeviceInfo(
            identifiers={(DOMAIN, entry.entry_id)},
            name=entry.title,
            manufacturer="Fieldbridge",
            entry_type=dr.DeviceEntryType.SERVICE,
        )

    @property
    def is_up(self) -> bool:
        """Whether the link is open, or the app runs."""
        raise NotImplementedError

    @override
    async def _async_update_data(self) -> dict[str, Any]:
        return self._statistics()


class LinkCoordinator(ServiceCoordinator):
    """State and counters of a link."""

    config_entry: FieldbridgeConfigEntry

    def __init__(self, hass: HomeAssistant, entry: FieldbridgeConfigEntry, link: Link) -> None:
        """Follow one link."""
        super().__init__(hass, entry, link.statistics)
        self._link = link
        self._was_up: bool | None = None
        entry.async_on_unload(link.on_status(self._status_changed))

    @property
    @override
    def is_up(self) -> bool:
        """Whether the link is open."""
        return self._link.status.state is LinkState.UP

    @callback
    def _status_changed(self, status: LinkStatus) -> None:
        is_up = status.state is LinkState.UP
        # The first opening is no coming back; that the first attempts fail is a link that is down.
        if status.state is not LinkState.CONNECTING and is_up != self._was_up:
            if not is_up or self._was_up is not None:
                error = str(status.error) if status.error else None
                async_dispatcher_send(self.hass, SIGNAL_LINK.format(self.config_entry.entry_id), is_up, error)
            self._was_up = is_up
        self.async_update_listeners()


@dataclass
class FieldbridgeData:
    """What a loaded entry holds: the running link and a coordinator per device."""

    link: Link
    link_coordinator: LinkCoordinator
    link_device_id: str
    settings: dict[str, Any]
    """Data and options that the link was started with; a difference means a reload."""
    stop: Callable[[], Awaitable[None]] | None = None
    """Ends the running link."""
    updating: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while devices are rebuilt: what changes meanwhile is looked at afterwards."""
    devices: dict[str, DeviceCoordinator] = field(default_factory=dict)
    new_device_listeners: list[Callable[[DeviceCoordinator], None]] = field(default_factory=list)

    @callback
    def async_on_device(self, listener: Callable[[DeviceCoordinator], None]) -> CALLBACK_TYPE:
        """Call ``listener`` for every device that is there and for every one that comes; returns the unsubscribe."""
        self.new_device_listeners.append(listener)
        for coordinator in self.devices.values():
            listener(coordinator)
        return lambda: self.new_device_listeners.remove(listener)

    @callback
    def async_start_device(
        self, hass: HomeAssistant, entry: FieldbridgeConfigEntry, subentry: ConfigSubentry, profile: DeviceProfile
    ) -> None:
        """Begin a device, or begin it anew, while the link and the other devices go on."""
        session = self.link.set_device(subentry.subentry_id, profile, topic=device_topic(entry, subentry))
        coordinator = DeviceCoordinator(hass, entry, subentry, session, self.link_device_id)
        self.devices[subentry.subentry_id] = coordinator
        for listener in tuple(self.new_device_listeners):
            listener(coordinator)


def device_topic(entry: ConfigEntry, subentry: ConfigSubentry) -> str:
    """Return the name of a device on the MQTT mirror, which no other device of the link has."""
    topic = slugify(subentry.title)
    for other in entry.subentries.values():
        if other.subentry_id == subentry.subentry_id:
            break
        if slugify(other.title) == topic:
            return f"{topic}_{subentry.subentry_id[-4:].lower()}"
    return topic


def app_device_identifier(entry: ConfigEntry, name: str) -> str:
    """Return what identifies a device of an app for ever."""
    return f"{entry.entry_id}/{name}"


def app_device_name(entry: ConfigEntry, device: dr.AnyDeviceEntry) -> str | None:
    """Return the name that the app gave a device, None for the device that stands for the app itself."""
    start = app_device_identifier(entry, "")
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and identifier.startswith(start):
            return identifier.removeprefix(start)
    return None
