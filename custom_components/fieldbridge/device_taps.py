"""Taps of devices: every value, for recordings and triggers that outlive the sessions behind a device."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import time
from typing import Any, NamedTuple, Protocol, runtime_checkable

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .bridge.channels import Channel, Value
from .bridge.recordings import TappedSample
from .const import DOMAIN
from .coordinator import Session, SessionCoordinator

DATA_TAPS: HassKey[DeviceTaps] = HassKey("fieldbridge_taps")

type AttachListener = Callable[[SessionCoordinator[Any] | None, SessionCoordinator[Any] | None], None]
"""Called with what stood behind a device and what does now; None is nothing."""


@runtime_checkable
class _Tapped(Protocol):
    """A session that shows every value of every frame; those of apps publish states instead."""

    def live_value(self, key: str) -> Value | None:
        """Return the latest filtered value of a channel."""
        ...

    def on_samples(self, listener: Callable[[Sequence[TappedSample]], None]) -> Callable[[], None]:
        """Call ``listener`` with every value of every accepted batch."""
        ...


class _State(NamedTuple):
    """One changed value of an app's device, as a frame of its own."""

    time: float
    values: Mapping[str, Value | None]


class DeviceTap:
    """The source of one device for one consumer; outlives the sessions that stand behind the device."""

    def __init__(self, unique_prefix: str, keys: Iterable[str]) -> None:
        """Tap the channels ``keys`` of the device with ``unique_prefix``."""
        self.unique_prefix = unique_prefix
        self.coordinator: SessionCoordinator[Any] | None = None
        self._keys = tuple(keys)
        self._listener: Callable[[Sequence[TappedSample]], None] | None = None
        self._unsubscribes: list[CALLBACK_TYPE] = []
        self._on_attach: AttachListener = _nobody_listens
        self._on_silence: Callable[[str], None] = _nobody_listens
        self._available = False
        self._is_silent = False
        """Whether its silence was told."""
        self._stop_watching: CALLBACK_TYPE | None = None

    def is_fresh(self, key: str) -> bool:
        """Whether the value of a channel is one of now."""
        return self.coordinator is not None and _is_fresh(self.coordinator, key)

    def fresh_value(self, key: str) -> Value | None:
        """Return the latest value of a channel, None while it is not fresh."""
        return None if self.coordinator is None else fresh_value(self.coordinator, key)

    def on_samples(self, listener: Callable[[Sequence[TappedSample]], None]) -> CALLBACK_TYPE:
        """Tell ``listener`` every value from now on, whichever session has it."""
        self._listener = listener
        self._subscribe()

        def unsubscribe() -> None:
            self._listener = None
            self._unsubscribe()

        return unsubscribe

    def on_attach(self, listener: AttachListener) -> None:
        """Call ``listener`` whenever another session, or none, stands behind the device."""
        self._on_attach = listener

    def on_silence(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with what to note when the device falls silent, and when it speaks again."""
        self._on_silence = listener

    @callback
    def async_attach(self, coordinator: SessionCoordinator[Any] | None) -> None:
        """Go on with another session, or with none."""
        before = self.coordinator
        if coordinator is before:
            return
        self._unsubscribe()
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None
        self.coordinator = coordinator
        if coordinator is not None:
            self._available, self._is_silent = coordinator.session.available, False
            self._stop_watching = coordinator.session.on_availability(self._availability_changed)
        self._subscribe()
        self._on_attach(before, coordinator)

    @callback
    def _availability_changed(self) -> None:
        if self.coordinator is None or self.coordinator.session.available == self._available:
            return
        self._available = not self._available
        if not self._available:
            self._is_silent = True
            self._on_silence(f"{self.coordinator.shown_name}: silent, or its link is down")
        elif self._is_silent:
            self._is_silent = False
            self._on_silence(f"{self.coordinator.shown_name}: speaks again")

    def _subscribe(self) -> None:
        if self.coordinator is None or self._listener is None:
            return
        session, listener = self.coordinator.session, self._listener
        if isinstance(session, _Tapped):
            self._unsubscribes.append(session.on_samples(listener))
            return
        for key in self._keys:
            self._unsubscribes.append(
                session.on_value(key, lambda value, key=key: listener([_State(time.monotonic(), {key: value})]))
            )

    def _unsubscribe(self) -> None:
        for unsubscribe in self._unsubscribes:
            unsubscribe()
        self._unsubscribes.clear()


class DeviceTaps:
    """All taps of this Home Assistant; each follows its device through reloads, changes and its removal."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin without any."""
        self._hass = hass
        self._taps: dict[str, list[DeviceTap]] = {}

    @callback
    def async_add(self, tap: DeviceTap) -> None:
        """Attach a tap to its device, now or as soon as the device runs, until ``async_remove``."""
        self._taps.setdefault(tap.unique_prefix, []).append(tap)
        tap.async_attach(async_coordinators(self._hass).get(tap.unique_prefix))

    @callback
    def async_remove(self, tap: DeviceTap) -> None:
        """Take a tap off its device; its consumer knows, and is told nothing."""
        taps = self._taps[tap.unique_prefix]
        taps.remove(tap)
        if not taps:
            del self._taps[tap.unique_prefix]
        tap.on_attach(_nobody_listens)
        tap.async_attach(None)

    @callback
    def async_follow(self, entry: ConfigEntry) -> None:
        """Keep taps on an entry's devices while they are rebuilt, and when the entry is loaded anew."""
        entry.async_on_unload(entry.runtime_data.async_on_device(self._device_came))
        entry.async_on_unload(lambda: self._entry_unloaded(entry))

    @callback
    def async_device_gone(self, unique_prefix: str) -> None:
        """Take the taps of a device off it; they are attached again when it is back."""
        for tap in tuple(self._taps.get(unique_prefix, ())):
            tap.async_attach(None)

    @callback
    def _device_came(self, coordinator: SessionCoordinator[Any]) -> None:
        for tap in tuple(self._taps.get(coordinator.unique_prefix, ())):
            tap.async_attach(coordinator)

    @callback
    def _entry_unloaded(self, entry: ConfigEntry) -> None:
        for coordinator in entry.runtime_data.devices.values():
            self.async_device_gone(coordinator.unique_prefix)


@singleton(DATA_TAPS)
@callback
def async_device_taps(hass: HomeAssistant) -> DeviceTaps:
    """Return all taps."""
    return DeviceTaps(hass)


@callback
def async_coordinators(hass: HomeAssistant) -> dict[str, SessionCoordinator[Any]]:
    """Return all devices that run, by their unique prefix."""
    return {
        coordinator.unique_prefix: coordinator
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.state is ConfigEntryState.LOADED
        for coordinator in entry.runtime_data.devices.values()
    }


def tappable_channels(coordinator: SessionCoordinator[Any]) -> list[Channel]:
    """Return the channels of a device that have values of their own."""
    session = coordinator.session
    profile = getattr(session, "profile", None)
    channels: Iterable[Channel] = profile.channels if profile is not None else session.channels.values()
    return [channel for channel in channels if channel.source]


def fresh_value(coordinator: SessionCoordinator[Any], key: str) -> Value | None:
    """Return the latest filtered value of a channel, None while it is not fresh."""
    if not _is_fresh(coordinator, key):
        return None
    session: Session = coordinator.session
    return session.live_value(key) if isinstance(session, _Tapped) else session.value(key)


def _is_fresh(coordinator: SessionCoordinator[Any], key: str) -> bool:
    session: Session = coordinator.session
    try:
        return session.is_available(key)
    except KeyError:  # the device has no such channel any more
        return False


def _nobody_listens(*_: object) -> None:
    """A tap whose consumer does not ask for this."""
