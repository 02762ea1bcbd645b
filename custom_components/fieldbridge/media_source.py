"""Recordings in the media browser: each is shown as a drawing, since the browser opens images only."""

from typing import override

from homeassistant.components.media_player import BrowseError, MediaClass
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.core import HomeAssistant

from .bridge.recordings import RecordingInfo, RecordingState
from .const import DOMAIN
from .recording_view import plot_path
from .recordings import DATA_RECORDINGS

_SVG = "image/svg+xml"


async def async_get_media_source(hass: HomeAssistant) -> RecordingMediaSource:
    """Return the recordings as media."""
    return RecordingMediaSource(hass)


class RecordingMediaSource(MediaSource):
    """All recordings that can be drawn, the newest first."""

    name = "Fieldbridge"

    def __init__(self, hass: HomeAssistant) -> None:
        """Show the recordings of ``hass``."""
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return where the drawing is. Raises Unresolvable."""
        if item.identifier not in {info.name for info in await self._async_drawable()}:
            raise Unresolvable(f"There is no recording {item.identifier}")
        return PlayMedia(plot_path(item.identifier), _SVG)

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return the list. Raises BrowseError for anything within it."""
        if item.identifier:
            raise BrowseError("A recording holds nothing to browse")
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=None,
            media_class=MediaClass.APP,
            media_content_type="",
            title="Fieldbridge",
            can_play=False,
            can_expand=True,
            children_media_class=MediaClass.URL,  # which the frontend lists by their whole titles, not as equal tiles
            children=[
                BrowseMediaSource(
                    domain=DOMAIN,
                    identifier=info.name,
                    media_class=MediaClass.IMAGE,
                    media_content_type=_SVG,
                    title=info.description.title if info.description is not None else info.name,
                    can_play=True,
                    can_expand=False,
                )
                for info in await self._async_drawable()
            ],
        )

    async def _async_drawable(self) -> list[RecordingInfo]:
        recordings = self._hass.data.get(DATA_RECORDINGS)
        if recordings is None:
            return []
        entries = await recordings.async_entries()
        return [
            info
            for info in entries
            if info.state is not RecordingState.RUNNING and info.description is not None and not info.is_capture
        ]
