"""The live row under a filter's form: what the filters would show of the running channel, several times a second.

The frontend asks for it in config and options flows only; in a subentry flow a table takes its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import time
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from homeassistant.components import websocket_api
from homeassistant.const import ATTR_FRIENDLY_NAME, ATTR_UNIT_OF_MEASUREMENT, STATE_UNKNOWN, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util.hass_dict import HassKey
import probatio

from ..bridge.channels import Channel, DeviceProfile, DeviceSession, Sample, Value
from ..bridge.channels.listeners import Listeners
from ..bridge.channels.preview import FilterPreview
from ..bridge.codecs.frame import Batch, Frame
from ..bridge.errors import ProfileError
from ..const import DOMAIN
from ..presentable import printable
from .filter_form import FieldError
from .presentation import NOTHING

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


class Previewed(Protocol):
    """A flow whose form is on the screen."""

    def previewed_channel(self, form: dict[str, Any]) -> Channel:
        """Return the channel as the unsaved form describes it; raises FieldError and ProfileError."""
        ...

    def sample_source(self) -> SampleSource:
        """Return where the values of the channel come from."""
        ...


PREVIEWED: HassKey[WeakValueDictionary[str, Previewed]] = HassKey(f"{DOMAIN}_previewed")
"""The flows with a form that has a preview, by flow id; they leave when the dialog is closed."""


@callback
def async_offer_preview(hass: HomeAssistant, flow_id: str, flow: Previewed) -> None:
    """Let the frontend ask for the preview of a flow."""
    hass.data.setdefault(PREVIEWED, WeakValueDictionary())[flow_id] = flow


async def async_setup_filter_preview(hass: HomeAssistant) -> None:
    """Register the command by which the frontend asks."""
    websocket_api.async_register_command(hass, ws_start_preview)


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


@websocket_api.websocket_command(
    {
        probatio.Required("type"): f"{DOMAIN}/start_preview",
        probatio.Required("flow_id"): str,
        probatio.Required("flow_type"): probatio.Any("config_flow", "options_flow"),
        probatio.Required("user_input"): dict,
    }
)
@websocket_api.require_admin
@callback
def ws_start_preview(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Send the state that the form would show, whenever it changes."""
    flow = hass.data.get(PREVIEWED, {}).get(msg["flow_id"])
    if flow is None:
        connection.send_error(msg["id"], websocket_api.ERR_NOT_FOUND, "no such flow")
        return
    try:
        preview = FilterPreview(flow.previewed_channel(msg["user_input"]))
    except (FieldError, ProfileError) as err:
        # What is typed half is no error yet: the row says so, the form tells when it is submitted.
        connection.send_result(msg["id"])
        connection.send_message(websocket_api.event_message(msg["id"], {"error": str(err)}))
        connection.subscriptions[msg["id"]] = _nothing_to_stop
        return
    source = flow.sample_source()
    source.replay(preview)
    sent: dict[str, Any] = {}

    @callback
    def send(_: datetime | None = None) -> None:
        nonlocal sent
        preview.flush(time.monotonic())
        if (row := _row(preview)) != sent:
            sent = row
            connection.send_message(websocket_api.event_message(msg["id"], row))

    stop_samples = source.subscribe(preview.feed)
    stop_timer = async_track_time_interval(hass, send, INTERVAL, name=f"{DOMAIN} filter preview")

    @callback
    def stop() -> None:
        stop_timer()
        stop_samples()

    connection.send_result(msg["id"])
    connection.subscriptions[msg["id"]] = stop
    send()


def _row(preview: FilterPreview) -> dict[str, Any]:
    """Return the entity row of the frontend: the filtered state, and the raw value in its name."""
    channel = preview.channel
    unit = f" {channel.unit}" if channel.unit else ""
    attributes = {ATTR_FRIENDLY_NAME: f"{channel.name}, raw {_text(preview.raw)}{unit}"}
    if channel.unit:
        attributes[ATTR_UNIT_OF_MEASUREMENT] = channel.unit
    state = STATE_UNKNOWN if preview.shown is None else _text(preview.shown)
    return {"state": state, "attributes": attributes, "domain": Platform.SENSOR.value}


def _text(value: Value | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@callback
def _nothing_to_stop() -> None:
    """There is no preview of what cannot be used."""
