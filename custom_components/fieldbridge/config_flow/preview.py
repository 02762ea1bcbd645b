"""The live row under a form: the frontend asks again whenever the form changes, in config and options flows only."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakMethod

from homeassistant.components import websocket_api
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util.hass_dict import HassKey
import probatio

from ..bridge.errors import ProfileError
from ..const import DOMAIN
from .filter_form import FieldError

type Send = Callable[[dict[str, Any]], None]
"""Shows a row: ``state``, ``attributes`` and ``domain`` of an entity, or ``error``."""
type StartPreview = Callable[[dict[str, Any], Send], CALLBACK_TYPE]
"""Begins to send rows of an unsaved form, until the returned function is called.

Raises FieldError, ProfileError, probatio.Invalid."""

_INTERVAL: Final = timedelta(seconds=0.5)
_PREVIEWS: Final[HassKey[dict[str, WeakMethod[StartPreview]]]] = HassKey(f"{DOMAIN}_previews")
"""By flow id."""


@callback
def async_offer_preview(hass: HomeAssistant, flow_id: str, start: StartPreview) -> None:
    """Let the frontend ask for the preview of the form on the screen; ``start``, a method, leaves with its flow."""
    previews = hass.data.setdefault(_PREVIEWS, {})
    previews[flow_id] = WeakMethod(start, lambda _: previews.pop(flow_id, None))


def typed_form(flow: FlowHandler[Any, Any, Any], form: dict[str, Any]) -> dict[str, Any]:
    """Return what is typed so far as the schema of the form on the screen reads it; raises probatio.Invalid."""
    schema = flow.cur_step["data_schema"] if flow.cur_step else None
    typed: dict[str, Any] = form if schema is None else schema(form)
    return typed


class PreviewedSteps(FlowHandler[Any, Any, Any]):
    """Shows forms with a live row below, where the flow can have one."""

    has_preview = False
    """True in config and options flows; the frontend has no preview in the flows of devices."""

    @callback
    def show_previewed(
        self,
        step_id: str,
        schema: probatio.Schema,
        values: Mapping[str, Any] | None,
        errors: dict[str, str],
        placeholders: dict[str, str],
        start: StartPreview,
    ) -> Any:
        """Show a form filled with ``values``; ``start``, a method, makes its rows."""
        if self.has_preview:
            async_offer_preview(self.hass, self.flow_id, start)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders=placeholders,
            preview=DOMAIN if self.has_preview else None,
        )


@callback
def async_repeat(hass: HomeAssistant, make_row: Callable[[], dict[str, Any]], send: Send) -> CALLBACK_TYPE:
    """Send a row now and whenever it has become another, until the returned function is called.

    Raises what ``make_row`` raises the first time.
    """
    sent = make_row()
    send(sent)

    @callback
    def look(_: datetime) -> None:
        nonlocal sent
        if (row := make_row()) != sent:
            sent = row
            send(row)

    return async_track_time_interval(hass, look, _INTERVAL, name=f"{DOMAIN} preview")


async def async_setup_preview(hass: HomeAssistant) -> None:
    """Register the command by which the frontend asks."""
    websocket_api.async_register_command(hass, ws_start_preview)


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
    """Send rows of the form as it is now filled."""
    reference = hass.data.get(_PREVIEWS, {}).get(msg["flow_id"])
    start = reference() if reference else None
    if start is None:
        connection.send_error(msg["id"], websocket_api.ERR_NOT_FOUND, "no such flow")
        return

    @callback
    def send(row: dict[str, Any]) -> None:
        connection.send_message(websocket_api.event_message(msg["id"], row))

    connection.send_result(msg["id"])
    try:
        connection.subscriptions[msg["id"]] = start(msg["user_input"], send)
    except (FieldError, ProfileError, probatio.Invalid) as err:
        # What is typed half is no error yet: the row says so, the form tells when it is submitted.
        send({"error": str(err)})
        connection.subscriptions[msg["id"]] = nothing_to_stop


@callback
def nothing_to_stop() -> None:
    """There is no preview of what cannot be used."""
