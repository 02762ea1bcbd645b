"""The one thread that writes a recording: the event loop hands over batches and never touches a file."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
import errno
from itertools import batched
import logging
from pathlib import Path
import queue
import shutil
import threading
import time

from .journal import Journal
from .sink import DiskFullError, SinkError, SinkWriteError
from .tables import Row, Table

_LOGGER = logging.getLogger(__name__)

SYNC_INTERVAL = 0.5
"""Seconds of data that a crash may cost. Half of what ``pipe`` waits at most: rows that waited less than half a second
there are safe within the rest of it, and rows that waited longer find the last time long enough ago."""
MAX_PENDING = 50_000
"""Samples that may wait for the thread before a write waits as well."""

_ROWS_PER_SLICE = 64
"""Rows that are encoded at a stretch: some 0.3 ms in which the event loop may have to wait for the interpreter."""
_CLOCK_STEP_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Mark:
    """Something that happened, on its way to the file."""

    at: datetime
    monotonic_ns: int | None
    text: str


_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

type _Counted[T] = tuple[Sequence[Sequence[T]], int]
"""Batches, and how many samples are in them."""
type _Work[T] = _Counted[T] | _Mark | None


class RecordingWriter[T]:
    """Writes batches into a journal, from ``open`` to ``close``; belongs to one event loop.

    ``make_journal`` is called in the thread. When writing fails, or the disk has less than ``keep_free`` bytes left,
    the recording ends: what was written is completed, the rest is counted as lost, and the next call raises.
    """

    def __init__(
        self,
        make_journal: Callable[[], Journal],
        table: Table[T],
        *,
        folder: Path,
        sync_interval: float = SYNC_INTERVAL,
        keep_free: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._make_journal = make_journal
        self._table = table
        self._folder = folder
        self._sync_interval = sync_interval
        self._keep_free = keep_free
        self._wall_ns = wall_ns
        self._work: queue.SimpleQueue[_Work[T]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._room = asyncio.Event()
        self._room.set()
        self._samples_in = 0
        self._samples_done = 0
        self._journal: Journal | None = None
        self._rows_in = 0
        self.refused = 0
        """Rows that came after the failure; whoever brought them was told."""
        self._reported = False
        self.path: Path | None = None
        """The finished file."""
        self._finished_size: int | None = None
        self.failure: SinkError | None = None
        """Why the recording ended early."""
        self._thread = threading.Thread(target=self._run, name="fieldbridge recording", daemon=True)

    @property
    def rows(self) -> int:
        """Rows that are in the file."""
        return self._journal.rows if self._journal is not None else 0

    @property
    def lost(self) -> int:
        """Rows that could not be written."""
        return self._rows_in - self.rows if self.failure is not None else 0

    @property
    def size(self) -> int:
        """Bytes written; those of the finished file once there is one, which may be smaller than its journal was."""
        if self._finished_size is not None:
            return self._finished_size
        return self._journal.size if self._journal is not None else 0

    async def open(self) -> None:
        """Start the thread and wait until the file is there. Raises SinkError."""
        self._thread.start()
        try:
            await asyncio.shield(self._opened)
        except SinkError:
            self._await_thread()
            raise
        except asyncio.CancelledError:
            self._work.put(None)  # nobody will close it
            raise

    async def write(self, batches: Sequence[Sequence[T]]) -> None:
        """Hand over batches, which must not change any more. Raises SinkWriteError once the recording has failed."""
        if self.failure is not None:
            self.refused += sum(1 for _ in self._table.rows(batches))
        self._raise_failure()
        count = sum(map(len, batches))
        self._samples_in += count
        self._work.put((batches, count))
        if self._samples_in - self._samples_done > MAX_PENDING:
            # Cleared first: the thread either sees that somebody waits, or its progress is seen here.
            self._room.clear()
            if self._samples_in - self._samples_done > MAX_PENDING // 2:
                await self._room.wait()

    def mark(self, at: datetime, monotonic_ns: int | None, text: str) -> None:
        """Write a row that says what happened at a moment."""
        self._work.put(_Mark(at, monotonic_ns, text))

    async def close(self) -> None:
        """Complete the file. Raises SinkError when that failed, or the failure that nobody has seen yet."""
        self._work.put(None)
        await asyncio.shield(self._closed)
        self._await_thread()
        self._raise_failure(once=True)

    def _await_thread(self) -> None:
        """Wait until the thread is gone; it has told its last and is microseconds from its end."""
        self._thread.join()

    def _raise_failure(self, *, once: bool = False) -> None:
        if self.failure is not None and not (once and self._reported):
            self._reported = True
            raise self.failure

    def _run(self) -> None:
        try:
            self._journal = self._make_journal()
        except Exception as err:  # noqa: BLE001  - raised from open()
            self._tell(self._fail_opening, err)
            return
        self._tell(self._opened.set_result, None)
        try:
            self._write_until_closed(self._journal)
        except Exception as err:
            _LOGGER.exception("Writing a recording failed")
            self._fail(SinkWriteError(f"writing failed: {err!r}"))
        finally:
            self._guarded(self._journal.close)
            self._tell(self._closed.set_result, None)

    def _fail_opening(self, err: Exception) -> None:
        self._closed.set_result(None)
        if isinstance(err, SinkError):
            self._opened.set_exception(err)
        else:
            failure = SinkError(f"cannot open: {err}")
            failure.__cause__ = err
            self._opened.set_exception(failure)

    def _write_until_closed(self, journal: Journal) -> None:
        synced_at = time.monotonic()
        sync_due: float | None = None
        offset_ns = self._wall_ns() - time.monotonic_ns()
        closing = False
        while not closing:
            work = self._next_work(sync_due)
            if work is None:
                closing = True
            elif isinstance(work, queue.Empty):
                pass
            else:
                self._guarded(self._write, journal, work)
                # At once where the last time is long ago: rows of seldom writes have waited long enough already.
                sync_due = synced_at + self._sync_interval if sync_due is None else sync_due
            if sync_due is not None and (now := time.monotonic()) >= sync_due:
                synced_at, sync_due = now, None
                offset_ns = self._mark_clock_step(journal, offset_ns)
                self._guarded(self._sync, journal)
        try:
            self.path = journal.finish()
            self._finished_size = self.path.stat().st_size
        except (SinkError, OSError) as err:
            self._fail(err)

    def _next_work(self, sync_due: float | None) -> _Work[T] | queue.Empty:
        if sync_due is None:
            return self._work.get()
        try:
            return self._work.get(timeout=max(0.0, sync_due - time.monotonic()))
        except queue.Empty as nothing:
            return nothing

    def _write(self, journal: Journal, work: _Counted[T] | _Mark) -> None:
        if isinstance(work, _Mark):
            self._append(journal, [self._table.mark(work.at, work.monotonic_ns, work.text)])
            return
        batches, count = work
        try:
            self._append(journal, self._table.rows(batches))
        finally:
            self._samples_done += count
            if not self._room.is_set() and self._samples_in - self._samples_done <= MAX_PENDING // 2:
                self._tell(self._room.set)

    def _append(self, journal: Journal, rows: Iterable[Row]) -> None:
        for part in batched(rows, _ROWS_PER_SLICE, strict=False):
            self._rows_in += len(part)
            if self.failure is None:
                journal.write(part)
            # Lets the event loop have the interpreter, which a thread keeps for 5 ms otherwise.
            time.sleep(0)

    def _sync(self, journal: Journal) -> None:
        journal.sync()
        if self._keep_free and shutil.disk_usage(self._folder).free < self._keep_free:
            raise DiskFullError(f"less than {self._keep_free // 1_000_000} MB are free")

    def _mark_clock_step(self, journal: Journal, offset_ns: int) -> int:
        now_ns = self._wall_ns()
        new_offset_ns = now_ns - time.monotonic_ns()
        step_ns = new_offset_ns - offset_ns
        if abs(step_ns) < _CLOCK_STEP_NS:
            return offset_ns
        mark = _Mark(
            datetime.fromtimestamp(now_ns / 1e9, UTC), time.monotonic_ns(), f"clock step {step_ns / 1e9:+.3f} s"
        )
        self._guarded(lambda: self._write(journal, mark))
        return new_offset_ns

    def _guarded[*A](self, action: Callable[[*A], None], *args: *A) -> None:
        """Do something that the disk may refuse; from the first refusal on nothing more is written."""
        try:
            action(*args)
        except (SinkError, OSError) as err:
            self._fail(err)

    def _fail(self, err: SinkError | OSError) -> None:
        if self.failure is not None:
            return
        _LOGGER.error("A recording ends early: %s", err)
        if isinstance(err, SinkError):
            self.failure = err
        else:
            self.failure = (DiskFullError if err.errno in _DISK_FULL else SinkWriteError)(str(err))
            self.failure.__cause__ = err
        self._tell(self._room.set)

    def _tell[*A](self, callback: Callable[[*A], object], *args: *A) -> None:
        """Call back on the event loop, if there still is one."""
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            _LOGGER.debug("The event loop was closed before the recording")
