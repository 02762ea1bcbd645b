"""Recordings in Home Assistant: begun for devices, kept within limits, told to entities and repairs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
from pathlib import Path
from typing import Any, Final

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .bridge.channels import Channel
from .bridge.recordings import (
    Catalogue,
    Limits,
    RecordedDevice,
    RecordingEnd,
    RecordingInfo,
    RecordingPlan,
    RunningCapture,
    RunningRecording,
    describe_device,
)
from .bridge.streams import OverflowPolicy
from .const import CONF_RECORDING, DOMAIN
from .coordinator import SessionCoordinator
from .device_taps import DeviceTap, async_device_taps
from .presentable import size_text

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
        self._device_taps = async_device_taps(hass)
        self._taps: dict[RunningRecording, dict[str, DeviceTap]] = {}
        """By the unique prefix of the device."""
        self._last: dict[str, RunningRecording] = {}
        """The recording of each device that ended last."""
        self._listeners: dict[str, list[Callable[[RunningRecording], None]]] = {}
        self._gone_timers: dict[RunningRecording, CALLBACK_TYPE] = {}
        self._recovered: asyncio.Task[None] | None = None
        self._cannot_prune = False

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
            taps[device.id] = DeviceTap(device.id, (channel.key for channel in channels))
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
        for tap in taps.values():
            self._device_taps.async_add(tap)
        try:
            recording = await self.catalogue.start(plan)
        except BaseException:
            self._remove(taps)
            raise
        _LOGGER.info("%s is being recorded: %s", ", ".join(device.name for device in described), recording.name)
        ir.async_delete_issue(self.hass, DOMAIN, ISSUE_DISK_FULL)
        self._taps[recording] = taps
        for tap in taps.values():
            tap.on_silence(recording.mark)
            tap.on_attach(partial(self._attached, recording))
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

    async def async_entries(self) -> list[RecordingInfo]:
        """Return all recordings, the newest first. Raises HomeAssistantError where the folder cannot be read."""
        try:
            return await self.hass.async_add_executor_job(self.catalogue.entries)
        except OSError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="recordings_unreadable",
                translation_placeholders={"folder": str(self.catalogue.folder), "error": str(err)},
            ) from err

    async def async_delete(self, name: str) -> RecordingInfo:
        """Delete a recording. Raises RecordingError, OSError."""
        info = await self.hass.async_add_executor_job(self.catalogue.delete, name)
        ir.async_delete_issue(self.hass, DOMAIN, f"{ISSUE_INTERRUPTED}_{name}")
        return info

    @callback
    def _attached(
        self,
        recording: RunningRecording,
        before: SessionCoordinator[Any] | None,
        now: SessionCoordinator[Any] | None,
    ) -> None:
        """Let a recording go on while its devices are rebuilt or loaded anew, and end when the last one has gone."""
        if now is not None:
            recording.mark(f"{now.shown_name}: back, or changed")
            if (cancel := self._gone_timers.pop(recording, None)) is not None:
                cancel()
        elif before is not None:
            recording.mark(f"{before.shown_name}: gone")
            if all(tap.coordinator is None for tap in self._taps[recording].values()):
                self._end_soon(recording)

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
        self._remove(taps)
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

    def _remove(self, taps: Mapping[str, DeviceTap]) -> None:
        for tap in taps.values():
            self._device_taps.async_remove(tap)

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
                translation_placeholders={"name": info.name, "size": size_text(info.size)},
            )

    async def _async_keep_house(self, _: datetime | None = None) -> None:
        """Delete what is too old or too much, except what a link replays."""
        entries = self.hass.config_entries.async_entries(DOMAIN)
        replayed = {entry.data[CONF_RECORDING] for entry in entries if CONF_RECORDING in entry.data}
        try:
            pruned = await self.hass.async_add_executor_job(partial(self.catalogue.prune, keep=replayed))
        except OSError as err:
            if not self._cannot_prune:
                self._cannot_prune = True
                _LOGGER.warning("Old recordings cannot be deleted: %s", err)
            return
        if self._cannot_prune:
            self._cannot_prune = False
            _LOGGER.info("Old recordings can be deleted again")
        for info in pruned:
            ir.async_delete_issue(self.hass, DOMAIN, f"{ISSUE_INTERRUPTED}_{info.name}")

    async def _async_stop_all(self, _: Event) -> None:
        for cancel in self._gone_timers.values():
            cancel()
        self._gone_timers.clear()
        if not await self.catalogue.stop_all(RecordingEnd.SHUTDOWN):
            _LOGGER.warning("Not every recording could be completed in time; the rest is done at the next start")


async def async_setup_recordings(hass: HomeAssistant) -> None:
    """Make the recordings ready, before any entry is set up."""
    recordings = hass.data[DATA_RECORDINGS] = Recordings(hass)
    await recordings.async_load()


@callback
def recordings_of(hass: HomeAssistant) -> Recordings:
    """Return the recordings, those of the default folder before the first entry is set up."""
    recordings = hass.data.get(DATA_RECORDINGS)
    return recordings if recordings is not None else Recordings(hass)
