"""Streams beside asyncio.Queue, casty's demand streams and cosalette's thread-safe stream.

All cases take turns in one process. What counts is the CPU time of the loop's thread per element, the best of all
turns, since the neighbours on a shared machine only ever add to it. Where another thread puts, the time that the loop
spends in waking up is left out: it is the machine's, and the same for both.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
import threading
import time

import casty
from cosalette import Stream as CosaletteStream

from custom_components.fieldbridge.bridge.streams import (
    ProducerRef,
    Stream,
    StreamSystem,
    stream_consumer,
    stream_producer,
)

from .runner import Claim, MeteredLoop, loop_time

_TURNS = 11
_ELEMENTS = 24_000
_CASTY_ELEMENTS = 2_000
_BUFFER = 64
_CHUNK = 16
_CONSUMERS = 3

type Case = Callable[[], Awaitable[float]]
"""Returns CPU seconds per element."""


async def run() -> list[Claim]:
    """Measure away from the loop of the benchmarks, whose meter costs more than what is measured first."""
    best = await asyncio.to_thread(asyncio.run, _in_turns(_one_thread_cases()))
    best |= await asyncio.to_thread(lambda: asyncio.run(_in_turns(_two_thread_cases()), loop_factory=MeteredLoop))
    micro = {name: seconds * 1e6 for name, seconds in best.items()}
    rate = {name: 1 / seconds for name, seconds in best.items()}
    name = f"fan-out to {_CONSUMERS} consumers in chunks of {_CHUNK}"
    return [
        Claim(f"{name}, beside casty", rate["fan-out"], rate["fan-out of casty"], 40.0, "higher", "1/s"),
        Claim(f"{name}, beside asyncio.Queue", rate["fan-out"], rate["fan-out of queues"], 2.0, "higher", "1/s"),
        Claim("Stream, one item per wake-up", micro["stream 1"], micro["queue 1"], 1.0, "lower", "us"),
        Claim("Stream, ten items per wake-up", micro["stream 10"], micro["queue 10"], 0.6, "lower", "us"),
        Claim("Stream, a hundred items per wake-up", micro["stream 100"], micro["queue 100"], 0.3, "lower", "us"),
        Claim(
            "Stream, bursts of 100 from a thread, beside cosalette",
            micro["threads"],
            micro["threads of cosalette"],
            0.2,
            "lower",
            "us",
        ),
    ]


def _one_thread_cases() -> dict[str, Case]:
    cases: dict[str, Case] = {
        "fan-out": _fan_out,
        "fan-out of queues": _fan_out_queues,
        "fan-out of casty": _fan_out_casty,
    }
    for burst in (1, 10, 100):
        cases[f"stream {burst}"] = partial(_burst_stream, burst)
        cases[f"queue {burst}"] = partial(_burst_queue, burst)
    return cases


def _two_thread_cases() -> dict[str, Case]:
    return {
        "threads": lambda: _from_thread(Stream(0)),
        "threads of cosalette": lambda: _from_thread(CosaletteStream(thread_safe=True)),
    }


async def _in_turns(cases: dict[str, Case]) -> dict[str, float]:
    """Return the best seconds per element of every case."""
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(_TURNS):
        for name, case in cases.items():
            best[name] = min(best[name], await case())
    return best


async def _fan_out() -> float:
    async with StreamSystem() as system:
        producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=_BUFFER), "producer")
        consumers = [
            system.spawn(stream_consumer(producer, initial_demand=_BUFFER), f"consumer {number}")
            for number in range(_CONSUMERS)
        ]
        counting = [asyncio.create_task(_count((await consumer.source()).chunks())) for consumer in consumers]
        sink = await producer.sink()
        chunk = range(_CHUNK)
        start = time.thread_time()
        for _ in range(_ELEMENTS // _CHUNK):
            await sink.put_many(chunk)
        await sink.complete()
        counts = await asyncio.gather(*counting)
        used = time.thread_time() - start
    assert counts == [_ELEMENTS // _CHUNK * _CHUNK] * _CONSUMERS
    return used / _ELEMENTS


async def _count(chunks: AsyncIterator[object]) -> int:
    count = 0
    async for chunk in chunks:
        count += len(chunk)  # type: ignore[arg-type]
    return count


async def _fan_out_queues() -> float:
    queues: list[asyncio.Queue[int | None]] = [asyncio.Queue(_BUFFER) for _ in range(_CONSUMERS)]

    async def take(queue: asyncio.Queue[int | None]) -> int:
        count = 0
        while await queue.get() is not None:
            count += 1
        return count

    counting = [asyncio.create_task(take(queue)) for queue in queues]
    start = time.thread_time()
    for number in range(_ELEMENTS):
        for queue in queues:
            await queue.put(number)
    for queue in queues:
        await queue.put(None)
    counts = await asyncio.gather(*counting)
    used = time.thread_time() - start
    assert counts == [_ELEMENTS] * _CONSUMERS
    return used / _ELEMENTS


async def _fan_out_casty() -> float:
    """A producer of casty has one consumer, so there are three of each."""
    async with casty.ActorSystem() as system:
        sinks, counting = [], []
        for number in range(_CONSUMERS):
            producer = system.spawn(casty.stream_producer(buffer_size=_BUFFER), f"producer{number}")
            consumer = system.spawn(casty.stream_consumer(producer, initial_demand=_BUFFER), f"consumer{number}")
            sinks.append(await system.ask(producer, lambda reply_to: casty.GetSink(reply_to=reply_to), timeout=5.0))
            source = await system.ask(consumer, lambda reply_to: casty.GetSource(reply_to=reply_to), timeout=5.0)
            counting.append(asyncio.create_task(_count_items(source)))
        start = time.thread_time()
        for number in range(_CASTY_ELEMENTS):
            for sink in sinks:
                await sink.put(number)
        for sink in sinks:
            await sink.complete()
        counts = await asyncio.gather(*counting)
        used = time.thread_time() - start
    assert counts == [_CASTY_ELEMENTS] * _CONSUMERS
    return used / _CASTY_ELEMENTS


async def _count_items(items: AsyncIterator[object]) -> int:
    count = 0
    async for _ in items:
        count += 1
    return count


async def _burst_stream(burst: int) -> float:
    stream: Stream[int] = Stream(1024)
    counting = asyncio.create_task(_count(stream.batches()))
    used = await _burst(stream.put, burst)
    stream.finish()
    assert await counting == _ELEMENTS // burst * burst
    assert stream.dropped == 0
    return used


async def _burst_queue(burst: int) -> float:
    queue: asyncio.Queue[int | None] = asyncio.Queue(1024)

    async def take() -> int:
        count = 0
        while await queue.get() is not None:
            count += 1
        return count

    counting = asyncio.create_task(take())
    used = await _burst(queue.put_nowait, burst)
    await queue.put(None)
    assert await counting == _ELEMENTS // burst * burst
    return used


async def _burst(put: Callable[[int], None], burst: int) -> float:
    """Put bursts of elements, and let the consumer have a turn after each."""
    await asyncio.sleep(0)
    start = time.thread_time()
    for _ in range(_ELEMENTS // burst):
        for number in range(burst):
            put(number)
        await asyncio.sleep(0)
    return (time.thread_time() - start) / _ELEMENTS


async def _from_thread(stream: Stream[int] | CosaletteStream[int]) -> float:
    burst, bursts = 100, 60

    def produce() -> None:
        for _ in range(bursts):
            for number in range(burst):
                stream.put(number)
            time.sleep(0.002)

    async def take() -> None:
        count = 0
        if isinstance(stream, Stream):
            async for batch in stream.batches():
                count += len(batch)
                if count == burst * bursts:
                    return
        async for _ in stream:
            count += 1
            if count == burst * bursts:
                return

    thread = threading.Thread(target=produce)
    thread.start()
    start = loop_time()
    await take()
    used = loop_time() - start
    await asyncio.to_thread(thread.join)
    return used / (burst * bursts)
