"""A producer as the messages see it: gating by demand, completion, cancellation, several consumers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.streams import (
    CompleteStream,
    EndReason,
    GetSink,
    InputReady,
    OverflowPolicy,
    ProducerRef,
    Push,
    SinkRef,
    StreamCancel,
    StreamChunk,
    StreamCompleted,
    StreamContext,
    StreamDemand,
    StreamElement,
    StreamRef,
    StreamSubscribe,
    StreamSystem,
    Subscribe,
    stream_consumer,
    stream_producer,
)


class Probe:
    """A consumer that only remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: object) -> None:
        self.told.append(message)

    @property
    def elements(self) -> list[Any]:
        return [message.element for message in self.told if isinstance(message, StreamElement)]

    @property
    def end(self) -> EndReason | None:
        ends = [message.end.reason for message in self.told if isinstance(message, StreamCompleted)]
        assert len(ends) <= 1
        return ends[0] if ends else None


@pytest.fixture
async def system() -> AsyncIterator[StreamSystem]:
    async with StreamSystem() as system:
        yield system


@pytest.fixture
def producer(system: StreamSystem) -> ProducerRef[int]:
    return system.spawn(stream_producer(buffer_size=8), "producer")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def push(producer: ProducerRef[int], *numbers: int) -> None:
    for number in numbers:
        producer.tell(Push(number))


async def test_elements_go_out_only_as_far_as_demand_allows(producer: ProducerRef[int]) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe, demand=3))
    push(producer, 1, 2, 3, 4, 5)
    await settle()
    assert probe.elements == [1, 2, 3]

    producer.tell(StreamDemand(1))
    await settle()

    assert probe.elements == [1, 2, 3, 4]


async def test_unused_demand_is_carried_over_and_adds_up(producer: ProducerRef[int]) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe, demand=1))
    producer.tell(StreamDemand(2))
    await settle()

    push(producer, 1, 2, 3, 4)
    await settle()

    assert probe.elements == [1, 2, 3]


async def test_what_comes_before_the_first_consumer_is_kept_for_it(producer: ProducerRef[int]) -> None:
    push(producer, 1, 2)
    await settle()
    probe = Probe()

    producer.tell(Subscribe(consumer=probe, demand=5))
    await settle()

    assert probe.elements == [1, 2]


async def test_completion_needs_no_demand_but_waits_for_what_is_buffered(producer: ProducerRef[int]) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe))
    push(producer, 1)
    producer.tell(CompleteStream())
    await settle()
    assert probe.end is None

    producer.tell(StreamDemand(1))
    await settle()

    assert probe.told == [StreamElement(1), StreamCompleted()]
    assert producer.stopped


async def test_completion_of_an_idle_producer_is_remembered(producer: ProducerRef[int]) -> None:
    push(producer, 1)
    producer.tell(CompleteStream())
    await settle()
    probe = Probe()

    producer.tell(StreamSubscribe(probe, demand=2))
    await settle()

    assert probe.told == [StreamElement(1), StreamCompleted()]


async def test_cancel_stops_the_producer_and_a_waiting_put_returns_silently(system: StreamSystem) -> None:
    producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=1), "small")
    sink: SinkRef[int] = await system.ask(producer, lambda reply_to: GetSink(reply_to=reply_to), timeout=5)
    assert await sink.put(1)
    waiting = asyncio.create_task(sink.put(2))
    await settle()

    producer.tell(StreamCancel())

    assert await waiting is False
    assert sink.closed
    assert await sink.put(3) is False


async def test_a_push_beyond_a_full_buffer_loses_that_element_alone(system: StreamSystem) -> None:
    producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=2), "small")
    push(producer, 1, 2, 3)
    probe = Probe()
    producer.tell(StreamSubscribe(probe, demand=10))
    await settle()

    push(producer, 4)
    await settle()

    assert probe.elements == [1, 2, 4]


async def test_each_consumer_has_its_own_demand(producer: ProducerRef[int]) -> None:
    eager, shy = Probe(), Probe()
    producer.tell(StreamSubscribe(eager, demand=10))
    producer.tell(StreamSubscribe(shy, demand=1, overflow=OverflowPolicy.LATEST))
    push(producer, 1, 2, 3)
    await settle()
    assert (eager.elements, shy.elements) == ([1, 2, 3], [1])

    producer.tell(StreamDemand(5, consumer=shy))
    await settle()

    assert shy.elements == [1, 3]


async def test_one_consumer_leaves_and_the_last_one_stops_the_producer(producer: ProducerRef[int]) -> None:
    first, second = Probe(), Probe()
    producer.tell(StreamSubscribe(first, demand=10))
    producer.tell(StreamSubscribe(second, demand=10))
    producer.tell(StreamCancel(consumer=first))
    push(producer, 1)
    await settle()
    assert (first.elements, second.elements) == ([], [1])

    producer.tell(StreamCancel(consumer=second))
    await settle()

    assert producer.stopped
    assert first.end is second.end is None


async def test_a_producer_that_is_cancelled_from_outside_tells_its_consumers(producer: ProducerRef[int]) -> None:
    probes = [Probe(), Probe()]
    for probe in probes:
        producer.tell(StreamSubscribe(probe))

    producer.tell(StreamCancel())
    await settle()

    assert [probe.end for probe in probes] == [EndReason.CANCELLED] * 2


async def test_a_consumer_that_takes_chunks_gets_one_message_for_many_elements(producer: ProducerRef[int]) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe, demand=3, chunked=True))
    sink = await producer.sink()
    await sink.put_many([1, 2, 3, 4])
    await settle()

    assert probe.told == [StreamChunk([1, 2, 3])]


async def test_put_tells_a_hand_made_producer_that_input_is_ready() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    producer = Probe()
    sink = SinkRef(queue, producer, asyncio.Event())

    await sink.put(1)

    assert queue.get_nowait() == 1
    assert producer.told == [InputReady()]


async def close_while_put_waits(queue: asyncio.Queue[int]) -> bool:
    """Stop the producer of a full queue; return whether the second of two elements was taken."""
    closed = asyncio.Event()
    sink = SinkRef(queue, Probe(), closed)
    await sink.put(1)
    waiting = asyncio.create_task(sink.put(2))
    await settle()

    closed.set()
    return await waiting


async def test_a_hand_made_sink_returns_silently_when_it_is_closed_while_put_waits() -> None:
    assert await close_while_put_waits(asyncio.Queue(1)) is False
    await settle()
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_put_into_a_hand_made_sink_delivers_nothing_and_leaves_no_task() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    sink = SinkRef(queue, Probe(), asyncio.Event())
    await sink.put(0)
    puts = [asyncio.create_task(sink.put(number)) for number in range(1, 51)]
    await settle()

    for put in puts:
        put.cancel()
    await settle()

    assert queue.get_nowait() == 0
    assert queue.empty()
    assert len(asyncio.all_tasks()) == 1


async def test_messages_to_something_stopped_are_counted(system: StreamSystem, producer: ProducerRef[int]) -> None:
    producer.tell(StreamCancel())
    await settle()

    push(producer, 1, 2)
    await settle()

    assert system.dead_letters == 2
    with pytest.raises(TimeoutError):
        await producer.sink(timeout=0.01)


async def test_a_name_is_used_once_at_a_time(system: StreamSystem, producer: ProducerRef[int]) -> None:
    with pytest.raises(ValueError, match="producer"):
        system.spawn(stream_producer(), "producer")

    producer.tell(StreamCancel())
    await settle()

    system.spawn(stream_producer(), "producer")


def test_a_negative_buffer_or_demand_is_refused() -> None:
    with pytest.raises(ValueError, match="buffer_size"):
        stream_producer(buffer_size=-1)
    with pytest.raises(ValueError, match="demand"):
        StreamDemand(-1)


async def test_a_system_that_was_not_entered_spawns_nothing() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        StreamSystem().spawn(stream_producer(), "producer")


class Broken:
    """Fails at its first message."""

    def make_ref(self, system: StreamSystem, name: str) -> StreamRef[str]:
        return StreamRef(system, name)

    def start(self, context: StreamContext[str]) -> Callable[[str], None]:
        def receive(message: str) -> None:
            raise LookupError(message)

        return receive


async def test_something_that_fails_is_stopped_and_the_others_go_on(
    system: StreamSystem, producer: ProducerRef[int], caplog: pytest.LogCaptureFixture
) -> None:
    broken = system.spawn(Broken(), "broken")
    probe = Probe()
    broken.tell("nothing")
    producer.tell(StreamSubscribe(probe, demand=1))
    push(producer, 1)
    await settle()

    assert broken.stopped
    assert probe.elements == [1]
    assert "'broken'" in caplog.text


async def test_what_nobody_understands_is_counted(system: StreamSystem, producer: ProducerRef[int]) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe, demand=1))
    producer.tell(StreamSubscribe(probe, demand=1))
    producer.tell(StreamDemand(1, consumer=Probe()))
    push(producer, 1, 2)
    await settle()

    assert system.dead_letters == 2
    assert probe.elements == [1]


async def test_more_messages_than_one_turn_handles_are_all_handled(producer: ProducerRef[int]) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe))
    for _ in range(2500):
        producer.tell(StreamDemand(1))
    push(producer, *range(5))
    await settle()

    assert probe.elements == [0, 1, 2, 3, 4]


async def test_a_consumer_that_fails_takes_neither_the_producer_nor_the_others_with_it() -> None:
    async with StreamSystem() as system:
        producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=2), "producer")
        producer.tell(StreamSubscribe(Failing(), demand=5))
        source = await system.spawn(stream_consumer(producer), "consumer").source()
        sink = await producer.sink()

        async with asyncio.timeout(5):
            await sink.put_many(range(5))
            await sink.complete()
            assert [element async for element in source] == [0, 1, 2, 3, 4]


async def test_a_push_after_a_subscription_or_a_demand_finds_the_room_that_it_made(system: StreamSystem) -> None:
    producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=2), "small")
    probe = Probe()
    push(producer, 1, 2)
    producer.tell(StreamSubscribe(probe, demand=3))
    push(producer, 3, 4, 5)
    producer.tell(StreamDemand(3))
    push(producer, 6)
    await settle()

    assert probe.elements == [1, 2, 3, 4, 5, 6]


async def test_what_there_was_demand_for_goes_out_before_the_end_that_follows_at_once(
    producer: ProducerRef[int],
) -> None:
    probe = Probe()
    producer.tell(StreamSubscribe(probe, demand=2))
    push(producer, 1, 2, 3)
    producer.tell(StreamCancel())
    await settle()

    assert probe.elements == [1, 2]
    assert probe.end is EndReason.CANCELLED


class Failing:
    """A consumer that can be told nothing."""

    def tell(self, message: object) -> None:
        raise ValueError("no more")


async def test_a_consumer_that_fails_at_the_end_keeps_it_from_nobody(
    system: StreamSystem, producer: ProducerRef[int]
) -> None:
    other: ProducerRef[int] = system.spawn(stream_producer(), "other")
    probe = Probe()
    producer.tell(StreamSubscribe(Failing()))
    producer.tell(StreamSubscribe(probe))

    producer.tell(StreamCancel())
    await settle()

    assert producer.stopped
    assert probe.end is EndReason.CANCELLED
    assert await (await other.sink(timeout=1)).put(1)


class Unstartable:
    def make_ref(self, system: StreamSystem, name: str) -> StreamRef[str]:
        return StreamRef(system, name)

    def start(self, context: StreamContext[str]) -> Callable[[str], None]:
        raise LookupError("no")


async def test_what_cannot_start_leaves_its_name_free(system: StreamSystem) -> None:
    with pytest.raises(LookupError):
        system.spawn(Unstartable(), "name")

    system.spawn(stream_producer(), "name")


async def test_what_is_not_handled_before_the_end_of_the_system_is_counted() -> None:
    async with StreamSystem() as system:
        producer: ProducerRef[int] = system.spawn(stream_producer(), "producer")
        push(producer, *range(2500))

    assert system.dead_letters == 2500


async def test_what_lies_in_a_hand_made_queue_stays_when_its_producer_stops() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    await close_while_put_waits(queue)

    assert (queue.qsize(), queue.get_nowait()) == (1, 1)
