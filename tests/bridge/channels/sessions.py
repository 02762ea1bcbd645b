"""Sessions that read texts between semicolons, and what they told."""

from typing import Any

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession, Value
from custom_components.fieldbridge.bridge.codecs.frame import Frame


def channel(key: str, source: str, **more: object) -> dict[str, Any]:
    """Return a channel in JSON form."""
    return {"key": key, "name": key.upper(), "source": source, **more}


def csv_session(*channels: dict[str, Any], **more: object) -> DeviceSession:
    """Return a session whose frames are fields between semicolons."""
    decoder = {"kind": "separated", "separator": ";"}
    return DeviceSession(
        DeviceProfile.from_dict({"schema_version": 1, "decoder": decoder, "channels": list(channels), **more})
    )


def batch(time: float, *lines: object) -> list[Frame]:
    """Return lines that arrived together."""
    return [Frame(time, str(line).encode()) for line in lines]


def told(session: DeviceSession, key: str) -> list[Value | None]:
    """Return a list that grows with what the session tells of a channel."""
    values: list[Value | None] = []
    session.on_value(key, values.append)
    return values
