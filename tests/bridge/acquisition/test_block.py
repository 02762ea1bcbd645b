"""Whoever waits for something else than the samples hears of the end of their source all the same."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from custom_components.fieldbridge.bridge.acquisition import Sample, StreamingSession, StreamMode, record
from custom_components.fieldbridge.bridge.acquisition.block import Block
from custom_components.fieldbridge.bridge.testing.clocks import FakeClock


class Failing:
    """Fails at the third poll."""

    polls = 0

    async def poll(self) -> Sequence[Sample]:
        self.polls += 1
        if self.polls == 3:
            raise KeyError("user")
        return [Sample("device", value=self.polls)]


async def test_a_block_that_never_reads_ends_with_the_error_of_its_source() -> None:
    with pytest.raises(KeyError, match="user"):
        async with record(Failing(), rate_hz=1000):
            await asyncio.Event().wait()

    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
    await asyncio.sleep(0)  # and nothing is cancelled later


async def test_a_block_that_begins_to_read_after_the_error_gets_all_that_was_read_before() -> None:
    seen = []

    async def run() -> None:
        async with record(Failing(), rate_hz=1000, clock=FakeClock()) as recording:
            await recording.finished()
            async for batch in recording:
                await asyncio.sleep(0)
                seen.append(batch[0].value)

    with pytest.raises(KeyError, match="user"):
        await run()

    assert seen == [1, 2]


async def test_a_session_that_nobody_reads_ends_with_the_error_of_its_producer() -> None:
    async def receive() -> AsyncIterator[Sample]:
        await asyncio.Event().wait()
        yield Sample("device")

    async def produce() -> None:
        raise KeyError("user")

    with pytest.raises(KeyError, match="user"):
        async with StreamingSession(receive(), mode=StreamMode.POLL, producer=produce):
            await asyncio.Event().wait()


async def test_an_error_of_a_producer_that_the_block_has_handled_is_not_raised_again() -> None:
    async def receive() -> AsyncIterator[Sample]:
        await asyncio.Event().wait()
        yield Sample("device")

    async def produce() -> None:
        raise KeyError("user")

    async with StreamingSession(receive(), mode=StreamMode.POLL, producer=produce) as session:
        with pytest.raises(KeyError):
            await anext(session)


async def test_a_reader_that_works_on_is_let_alone_and_one_that_stopped_is_ended() -> None:
    looks = iter([1, 2, 3, 3])
    seen = []

    def progress() -> int:
        seen.append(next(looks))
        return seen[-1]

    with Block(progress, unread_s=60, read_s=0.001) as block:
        block.source_failed()
        await asyncio.Event().wait()

    assert seen == [1, 2, 3, 3]


async def test_a_reader_that_was_told_is_let_alone() -> None:
    told = asyncio.Event()

    def progress() -> None:
        told.set()

    with Block(progress) as block:
        block.source_failed()
        await told.wait()
        await asyncio.sleep(0)


async def test_a_block_that_is_left_in_time_is_not_ended_afterwards() -> None:
    with Block(lambda: 0, unread_s=0.001) as block:
        block.source_failed()
    await asyncio.sleep(0.01)  # longer than the block had


async def test_somebody_elses_cancellation_is_kept() -> None:
    waiting = asyncio.Event()

    async def work() -> None:
        with Block(lambda: 0, unread_s=0.0) as block:
            block.source_failed()
            waiting.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await waiting.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


async def test_a_source_that_fails_while_it_is_closed_ends_nothing_that_follows_the_block() -> None:
    block = Block(lambda: 0, unread_s=0)
    with block:
        pass

    block.source_failed()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_block_that_wants_its_source_no_longer_is_let_alone() -> None:
    with Block(lambda: 0, unread_s=0) as block:
        block.source_failed()
        block.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
