"""Recordings in Home Assistant: begun for devices, kept within limits, told to entities and repairs."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
from pathlib import Path
import time
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .bridge.channels import Channel, Value
from .bridge.recordings import (
    Catalogue,
    Limits,
    RecordedDevice,
    RecordingEnd,
    RecordingInfo,
    RecordingPlan,
    RunningCapture,
    RunningRecording,
    TappedSample,
    describe_device,
)
from .bridge.streams import OverflowPolicy
from .const import CONF_RECORDING, DOMAIN
from .coordinator import SessionCoordinator

_LOGGER = logging.getLogger(__name__)

DATA_RECORDINGS: HassKey[Recordings] = HassKey("fieldbridge_recordings")

CONF_FOLDER: Final = "folder"
CONF_MAX_SIZE: Final = "max_size"
"""Gigabytes (10^9 bytes) of all recordings together."""
CONF_MAX_AGE: Final = "max_age"
"""Days."""
CONF_KEEP_FREE: Final = "keep_free"
"""Megabytes (10^6 bytes) that stay free on the disk."""
DEFAULT_SETTINGS: Final[dict[str, Any]] = {
    CONF_FOLDER: "",
    CONF_MAX_SIZE: 2.0,
    CONF_MAX_AGE: 30,
    CONF_KEEP_FREE: 500,
}
DEFAULT_FOLDER: Final = "fieldbridge/recordings"
"""Within the folder of Home Assistant's configuration."""

ISSUE_INTERRUPTED: Final = "recording_interrupted"
ISSUE_DISK_FULL: Final = "recording_disk_full"
ATTR_RECORDING: Final = "recording"

_STORE_VERSION: Final = 1
_HOUSEKEEPING: Final = timedelta(minutes=10)
_GONE_AFTER: Final = 30.0
"""Seconds without any of its devices after which a recording ends; a reload of an entry takes less."""
_DISK_ENDS: Final = frozenset({RecordingEnd.DISK_FULL, RecordingEnd.WRITE_FAILED})


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
    """The source of one device in one recording; outlives the sessions that stand behind the device."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Tap the channels ``keys``."""
        self.coordinator: SessionCoordinator[Any] | None = None
        self._keys = tuple(keys)
        self._listener: Callable[[Sequence[TappedSample]], None] | None = None
        self._unsubscribes: list[CALLBACK_TYPE] = []
        self._on_silence: Callable[[str], None] = _nobody_listens
        self._available = False
        self._is_silent = False
        """Whether its silence was told."""
        self._stop_watching: CALLBACK_TYPE | None = None

    def fresh_value(self, key: str) -> Value | None:
        """Return the latest value of a channel, None while it is not fresh."""
        if self.coordinator is None:
            return None
        session = self.coordinator.session
        try:
            if not session.is_available(key):
                return None
            return session.live_value(key) if isinstance(session, _Tapped) else session.value(key)
        except KeyError:  # the device has no such channel any more
            return None

    def on_samples(self, listener: Callable[[Sequence[TappedSample]], None]) -> CALLBACK_TYPE:
        """Tell ``listener`` every value from now on, whichever session has it."""
        self._listener = listener
        self._subscribe()

        def unsubscribe() -> None:
            self._listener = None
            self._unsubscribe()

        return unsubscribe

    @callback
    def async_attach(self, coordinator: SessionCoordinator[Any] | None) -> None:
        """Go on with another session, or with none."""
        self._unsubscribe()
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None
        self.coordinator = coordinator
        if coordinator is not None:
            self._available, self._is_silent = coordinator.session.available, False
            self._stop_watching = coordinator.session.on_availability(self._availability_changed)
        self._subscribe()

    def on_silence(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with what to note when the device falls silent, and when it speaks again."""
        self._on_silence = listener

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


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingRequest:
    """What somebody wants recorded: the channels of each device, by coordinator."""

    devices: Sequence[tuple[SessionCoordinator[Any], Sequence[Channel]]]
    title: str
    suffix: str = ".csv"
    wide: bool = True
    rate_hz: float | None = None
    duration: float | None = None
    overflow: OverflowPolicy = OverflowPolicy.BLOCK


class Recordings:
    """All recordings of this Home Assistant."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with the default settings; ``async_load`` reads those that were stored."""
        self.hass = hass
        self.settings: dict[str, Any] = dict(DEFAULT_SETTINGS)
        self.catalogue = Catalogue(self.default_folder)
        self._store: Store[dict[str, Any]] = Store(hass, _STORE_VERSION, f"{DOMAIN}.recordings")
        self._taps: dict[RunningRecording, dict[str, DeviceTap]] = {}
        """By the unique prefix of the device."""
        self._last: dict[str, RunningRecording] = {}
        """The recording of each device that ended last."""
        self._listeners: dict[str, list[Callable[[RunningRecording], None]]] = {}
        self._gone_timers: dict[RunningRecording, CALLBACK_TYPE] = {}
        self._recovered: asyncio.Task[None] | None = None

    @property
    def default_folder(self) -> Path:
        """Where recordings are unless another folder was chosen."""
        return Path(self.hass.config.path(DEFAULT_FOLDER))

    async def async_load(self) -> None:
        """Read the settings, and begin to make whole what was interrupted."""
        stored = await self._store.async_load()
        self._use(DEFAULT_SETTINGS | (stored or {}))
        self._recovered = self.hass.async_create_background_task(self._async_recover(), f"{DOMAIN} recover recordings")
        self.hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._async_stop_all)
        async_track_time_interval(
            self.hass, self._async_keep_house, _HOUSEKEEPING, name="fieldbridge recordings", cancel_on_shutdown=True
        )

    async def async_set(self, settings: Mapping[str, Any]) -> None:
        """Use and store other settings; the folder may change only while nothing is recorded."""
        self._use(settings)
        await self._store.async_save(dict(settings))
        await self._async_keep_house()

    async def async_ready(self) -> None:
        """Wait until what was interrupted is whole: nothing may be recorded in the folder before."""
        if self._recovered is not None:
            await asyncio.shield(self._recovered)

    async def async_start(self, request: RecordingRequest) -> RunningRecording:
        """Begin a recording. Raises ValueError, RecordingError, SinkError, OSError."""
        await self.async_ready()
        taps: dict[str, DeviceTap] = {}
        described: list[RecordedDevice] = []
        for coordinator, channels in request.devices:
            info = coordinator.device_info
            device = describe_device(
                coordinator.unique_prefix,
                coordinator.shown_name,
                channels,
                described,
                manufacturer=info.get("manufacturer"),
                model=info.get("model"),
            )
            tap = taps[device.id] = DeviceTap(channel.key for channel in channels)
            tap.async_attach(coordinator)
            described.append(device)
        plan = RecordingPlan(
            title=request.title,
            devices=[(device, taps[device.id]) for device in described],
            suffix=request.suffix,
            wide=request.wide,
            rate_hz=request.rate_hz,
            duration=request.duration,
            overflow=request.overflow,
        )
        recording = await self.catalogue.start(plan)
        _LOGGER.info("%s is being recorded: %s", ", ".join(device.name for device in described), recording.name)
        ir.async_delete_issue(self.hass, DOMAIN, ISSUE_DISK_FULL)
        self._taps[recording] = taps
        for tap in taps.values():
            tap.on_silence(recording.mark)
        recording.on_end(self._ended)
        self._tell(recording)
        return recording

    def of_device(self, unique_prefix: str) -> list[RunningRecording]:
        """Return the recordings under way that a device takes part in."""
        return [recording for recording, taps in self._taps.items() if unique_prefix in taps]

    def of_device_alone(self, unique_prefix: str) -> list[RunningRecording]:
        """Return the recordings under way of this device and no other."""
        return [recording for recording in self.of_device(unique_prefix) if len(self._taps[recording]) == 1]

    def last_of_device(self, unique_prefix: str) -> RunningRecording | None:
        """Return the recording of a device that ended last since the start, None when there was none."""
        return self._last.get(unique_prefix)

    @callback
    def async_on_change(self, unique_prefix: str, listener: Callable[[RunningRecording], None]) -> CALLBACK_TYPE:
        """Call ``listener`` when a recording of a device begins or ends; returns the unsubscribe."""
        listeners = self._listeners.setdefault(unique_prefix, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    async def async_delete(self, name: str) -> RecordingInfo:
        """Delete a recording. Raises RecordingError, OSError."""
        info = await self.hass.async_add_executor_job(self.catalogue.delete, name)
        ir.async_delete_issue(self.hass, DOMAIN, f"{ISSUE_INTERRUPTED}_{name}")
        return info

    @callback
    def async_follow(self, entry: ConfigEntry) -> None:
        """Let the recordings of an entry's devices go on while they are rebuilt, and when the entry is loaded anew."""
        data = entry.runtime_data
        entry.async_on_unload(data.async_on_device(self._device_came))
        entry.async_on_unload(lambda: self._entry_unloaded(entry))

    @callback
    def _device_came(self, coordinator: SessionCoordinator[Any]) -> None:
        for recording, taps in self._taps.items():
            tap = taps.get(coordinator.unique_prefix)
            if tap is None or tap.coordinator is coordinator:
                continue
            tap.async_attach(coordinator)
            recording.mark(f"{coordinator.shown_name}: back, or changed")
            if (cancel := self._gone_timers.pop(recording, None)) is not None:
                cancel()

    @callback
    def async_device_gone(self, unique_prefix: str) -> None:
        """Let the recordings of a device go on without it, or end when it was the last one."""
        for recording, taps in self._taps.items():
            if (tap := taps.get(unique_prefix)) is not None and tap.coordinator is not None:
                recording.mark(f"{tap.coordinator.shown_name}: gone")
                tap.async_attach(None)
                if all(other.coordinator is None for other in taps.values()):
                    self._end_soon(recording)

    @callback
    def _entry_unloaded(self, entry: ConfigEntry) -> None:
        for coordinator in entry.runtime_data.devices.values():
            self.async_device_gone(coordinator.unique_prefix)

    @callback
    def _end_soon(self, recording: RunningRecording) -> None:
        async def end(_: datetime) -> None:
            self._gone_timers.pop(recording, None)
            await recording.stop(RecordingEnd.DEVICES_GONE)

        self._gone_timers[recording] = async_call_later(self.hass, _GONE_AFTER, end)

    def _ended(self, recording: RunningRecording) -> None:
        if (cancel := self._gone_timers.pop(recording, None)) is not None:
            cancel()
        taps = self._taps.pop(recording)
        for tap in taps.values():
            tap.async_attach(None)
        self._last |= dict.fromkeys(taps, recording)
        _LOGGER.info("The recording %s is over (%s), %s rows", recording.name, recording.end, recording.written)
        self.async_tell_disk(recording)
        self._tell(recording, taps)
        if not self.hass.is_stopping:
            self.hass.async_create_task(self._async_keep_house(), "fieldbridge prune recordings")

    @callback
    def async_tell_disk(self, ended: RunningRecording | RunningCapture) -> None:
        """Raise a repair when the disk was why something ended."""
        if ended.end not in _DISK_ENDS:
            return
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            ISSUE_DISK_FULL,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key=ISSUE_DISK_FULL,
            translation_placeholders={
                "name": ended.name,
                "folder": str(self.catalogue.folder),
                "error": ended.error or "",
            },
        )

    def _tell(self, recording: RunningRecording, taps: Mapping[str, DeviceTap] | None = None) -> None:
        for unique_prefix in taps if taps is not None else self._taps[recording]:
            for listener in tuple(self._listeners.get(unique_prefix, ())):
                listener(recording)

    def _use(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        limits = Limits(
            max_bytes=int(settings[CONF_MAX_SIZE] * 1e9),
            max_age=timedelta(days=settings[CONF_MAX_AGE]),
            keep_free=int(settings[CONF_KEEP_FREE] * 1e6),
        )
        folder = Path(settings[CONF_FOLDER]) if settings[CONF_FOLDER] else self.default_folder
        if folder == self.catalogue.folder:
            self.catalogue.limits = limits
        else:
            self.catalogue = Catalogue(folder, limits)

    async def _async_recover(self) -> None:
        try:
            recovered = await self.hass.async_add_executor_job(self.catalogue.recover)
        except OSError as err:
            _LOGGER.warning("Interrupted recordings cannot be looked for: %s", err)
            return
        for info in recovered:
            ir.async_create_issue(
                self.hass,
                DOMAIN,
                f"{ISSUE_INTERRUPTED}_{info.name}",
                data={ATTR_RECORDING: info.name},
                is_fixable=True,
                is_persistent=True,  # the file is whole from now on: it is not found again at the next start
                severity=ir.IssueSeverity.WARNING,
                translation_key=ISSUE_INTERRUPTED,
                translation_placeholders={"name": info.name, "size": f"{info.size / 1e6:.1f}"},
            )

    async def _async_keep_house(self, _: datetime | None = None) -> None:
        """Delete what is too old or too much, except what a link replays."""
        entries = self.hass.config_entries.async_entries(DOMAIN)
        replayed = {entry.data[CONF_RECORDING] for entry in entries if CONF_RECORDING in entry.data}
        try:
            pruned = await self.hass.async_add_executor_job(partial(self.catalogue.prune, keep=replayed))
        except OSError as err:
            _LOGGER.warning("Old recordings cannot be deleted: %s", err)
            return
        for info in pruned:
            ir.async_delete_issue(self.hass, DOMAIN, f"{ISSUE_INTERRUPTED}_{info.name}")

    async def _async_stop_all(self, _: Event) -> None:
        for cancel in self._gone_timers.values():
            cancel()
        self._gone_timers.clear()
        if not await self.catalogue.stop_all(RecordingEnd.SHUTDOWN):
            _LOGGER.warning("Not every recording could be completed in time; the rest is done at the next start")


def _nobody_listens(_: str) -> None:
    """A tap without a recording."""


async def async_setup_recordings(hass: HomeAssistant) -> None:
    """Make the recordings ready, before any entry is set up."""
    recordings = hass.data[DATA_RECORDINGS] = Recordings(hass)
    await recordings.async_load()


@callback
def catalogue_of(hass: HomeAssistant) -> Catalogue:
    """Return the catalogue of recordings, that of the default folder before the first entry is set up."""
    recordings = hass.data.get(DATA_RECORDINGS)
    return (recordings if recordings is not None else Recordings(hass)).catalogue


@callback
def async_coordinators(hass: HomeAssistant) -> dict[str, SessionCoordinator[Any]]:
    """Return all devices that run, by their unique prefix."""
    return {
        coordinator.unique_prefix: coordinator
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.state is ConfigEntryState.LOADED
        for coordinator in entry.runtime_data.devices.values()
    }


def recordable_channels(coordinator: SessionCoordinator[Any]) -> list[Channel]:
    """Return the channels of a device that have values of their own."""
    session = coordinator.session
    profile = getattr(session, "profile", None)
    channels: Iterable[Channel] = profile.channels if profile is not None else session.channels.values()
    return [channel for channel in channels if channel.source]
