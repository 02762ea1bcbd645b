"""A put of another thread wakes an idle loop at once, and neither threads nor floods lose or starve anybody."""

import asyncio
from collections.abc import Callable
from contextvars import Context
import threading
import time
from typing import override

import pytest

from custom_components.fieldbridge.bridge.streams import Stream


async def test_a_put_of_another_thread_wakes_an_idle_loop_at_once() -> None:
    stream: Stream[float] = Stream()
    put_now = threading.Event()

    def put_when_told() -> None:
        put_now.wait()
        stream.put(time.perf_counter())

    thread = threading.Thread(target=put_when_told)
    thread.start()
    # Nothing else is scheduled: without a wake-up from outside the loop would sleep until the time-out.
    asyncio.get_running_loop().call_later(0.05, put_now.set)
    put_at = await asyncio.wait_for(anext(stream), 5)
    waited = time.perf_counter() - put_at
    thread.join()

    assert waited < 1


@pytest.mark.parametrize("batched", [True, False])
async def test_puts_of_several_threads_arrive_all_and_in_the_order_of_each(batched: bool) -> None:
    stream: Stream[tuple[int, int]] = Stream(maxsize=0)
    count = 5000

    def put_all(thread: int) -> None:
        for number in range(count):
            stream.put((thread, number))

    async def put_here() -> None:
        for number in range(count):
            stream.put((-1, number))
            if number % 50 == 0:
                await asyncio.sleep(0)

    async def collect() -> list[tuple[int, int]]:
        if batched:
            return [item async for batch in stream.batches() for item in batch]
        return [item async for item in stream]

    collecting = asyncio.create_task(collect())
    await asyncio.gather(put_here(), *(asyncio.to_thread(put_all, thread) for thread in range(3)))
    stream.finish()
    items = await collecting

    assert stream.received == stream.delivered == len(items) == 4 * count
    for source in (-1, 0, 1, 2):
        assert [number for thread, number in items if thread == source] == list(range(count))


async def test_threads_that_flood_a_bounded_stream_are_counted_exactly() -> None:
    stream: Stream[int] = Stream(maxsize=10)
    count = 20_000
    taken: list[int] = []

    async def collect() -> None:
        async for batch in stream.batches():
            taken.extend(batch)

    collecting = asyncio.create_task(collect())
    await asyncio.gather(*(asyncio.to_thread(stream.put_many, range(count)) for _ in range(2)))
    stream.finish()
    await collecting

    assert stream.received == 2 * count
    assert stream.delivered == len(taken)
    assert stream.dropped == 2 * count - len(taken)


def test_a_put_after_the_consumers_loop_was_closed_is_kept_quietly() -> None:
    async def make() -> Stream[int]:
        stream: Stream[int] = Stream()
        stream.put(0)
        await anext(stream)
        return stream

    stream = asyncio.run(make())
    thread = threading.Thread(target=stream.put, args=(1,))
    thread.start()
    thread.join()

    assert stream.pending == 1


@pytest.mark.parametrize("batched", [True, False])
async def test_a_flood_does_not_starve_other_tasks(batched: bool) -> None:
    stream: Stream[int] = Stream()
    turns = 0
    stream.put(0)

    async def consume_and_put_more() -> None:
        source = stream.batches() if batched else stream
        async for _ in source:
            stream.put(0)  # always one more: the consumer never finds the stream empty

    async def other() -> None:
        nonlocal turns
        for _ in range(5):
            await asyncio.sleep(0)
            turns += 1

    consumer = asyncio.create_task(consume_and_put_more())
    await asyncio.wait_for(other(), 5)
    consumer.cancel()

    assert turns == 5


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts how often another thread called for it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    @override
    def call_soon_threadsafe[*Ts](
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self.calls += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


def test_a_thread_that_floods_a_full_stream_piles_up_no_calls_for_a_busy_loop() -> None:
    loop = CountingLoop()

    async def be_busy() -> None:
        stream: Stream[int] = Stream(10)
        thread = threading.Thread(target=stream.put_many, args=(range(1000),))
        thread.start()
        thread.join()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(be_busy())

        assert loop.calls == 0
