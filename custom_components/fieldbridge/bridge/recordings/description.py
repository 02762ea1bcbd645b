"""What is written beside a recording: its devices and columns, when it began, how it ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, fields, replace
from datetime import datetime
import json
from pathlib import Path
from typing import Any

from ..acquisition import Column
from ..channels import Channel, ValueKind
from ..sinks.tables import moment_of

DESCRIPTION = ".json"
"""Added to the name of a recording's file."""
VERSION = 1

_RESERVED = frozenset({"t_utc", "monotonic_ns", "device", "event"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedChannel:
    """One channel as it is recorded."""

    key: str
    name: str
    column: str
    """Its column in a wide recording, its name in a long one."""
    kind: ValueKind = ValueKind.NUMBER
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    precision: int | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class RecordedDevice:
    """One device as it is recorded; ``name`` is the one in the file."""

    id: str
    name: str
    channels: tuple[RecordedChannel, ...]
    _: KW_ONLY
    manufacturer: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """The facts of one recording."""

    title: str
    started_at: datetime
    kind: str = "recording"
    """``recording`` (values) or ``capture`` (frames)."""
    wide: bool = True
    """One row per tick and device; else one row per value."""
    rate_hz: float | None = None
    """None records values as they come."""
    devices: tuple[RecordedDevice, ...] = ()
    finished_at: datetime | None = None
    end: str | None = None
    """Why it ended; None while it runs and after a crash."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """Rows, bytes and losses at the end."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of a wide recording, each once."""
        columns = {
            channel.column: Column(channel.column, channel.kind, channel.unit)
            for device in self.devices
            for channel in device.channels
        }
        return tuple(columns.values())

    def finished(self, at: datetime, end: str, summary: Mapping[str, Any]) -> Description:
        """Return the description of the same recording when it is over."""
        return replace(self, finished_at=at, end=end, summary=summary)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return data | {
            "fieldbridge_recording": VERSION,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "devices": [asdict(device) for device in self.devices],
            "summary": dict(self.summary),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Description:
        """Return what ``to_dict`` wrote; raises ValueError."""
        if not isinstance(data, dict) or data.get("fieldbridge_recording") != VERSION:
            raise ValueError(f"is no description of version {VERSION}")
        try:
            finished_at = data["finished_at"]
            return cls(
                title=str(data["title"]),
                started_at=moment_of(data["started_at"]),
                kind=str(data["kind"]),
                wide=bool(data["wide"]),
                rate_hz=None if data["rate_hz"] is None else float(data["rate_hz"]),
                devices=tuple(_device(device) for device in data["devices"]),
                finished_at=None if finished_at is None else moment_of(finished_at),
                end=None if data["end"] is None else str(data["end"]),
                summary=dict(data["summary"]),
            )
        except (KeyError, TypeError) as err:
            raise ValueError(f"is not complete: {err!r}") from err


def describe_device(
    device_id: str, name: str, channels: Iterable[Channel], others: Sequence[RecordedDevice] = (), **facts: str | None
) -> RecordedDevice:
    """Return the device as it is recorded beside ``others``: names differ, columns are shared where they agree."""
    taken = {other.name for other in others}
    name = name.strip() or "device"
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name} {number}"
    columns = {
        channel.column.casefold(): (channel.key, channel.kind, channel.unit)
        for other in others
        for channel in other.channels
    }
    own: set[str] = set()
    recorded = []
    for channel in channels:
        meaning = (channel.key, channel.kind, channel.unit)
        for column in _column_names(channel.key, unique):
            folded = column.casefold()
            if folded not in _RESERVED and folded not in own and columns.get(folded, meaning) == meaning:
                break
        own.add(folded)
        recorded.append(
            RecordedChannel(
                key=channel.key,
                name=channel.name,
                column=column,
                kind=channel.kind,
                unit=channel.unit,
                device_class=channel.device_class,
                state_class=channel.state_class,
                precision=channel.precision,
                private=channel.private,
            )
        )
    return RecordedDevice(device_id, unique, tuple(recorded), **facts)


def description_of(path: Path) -> Path:
    """Return where the description of a recording is."""
    return path.with_name(path.name + DESCRIPTION)


def write_description(path: Path, description: Description) -> None:
    """Write the description of the recording ``path``; complete at any moment. Blocking; raises OSError."""
    target = description_of(path)
    fresh = target.with_name(target.name + ".new")
    try:
        fresh.write_text(json.dumps(description.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(target)
    except OSError, ValueError:
        fresh.unlink(missing_ok=True)
        raise


def read_description(path: Path) -> Description | None:
    """Return the description of the recording ``path``, None where there is none that can be read. Blocking."""
    try:
        return Description.from_dict(json.loads(description_of(path).read_text(encoding="utf-8")))
    except OSError, ValueError, RecursionError:
        return None


def _column_names(key: str, device: str) -> Iterable[str]:
    yield key
    yield f"{device}.{key}"
    number = 2
    while True:
        yield f"{device}.{key}_{number}"
        number += 1


def _device(data: Any) -> RecordedDevice:
    channels = tuple(RecordedChannel(**{**channel, "kind": ValueKind(channel["kind"])}) for channel in data["channels"])
    return RecordedDevice(
        str(data["id"]),
        str(data["name"]),
        channels,
        manufacturer=data.get("manufacturer"),
        model=data.get("model"),
    )
