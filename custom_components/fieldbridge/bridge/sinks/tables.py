"""Samples as rows. The columns come from the declaration of the channels, never from the first values that arrive."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
import math
from typing import Protocol

from ..acquisition import Column, Sample, SampleRow
from ..channels import ValueKind

type Row = tuple[object, ...]
type Batch = Sequence[Sample]


class FieldType(Enum):
    """What a column of a file holds; anything may be absent."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    TIME = "time"
    """A datetime in UTC."""
    ANY = "any"
    """A number or a text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a file."""

    name: str
    type: FieldType


class Table[T](Protocol):
    """How batches of ``T`` become rows."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns of the file."""
        ...

    def rows(self, batches: Iterable[Sequence[T]]) -> Iterator[Row]:
        """Yield the rows of batches."""
        ...

    def mark(self, at: datetime, monotonic_ns: int | None, text: str) -> Row:
        """Return a row that says what happened at a moment: a gap, a step of the clock."""
        ...


class LongTable:
    """One row per sample, the same columns for every device."""

    fields = (
        Field("device", FieldType.TEXT),
        Field("address", FieldType.INTEGER),
        Field("protocol", FieldType.TEXT),
        Field("channel", FieldType.TEXT),
        Field("parameter", FieldType.TEXT),
        Field("parameter_id", FieldType.INTEGER),
        Field("instance", FieldType.INTEGER),
        Field("value", FieldType.ANY),
        Field("unit", FieldType.TEXT),
        Field("monotonic_ns", FieldType.INTEGER),
        Field("requested_at", FieldType.TIME),
        Field("received_at", FieldType.TIME),
        Field("midpoint_at", FieldType.TIME),
        Field("latency_s", FieldType.REAL),
        Field("error", FieldType.TEXT),
    )

    def rows(self, batches: Iterable[Batch]) -> Iterator[Row]:
        """Yield one row per sample."""
        for batch in batches:
            for sample in batch:
                yield (
                    sample.device,
                    sample.address,
                    None if sample.protocol is None else str(sample.protocol),
                    sample.channel,
                    sample.parameter,
                    sample.parameter_id,
                    sample.instance,
                    sample.value,
                    sample.unit,
                    sample.monotonic_ns,
                    sample.requested_at,
                    sample.received_at,
                    sample.t_utc,
                    sample.latency_s,
                    None if sample.error is None else str(sample.error),
                )

    def mark(self, at: datetime, monotonic_ns: int | None, text: str) -> Row:
        """Return a row without a device whose error says what happened."""
        values = {"device": "", "monotonic_ns": monotonic_ns, "midpoint_at": at, "error": text}
        return tuple(values.get(field.name) for field in self.fields)


class WideTable:
    """One row per tick and device, one column per channel. What has no column is counted in ``unplaced``."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.unplaced = 0
        types = {
            ValueKind.NUMBER: FieldType.REAL,
            ValueKind.BINARY: FieldType.BOOLEAN,
            ValueKind.TEXT: FieldType.TEXT,
        }
        self.fields = (
            Field("t_utc", FieldType.TIME),
            Field("monotonic_ns", FieldType.INTEGER),
            Field("device", FieldType.TEXT),
            *(Field(column.name, types[column.kind]) for column in self.columns),
            Field("event", FieldType.TEXT),
        )
        names = [field.name for field in self.fields]
        if len({name.casefold() for name in names}) != len(names):
            raise ValueError(f"column names must differ: {', '.join(names)}")
        self._places = {column.name: place for place, column in enumerate(self.columns)}

    def rows(self, batches: Iterable[Batch]) -> Iterator[Row]:
        """Yield one row per batch and device; a value that comes twice begins a new row."""
        for batch in batches:
            if isinstance(batch, SampleRow) and batch.layout.columns == self.columns:
                layout, moment = batch.layout, batch.monotonic_ns
                yield (layout.anchor.at(moment), moment, layout.device, *batch.values, None)
            else:
                yield from self._pivot(batch)

    def mark(self, at: datetime, monotonic_ns: int | None, text: str) -> Row:
        """Return a row without a device whose event says what happened."""
        return (at, monotonic_ns, "", *(None for _ in self.columns), text)

    def _pivot(self, batch: Batch) -> Iterator[Row]:
        first: Sample | None = None
        values: dict[int, object] = {}
        event: str | None = None
        for sample in batch:
            place = self._place(sample)
            if place is None and sample.error is None:
                self.unplaced += 1
                continue
            if first is not None and (sample.device != first.device or place in values or sample.error is not None):
                yield self._row(first, values, event)
                first, values, event = None, {}, None
            first = first or sample
            if place is not None:
                values[place] = sample.value
            event = event or (None if sample.error is None else str(sample.error))
        if first is not None:
            yield self._row(first, values, event)

    def _place(self, sample: Sample) -> int | None:
        for name in (sample.parameter, sample.channel):
            if name is not None and name in self._places:
                return self._places[name]
        return None

    def _row(self, first: Sample, values: dict[int, object], event: str | None) -> Row:
        return (
            first.t_utc,
            first.monotonic_ns,
            first.device,
            *(values.get(place) for place in range(len(self.columns))),
            event,
        )


def moment_of(text: str) -> datetime:
    """Return what ``iso`` wrote; a moment without an offset, from elsewhere, is in UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """Return a moment as text in UTC, with its offset; one without an offset is in UTC."""
    if moment.tzinfo is UTC:
        return moment.isoformat()
    return (moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).isoformat()


def as_float(number: int) -> float:
    """Return the nearest float, which is infinite for an integer beyond them all."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number > 0 or -1)
