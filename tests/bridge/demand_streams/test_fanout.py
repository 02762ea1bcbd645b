"""Any number of consumers, each at its own pace: what a slow one may and may not change."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.streams import EndReason, Fanout, OverflowPolicy, Subscription
from custom_components.fieldbridge.bridge.streams.ends import failed


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def collect[T](subscription: Subscription[T]) -> list[T]:
    return [item async for item in subscription]


async def test_every_consumer_gets_every_item_in_order() -> None:
    fanout: Fanout[int] = Fanout()
    consumers = [asyncio.create_task(collect(fanout.subscribe(buffer_size=2))) for _ in range(3)]
    await settle()

    assert await fanout.put_many(range(10)) == 10
    fanout.finish()

    assert [await consumer for consumer in consumers] == [list(range(10))] * 3


async def test_a_stalled_consumer_that_may_lose_items_leaves_the_others_untouched() -> None:
    fanout: Fanout[int] = Fanout()
    stalled = fanout.subscribe(overflow=OverflowPolicy.DROP_OLDEST, buffer_size=4)
    lively = asyncio.create_task(collect(fanout.subscribe(buffer_size=4)))

    for number in range(100):
        await fanout.put(number)
    fanout.finish()

    assert await lively == list(range(100))
    assert stalled.take() == [96, 97, 98, 99]
    assert (stalled.offered, stalled.delivered, stalled.dropped_oldest) == (100, 4, 96)


@pytest.mark.parametrize(
    ("overflow", "kept"),
    [
        (OverflowPolicy.DROP_NEWEST, [0, 1, 2]),
        (OverflowPolicy.DROP_OLDEST, [7, 8, 9]),
        (OverflowPolicy.LATEST, [9]),
    ],
)
async def test_the_policy_decides_what_a_full_buffer_keeps(overflow: OverflowPolicy, kept: list[int]) -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe(overflow=overflow, buffer_size=3)

    await fanout.put_many(range(10))

    assert subscription.take() == kept
    assert subscription.dropped == 10 - len(kept)


async def test_put_waits_for_a_blocking_consumer_and_goes_on_when_it_took_something() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe(buffer_size=2)
    put = asyncio.create_task(fanout.put_many([1, 2, 3, 4, 5]))
    await settle()
    assert not put.done()
    assert subscription.pending == 2

    taken = subscription.take()
    await settle()
    taken += subscription.take()
    await settle()

    assert await put == 5
    assert taken + subscription.take() == [1, 2, 3, 4, 5]


async def test_a_cancelled_put_delivers_nothing_and_takes_no_wake_up_from_another() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe(buffer_size=1)
    await fanout.put(0)
    tasks_before = len(asyncio.all_tasks())
    puts = [asyncio.create_task(fanout.put(number)) for number in range(1, 51)]
    survivor = asyncio.create_task(fanout.put(99))
    await settle()

    subscription.take()  # wakes all of them in the same turn in which all but one are cancelled
    for put in puts:
        put.cancel()
    await settle()

    assert await survivor
    assert subscription.take() == [99]
    assert len(asyncio.all_tasks()) == tasks_before


async def test_a_consumer_that_leaves_lets_the_producer_go_on() -> None:
    fanout: Fanout[int] = Fanout()
    leaving = fanout.subscribe(buffer_size=1)
    put = asyncio.create_task(fanout.put_many([1, 2, 3]))
    await settle()

    leaving.close()

    assert await put == 3
    assert leaving.discarded == 1
    assert leaving.end is not None
    assert leaving.end.reason is EndReason.CANCELLED


async def test_a_put_that_waits_when_the_stream_ends_says_that_nothing_was_taken() -> None:
    fanout: Fanout[int] = Fanout()
    fanout.subscribe(buffer_size=1)
    await fanout.put(1)
    put = asyncio.create_task(fanout.put(2))
    await settle()

    fanout.finish()

    assert await put is False
    assert await fanout.put(3) is False


async def test_a_failed_stream_delivers_what_is_pending_and_then_raises_the_error_itself() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe()
    await fanout.put_many([1, 2])
    fanout.finish(failed(OSError("gone")))

    assert [await anext(subscription), await anext(subscription)] == [1, 2]
    with pytest.raises(OSError, match="gone"):
        await anext(subscription)


async def test_chunks_take_all_that_is_pending_with_one_wake_up() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe()
    await fanout.put_many([1, 2, 3])
    fanout.finish()

    assert [chunk async for chunk in subscription.chunks()] == [[1, 2, 3]]


async def test_a_flood_that_nobody_holds_back_does_not_starve_the_consumers() -> None:
    fanout: Fanout[int] = Fanout()
    consumer = fanout.subscribe(overflow=OverflowPolicy.LATEST)
    seen: list[int] = []

    async def watch() -> None:
        async for item in consumer:
            seen.append(item)  # noqa: PERF401

    watching = asyncio.create_task(watch())
    for number in range(5000):
        await fanout.put(number)
    fanout.finish()
    await watching

    assert len(seen) >= 4
    assert seen[-1] == 4999


async def test_a_second_task_that_iterates_is_refused() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe()
    first = asyncio.create_task(collect(subscription))
    await settle()

    with pytest.raises(RuntimeError, match="another task"):
        await anext(subscription)

    fanout.finish()
    await first


async def test_a_consumer_that_comes_after_the_end_ends_at_once() -> None:
    fanout: Fanout[int] = Fanout()
    fanout.finish()

    assert await collect(fanout.subscribe()) == []


@given(
    overflow=st.sampled_from(OverflowPolicy),
    size=st.integers(0, 5),
    steps=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30),
)
def test_what_was_offered_is_delivered_dropped_or_pending(
    overflow: OverflowPolicy, size: int, steps: list[tuple[int, int]]
) -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe(overflow=overflow, buffer_size=size)
    number = 0
    delivered: list[int] = []
    for count, taken in steps:
        fanout.push(range(number, number + count))
        number += count
        delivered += subscription.take(taken)
        assert subscription.offered == subscription.delivered + subscription.dropped + subscription.pending

    assert subscription.offered == number
    assert delivered == sorted(set(delivered))
    subscription.close()
    assert subscription.offered == subscription.delivered + subscription.dropped


async def test_who_needs_many_items_is_woken_for_many_and_for_half_a_buffer() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe(buffer_size=8)
    ready = asyncio.create_task(subscription.ready(3))
    await fanout.put_many([1, 2])
    await settle()
    assert not ready.done()

    await fanout.put(3)
    assert await ready
    assert subscription.take(2) == [1, 2]

    ready = asyncio.create_task(subscription.ready(100))
    await fanout.put_many([4, 5, 6])

    assert await ready
    fanout.finish()
    assert await subscription.ready(100)
    assert subscription.take() == [3, 4, 5, 6]
    assert not await subscription.ready()


async def test_a_stricter_policy_keeps_the_newest_of_what_is_pending() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe()
    await fanout.put_many([1, 2, 3])

    subscription.set_overflow(OverflowPolicy.LATEST, 10)

    assert subscription.take() == [3]
    assert subscription.dropped_oldest == 2


async def test_what_has_room_is_given_at_once_and_what_has_none_is_not_given_at_all() -> None:
    fanout: Fanout[int] = Fanout()
    assert fanout.put_now((0,))  # nobody has to be waited for
    slow = fanout.subscribe(overflow=OverflowPolicy.BLOCK, buffer_size=2)
    fast = fanout.subscribe(overflow=OverflowPolicy.DROP_OLDEST, buffer_size=1)

    assert fanout.put_now((1, 2))
    assert not fanout.put_now((3,))
    assert (slow.take(), fast.take(), fast.dropped) == ([1, 2], [2], 1)

    fanout.finish()
    assert not fanout.put_now((4,))
    assert fanout.accepted == 3


async def test_a_listener_gets_every_chunk_in_the_turn_of_its_put_until_it_leaves() -> None:
    fanout: Fanout[int] = Fanout()
    heard: list[int] = []
    stop = fanout.listen(heard.extend)

    fanout.push((1, 2, 3))
    assert heard == [1, 2, 3]
    assert await fanout.put_many([4, 5]) == 2
    stop()
    stop()
    fanout.push((6,))

    assert heard == [1, 2, 3, 4, 5]
    assert fanout.subscriptions == ()


async def test_a_listener_that_fails_is_logged_once_and_takes_nobody_with_it(caplog: pytest.LogCaptureFixture) -> None:
    fanout: Fanout[int] = Fanout()
    fanout.listen(lambda _: [].pop())
    waiting = fanout.subscribe()

    fanout.push((1,))
    fanout.push((2,))

    assert waiting.take() == [1, 2]
    assert caplog.text.count("A consumer failed") == 1


async def test_a_consumer_that_leaves_while_a_chunk_is_given_does_not_get_it() -> None:
    fanout: Fanout[int] = Fanout()
    fanout.listen(lambda _: second.close())
    second = fanout.subscribe()

    fanout.push((1,))

    assert (second.pending, second.offered) == (0, 0)


async def test_a_put_goes_on_when_the_consumer_it_waits_for_does_not_block_any_more() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe(buffer_size=2)
    putting = asyncio.create_task(fanout.put_many(range(5)))
    await settle()
    assert not putting.done()

    subscription.set_overflow(OverflowPolicy.DROP_OLDEST, 2)
    await settle()

    assert putting.done()
    assert subscription.take() == [3, 4]


async def test_a_policy_that_keeps_the_oldest_does_so_with_what_is_pending() -> None:
    fanout: Fanout[int] = Fanout()
    subscription = fanout.subscribe()
    await fanout.put_many([1, 2, 3])

    subscription.set_overflow(OverflowPolicy.DROP_NEWEST, 2)

    assert subscription.take() == [1, 2]
    assert (subscription.dropped_newest, subscription.dropped_oldest) == (1, 0)


async def test_chunks_of_nothing_are_refused() -> None:
    subscription: Subscription[int] = Fanout[int]().subscribe()

    with pytest.raises(ValueError, match="max_items"):
        await anext(subscription.chunks(0))


async def test_a_policy_may_be_given_by_its_value_and_another_is_refused() -> None:
    fanout: Fanout[int] = Fanout()
    blocking = fanout.subscribe(overflow="block", buffer_size=1)  # type: ignore[arg-type]

    assert await fanout.put(1)
    assert not fanout.put_now((2,))
    assert blocking.overflow is OverflowPolicy.BLOCK
    with pytest.raises(ValueError, match="drop_all"):
        fanout.subscribe(overflow="drop_all")  # type: ignore[arg-type]
