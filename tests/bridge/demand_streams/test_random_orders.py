"""Whatever is told in whatever order: a producer does what a list, a demand and an end would do."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from custom_components.fieldbridge.bridge.streams import (
    CompleteStream,
    EndReason,
    InputReady,
    OverflowPolicy,
    ProducerRef,
    Push,
    StreamCancel,
    StreamChunk,
    StreamCompleted,
    StreamDemand,
    StreamElement,
    StreamSubscribe,
    StreamSystem,
    stream_consumer,
    stream_producer,
)


class Probe:
    """A consumer that notes elements and the reason of the end in one list."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def tell(self, message: object) -> None:
        match message:
            case StreamElement():
                self.got.append(message.element)
            case StreamChunk():
                self.got += message.elements
            case StreamCompleted():
                self.got.append(message.end.reason)


@dataclass(kw_only=True, slots=True)
class Model:
    """One consumer and its producer, as the reference describes them."""

    size: int
    buffer: list[int] = field(default_factory=list)
    got: list[Any] = field(default_factory=list)
    demand: int = 0
    subscribed: bool = False
    completed: bool = False
    stopped: bool = False

    def take(self, message: object) -> None:
        if self.stopped:
            return
        match message:
            case Push() if not self.completed and (self.demand or not self.size or len(self.buffer) < self.size):
                self.buffer.append(message.element)
            case StreamSubscribe():
                self.subscribed, self.demand = True, message.demand
            case StreamDemand() if self.subscribed:
                self.demand += message.n
            case CompleteStream():
                self.completed = True
            case StreamCancel():
                self.stopped = True
                self.got += [EndReason.CANCELLED] if self.subscribed else []
        self._drain()

    def _drain(self) -> None:
        if self.stopped or not self.subscribed:
            return
        self.got += self.buffer[: self.demand]
        self.buffer, self.demand = self.buffer[self.demand :], max(0, self.demand - len(self.buffer))
        if self.completed and not self.buffer:
            self.got.append(EndReason.COMPLETED)
            self.stopped = True


STEPS = st.sampled_from(
    ["push", "push", "push", "subscribe", "demand", "more demand", "complete", "cancel", "ready", "turn"]
)


@given(size=st.integers(0, 3), steps=st.lists(STEPS, max_size=25), chunked=st.booleans())
def test_messages_in_any_order_do_what_they_do_to_a_list(size: int, steps: list[str], chunked: bool) -> None:
    async def run() -> None:
        probe, model = Probe(), Model(size=size)
        messages = {
            "subscribe": StreamSubscribe(probe, 1, chunked=chunked),
            "demand": StreamDemand(1),
            "more demand": StreamDemand(3),
            "complete": CompleteStream(),
            "cancel": StreamCancel(),
            "ready": InputReady(),
        }
        async with StreamSystem() as system:
            producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=size), "producer")
            for number, step in enumerate(steps):
                if step == "turn":
                    await asyncio.sleep(0)
                elif step != "subscribe" or not model.subscribed:
                    message = Push(number) if step == "push" else messages[step]
                    producer.tell(message)  # type: ignore[arg-type]  # mypy joins the messages to object
                    model.take(message)
            await asyncio.sleep(0)
            assert producer.stopped is model.stopped
            assert probe.got == model.got or (model.stopped and not model.subscribed)

    asyncio.run(run())


@given(
    random=st.randoms(use_true_random=False),
    size=st.integers(0, 3),
    policies=st.lists(st.sampled_from(OverflowPolicy), min_size=1, max_size=4),
)
def test_a_blocking_consumer_gets_all_that_a_put_says_was_taken_and_nothing_of_a_cancelled_one(
    random: Random, size: int, policies: list[OverflowPolicy]
) -> None:
    async def turns() -> None:
        for _ in range(random.randint(0, 3)):
            await asyncio.sleep(0)

    async def run() -> None:
        async with StreamSystem() as system:
            producer: ProducerRef[int] = system.spawn(stream_producer(buffer_size=size), "producer")
            sink = await producer.sink()

            async def consume(number: int) -> list[int]:
                consumer = system.spawn(
                    stream_consumer(producer, initial_demand=random.randint(1, 4), overflow=policies[number]),
                    f"consumer {number}",
                )
                got = []
                async for element in await consumer.source():
                    got.append(element)
                    await turns()
                return got

            consuming = [asyncio.create_task(consume(number)) for number in range(len(policies))]
            for _ in range(5):
                await asyncio.sleep(0)
            taken = []
            for element in range(random.randint(0, 20)):
                put = asyncio.create_task(sink.put(element))
                await turns()
                if random.random() < 0.3:
                    put.cancel()
                await asyncio.wait([put])
                if not put.cancelled():
                    assert put.result()
                    taken.append(element)
            await sink.complete()
            async with asyncio.timeout(5):
                received = await asyncio.gather(*consuming)
            for policy, got in zip(policies, received, strict=True):
                assert got == (taken if policy is OverflowPolicy.BLOCK else [one for one in taken if one in got])
            await asyncio.sleep(0)
            assert producer.stopped
            assert system.dead_letters == 0

    asyncio.run(run())
