"""StreamingSession: single samples, whether the device speaks by itself or is asked."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from custom_components.fieldbridge.bridge.acquisition import Sample, StreamingSession, StreamMode, open_session
from custom_components.fieldbridge.bridge.acquisition.session import SESSION_BUFFER
from custom_components.fieldbridge.bridge.streams import Fanout


async def test_a_device_that_speaks_is_heard_from_the_moment_the_session_was_made() -> None:
    device: Fanout[Sample] = Fanout()
    session = open_session(device)
    await device.put(Sample("device", value=1))

    async with session:
        assert session.mode is StreamMode.AUTOPRINT
        assert (await anext(session)).value == 1

    assert device.subscriptions == ()


async def test_a_lost_device_ends_the_session_instead_of_hanging() -> None:
    device: Fanout[Sample] = Fanout()
    async with open_session(device) as session:
        device.finish()
        assert [sample async for sample in session] == []


async def test_a_source_is_polled_and_its_samples_come_one_by_one() -> None:
    class Source:
        async def poll(self) -> Sequence[Sample]:
            return [Sample("device", channel=name, value=1.0) for name in ("O2", "CO")]

    async with open_session(Source(), rate_hz=1000) as session:
        assert session.mode is StreamMode.POLL
        assert [(await anext(session)).channel for _ in range(3)] == ["O2", "CO", "O2"]

    with pytest.raises(StopAsyncIteration):
        await anext(session)


async def test_the_error_of_a_polled_source_comes_out_of_the_iteration_bare() -> None:
    class Broken:
        async def poll(self) -> Sequence[Sample]:
            raise KeyError("channel")

    with pytest.raises(KeyError):
        async with open_session(Broken(), rate_hz=1000) as session:
            await anext(session)


async def test_a_rate_of_zero_is_refused_and_not_taken_for_the_default() -> None:
    class Source:
        async def poll(self) -> Sequence[Sample]:
            return []

    with pytest.raises(ValueError, match="rate_hz must be > 0, got 0"):
        async with open_session(Source(), rate_hz=0) as session:
            await anext(session)


async def test_a_mode_that_the_source_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="mode must be 'autoprint'"):
        open_session(Fanout(), mode=StreamMode.POLL)


async def test_closing_calls_on_close_once_and_stops_the_producer() -> None:
    device: Fanout[Sample] = Fanout()
    calls: list[str] = []
    stopped = asyncio.Event()

    async def produce() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    session = StreamingSession(
        device.subscribe(), mode=StreamMode.POLL, on_close=lambda: calls.append("closed"), producer=produce
    )
    async with session:
        await asyncio.sleep(0)
        await session.aclose()
    await session.aclose()

    assert calls == ["closed"]
    assert stopped.is_set()


async def test_a_producer_that_returns_ends_the_session_after_what_it_sent() -> None:
    device: Fanout[Sample] = Fanout()

    async def produce() -> None:
        await device.put_many([Sample("device", value=number) for number in range(3)])

    async with StreamingSession(device.subscribe(), mode=StreamMode.POLL, producer=produce) as session:
        assert [sample.value async for sample in session] == [0, 1, 2]


async def test_a_reader_that_is_cancelled_leaves_its_sample_to_the_next_one() -> None:
    device: Fanout[Sample] = Fanout()

    async def produce() -> None:
        await asyncio.Event().wait()

    async with StreamingSession(device.subscribe(), mode=StreamMode.POLL, producer=produce) as session:
        reading = asyncio.ensure_future(anext(session))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await device.put(Sample("device", value=7))
        reading.cancel()
        await asyncio.wait([reading])

        assert (await anext(session)).value == 7


async def test_a_reader_that_is_cancelled_leaves_a_receiver_without_producer_alive() -> None:
    spoken = asyncio.Event()

    async def receive() -> AsyncIterator[Sample]:
        await spoken.wait()
        yield Sample("device", value=7)

    async with StreamingSession(receive(), mode=StreamMode.AUTOPRINT) as session:
        reading = asyncio.ensure_future(anext(session))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        spoken.set()

        assert (await anext(session)).value == 7


async def test_what_a_slow_subscriber_lost_is_counted() -> None:
    device: Fanout[Sample] = Fanout()

    async with open_session(device) as session:
        device.push([Sample("device", value=number) for number in range(SESSION_BUFFER + 3)])

        assert (await anext(session)).value == 3
        assert session.dropped == 3


async def test_two_readers_share_the_samples() -> None:
    device: Fanout[Sample] = Fanout()

    async with open_session(device) as session:
        readings = [asyncio.ensure_future(anext(session)) for _ in range(2)]
        await asyncio.sleep(0)
        for number in range(2):
            await device.put(Sample("device", value=number))

        assert [sample.value for sample in await asyncio.gather(*readings)] == [0, 1]


@pytest.mark.parametrize("has_producer", [True, False])
async def test_closing_while_somebody_waits_ends_the_wait_and_waits_for_the_receiver(has_producer: bool) -> None:
    ended: list[str] = []

    async def receive() -> AsyncIterator[Sample]:
        try:
            await asyncio.Event().wait()
            yield Sample("device")
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ended.append("receiver")

    async def produce() -> None:
        await asyncio.Event().wait()

    producer = produce if has_producer else None
    async with StreamingSession(receive(), mode=StreamMode.POLL, producer=producer) as session:
        reading = asyncio.ensure_future(anext(session, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await session.aclose()

    assert ended == ["receiver"]
    assert await reading is None


async def test_a_close_that_is_cut_short_by_a_slow_producer_still_leaves_its_source() -> None:
    samples: Fanout[Sample] = Fanout()
    receiver = samples.subscribe()
    may_end = asyncio.Event()
    closed = []

    async def end_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    session = StreamingSession(receiver, mode=StreamMode.POLL, on_close=lambda: closed.append(1), producer=end_slowly)
    await session.__aenter__()
    await asyncio.sleep(0)
    closing = asyncio.create_task(session.aclose())
    await asyncio.sleep(0)

    closing.cancel()
    await asyncio.wait([closing])

    assert closed == [1]
    assert samples.subscriptions == ()
    may_end.set()
    await session.aclose()
    assert closed == [1]
