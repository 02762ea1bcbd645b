"""Recordings and captures as frames: what a replay sends, and how its devices are described."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

from ..channels import Channel, DeviceProfile, Value
from ..channels.profile import FrameCondition
from ..codecs.decoders import JsonDecoder
from ..codecs.frame import Frame
from ..errors import ProfileError
from ..sinks import CAPTURE, read_frames, read_header
from .description import Description, RecordedDevice
from .reading import read_rows

_DEVICE = "device"


@dataclass(frozen=True, slots=True)
class ReplayableDevice:
    """A device of a replay: its title and its description."""

    title: str
    profile: DeviceProfile


def replay_devices(path: Path, description: Description | None) -> list[ReplayableDevice]:
    """Return the devices that a recording or capture speaks of. Blocking. Raises OSError, ValueError.

    Those of a capture are as they were described when it was made; one without them has none.
    """
    if path.suffix == CAPTURE:
        return [_captured(device) for device in read_header(path).devices]
    if description is None:
        raise ValueError(f"{path.name} has no description")
    sources = _sources(description)
    return [ReplayableDevice(device.name, _recorded_profile(device, sources)) for device in description.devices]


def replay_frames(path: Path, description: Description | None) -> Iterator[Frame]:
    """Yield the frames of a capture, or those that a recording's rows make. Blocking, lazily.

    Raises OSError, SinkError, ValueError.
    """
    if path.suffix == CAPTURE:
        yield from read_frames(path)
        return
    if description is None:
        raise ValueError(f"{path.name} has no description")
    sources = _sources(description)
    for row in read_rows(path, description):
        yield Frame(row.monotonic_ns / 1e9, _frame(row.device, row.values, sources))


def _sources(description: Description) -> dict[str, str]:
    """Return the source of each column: a column may be called anything, a path of the decoder not."""
    return {column.name: f"c{place}" for place, column in enumerate(description.columns)}


def _frame(device: str, values: Mapping[str, Value | None], sources: Mapping[str, str]) -> bytes:
    named = {sources[column]: _sendable(value) for column, value in values.items() if column in sources}
    return json.dumps({_DEVICE: device, **named}, ensure_ascii=False).encode()


def _sendable(value: Value | None) -> Value | None:
    """Return a value as JSON can hold it: one that is no number, or infinite, is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _recorded_profile(device: RecordedDevice, sources: Mapping[str, str]) -> DeviceProfile:
    """Return the profile that shows what was recorded: values are final, nothing is converted again."""
    channels = tuple(
        Channel(
            key=channel.key,
            name=channel.name,
            source=sources[channel.column],
            kind=channel.kind,
            unit=channel.unit,
            device_class=channel.device_class,
            state_class=channel.state_class,
            precision=channel.precision,
            private=channel.private,
        )
        for channel in device.channels
    )
    return DeviceProfile(
        decoder=JsonDecoder(),
        channels=channels,
        condition=FrameCondition(source=_DEVICE, equals=device.name),
        manufacturer=device.manufacturer,
        model=device.model,
    )


def _captured(device: Mapping[str, Any]) -> ReplayableDevice:
    try:
        return ReplayableDevice(str(device.get("title", "")), DeviceProfile.from_dict(device.get("profile")))
    except ProfileError as err:
        raise ValueError(f"the device {device.get('title')!r} of the capture is not described well: {err}") from err
