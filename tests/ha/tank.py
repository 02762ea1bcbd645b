"""A link with one device that the test plays: values of every kind, of which one is never written after the first."""

import json
import time

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.const import DOMAIN

from .links import device

LEVEL = "sensor.tank_level"

CHANNELS = (
    # What moves by less than 1000 is never written after the first value.
    Channel(key="level", name="Level", source="level", unit="%", publish={"absolute": 1000}),
    Channel(key="hidden", name="Hidden", source="hidden", enabled=False, min_interval=0),
    Channel(key="temp", name="Temperature", source="temp", unit="°C", device_class="temperature", min_interval=0),
    Channel(key="pump", name="Pump", source="pump", kind=ValueKind.BINARY),
    Channel(key="mode", name="Mode", source="mode", kind=ValueKind.TEXT),
)


def new_tank() -> MockConfigEntry:
    profile = DeviceProfile(decoder=JsonDecoder(), channels=CHANNELS, stale_after=30)
    return MockConfigEntry(
        domain=DOMAIN,
        title="Hall",
        data={"kind": "simulated", "signals": ["door"], "interval": 3600},
        subentries_data=[device("Tank", profile)],
    )


def send(entry: MockConfigEntry, *values: object, key: str = "level", at: float | None = None) -> None:
    """Let values arrive together, at ``at`` in monotonic seconds."""
    (session,) = entry.runtime_data.link.sessions.values()
    arrival = time.monotonic() if at is None else at
    session.accept([Frame(arrival, json.dumps({key: value}).encode()) for value in values])
