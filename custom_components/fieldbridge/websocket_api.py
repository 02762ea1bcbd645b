"""What the panel asks for: the links, and a look at one of them. For administrators only."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import probatio

from .captures import async_replay, async_start_reported_capture
from .const import CONF_KIND, DOMAIN, KIND_APP
from .coordinator import FieldbridgeConfigEntry
from .inspector import Inspection

_MAX_PLOTTED: Final = 8
"""Channels that one page can plot."""


@callback
def async_setup_websocket_api(hass: HomeAssistant) -> None:
    """Register the commands."""
    websocket_api.async_register_command(hass, handle_links)
    websocket_api.async_register_command(hass, handle_inspect)
    websocket_api.async_register_command(hass, handle_capture)
    websocket_api.async_register_command(hass, handle_replay)


@websocket_api.websocket_command({probatio.Required("type"): "fieldbridge/links"})
@websocket_api.require_admin
@callback
def handle_links(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """List the links and the devices behind them."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False)
    links = [_link(entry) for entry in entries if entry.data[CONF_KIND] != KIND_APP]
    connection.send_result(msg["id"], {"links": links})


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "fieldbridge/inspect",
        probatio.Required("entry_id"): str,
        probatio.Optional("device_id"): str,
        probatio.Optional("channels", default=[]): probatio.All([str], probatio.Length(max=_MAX_PLOTTED)),
    }
)
@websocket_api.require_admin
@callback
def handle_inspect(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Send what happens at a link, a few times a second, until the page goes."""
    entry = loaded_link(hass, msg["entry_id"])
    if entry is None:
        _send_not_loaded(connection, msg)
        return

    try:
        inspection = Inspection(hass, entry, msg.get("device_id"), msg["channels"], _sender(connection, msg))
    except LookupError:
        connection.send_error(
            msg["id"],
            websocket_api.ERR_NOT_FOUND,
            "This link has no such device",
            translation_domain=DOMAIN,
            translation_key="device_not_found",
        )
        return
    connection.subscriptions[msg["id"]] = inspection.stop
    connection.send_result(msg["id"])


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "fieldbridge/capture",
        probatio.Required("entry_id"): str,
        probatio.Optional("private", default=False): bool,
    }
)
@websocket_api.require_admin
@websocket_api.async_response
async def handle_capture(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Write the messages of a link into a file until the page unsubscribes or goes."""
    entry = loaded_link(hass, msg["entry_id"])
    if entry is None:
        _send_not_loaded(connection, msg)
        return

    gone = asyncio.Event()
    connection.subscriptions[msg["id"]] = gone.set  # the page may go before the file is open
    try:
        capture = await async_start_reported_capture(hass, entry, _sender(connection, msg), private=msg["private"])
    except HomeAssistantError:
        connection.subscriptions.pop(msg["id"], None)
        raise
    if gone.is_set():
        capture.stop()
        return
    connection.subscriptions[msg["id"]] = capture.stop
    connection.send_result(msg["id"])


@websocket_api.websocket_command({probatio.Required("type"): "fieldbridge/replay", probatio.Required("recording"): str})
@websocket_api.require_admin
@websocket_api.async_response
async def handle_replay(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Make a link that replays a recording or capture."""
    connection.send_result(msg["id"], {"entry_id": await async_replay(hass, msg["recording"])})


@callback
def loaded_link(hass: HomeAssistant, entry_id: str) -> FieldbridgeConfigEntry | None:
    """Return the entry of a link that runs, None for all others."""
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        return None
    return None if entry.data[CONF_KIND] == KIND_APP else entry


@callback
def _send_not_loaded(connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    connection.send_error(
        msg["id"],
        websocket_api.ERR_NOT_FOUND,
        "This link is not loaded",
        translation_domain=DOMAIN,
        translation_key="link_not_loaded",
    )


@callback
def _sender(connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return what sends events to the page that asked by ``msg``."""

    @callback
    def send(event: dict[str, Any]) -> None:
        connection.send_message(websocket_api.event_message(msg["id"], event))

    return send


def _link(entry: ConfigEntry[Any]) -> dict[str, Any]:
    loaded = entry.state is ConfigEntryState.LOADED
    return {
        "entry_id": entry.entry_id,
        "title": entry.title,
        "kind": entry.data[CONF_KIND],
        "loaded": loaded,
        "devices": [
            {
                "device_id": subentry_id,
                "title": coordinator.shown_name,
                "channels": [
                    {"key": channel.key, "name": channel.name, "unit": channel.unit, "kind": channel.kind.value}
                    for channel in coordinator.session.profile.channels
                    if channel.source
                ],
            }
            for subentry_id, coordinator in (entry.runtime_data.devices if loaded else {}).items()
        ],
    }
