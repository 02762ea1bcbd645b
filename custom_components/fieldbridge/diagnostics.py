"""Diagnostics of a link: settings without secrets, counters, and the last frames where the user allows it."""

from typing import Any

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_ADDRESS, CONF_DEVICE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .acceleration import acceleration_state
from .app_setup import AppConfigEntry
from .bridge.channels import DeviceSession
from .bridge.channels.privacy import Masker
from .bridge.codecs.frame import Frame
from .bridge.introspection import build_registry_snapshot
from .bridge.transports.serial import shown_url
from .const import CONF_DIAGNOSTIC_FRAMES, CONF_DIAGNOSTIC_PRIVATE, CONF_KIND, CONF_SETTINGS, KIND_APP
from .coordinator import FieldbridgeConfigEntry

TO_REDACT = {CONF_ADDRESS, CONF_PASSWORD, CONF_USERNAME, CONF_HOST}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, Any]:
    """Return what helps to find out why a link, an app or a device does not do what it should."""
    if entry.state is not ConfigEntryState.LOADED:
        return _of_entry(entry) | {"state": entry.state.value, "reason": entry.error_reason_translation_key}
    return _of_app(entry) if entry.data[CONF_KIND] == KIND_APP else _of_link(hass, entry)


def _of_entry(entry: ConfigEntry) -> dict[str, Any]:
    """Return the settings without secrets; of those of an app the names only, since any of them may be one."""
    options = dict(entry.options)
    if CONF_SETTINGS in options:
        options[CONF_SETTINGS] = sorted(options[CONF_SETTINGS])
    data: dict[str, Any] = async_redact_data(dict(entry.data), TO_REDACT)
    if CONF_DEVICE in data:
        data[CONF_DEVICE] = shown_url(data[CONF_DEVICE])
    return {"data": data, "options": async_redact_data(options, TO_REDACT)}


def _of_app(entry: AppConfigEntry) -> dict[str, Any]:
    link = entry.runtime_data.link
    return _of_entry(entry) | {
        "app": {
            "is_up": link.is_up,
            "counters": link.statistics(),
            "registrations": build_registry_snapshot(link.loaded.app),
        },
        "devices": {
            name: {
                "available": device.available,
                "status": device.status,
                "channels": [channel.to_dict() for channel in device.channels.values()],
                "values": device.values,
            }
            for name, device in link.devices.items()
        },
    }


def _of_link(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> dict[str, Any]:
    link = entry.runtime_data.link
    status = link.status
    has_frames = entry.options.get(CONF_DIAGNOSTIC_FRAMES)
    show_private = bool(entry.options.get(CONF_DIAGNOSTIC_PRIVATE))
    masker = Masker(() if show_private else [session.profile for session in link.sessions.values()])
    return _of_entry(entry) | {
        "link": {
            "state": status.state,
            "error": str(status.error) if status.error else None,
            "counters": link.statistics(),
        },
        "devices": {
            subentry_id: {
                "title": entry.subentries[subentry_id].title,
                "available": coordinator.session.available,
                "profile": coordinator.session.profile.to_dict(),
                "values": _values(coordinator.session, show_private=show_private),
                "statistics": coordinator.session.statistics(),
            }
            for subentry_id, coordinator in entry.runtime_data.devices.items()
        },
        "filters": acceleration_state(hass),
        "frames": _frames(link.recent_frames, masker) if has_frames else "off (an option)",
    }


def _values(session: DeviceSession, *, show_private: bool) -> dict[str, Any]:
    """Return the latest values, without those that the profile marks as private."""
    private = set() if show_private else {channel.key for channel in session.profile.channels if channel.private}
    return {key: REDACTED if key in private else value for key, value in session.values.items()}


def _frames(frames: list[Frame], masker: Masker) -> list[dict[str, Any]]:
    """Return frames with their time before the last one; frames may hold positions and meter numbers."""
    return [
        {
            "seconds_before_last": round(frames[-1].time - frame.time, 3),
            "hex": masker.mask(frame.data).hex(" "),
        }
        for frame in frames
    ]
