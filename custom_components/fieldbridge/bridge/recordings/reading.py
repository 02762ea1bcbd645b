"""Recordings read back, row by row, whatever their format. All of it blocks: call it in a thread."""

from collections.abc import Collection, Iterator, Mapping
import csv
from dataclasses import dataclass
from datetime import datetime
import json
import math
from pathlib import Path
import sqlite3
from typing import Any

from ..channels import Value, ValueKind
from ..sinks import SinkError, read_parquet
from ..sinks.tables import moment_of
from .description import Description

_MALFORMED = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, csv.Error)
"""What a file that somebody else wrote or changed leads to."""


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """What one device said at one moment; ``values`` holds what was recorded by column, None for no value."""

    t_utc: datetime
    monotonic_ns: int
    device: str
    values: Mapping[str, Value | None]


def read_rows(path: Path, description: Description) -> Iterator[RecordedRow]:
    """Yield the rows of a finished recording in their order, those without a device (events) left out.

    Raises OSError, SinkError (a package that reads it is missing) and ValueError for what is no recording.
    """
    kinds = {column.name: column.kind for column in description.columns}
    own = {device.name: {channel.column for channel in device.channels} for device in description.devices}
    try:
        for cells in _cells(path):
            if not (device := cells.get("device")):
                continue
            if not description.wide:
                yield _long_row(cells, kinds)
            else:
                # At a rate an absent value was not fresh; as it comes the frame did not carry it.
                expected = own.get(device, ()) if description.rate_hz is not None else ()
                yield _wide_row(cells, kinds, expected)
    except _MALFORMED as err:
        raise ValueError(f"{path.name} is not as it was recorded: {err!r}") from err


def _cells(path: Path) -> Iterator[Mapping[str, Any]]:
    match path.suffix:
        case ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                yield from csv.DictReader(file, quoting=csv.QUOTE_NOTNULL)
        case ".jsonl":
            with path.open("rb") as file:
                yield from map(json.loads, file)
        case ".sqlite" | ".db":
            yield from _sqlite_cells(path)
        case ".parquet":
            yield from read_parquet(path)
        case suffix:
            raise SinkError(f"{suffix or path.name} is no format of a recording")


def _sqlite_cells(path: Path) -> Iterator[Mapping[str, Any]]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        for row in connection.execute("SELECT * FROM samples"):
            yield dict(row)
    except sqlite3.Error as err:
        raise SinkError(f"{path.name}: {err}") from err
    finally:
        connection.close()


def _wide_row(cells: Mapping[str, Any], kinds: Mapping[str, ValueKind], expected: Collection[str]) -> RecordedRow:
    values: dict[str, Value | None] = {}
    for name, kind in kinds.items():
        cell = cells.get(name)
        if not _is_absent(cell, kind):
            values[name] = _value(cell, kind)
        elif name in expected:
            values[name] = None
    return RecordedRow(_moment(cells["t_utc"]), int(cells["monotonic_ns"]), str(cells["device"]), values)


def _long_row(cells: Mapping[str, Any], kinds: Mapping[str, ValueKind]) -> RecordedRow:
    column = str(cells["channel"])
    raw = cells["value"]
    if raw is None:
        raw = cells.get("value_text")  # Parquet keeps numbers and texts apart
    kind = kinds.get(column, ValueKind.TEXT)
    value = None if _is_absent(raw, kind) else _value(raw, kind)
    return RecordedRow(_moment(cells["midpoint_at"]), int(cells["monotonic_ns"]), str(cells["device"]), {column: value})


def _is_absent(cell: object, kind: ValueKind) -> bool:
    return cell is None or (cell == "" and kind is not ValueKind.TEXT)


def _value(cell: object, kind: ValueKind) -> Value:
    match kind:
        case ValueKind.NUMBER:
            text = str(cell)
            number = float(text)
            # A whole number stays one only where it was written as one.
            return int(text) if math.isfinite(number) and text.removeprefix("-").isdecimal() else number
        case ValueKind.BINARY:
            return cell in (True, 1, "true", "1")
        case ValueKind.TEXT:
            return str(cell)


def _moment(cell: object) -> datetime:
    return cell if isinstance(cell, datetime) and cell.tzinfo is not None else moment_of(str(cell))
