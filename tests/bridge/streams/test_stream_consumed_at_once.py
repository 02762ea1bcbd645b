"""consume(): items are handed over in the turn in which they are put, in order, and every one is counted."""

import asyncio

import pytest

from custom_components.fieldbridge.bridge.streams import Stream


async def consuming(stream: Stream[int], sink: list[int]) -> asyncio.Task[None]:
    task = asyncio.create_task(stream.consume(sink.append))
    await asyncio.sleep(0)
    return task


async def test_an_item_is_there_before_put_returns() -> None:
    stream, got = Stream[int](), list[int]()
    task = await consuming(stream, got)

    stream.put(1)

    assert got == [1]
    assert (stream.delivered, stream.pending, stream.dropped) == (1, 0, 0)
    stream.finish()
    await task


async def test_what_waited_comes_first() -> None:
    stream, got = Stream[int](), list[int]()
    stream.put_many([1, 2])
    task = await consuming(stream, got)

    stream.put(3)
    stream.finish()
    await task

    assert got == [1, 2, 3]


async def test_finish_hands_over_what_waits_and_shutdown_discards_it() -> None:
    finished, discarded = Stream[int](), Stream[int]()
    for stream in (finished, discarded):
        stream.put_many([1, 2])
    finished.finish()
    discarded.shutdown()
    got: list[int] = []

    await finished.consume(got.append)
    await discarded.consume(got.append)

    assert got == [1, 2]
    assert discarded.dropped == 2


async def test_items_of_another_thread_arrive_in_order() -> None:
    stream, got = Stream[int](0), list[int]()
    task = await consuming(stream, got)

    await asyncio.to_thread(stream.put_many, range(5000))
    stream.finish()
    await task

    assert got == list(range(5000))


async def test_others_have_their_turn_between_items_that_waited() -> None:
    stream, turns_at = Stream[int](), list[int]()
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while len(turns_at) < 100:
            turns += 1
            await asyncio.sleep(0)

    stream.put_many(range(100))
    stream.finish()
    counting = asyncio.create_task(count_turns())
    await stream.consume(lambda _: turns_at.append(turns))
    await counting

    assert turns_at[-1] >= 99


async def test_a_failing_sink_ends_the_consumer_not_the_producer() -> None:
    stream: Stream[int] = Stream()

    def refuse(item: int) -> None:
        raise ValueError(f"no {item}")

    task = asyncio.create_task(stream.consume(refuse))
    await asyncio.sleep(0)
    stream.put(1)
    stream.put(2)

    with pytest.raises(ValueError, match="no 1"):
        await task
    assert (stream.delivered, stream.pending) == (1, 1)


async def test_a_cancelled_consumer_leaves_the_stream_usable() -> None:
    stream, got = Stream[int](), list[int]()
    task = await consuming(stream, got)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    stream.put(7)

    assert stream.pending == 1
    assert await anext(stream) == 7
