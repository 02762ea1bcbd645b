"""Recordings and captures that are sent again."""

from collections.abc import Iterator
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady

from ..bridge.codecs.frame import Frame
from ..bridge.links import FrameLink, Link
from ..bridge.recordings import UnknownRecordingError, replay_frames
from ..bridge.transports.replay import ReplayTransport
from ..const import CONF_PACE, CONF_RECORDING, CONF_REPEATS, DOMAIN, PACE_FASTEST
from ..recordings import DATA_RECORDINGS


async def async_make_replay(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Link:
    """Return what sends the recording that an entry names; it is looked for whenever it is begun.

    Raises ConfigEntryError when it was deleted, ConfigEntryNotReady while the folder cannot be read.
    """
    recordings, name = hass.data[DATA_RECORDINGS], entry.data[CONF_RECORDING]
    await recordings.async_ready()  # one that was interrupted may be renamed until then
    folder = str(recordings.catalogue.folder)
    try:
        await hass.async_add_executor_job(recordings.catalogue.find, name)
    except UnknownRecordingError as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="replayed_recording_gone",
            translation_placeholders={"name": name, "folder": folder},
        ) from err
    except OSError as err:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="recordings_unreadable",
            translation_placeholders={"folder": folder, "error": str(err)},
        ) from err

    @callback
    def gone() -> None:
        if entry.state is ConfigEntryState.LOADED:
            hass.config_entries.async_schedule_reload(entry.entry_id)  # which says why it does not work any more

    def read() -> Iterator[Frame]:
        try:
            info = recordings.catalogue.find(name)
        except UnknownRecordingError:
            hass.loop.call_soon_threadsafe(gone)
            raise
        yield from replay_frames(info.path, info.description)

    pace = entry.data[CONF_PACE]
    speed = 0.0 if pace == PACE_FASTEST else float(pace)
    transport = ReplayTransport(read, speed=speed, repeats=int(entry.data[CONF_REPEATS]))
    return FrameLink(entry.title, transport)
