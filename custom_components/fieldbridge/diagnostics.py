"""Diagnostics of a link: settings without secrets, counters, and the last frames where the user allows it."""

from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from serialx.common import redact_uri

from .bridge.codecs.frame import Frame
from .const import CONF_DIAGNOSTIC_FRAMES
from .coordinator import FieldbridgeConfigEntry

TO_REDACT = {CONF_PASSWORD, CONF_USERNAME, CONF_HOST}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> dict[str, Any]:
    """Return what helps to find out why a link or a device does not do what it should."""
    link = entry.runtime_data.link
    status = link.status
    data = dict(entry.data)
    if CONF_DEVICE in data:
        data[CONF_DEVICE] = redact_uri(data[CONF_DEVICE])
    return {
        "data": data,
        "options": async_redact_data(dict(entry.options), TO_REDACT),
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
                "values": coordinator.session.values,
                "statistics": coordinator.session.statistics(),
            }
            for subentry_id, coordinator in entry.runtime_data.devices.items()
        },
        "frames": _frames(link.recent_frames) if entry.options.get(CONF_DIAGNOSTIC_FRAMES) else "off (an option)",
    }


def _frames(frames: list[Frame]) -> list[dict[str, Any]]:
    """Return frames with their time before the last one; frames may hold positions and meter numbers."""
    return [
        {"seconds_before_last": round(frames[-1].time - frame.time, 3), "hex": frame.data.hex(" ")} for frame in frames
    ]
