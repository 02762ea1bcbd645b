"""From a stream of batches into a sink."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Sequence
from datetime import UTC, datetime
import math

from ..acquisition import AcquisitionSummary, Gap, Recording, Sample
from ..acquisition.summary import FixedCounts, Ledger
from ..streams import Subscription
from .file_sinks import FileSink
from .sink import BatchSink, SampleSink
from .tables import Batch


async def pipe(
    stream: AsyncIterable[Sequence[Sample]] | AsyncIterable[Sample],
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


class _Pipe:
    def __init__(
        self,
        stream: AsyncIterable[Sequence[Sample]] | AsyncIterable[Sample],
        sink: SampleSink,
        batch_size: int,
        flush_interval: float,
    ) -> None:
        self._source = stream
        self._recording = stream if isinstance(stream, Recording) else None
        inner = stream.stream if isinstance(stream, Recording) else stream
        self._subscription: Subscription[Batch] | None = inner if isinstance(inner, Subscription) else None
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
        chunks = self._chunks()
        reading: asyncio.Future[list[Batch]] = _next(chunks)
        due: float | None = None
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.wait((reading,), timeout=None if due is None else max(0.0, due - loop.time()))
                if reading.done():
                    try:
                        self._take(reading.result())
                    except StopAsyncIteration:
                        break
                    reading = _next(chunks)
                    due = due or loop.time() + self._flush_interval
                if self._waiting >= self._batch_size or (due is not None and loop.time() >= due):
                    await self._flush()
                    due = None
        finally:
            await _undisturbed(self._finish(reading))
            summary.finished_at = datetime.now(UTC)
        return summary

    async def _chunks(self) -> AsyncIterator[list[Batch]]:
        """Yield what is there at once."""
        if self._subscription is not None:
            async for chunk in self._subscription.chunks():
                yield chunk
        else:
            async for item in self._source:
                yield [[item] if isinstance(item, Sample) else item]

    def _take(self, chunk: list[Batch]) -> None:
        self._batches += chunk
        self._waiting += sum(map(len, chunk))

    async def _flush(self) -> None:
        batches, self._batches = self._batches, []
        count, self._waiting = self._waiting, 0
        self._mark_gaps()
        if isinstance(self._sink, BatchSink):
            await self._sink.write_batches(batches)
        else:
            await self._sink.write_many([sample for batch in batches for sample in batch])
        self._ledger.slots += count
        self._counts.offered += count
        self._counts.delivered += count

    async def _finish(self, reading: asyncio.Future[list[Batch]]) -> None:
        """Write what was read, also when nobody wants more of it."""
        reading.cancel()
        await asyncio.wait((reading,))
        if not reading.cancelled() and reading.exception() is None:
            self._take(reading.result())
        if self._subscription is not None:
            self._take(self._subscription.take())
        if self._batches:
            await self._flush()
        self._mark_gaps()

    def _mark_gaps(self) -> None:
        """Write the gaps that ended since the last time into a sink that can show them."""
        if self._recording is None or not isinstance(self._sink, FileSink):
            return
        gaps = list(self._recording.summary.gaps)
        known = gaps.index(self._marked) + 1 if self._marked in gaps else 0
        for gap in gaps[known:]:
            until = gap.ended_at.isoformat() if gap.ended_at is not None else "the end"
            self._sink.mark(gap.started_at, f"gap until {until}, {gap.slots} slots: {gap.reason}")
            self._marked = gap


def _next(chunks: AsyncIterator[list[Batch]]) -> asyncio.Future[list[Batch]]:
    return asyncio.ensure_future(anext(chunks))


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
