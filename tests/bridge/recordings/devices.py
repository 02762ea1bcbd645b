"""Devices that say what a test wants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from custom_components.fieldbridge.bridge.channels import Channel, Value, ValueKind
from custom_components.fieldbridge.bridge.channels.listeners import Listeners, Unsubscribe
from custom_components.fieldbridge.bridge.recordings import (
    Catalogue,
    Description,
    RecordedDevice,
    RecordedRow,
    TappedSample,
    describe_device,
    read_rows,
)
from custom_components.fieldbridge.bridge.recordings.description import read_description

ROOM = (
    Channel(key="temp", name="Temperature", source="temp", unit="°C", device_class="temperature", precision=1),
    Channel(key="door", name="Door", source="door", kind=ValueKind.BINARY, device_class="door"),
    Channel(key="mode", name="Mode", source="mode", kind=ValueKind.TEXT),
)
SCALE = (Channel(key="temp", name="Weight", source="w", unit="kg"),)


@dataclass(frozen=True)
class Frame:
    """The values of one frame."""

    time: float
    values: Mapping[str, Value | None]


@dataclass
class Device:
    """A source whose values come when the test says so."""

    values: dict[str, Value | None] = field(default_factory=dict)
    listeners: Listeners[Sequence[TappedSample]] = field(default_factory=Listeners)

    def say(self, time: float, **values: Value | None) -> None:
        """Send one frame."""
        self.say_many([Frame(time, values)])

    def say_many(self, frames: Sequence[Frame]) -> None:
        """Send the frames of one read."""
        for frame in frames:
            self.values |= frame.values
        self.listeners.tell(frames)

    def fresh_value(self, key: str) -> Value | None:
        """Return the latest value."""
        return self.values.get(key)

    def on_samples(self, listener: Callable[[Sequence[TappedSample]], None]) -> Unsubscribe:
        """Listen."""
        return self.listeners.add(listener)


def room(device: Device | None = None) -> tuple[RecordedDevice, Device]:
    """Return the room with its source."""
    return describe_device("room-id", "Room", ROOM), device or Device()


def rows_of(catalogue: Catalogue, name: str) -> list[RecordedRow]:
    """Return all rows of a finished recording."""
    return list(read_rows(path := catalogue.find(name).path, described(path)))


def names_in(folder: Path) -> list[str]:
    """Return the names of all files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def described(path: Path) -> Description:
    """Return the description of a recording that has one."""
    description = read_description(path)
    assert description is not None
    return description
