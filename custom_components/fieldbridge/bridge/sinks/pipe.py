"""From a stream of batches into a sink."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Sequence
from datetime import UTC, datetime
import math

from ..acquisition import AcquisitionSummary, Gap, Recording, Sample, SampleRow
from ..acquisition.summary import FixedCounts, Ledger
from ..streams import Subscription
from .file_sinks import FileSink
from .sink import BatchSink, SampleSink
from .tables import Batch


async def pipe(
    stream: AsyncIterable[Sequence[Sample] | Sample],
    sink: SampleSink,
    *,
    batch_size: int = 64,
    flush_interval: float = 1.0,
) -> AcquisitionSummary:
    """Write all that ``stream`` yields into an open sink; return a summary whose ``samples_emitted`` counts samples.

    Written when ``batch_size`` samples are there, and ``flush_interval`` seconds after the first that waits, whether
    more come or not. When it is cancelled, what the stream holds is written first. Raises ValueError for arguments
    out of range, and what the stream or the sink raises.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be >= 1, got {batch_size!r}")
    if not (math.isfinite(flush_interval) and flush_interval > 0):
        raise ValueError(f"flush_interval must be > 0, got {flush_interval!r}")
    return await _Pipe(stream, sink, batch_size, flush_interval).run()


class _SubscriptionReader:
    """Reads a stream of ours, which need not be looked at before enough has come."""

    def __init__(self, subscription: Subscription[Batch]) -> None:
        self._subscription = subscription
        self._samples_per_batch = 1

    async def wait(self, samples: int) -> bool:
        """Wait until about as many samples can be taken; False at the end."""
        return await self._subscription.ready(max(1, samples // self._samples_per_batch))

    def take(self) -> list[Batch]:
        """Return what has come."""
        batches = self._subscription.take()
        if batches:
            self._samples_per_batch = max(1, len(batches[-1]))
        return batches

    async def close(self) -> None:
        """Leave the stream to whoever made it."""


class _IteratorReader:
    """Reads any asynchronous iterator in one task of its own, at most ``limit`` samples ahead.

    One from beginning to end: a timeout or a task group within a generator belongs to the task that entered it.
    """

    def __init__(self, stream: AsyncIterable[Sequence[Sample] | Sample], limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._wanted = 1
        self._taken: list[Batch] = []
        self._count = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def wait(self, samples: int) -> bool:
        """Wait until as many samples can be taken; False at the end. Raises the error of the stream."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="fieldbridge pipe")
            self._reading.add_done_callback(lambda _: self._arrived.set())
        self._wanted = samples
        while self._count < samples and not self._reading.done():
            self._arrived.clear()
            await self._arrived.wait()
        if not self._taken:
            self._reading.result()
        return bool(self._taken)

    def take(self) -> list[Batch]:
        """Return what has come."""
        batches, self._taken, self._count = self._taken, [], 0
        self._room.set()
        return batches

    async def close(self) -> None:
        """Stop reading; what has come is still there to be taken. Raises the error that this caused."""
        reading = self._reading
        if reading is not None and not reading.done():
            reading.cancel()
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.result()

    async def _read(self) -> None:
        async for item in self._stream:
            # A copy: whoever made a list may use it again for the next one.
            batch = (item,) if isinstance(item, Sample) else item if isinstance(item, SampleRow) else tuple(item)
            self._taken.append(batch)
            self._count += len(batch)
            if self._count >= self._wanted:
                self._arrived.set()
            while self._count >= self._limit:
                self._room.clear()
                await self._room.wait()


class _Pipe:
    def __init__(
        self,
        stream: AsyncIterable[Sequence[Sample] | Sample],
        sink: SampleSink,
        batch_size: int,
        flush_interval: float,
    ) -> None:
        self._recording = stream if isinstance(stream, Recording) else None
        inner = stream.stream if isinstance(stream, Recording) else stream
        self._reader = (
            _SubscriptionReader(inner) if isinstance(inner, Subscription) else _IteratorReader(inner, batch_size)
        )
        self._sink = sink
        self._batch_size = batch_size
        self._flush_interval = flush_interval
        self._batches: list[Batch] = []
        self._waiting = 0
        self._marked: Gap | None = None
        self._counts = FixedCounts()
        self._ledger = Ledger(self._counts)

    async def run(self) -> AcquisitionSummary:
        summary = AcquisitionSummary(started_at=datetime.now(UTC), ledger=self._ledger)
        loop = asyncio.get_running_loop()
        due = loop.time() + self._flush_interval
        more = True
        try:
            while more:
                more = await self._wait_until(due)
                self._take()
                if self._waiting >= self._batch_size or loop.time() >= due:
                    await self._flush()
                    due = loop.time() + self._flush_interval
        finally:
            await _undisturbed(self._finish())
            summary.finished_at = datetime.now(UTC)
        return summary

    async def _wait_until(self, due: float) -> bool:
        """Wait for enough samples or for the time to write those that there are; False at the end."""
        try:
            async with asyncio.timeout_at(due) as limit:
                return await self._reader.wait(self._batch_size - self._waiting)
        except TimeoutError:
            if not limit.expired():
                raise
        return True

    def _take(self) -> None:
        batches = self._reader.take()
        self._batches += batches
        self._waiting += sum(map(len, batches))

    async def _flush(self) -> None:
        self._mark_gaps()
        if not self._batches:
            return
        batches, self._batches = self._batches, []
        count, self._waiting = self._waiting, 0
        if isinstance(self._sink, BatchSink):
            await self._sink.write_batches(batches)
        else:
            # A sink of somebody else need not have kept them yet when the wait for it is cancelled.
            await _undisturbed(self._sink.write_many([sample for batch in batches for sample in batch]))
        self._ledger.slots += count
        self._counts.offered += count
        self._counts.delivered += count

    async def _finish(self) -> None:
        """Write what was read, also when nobody wants more of it."""
        try:
            await self._reader.close()
        finally:
            self._take()
            await self._flush()

    def _mark_gaps(self) -> None:
        """Write the gaps that ended since the last time into a sink that can show them."""
        if self._recording is None or not isinstance(self._sink, FileSink):
            return
        summary = self._recording.summary
        gaps = [gap for gap in summary.gaps if gap.ended_at is not None or summary.finished_at is not None]
        known = gaps.index(self._marked) + 1 if self._marked in gaps else 0
        for gap in gaps[known:]:
            until = gap.ended_at.isoformat() if gap.ended_at is not None else "the end"
            self._sink.mark(gap.started_at, f"gap until {until}, {gap.slots} slots: {gap.reason}")
            self._marked = gap


async def _undisturbed(work: Awaitable[None]) -> None:
    """Wait for work that goes on to its end also when the waiting task is cancelled again."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as err:
            if task.cancelled():
                raise
            cancelled = err
    task.result()
    if cancelled is not None:
        raise cancelled
