"""The live row under a filter's form: what the filters would show of the running channel, several times a second.

In a subentry flow, which has no previews, a table takes its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import time
from typing import Any, Final

from homeassistant.const import ATTR_FRIENDLY_NAME, ATTR_UNIT_OF_MEASUREMENT, STATE_UNKNOWN, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from ..bridge.channels import Channel, DeviceProfile, DeviceSession, Sample, Value
from ..bridge.channels.listeners import Listeners
from ..bridge.channels.preview import FilterPreview
from ..bridge.codecs.frame import Batch, Frame
from ..const import DOMAIN
from ..presentable import printable
from .presentation import NOTHING
from .preview import Send

INTERVAL: Final = timedelta(seconds=0.25)


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSource:
    """Where the values of a device come from: the last frames, and the samples from now on."""

    profile: DeviceProfile
    frames: Sequence[Frame]
    subscribe: Callable[[Callable[[Sequence[Sample]], None]], CALLBACK_TYPE]

    @classmethod
    def of_frames(cls, profile: DeviceProfile, frames: Sequence[Frame], coming: Listeners[Batch]) -> SampleSource:
        """Return the samples of a device that nobody runs yet, from the frames seen and those to come."""

        def subscribe(listener: Callable[[Sequence[Sample]], None]) -> CALLBACK_TYPE:
            session = DeviceSession(profile)
            session.on_samples(listener)
            return coming.add(session.accept)

        return cls(profile=profile, frames=frames, subscribe=subscribe)

    def replay(self, preview: FilterPreview) -> None:
        """Show the last frames to ``preview``; what does not come as frames is not there."""
        session = DeviceSession(self.profile)
        session.on_samples(preview.feed)
        for frame in self.frames:
            session.accept([frame])


def preview_table(source: SampleSource, channel: Channel) -> str:
    """Return the last values before and behind the filters, one per line; ``·`` where nothing passes."""
    preview = FilterPreview(channel)
    source.replay(preview)
    unit = f" {channel.unit}" if channel.unit else ""
    lines = [
        printable(f"{_text(row.raw)}{unit}  →  {f'{_text(row.filtered)}{unit}' if row.passed else '·'}")
        for row in preview.rows
    ]
    return "\n".join(lines) or NOTHING


@callback
def start_filter_preview(hass: HomeAssistant, source: SampleSource, channel: Channel, send: Send) -> CALLBACK_TYPE:
    """Send the row that ``channel`` would show, whenever it changes, until the returned function is called."""
    preview = FilterPreview(channel)
    source.replay(preview)
    sent: dict[str, Any] = {}

    @callback
    def look(_: datetime | None = None) -> None:
        nonlocal sent
        preview.flush(time.monotonic())
        if (row := _row(preview)) != sent:
            sent = row
            send(row)

    stop_samples = source.subscribe(preview.feed)
    stop_timer = async_track_time_interval(hass, look, INTERVAL, name=f"{DOMAIN} filter preview")

    @callback
    def stop() -> None:
        stop_timer()
        stop_samples()

    look()
    return stop


def _row(preview: FilterPreview) -> dict[str, Any]:
    """Return the entity row of the frontend: the raw value in its name, an arrow, the filtered state."""
    channel = preview.channel
    unit = f" {channel.unit}" if channel.unit else ""
    attributes = {ATTR_FRIENDLY_NAME: f"{channel.name}: {_text(preview.raw)}{unit} →"}
    if channel.unit:
        attributes[ATTR_UNIT_OF_MEASUREMENT] = channel.unit
    state = STATE_UNKNOWN if preview.shown is None else _text(preview.shown)
    return {"state": state, "attributes": attributes, "domain": Platform.SENSOR.value}


def _text(value: Value | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)
