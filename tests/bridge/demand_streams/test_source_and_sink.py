"""The everyday way: a sink on one side, ``async for`` on the other."""

import asyncio
from collections.abc import AsyncIterator
import gc

import pytest

from custom_components.fieldbridge.bridge.streams import (
    ConsumerRef,
    EndReason,
    GetSource,
    OverflowPolicy,
    ProducerRef,
    SourceRef,
    StreamCancel,
    StreamCompleted,
    StreamElement,
    StreamSystem,
    stream_consumer,
    stream_producer,
)
from custom_components.fieldbridge.bridge.streams.ends import failed


@pytest.fixture
async def system() -> AsyncIterator[StreamSystem]:
    async with StreamSystem() as system:
        yield system


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def spawn_pair(
    system: StreamSystem,
    *,
    buffer_size: int = 0,
    timeout: float = 30.0,
    initial_demand: int = 16,
) -> tuple[ProducerRef[int], ConsumerRef[int]]:
    producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=buffer_size), "producer")
    consumer = system.spawn(stream_consumer(producer, timeout=timeout, initial_demand=initial_demand), "consumer")
    return producer, consumer


async def collect(source: SourceRef[int]) -> list[int]:
    return [element async for element in source]


async def test_elements_arrive_in_order_and_the_source_ends_on_completion(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system, buffer_size=4, initial_demand=2)
    sink = await producer.sink()
    source = await consumer.source()
    collected = asyncio.create_task(collect(source))

    for number in range(100):
        assert await sink.put(number)
    await sink.complete()

    assert await collected == list(range(100))
    assert source.end is not None
    assert source.end.reason is EndReason.COMPLETED


async def test_exactly_buffer_and_initial_demand_are_accepted_while_nobody_iterates(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system, buffer_size=2, initial_demand=2)
    sink = await producer.sink()
    await consumer.source()
    await settle()
    for number in range(4):
        await sink.put(number)
        await settle()

    fifth = asyncio.create_task(sink.put(4))
    await settle()

    assert not fifth.done()
    fifth.cancel()


async def test_demand_is_given_back_one_for_one_before_each_element(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system, initial_demand=4)
    sink = await producer.sink()
    await sink.put_many(range(20))
    source = await consumer.source()
    iteration = aiter(source)

    assert await anext(iteration) == 0
    await settle()

    assert source._queue.qsize() + 3 == 4  # noqa: SLF001  - three of the first chunk, and one more for the first
    await iteration.aclose()


async def test_silence_ends_the_source_like_a_normal_end_and_stops_the_producer(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system, timeout=0.02)
    sink = await producer.sink()
    await sink.put(1)
    source = await consumer.source()

    assert await collect(source) == [1]

    assert source.end is not None
    assert source.end.reason is EndReason.TIMED_OUT
    await settle()
    assert sink.closed


async def test_the_time_that_a_consumer_works_on_an_element_is_not_silence(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system, timeout=0.02)
    sink = await producer.sink()
    await sink.put_many([1, 2])
    await sink.complete()
    source = await consumer.source()
    seen = []

    async for element in source:
        await asyncio.sleep(0.05)
        seen.append(element)

    assert seen == [1, 2]
    assert source.end is not None
    assert source.end.reason is EndReason.COMPLETED


async def test_an_empty_stream_that_completed_before_it_was_asked_for_ends_at_once(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    await (await producer.sink()).complete()
    await settle()

    async with asyncio.timeout(1):
        assert await collect(await consumer.source()) == []


async def test_leaving_the_loop_cancels_the_producer(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    sink = await producer.sink()
    await sink.put_many([1, 2, 3])

    async for element in await consumer.source():
        assert element == 1
        break
    gc.collect()
    await settle()

    assert sink.closed


async def test_a_cancelled_consumer_ends_its_source(system: StreamSystem) -> None:
    _, consumer = spawn_pair(system)
    source = await consumer.source()
    collected = asyncio.create_task(collect(source))
    await settle()

    consumer.tell(StreamCancel())

    assert await collected == []
    assert source.end is not None
    assert source.end.reason is EndReason.CANCELLED


async def test_a_failed_stream_raises_its_error_from_the_iteration(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    sink = await producer.sink()
    await sink.put(1)
    await sink.fail(OSError("unplugged"))
    source = await consumer.source()
    iteration = aiter(source)
    assert await anext(iteration) == 1

    with pytest.raises(OSError, match="unplugged"):
        await anext(iteration)

    assert source.end is not None
    assert source.end.reason is EndReason.FAILED


async def test_only_the_first_who_asks_gets_the_source(system: StreamSystem) -> None:
    _, consumer = spawn_pair(system)
    source: SourceRef[int] = await system.ask(consumer, lambda reply_to: GetSource(reply_to=reply_to), timeout=1)
    assert source.end is None

    with pytest.raises(TimeoutError):
        await consumer.source(timeout=0.01)


async def test_the_end_of_the_system_ends_sources_and_puts() -> None:
    async with StreamSystem() as system:
        producer, consumer = spawn_pair(system, buffer_size=1, initial_demand=1)
        sink = await producer.sink()
        collected = asyncio.create_task(collect(await consumer.source()))
        await settle()

    async with asyncio.timeout(1):
        assert await collected == []
    assert await sink.put(1) is False


async def test_a_consumer_of_a_producer_that_stopped_ends_at_once(system: StreamSystem) -> None:
    producer, _ = spawn_pair(system)
    producer.tell(StreamCancel())
    await settle()

    late = system.spawn(stream_consumer(producer), "late")

    async with asyncio.timeout(1):
        assert await collect(await late.source()) == []


async def test_three_consumers_each_get_all_and_a_slow_one_only_what_it_chose(system: StreamSystem) -> None:
    producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=4), "producer")
    lively = [system.spawn(stream_consumer(producer), f"lively {number}") for number in range(2)]
    stalled = system.spawn(stream_consumer(producer, initial_demand=1, overflow=OverflowPolicy.LATEST), "stalled")
    sources = [await consumer.source() for consumer in lively]
    stalled_source = aiter(await stalled.source())
    collected = [asyncio.create_task(collect(source)) for source in sources]
    sink = await producer.sink()

    await sink.put(0)
    await settle()
    for number in range(1, 50):
        await sink.put(number)
    await sink.complete()

    assert [await task for task in collected] == [list(range(50))] * 2
    assert [element async for element in stalled_source] == [0, 49]


async def test_chunks_yield_what_arrived_together(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    sink = await producer.sink()
    await sink.put_many([1, 2, 3])
    await sink.complete()

    assert [list(chunk) async for chunk in (await consumer.source()).chunks()] == [[1, 2, 3]]


async def test_a_hand_made_source_asks_for_one_more_before_each_element_and_cancels_at_the_end() -> None:
    queue: asyncio.Queue[StreamElement[str] | StreamCompleted] = asyncio.Queue()
    calls: list[str] = []
    source = SourceRef(queue, lambda: calls.append("cancel"), 1.0, lambda n: calls.append(f"demand {n}"))  # type: ignore[arg-type]
    for message in (StreamElement("a"), StreamElement("b"), StreamCompleted()):
        queue.put_nowait(message)

    async for element in source:
        calls.append(element)  # noqa: PERF401  - the order of the calls is the point

    assert calls == ["demand 1", "a", "demand 1", "b", "cancel"]


async def test_a_wrong_time_or_demand_is_refused(system: StreamSystem) -> None:
    producer: ProducerRef[int] = system.spawn(stream_producer(), "producer")
    with pytest.raises(ValueError, match="timeout"):
        stream_consumer(producer, timeout=0)
    with pytest.raises(ValueError, match="initial_demand"):
        stream_consumer(producer, initial_demand=0)


async def test_more_elements_than_buffer_and_demand_hold_go_through_in_one_put(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system, buffer_size=2, initial_demand=2)
    sink = await producer.sink()
    collected = asyncio.create_task(collect(await consumer.source()))
    await settle()  # the demand is there before the elements are

    async with asyncio.timeout(5):
        assert await sink.put_many(range(100)) == 100
        await sink.complete()
        assert await collected == list(range(100))


async def test_a_consumer_whose_stream_completed_stops_and_its_name_is_free(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    sink = await producer.sink()
    await sink.put(1)
    await sink.complete()
    assert await collect(await consumer.source()) == [1]
    await settle()

    assert producer.stopped
    assert consumer.stopped
    assert system.dead_letters == 0
    spawn_pair(system)


@pytest.mark.parametrize("settled", [True, False])
async def test_a_consumer_that_comes_too_late_is_told_how_the_stream_ended(system: StreamSystem, settled: bool) -> None:
    completed, first = spawn_pair(system)
    await (await completed.sink()).complete()
    assert await collect(await first.source()) == []
    cancelled: ProducerRef[int] = system.spawn(stream_producer(), "cancelled")
    cancelled.tell(StreamCancel())
    if settled:
        await settle()

    late = [await system.spawn(stream_consumer(one), f"late {one.name}").source() for one in (completed, cancelled)]

    async with asyncio.timeout(5):
        assert [await collect(source) for source in late] == [[], []]
    assert [source.end and source.end.reason for source in late] == [EndReason.COMPLETED, EndReason.CANCELLED]


async def test_a_source_that_nobody_waits_for_any_more_is_kept_for_the_next_who_asks(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    asking = asyncio.create_task(consumer.source())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await settle()

    source = await consumer.source(timeout=1)

    sink = await producer.sink()
    await sink.put(1)
    await sink.complete()
    assert await collect(source) == [1]
    assert system.dead_letters == 1


async def test_a_cancelled_stream_says_why_at_both_ends(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    sink, source = await producer.sink(), await consumer.source()
    assert sink.end is None

    producer.tell(StreamCancel(end=failed(OSError("unplugged"))))

    with pytest.raises(OSError, match="unplugged"):
        await collect(source)
    assert sink.end == source.end
    assert sink.closed


async def test_a_consumer_that_cannot_be_does_not_harm_its_producer(system: StreamSystem) -> None:
    producer: ProducerRef[int] = system.spawn(stream_producer(), "producer")

    with pytest.raises(ValueError, match="buffer_size"):
        system.spawn(stream_consumer(producer, buffer_size=-1), "consumer")
    with pytest.raises(ValueError, match="drop_all"):
        system.spawn(stream_consumer(producer, overflow="drop_all"), "consumer")  # type: ignore[arg-type]

    await settle()
    assert not producer.stopped


async def test_two_loops_share_the_elements_of_a_source_and_both_end(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    source = await consumer.source()
    loops = [asyncio.create_task(collect(source)) for _ in range(2)]
    await settle()
    sink = await producer.sink()

    await sink.put_many([1, 2])
    await sink.complete()

    async with asyncio.timeout(5):
        first, second = await asyncio.gather(*loops)
    assert sorted(first + second) == [1, 2]


async def test_what_is_put_after_the_completion_is_not_taken_however_soon(system: StreamSystem) -> None:
    producer, consumer = spawn_pair(system)
    sink = await producer.sink()

    await sink.put(1)
    await sink.complete()

    assert not await sink.put(2)
    assert sink.end is not None
    assert await collect(await consumer.source()) == [1]
