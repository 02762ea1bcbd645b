"""Raw captures of links: the messages as they come, into a file that can be replayed."""

from collections.abc import Callable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .bridge.codecs.frame import Batch
from .bridge.recordings import RunningCapture
from .bridge.sinks import CaptureHeader
from .const import CONF_DELIMITER, CONF_KIND, CONF_MAX_LENGTH, SUBENTRY_DEVICE
from .recordings import DATA_RECORDINGS

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
        self._stop_listening = entry.runtime_data.link.on_frames(lambda frames: running.take(mask(frames)))
        entry.async_on_unload(self.async_stop)

    async def async_stop(self) -> None:
        """Complete the file; idempotent."""
        self._stop_listening()
        await self._hass.data[DATA_RECORDINGS].catalogue.stop_capture(self.running)


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
