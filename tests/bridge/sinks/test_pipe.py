"""pipe(): batches out of a stream into a sink, on time and without loss."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import override

import pytest

from custom_components.fieldbridge.bridge.acquisition import Sample, record
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.sinks import InMemorySink, JsonlSink, SinkWriteError, pipe
from custom_components.fieldbridge.bridge.streams import Fanout
from custom_components.fieldbridge.bridge.testing.clocks import FakeClock

from .reading import read_rows

type Batch = Sequence[Sample]


class WatchedSink(InMemorySink):
    """Remembers the size of every write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[int] = []
        self.written = asyncio.Event()

    @override
    async def write_many(self, samples: Sequence[Sample]) -> None:
        await super().write_many(samples)
        self.writes.append(len(samples))
        self.written.set()


class SlowSink(InMemorySink):
    """Keeps nothing before it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = asyncio.Event()
        self.release = asyncio.Event()

    @override
    async def write_many(self, samples: Sequence[Sample]) -> None:
        self.writing.set()
        await self.release.wait()
        await super().write_many(samples)


def batches(*sizes: int) -> list[list[Sample]]:
    return [[Sample("device", value=float(number)) for number in range(size)] for size in sizes]


async def stream_of(*sizes: int) -> AsyncIterator[Batch]:
    for batch in batches(*sizes):
        yield batch


async def test_everything_arrives_and_the_summary_counts_samples() -> None:
    async with WatchedSink() as sink:
        summary = await pipe(stream_of(4, 4, 4), sink, batch_size=8)

    assert sink.writes == [8, 4]
    assert summary.samples_emitted == 12
    assert summary.ledger.balanced
    assert summary.finished_at is not None


async def test_single_samples_are_taken_as_well() -> None:
    device: Fanout[Sample] = Fanout()
    subscription = device.subscribe()
    await device.put_many([Sample("device", value=number) for number in range(3)])
    device.finish()

    async def samples() -> AsyncIterator[Sample]:
        async for sample in subscription:
            yield sample

    async with InMemorySink() as sink:
        await pipe(samples(), sink)

    assert [sample.value for sample in sink.samples] == [0, 1, 2]


async def test_a_stalled_source_does_not_keep_what_came_before_from_the_sink() -> None:
    stream: Fanout[Batch] = Fanout()
    async with WatchedSink() as sink:
        piping = asyncio.create_task(pipe(stream.subscribe(), sink, flush_interval=0.01))
        await asyncio.sleep(0)
        await stream.put(batches(3)[0])

        async with asyncio.timeout(5):
            await sink.written.wait()

        assert sink.writes == [3]
        stream.finish()
        await piping


async def test_a_cancelled_pipe_writes_all_that_was_read_before() -> None:
    stream: Fanout[Batch] = Fanout()
    async with InMemorySink() as sink:
        piping = asyncio.create_task(pipe(stream.subscribe(), sink, batch_size=1000, flush_interval=60))
        await asyncio.sleep(0)
        await stream.put_many(batches(5, 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await stream.put_many(batches(7))

        piping.cancel()
        await asyncio.wait([piping])

        assert piping.cancelled()
        assert len(sink.samples) == 17


async def test_cancelling_twice_does_not_lose_what_is_being_written() -> None:
    stream: Fanout[Batch] = Fanout()
    async with SlowSink() as sink:
        piping = asyncio.create_task(pipe(stream.subscribe(), sink, batch_size=1000, flush_interval=60))
        await asyncio.sleep(0)
        await stream.put_many(batches(5))
        for _ in range(3):
            await asyncio.sleep(0)
            piping.cancel()
        await asyncio.sleep(0)
        sink.release.set()
        await asyncio.wait([piping])

        assert len(sink.samples) == 5


async def test_a_source_that_fails_as_it_is_left_costs_nothing_that_was_read() -> None:
    waiting = asyncio.Event()

    async def failing() -> AsyncIterator[Batch]:
        (batch,) = batches(3)
        yield batch
        try:
            waiting.set()
            await asyncio.Event().wait()
        finally:
            raise LinkError("cannot be closed")

    async with InMemorySink() as sink:
        piping = asyncio.create_task(pipe(failing(), sink, batch_size=1000, flush_interval=60))
        await waiting.wait()
        piping.cancel()

        with pytest.raises(LinkError, match="cannot be closed"):
            await piping

        assert len(sink.samples) == 3


async def test_the_error_of_a_source_comes_after_what_it_read() -> None:
    class Source:
        polls = 0

        async def poll(self) -> Batch:
            self.polls += 1
            if self.polls == 4:
                raise KeyError("channel")
            return batches(2)[0]

    sink = InMemorySink()

    async def run() -> None:
        async with record(Source(), rate_hz=10, clock=FakeClock()) as recording, sink:
            await pipe(recording, sink, batch_size=1000, flush_interval=60)

    with pytest.raises(KeyError):
        await run()
    assert len(sink.samples) == 6


async def test_stopping_a_recording_leaves_no_row_behind(tmp_path: Path) -> None:
    class Source:
        polls = 0

        async def poll(self) -> Batch:
            self.polls += 1
            return [Sample("device", value=self.polls)]

    source = Source()
    sink = JsonlSink(tmp_path / "run.jsonl")
    async with sink, record(source, rate_hz=500) as recording:
        piping = asyncio.create_task(pipe(recording, sink, flush_interval=60))
        await asyncio.sleep(0.1)
        assert await recording.stop()
        summary = await piping

    assert [row["value"] for row in read_rows(sink.path)] == list(range(1, source.polls + 1))
    assert summary.samples_emitted == source.polls


async def test_gaps_are_marked_in_the_file(tmp_path: Path) -> None:
    class Source:
        polls = 0

        async def poll(self) -> Batch:
            self.polls += 1
            if self.polls == 3:
                raise LinkError("unplugged")
            return [Sample("device", value=self.polls)]

    sink = JsonlSink(tmp_path / "run.jsonl")
    async with sink, record(Source(), rate_hz=10, duration=2, auto_reconnect=True, clock=FakeClock()) as recording:
        await pipe(recording, sink, batch_size=1)

    marks = [row["error"] for row in read_rows(sink.path) if row["device"] == ""]
    assert len(marks) == 1
    assert "LinkError: unplugged" in marks[0]


async def test_a_sink_that_fails_ends_the_pipe_with_its_error(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "run.jsonl", sync_interval=0.001, keep_free=1 << 60)
    stream: Fanout[Batch] = Fanout()

    async def feed() -> None:
        taken = True
        while taken:
            taken = await stream.put(batches(1)[0])
            await asyncio.sleep(0.001)

    async with asyncio.timeout(20):
        await sink.open()
        feeding = asyncio.create_task(feed())
        with pytest.raises(SinkWriteError):
            await pipe(stream.subscribe(), sink, batch_size=1)
        stream.finish()
        await feeding
        await sink.close()

    assert len(read_rows(sink.path)) == sink.rows


async def test_a_generator_is_read_in_one_task_so_that_its_timeouts_hold() -> None:
    async def silent() -> AsyncIterator[Batch]:
        async with asyncio.timeout(0.01):
            yield batches(2)[0]
            await asyncio.Event().wait()

    async with InMemorySink() as sink:
        with pytest.raises(TimeoutError):
            await pipe(silent(), sink, flush_interval=60)

    assert len(sink.samples) == 2


async def test_a_generator_may_yield_the_same_list_again() -> None:
    async def reusing() -> AsyncIterator[Batch]:
        batch: list[Sample] = []
        for number in range(5):
            batch[:] = [Sample("device", value=number)]
            yield batch

    async with InMemorySink() as sink:
        await pipe(reusing(), sink)

    assert [sample.value for sample in sink.samples] == [0, 1, 2, 3, 4]


async def test_a_slow_sink_makes_a_generator_wait() -> None:
    read = 0

    async def endless() -> AsyncIterator[Sample]:
        nonlocal read
        while True:
            read += 1
            yield Sample("device", value=read)

    async with SlowSink() as sink:
        piping = asyncio.create_task(pipe(endless(), sink, batch_size=10))
        await sink.writing.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert read <= 20
        piping.cancel()
        sink.release.set()
        await asyncio.wait([piping])

    assert [sample.value for sample in sink.samples] == list(range(1, read + 1))


async def test_a_cancelled_pipe_loses_no_batch_that_a_slow_sink_was_about_to_keep() -> None:
    stream: Fanout[Batch] = Fanout()
    async with SlowSink() as sink:
        piping = asyncio.create_task(pipe(stream.subscribe(), sink, batch_size=5))
        await asyncio.sleep(0)
        await stream.put_many(batches(5, 3))
        await sink.writing.wait()
        piping.cancel()
        await asyncio.sleep(0)
        sink.release.set()
        await asyncio.wait([piping])

    assert piping.cancelled()
    assert len(sink.samples) == 8


async def test_sizes_and_intervals_out_of_range_are_refused() -> None:
    async with InMemorySink() as sink:
        with pytest.raises(ValueError, match="batch_size"):
            await pipe(stream_of(), sink, batch_size=0)
        with pytest.raises(ValueError, match="flush_interval"):
            await pipe(stream_of(), sink, flush_interval=float("nan"))
