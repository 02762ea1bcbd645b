"""Parquet, by way of Arrow messages.

The index of a Parquet file is written at its very end, so that a crash would lose all of it. A recording therefore
grows as Arrow messages, which may end anywhere, and is converted when it is complete or recovered.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
import json
import logging
import math
import os
from pathlib import Path
from typing import Any

from .files import AppendFile, part_of, publish, refuse_existing
from .sink import SinkDependencyError, SinkError, SinkWriteError
from .tables import Field, FieldType, Row, as_float

_LOGGER = logging.getLogger(__name__)

TEXT_SUFFIX = "_text"
"""A column that holds numbers or texts is two columns: ``value`` and ``value_text``."""

_WHOLE_COLUMNS = b"fieldbridge_whole_columns"
_WHOLE_CHANNELS = b"fieldbridge_whole_channels"
"""Metadata: a JSON list of those whose numbers were all integers, since a column of numbers holds 44 as 44.0. The long
format has one column for all channels. A recording that a crash ended has neither."""
_ROWS_PER_GROUP = 100_000
_ROWS_PER_READ = 1000


def _arrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as err:
        raise SinkDependencyError(
            "Parquet needs the package pyarrow, which is not installed and may not exist for this platform; "
            "CSV, JSON lines and SQLite need nothing"
        ) from err
    return pa, pq


class ParquetJournal:
    """Arrow record batches, one per interval."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        self._pa, self._pq = _arrow()
        refuse_existing(path)
        self._path = path
        self._fields = fields
        self._schema = _schema(self._pa, fields)
        self._is_long = any(field.type is FieldType.ANY for field in fields)
        self._types: defaultdict[object, set[type]] = defaultdict(set)
        """Of the numbers of each column, in the long format of each channel."""
        self._waiting: list[Row] = []
        self._saved = 0
        self.misfits = 0
        """Values that were not of their column's kind and are absent."""
        self._file = AppendFile(part_of(path))
        self._file.append(self._schema.serialize().to_pybytes())

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._saved + len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes so far, before they are compressed."""
        return self._file.size

    def write(self, rows: Sequence[Row]) -> None:
        """Keep rows until the next ``sync``: a record batch of a few rows would be mostly overhead."""
        self._waiting.extend(rows)

    def sync(self) -> None:
        """Append what is waiting."""
        if self._waiting:
            rows, self._waiting = self._waiting, []
            self._file.append(self._batch(rows).serialize().to_pybytes())
            self._saved += len(rows)
        self._file.sync()

    def finish(self) -> Path:
        """Convert."""
        self.sync()
        self._file.close()
        whole = [name for name, types in self._types.items() if int in types and float not in types]
        metadata = {_WHOLE_CHANNELS if self._is_long else _WHOLE_COLUMNS: json.dumps(whole)}
        return _convert(part_of(self._path), self._path, metadata)

    def close(self) -> None:
        """Let go."""
        self._file.close()

    def _batch(self, rows: Sequence[Row]) -> Any:
        arrays = []
        columns = {field.name: values for field, values in zip(self._fields, zip(*rows, strict=True), strict=True)}
        for field in self._fields:
            values = columns[field.name]
            if field.type is FieldType.REAL and not self._is_long:
                self._types[field.name].update(map(type, values))
            if field.type is FieldType.ANY:
                for channel, value in zip(columns["channel"], values, strict=True):
                    self._types[channel].add(type(value))
                arrays.append(self._array([_number(value) for value in values], FieldType.REAL))
                texts = [None if value is None or isinstance(value, int | float) else str(value) for value in values]
                arrays.append(self._array(texts, FieldType.TEXT))
            else:
                arrays.append(self._array(values, field.type))
        return self._pa.record_batch(arrays, schema=self._schema)

    def _array(self, values: Sequence[object], kind: FieldType) -> Any:
        arrow_type = _type(self._pa, kind)
        try:
            return self._pa.array(values, arrow_type)
        except self._pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError:
            if not self.misfits:
                _LOGGER.warning("%s: values that are not of their column's kind are left out", self._path.name)
        return self._pa.array([self._fitting(value, arrow_type) for value in values], arrow_type)

    def _fitting(self, value: object, arrow_type: Any) -> object:
        try:
            return self._pa.scalar(value, arrow_type).as_py()
        except self._pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError:
            self.misfits += 1
            return None


class ParquetFormat:
    """Parquet files; needs pyarrow."""

    def create(self, path: Path, fields: Sequence[Field]) -> ParquetJournal:
        """Begin a recording."""
        return ParquetJournal(path, fields)

    def recover(self, part: Path, path: Path) -> Path:
        """Convert the whole record batches that there are."""
        return _convert(part, path, {})


def _convert(part: Path, path: Path, metadata: Mapping[bytes, str]) -> Path:
    """Turn Arrow messages, the last of which may be torn, into a Parquet file; the messages stay until it is there."""
    pa, pq = _arrow()
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # it may be the finished file under its first name, if the process died just then
    try:
        with (
            pa.OSFile(str(part)) as source,
            pa.ipc.open_stream(source) as reader,
            pq.ParquetWriter(fresh, reader.schema, compression="zstd") as writer,
        ):
            for table in _groups(pa, reader):
                writer.write_table(table)
            writer.add_key_value_metadata(metadata)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        done = publish(fresh, path)
    except pa.ArrowException as err:
        raise SinkWriteError(f"{part.name}: {err}") from err
    finally:
        fresh.unlink(missing_ok=True)
    part.unlink()
    return done


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, with whole numbers as integers where the file says which those are. Blocking.

    Raises SinkDependencyError, SinkError for what is no Parquet file.
    """
    pa, pq = _arrow()
    try:
        with pq.ParquetFile(path) as file:
            metadata = file.metadata.metadata or {}
            columns, channels = (
                frozenset(json.loads(metadata.get(key, "[]"))) for key in (_WHOLE_COLUMNS, _WHOLE_CHANNELS)
            )
            for batch in file.iter_batches(batch_size=_ROWS_PER_READ):
                for row in batch.to_pylist():
                    for name in columns:
                        row[name] = _whole(row[name])
                    if channels and row["channel"] in channels:
                        row["value"] = _whole(row["value"])
                    yield row
    except pa.ArrowException as err:
        raise SinkError(f"{path.name}: {err}") from err


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _groups(pa: Any, reader: Any) -> Any:
    batches, count = [], 0
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration, pa.ArrowInvalid, OSError:
            break
        batches.append(batch)
        count += batch.num_rows
        if count >= _ROWS_PER_GROUP:
            yield pa.Table.from_batches(batches)
            batches, count = [], 0
    if batches:
        yield pa.Table.from_batches(batches)


def _schema(pa: Any, fields: Sequence[Field]) -> Any:
    columns = []
    for field in fields:
        if field.type is FieldType.ANY:
            columns += [(field.name, pa.float64()), (field.name + TEXT_SUFFIX, pa.string())]
        else:
            columns.append((field.name, _type(pa, field.type)))
    return pa.schema(columns)


def _type(pa: Any, kind: FieldType) -> Any:
    match kind:
        case FieldType.TEXT:
            return pa.string()
        case FieldType.INTEGER:
            return pa.int64()
        case FieldType.REAL | FieldType.ANY:
            return pa.float64()
        case FieldType.BOOLEAN:
            return pa.bool_()
        case FieldType.TIME:
            return pa.timestamp("us", tz="UTC")


def _number(value: object) -> float | None:
    if not isinstance(value, bool | int | float):
        return None
    number = as_float(value) if isinstance(value, int) else value
    return number if math.isfinite(number) else None
