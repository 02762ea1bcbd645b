"""What is put comes out in order, once, and every loss is counted: the invariant holds after every step."""

import asyncio
import contextlib

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.streams import BackpressurePolicy, Stream, StreamFullError


def assert_books_balance(stream: Stream[int]) -> None:
    assert stream.received == stream.delivered + stream.dropped + stream.pending
    assert min(stream.delivered, stream.dropped, stream.pending) >= 0


async def take(stream: Stream[int], count: int) -> list[int]:
    return [await anext(stream) for _ in range(count)]


async def test_items_come_one_by_one_in_the_order_of_the_puts() -> None:
    stream: Stream[int] = Stream()
    stream.put_many(range(5))
    stream.finish()

    assert [item async for item in stream] == [0, 1, 2, 3, 4]
    assert_books_balance(stream)


async def test_a_batch_holds_all_that_is_pending_up_to_its_limit() -> None:
    stream: Stream[int] = Stream()
    stream.put_many(range(7))
    stream.finish()

    assert [batch async for batch in stream.batches(max_items=3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert_books_balance(stream)


async def test_a_waiting_consumer_gets_one_batch_for_puts_that_come_together() -> None:
    stream: Stream[int] = Stream()
    batches: list[list[int]] = []

    async def consume() -> None:
        batches.extend([batch async for batch in stream.batches()])

    task = asyncio.create_task(consume())
    await asyncio.sleep(0)
    stream.put(1)
    stream.put(2)
    await asyncio.sleep(0)
    stream.put(3)
    stream.finish()
    await task

    assert batches == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("drop_oldest", [2, 3, 4]), ("drop_newest", [0, 1, 2])],
)
async def test_a_full_stream_loses_what_its_policy_says_and_counts_it(
    policy: BackpressurePolicy, kept: list[int]
) -> None:
    stream: Stream[int] = Stream(maxsize=3, backpressure=policy)
    stream.put_many(range(5))

    assert stream.pending == 3
    assert stream.dropped == 2
    assert await take(stream, 3) == kept
    assert_books_balance(stream)


async def test_under_raise_the_put_fails_and_the_item_is_counted_as_dropped() -> None:
    stream: Stream[int] = Stream(maxsize=1, backpressure="raise")
    stream.put(1)

    assert issubclass(StreamFullError, asyncio.QueueFull)  # what callers of queues catch
    with pytest.raises(StreamFullError, match="1 items"):
        stream.put(2)

    assert (stream.received, stream.dropped, stream.pending) == (2, 1, 1)
    assert await anext(stream) == 1


def test_maxsize_zero_is_unbounded() -> None:
    stream: Stream[int] = Stream(maxsize=0)
    stream.put_many(range(10_000))

    assert (stream.pending, stream.dropped) == (10_000, 0)


@pytest.mark.parametrize(("maxsize", "policy"), [(-1, "drop_oldest"), (1, "block")])
def test_a_wrong_bound_or_policy_is_refused(maxsize: int, policy: BackpressurePolicy) -> None:
    with pytest.raises(ValueError):
        Stream(maxsize, backpressure=policy)


@given(
    policy=st.sampled_from(["drop_oldest", "drop_newest", "raise"]),
    maxsize=st.integers(0, 4),
    steps=st.lists(st.sampled_from(["put", "take", "batch", "finish", "shutdown"]), max_size=30),
)
def test_the_books_balance_after_every_step(policy: BackpressurePolicy, maxsize: int, steps: list[str]) -> None:
    async def run() -> None:
        stream: Stream[int] = Stream(maxsize, backpressure=policy)
        batches = stream.batches(2)
        for number, step in enumerate(steps):
            match step:
                case "put":
                    with contextlib.suppress(StreamFullError):
                        stream.put(number)
                case "take" if stream.pending:
                    await anext(stream)
                case "batch" if stream.pending:
                    await anext(batches, None)
                case "finish":
                    stream.finish()
                case "shutdown":
                    stream.shutdown()
            assert_books_balance(stream)
            assert not maxsize or stream.pending <= maxsize

    asyncio.run(run())
