"""finish() drains, shutdown() discards and counts; a cancelled consumer leaves the stream usable."""

import asyncio

import pytest

from custom_components.fieldbridge.bridge.streams import Stream


async def test_finish_ends_the_iteration_after_what_is_pending() -> None:
    stream: Stream[int] = Stream()
    stream.put_many([1, 2])
    stream.finish()
    stream.put(3)

    assert [item async for item in stream] == [1, 2]
    assert stream.received == 2


@pytest.mark.parametrize("end", [Stream.finish, Stream.shutdown])
async def test_the_end_wakes_a_waiting_consumer(end: object) -> None:
    stream: Stream[int] = Stream()
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert callable(end)
    end(stream)

    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(waiting, 1)


async def test_shutdown_discards_what_is_pending_and_counts_it_as_dropped() -> None:
    stream: Stream[int] = Stream()
    stream.put_many([10, 20, 30])
    taken = []
    async for item in stream:
        taken.append(item)
        stream.shutdown()
    stream.shutdown()

    assert taken == [10]
    assert (stream.dropped, stream.pending) == (2, 0)


async def test_shutdown_ends_batches_too() -> None:
    stream: Stream[int] = Stream()
    stream.put_many(range(5))
    seen = []
    async for batch in stream.batches(2):
        seen.append(batch)
        stream.shutdown()

    assert seen == [[0, 1]]
    assert stream.dropped == 3


async def test_a_second_consumer_is_refused_while_the_first_waits() -> None:
    stream: Stream[int] = Stream()
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="already being iterated"):
        await anext(stream)

    stream.put(1)
    assert await first == 1


@pytest.mark.parametrize("put_first", [True, False])
async def test_a_cancelled_consumer_loses_nothing_and_another_may_follow(put_first: bool) -> None:
    stream: Stream[int] = Stream()
    cancelled = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    if put_first:
        stream.put(1)  # the consumer is woken, but cancelled before it runs
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    if not put_first:
        stream.put(1)

    assert await asyncio.wait_for(anext(stream), 1) == 1
    assert stream.dropped == 0


async def test_batches_can_be_left_and_begun_again() -> None:
    stream: Stream[int] = Stream()
    stream.put_many([1, 2, 3])
    async for batch in stream.batches(1):
        assert batch == [1]
        break
    stream.finish()

    assert [batch async for batch in stream.batches()] == [[2, 3]]


async def test_batches_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="max_items"):
        Stream[int]().batches(0)
