"""Raw captures: the frames of a link as they came, with what is needed to understand or replay them.

The first line is a header, every other one a frame: ``{"t": monotonic seconds, "hex": "..."}``; ``event`` says what
happened (a gap). Frames may hold positions and meter numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
import json
from pathlib import Path
from typing import Any, override

from ..codecs.frame import Frame
from .file_sinks import RecordedFile
from .files import publish
from .sink import SinkError
from .tables import Field, FieldType, Row, moment_of
from .text_formats import JsonlFormat, JsonlJournal, cut_torn_line
from .writer import SYNC_INTERVAL

CAPTURE = ".capture"
"""Ending of a raw capture."""

CAPTURE_VERSION = 1
_MAX_HEADER = 1 << 20


@dataclass(frozen=True, slots=True)
class CaptureHeader:
    """What a capture says of itself."""

    link: str
    _: KW_ONLY
    kind: str = ""
    """The kind of link."""
    framing: Mapping[str, Any] = field(default_factory=dict)
    devices: Sequence[Mapping[str, Any]] = ()
    """The devices behind the link, each with ``title`` and ``profile`` (the JSON form of a DeviceProfile)."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, the first line of the file."""
        return {
            "fieldbridge_capture": CAPTURE_VERSION,
            "link": self.link,
            "kind": self.kind,
            "started_at": self.started_at.isoformat(),
            "framing": dict(self.framing),
            "devices": [dict(device) for device in self.devices],
        }


class FrameTable:
    """One row per frame."""

    fields = (Field("t", FieldType.REAL), Field("hex", FieldType.TEXT), Field("event", FieldType.TEXT))

    def rows(self, batches: Iterable[Sequence[Frame]]) -> Iterator[Row]:
        """Yield one row per frame."""
        for batch in batches:
            for frame in batch:
                yield (frame.time, frame.data.hex(), None)

    def mark(self, at: datetime, monotonic_ns: int | None, text: str) -> Row:
        """Return a row that says what happened."""
        return (None if monotonic_ns is None else monotonic_ns / 1e9, None, f"{at.isoformat()} {text}")


class CaptureFormat(JsonlFormat):
    """JSON lines after a header."""

    def __init__(self, header: CaptureHeader | None = None) -> None:
        self._header = header

    @override
    def create(self, path: Path, fields: Sequence[Field]) -> JsonlJournal:
        """Begin a capture with its header. Raises SinkError without one."""
        if self._header is None:
            raise SinkError("a capture needs a header")
        return JsonlJournal(path, fields, header=self._header.to_dict())

    @override
    def recover(self, part: Path, path: Path) -> Path:
        """Cut off a torn last line. Raises SinkError without a header."""
        cut_torn_line(part, quote=None)
        if not part.stat().st_size:
            raise SinkError(f"{part.name} has no header")
        return publish(part, path)


class CaptureSink(RecordedFile[Frame]):
    """Writes the frames of a link; ``write_batches`` takes what ``link.on_frames`` tells."""

    def __init__(
        self, path: Path | str, header: CaptureHeader, *, sync_interval: float = SYNC_INTERVAL, keep_free: int = 0
    ) -> None:
        super().__init__(
            Path(path), CaptureFormat(header), FrameTable(), sync_interval=sync_interval, keep_free=keep_free
        )


def read_header(path: Path) -> CaptureHeader:
    """Return the header of a capture. Blocking. Raises OSError, ValueError for what is no capture."""
    with path.open(encoding="utf-8") as file:
        try:
            data = json.loads(file.readline(_MAX_HEADER))
        except RecursionError as err:
            raise ValueError(f"{path.name} is no capture") from err
    if not isinstance(data, dict) or data.get("fieldbridge_capture") != CAPTURE_VERSION:
        raise ValueError(f"{path.name} is no capture of version {CAPTURE_VERSION}")
    devices = data.get("devices", [])
    if not isinstance(devices, list) or not all(isinstance(device, dict) for device in devices):
        raise ValueError(f"{path.name}: devices must be a list of objects")
    if not isinstance(data.get("framing", {}), dict):
        raise ValueError(f"{path.name}: framing must be an object")
    return CaptureHeader(
        str(data.get("link", "")),
        kind=str(data.get("kind", "")),
        framing=data.get("framing", {}),
        devices=devices,
        started_at=moment_of(str(data.get("started_at"))),
    )


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a capture. Blocking. Raises OSError, ValueError for a line that is no frame."""
    read_header(path)
    with path.open(encoding="utf-8") as file:
        next(file)
        try:
            for line in file:
                row = json.loads(line)
                if row.get("hex") is not None:
                    yield Frame(float(row["t"]), bytes.fromhex(row["hex"]))
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as err:
            raise ValueError(f"{path.name} holds a line that is no frame: {err!r}") from err
