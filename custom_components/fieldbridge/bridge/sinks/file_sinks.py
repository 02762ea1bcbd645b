"""Sinks that write files."""

from collections.abc import Callable, Sequence
from datetime import datetime
import math
from pathlib import Path
import time
from types import TracebackType
from typing import ClassVar, Self, override

from ..acquisition import Column, Sample, SampleRow
from .journal import Format
from .parquet_format import ParquetFormat
from .sqlite_format import SqliteFormat
from .tables import Batch, LongTable, Table, WideTable
from .text_formats import CsvFormat, JsonlFormat
from .writer import SYNC_INTERVAL, RecordingWriter


class RecordedFile[T]:
    """A file of ``T``, written by a thread of its own.

    The file grows as ``<name>.part`` and gets its name when it is closed. ``sync_interval`` (seconds) is what a power
    failure may cost; the recording ends when fewer than ``keep_free`` bytes are free on the disk.
    """

    def __init__(
        self,
        path: Path,
        format: Format,  # noqa: A002  - what it is called everywhere
        table: Table[T],
        *,
        sync_interval: float = SYNC_INTERVAL,
        keep_free: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        if not 0 < sync_interval < math.inf:
            raise ValueError(f"sync_interval must be > 0, got {sync_interval!r}")
        self._path = path
        self._format = format
        self._table = table
        self._sync_interval = sync_interval
        self._keep_free = keep_free
        self._wall_ns = wall_ns
        self._writer: RecordingWriter[T] | None = None
        self._open = False

    @property
    def path(self) -> Path:
        """Where the recording is or will be; another name than asked for when that was taken meanwhile."""
        finished = self._writer.path if self._writer is not None else None
        return finished or self._path

    @property
    def rows(self) -> int:
        """Rows written."""
        return self._writer.rows if self._writer is not None else 0

    @property
    def lost(self) -> int:
        """Rows that could not be written."""
        return self._writer.lost if self._writer is not None else 0

    @property
    def refused(self) -> int:
        """Rows that were not taken, with an error, since writing had failed before."""
        return self._writer.refused if self._writer is not None else 0

    @property
    def failed(self) -> bool:
        """Whether nothing more is written, because the disk is full or gone."""
        return self._writer is not None and self._writer.failure is not None

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._writer.size if self._writer is not None else 0

    async def open(self) -> None:
        """Begin the file; idempotent. Raises SinkExistsError, SinkDependencyError, SinkError."""
        if self._open:
            return
        writer = RecordingWriter(
            lambda: self._format.create(self._path, self._table.fields),
            self._table,
            folder=self._path.parent,
            sync_interval=self._sync_interval,
            keep_free=self._keep_free,
            wall_ns=self._wall_ns,
        )
        await writer.open()
        self._writer = writer
        self._open = True

    async def write_batches(self, batches: Sequence[Sequence[T]]) -> None:
        """Write batches, which must not change any more.

        Raises RuntimeError when it is not open, SinkWriteError when the recording has failed.
        """
        await self._require_writer().write(batches)

    def mark(self, at: datetime, text: str, *, monotonic_ns: int | None = None) -> None:
        """Write a row that says what happened at a moment. Raises RuntimeError when it is not open."""
        self._require_writer().mark(at, monotonic_ns, text)

    async def close(self) -> None:
        """Write all that was handed over and complete the file; idempotent. Raises SinkWriteError."""
        if not self._open:
            return
        self._open = False
        if self._writer is not None:
            await self._writer.close()

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path.name!r}, {self.rows} rows>"

    def _require_writer(self) -> RecordingWriter[T]:
        if self._writer is None or not self._open:
            raise RuntimeError("the sink is not open")
        return self._writer


class FileSink(RecordedFile[Sample]):
    """A recording of samples.

    Without ``columns`` there is one row per sample (the long format), with them one row per tick.
    """

    format: ClassVar[Format]

    def __init__(
        self,
        path: Path | str,
        *,
        columns: Sequence[Column] | None = None,
        sync_interval: float = SYNC_INTERVAL,
        keep_free: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(
            Path(path),
            self.format,
            LongTable() if columns is None else WideTable(columns),
            sync_interval=sync_interval,
            keep_free=keep_free,
            wall_ns=wall_ns,
        )

    @property
    def unplaced(self) -> int:
        """Samples for which a wide recording has no column."""
        return self._table.unplaced if isinstance(self._table, WideTable) else 0

    async def write_many(self, samples: Sequence[Sample]) -> None:
        """Write samples; raises as ``write_batches``. A list may be used again at once: the thread reads a copy."""
        kept = samples if isinstance(samples, SampleRow) else tuple(samples)
        await self.write_batches((kept,))

    @override
    async def write_batches(self, batches: Sequence[Batch]) -> None:
        """Write the batches of ticks; a wide recording makes one row of each."""
        await super().write_batches(batches)


class CsvSink(FileSink):
    """Comma separated values with a header."""

    format = CsvFormat()


class JsonlSink(FileSink):
    """One JSON object per line."""

    format = JsonlFormat()


class SqliteSink(FileSink):
    """A database with the table ``samples``."""

    format = SqliteFormat()


class ParquetSink(FileSink):
    """Parquet; needs the package pyarrow, which is imported when the sink is opened."""

    format = ParquetFormat()


SINKS: dict[str, type[FileSink]] = {
    ".csv": CsvSink,
    ".jsonl": JsonlSink,
    ".sqlite": SqliteSink,
    ".db": SqliteSink,
    ".parquet": ParquetSink,
}
"""The sink for an ending."""
