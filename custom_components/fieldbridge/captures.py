"""Raw captures of links: the messages as they come, into a file that can be replayed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntry, ConfigFlowResult
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .bridge.channels.privacy import Masker
from .bridge.codecs.frame import Batch
from .bridge.errors import BridgeError
from .bridge.recordings import RunningCapture
from .bridge.sinks import CaptureHeader
from .const import (
    CONF_DELIMITER,
    CONF_KIND,
    CONF_MAX_LENGTH,
    CONF_PACE,
    CONF_RECORDING,
    CONF_REPEATS,
    DOMAIN,
    SUBENTRY_DEVICE,
)
from .coordinator import FieldbridgeConfigEntry
from .recordings import DATA_RECORDINGS

REPORT_INTERVAL: Final = 1.0
"""Seconds between two reports to a page."""

_FRAMING: Final = (CONF_DELIMITER, CONF_MAX_LENGTH, "framing")
"""What says how messages were cut; the rest of an entry's data may hold addresses and secrets."""


class LinkCapture:
    """Takes the messages of a running link until ``async_stop``, or until its entry is unloaded.

    ``mask`` hides what is private before anything is written.
    """

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], running: RunningCapture, mask: Callable[[Batch], Batch]
    ) -> None:
        """Write what the link of ``entry`` hears."""
        self.running = running
        self._hass = hass
        self._is_over = False
        self._stop_listening = entry.runtime_data.link.on_frames(lambda frames: running.take(mask(frames)))
        entry.async_on_unload(self.async_stop)

    async def async_stop(self) -> None:
        """Complete the file; idempotent."""
        self._stop_listening()
        recordings = self._hass.data[DATA_RECORDINGS]
        await recordings.catalogue.stop_capture(self.running)
        if not self._is_over:
            self._is_over = True
            recordings.async_tell_disk(self.running)


async def async_start_capture(
    hass: HomeAssistant, entry: ConfigEntry[Any], *, mask: Callable[[Batch], Batch] = lambda frames: frames
) -> LinkCapture:
    """Begin to capture a loaded link. Raises RecordingError, SinkError, OSError."""
    recordings = hass.data[DATA_RECORDINGS]
    await recordings.async_ready()
    header = CaptureHeader(
        entry.title,
        kind=entry.data[CONF_KIND],
        framing={key: entry.data[key] for key in _FRAMING if key in entry.data},
        devices=[
            {"title": subentry.title, "profile": dict(subentry.data)}
            for subentry in entry.get_subentries_of_type(SUBENTRY_DEVICE)
        ],
    )
    title = f"{entry.title} {dt_util.now():%Y-%m-%d %H-%M-%S}"
    return LinkCapture(hass, entry, await recordings.catalogue.start_capture(title, header), mask)


class ReportedCapture:
    """A capture for as long as a page asks for it; the page hears every second how it goes, and when it is over."""

    def __init__(self, hass: HomeAssistant, capture: LinkCapture, send: Callable[[dict[str, Any]], None]) -> None:
        """Report to ``send`` until ``stop``, or until the capture ends by itself."""
        self._hass = hass
        self._capture = capture
        self._send = send
        self._timer: CALLBACK_TYPE | None = async_call_later(hass, REPORT_INTERVAL, self._tell)

    @callback
    def stop(self) -> None:
        """Take no more and complete the file in the background; idempotent."""
        if self._timer is None:
            return
        self._timer()
        self._timer = None
        self._hass.async_create_task(self._async_complete(), f"{DOMAIN} complete {self._capture.running.name}")

    async def _async_complete(self) -> None:
        await self._capture.async_stop()
        self._send({**self._report(), "done": True})

    @callback
    def _tell(self, _: datetime) -> None:
        if self._capture.running.end is not None:  # the disk is full, the quota reached or the link unloaded
            self.stop()
            return
        self._timer = async_call_later(self._hass, REPORT_INTERVAL, self._tell)
        self._send(self._report())

    def _report(self) -> dict[str, Any]:
        running = self._capture.running
        return {"name": running.name, "end": running.end, "error": running.error, **running.statistics()}


async def async_start_reported_capture(
    hass: HomeAssistant, entry: FieldbridgeConfigEntry, send: Callable[[dict[str, Any]], None], *, private: bool
) -> ReportedCapture:
    """Begin a capture for a page; what profiles mark as private is masked unless ``private``.

    Raises HomeAssistantError when the file cannot be made.
    """
    profiles = [session.profile for session in entry.runtime_data.link.sessions.values()]
    masker = Masker(() if private else profiles)
    try:
        capture = await async_start_capture(hass, entry, mask=masker.mask_frames)
    except (BridgeError, OSError) as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="recording_not_started",
            translation_placeholders={"error": str(err)},
        ) from err
    return ReportedCapture(hass, capture, send)


async def async_replay(hass: HomeAssistant, name: str) -> str:
    """Make a link that replays a recording or capture again and again at its own pace; returns the id of its entry.

    Raises HomeAssistantError when it cannot be replayed.
    """
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IMPORT},
        data={CONF_RECORDING: name, CONF_PACE: "1", CONF_REPEATS: 0},
    )
    if result["type"] is not FlowResultType.CREATE_ENTRY:
        if result["type"] is not FlowResultType.ABORT:
            hass.config_entries.flow.async_abort(result["flow_id"])
        raise _not_replayable(name, result)
    entry_id: str = result["result"].entry_id
    return entry_id


def _not_replayable(name: str, result: ConfigFlowResult) -> HomeAssistantError:
    """Return why the flow made no link of a recording."""
    told = dict(result.get("description_placeholders") or {})
    if result.get("reason") == "recordings_unreadable":
        return HomeAssistantError(
            translation_domain=DOMAIN, translation_key="recordings_unreadable", translation_placeholders=told
        )
    if (result.get("errors") or {}).get(CONF_RECORDING) == "recording_unreadable":
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="recording_unreadable",
            translation_placeholders={"name": name, "error": told["error"]},
        )
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key="not_replayable", translation_placeholders={"name": name}
    )
