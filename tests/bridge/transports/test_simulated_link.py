"""Simulated signals come on a grid that does not drift, and within their range."""

import asyncio
from collections.abc import AsyncIterator
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.frame import Batch, Frame
from custom_components.fieldbridge.bridge.testing import FakeClock, ManualClock
from custom_components.fieldbridge.bridge.transports.simulated import Signal, SimulatedTransport, Waveform

INTERVAL = 0.1


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def link(clock: ManualClock) -> AsyncIterator[SimulatedTransport]:
    transport = SimulatedTransport((Signal(key="t", waveform="counter", period=1.0),), interval=INTERVAL, clock=clock)
    await transport.open()
    yield transport
    await transport.stop_scan()
    await transport.close()


async def test_frames_come_on_a_grid_without_drift(link: SimulatedTransport, clock: ManualClock) -> None:
    start = clock.now()
    frames: list[Frame] = []
    link.register_callback(frames.extend)
    await link.start_scan()
    await clock.advance(200 * INTERVAL + INTERVAL / 2)

    assert len(frames) == link.counters.frames == 201
    assert [frame.time - start for frame in frames] == pytest.approx([slot * INTERVAL for slot in range(201)])
    assert json.loads(frames[10].data) == {"t": 1.0}


async def test_slots_that_a_busy_machine_missed_are_skipped() -> None:
    clock = FakeClock()
    link = SimulatedTransport((Signal(key="t", waveform="counter", period=1.0),), interval=INTERVAL, clock=clock)
    frames: list[Frame] = []
    enough = asyncio.Event()

    def deliver(batch: Batch) -> None:
        frames.extend(batch)
        if len(frames) == 3:
            clock.advance(3.5 * INTERVAL)  # the machine was busy
        if len(frames) == 8:
            enough.set()

    link.register_callback(deliver)
    await link.start_scan()
    await enough.wait()
    await link.stop_scan()

    assert [round(frame.time / INTERVAL, 6) for frame in frames[:8]] == [0, 1, 2, 6, 7, 8, 9, 10]
    assert json.loads(frames[3].data) == {"t": 0.6}


async def test_nothing_is_sent_after_stop(link: SimulatedTransport, clock: ManualClock) -> None:
    frames: list[Frame] = []
    link.register_callback(frames.extend)
    await link.start_scan()
    await clock.advance(INTERVAL)
    await link.stop_scan()
    await link.stop_scan()
    await clock.advance(10 * INTERVAL)

    assert len(frames) == 2


async def test_it_can_be_started_again(link: SimulatedTransport, clock: ManualClock) -> None:
    frames: list[Frame] = []
    link.register_callback(frames.extend)
    for _ in range(2):
        await link.start_scan()
        await clock.advance(INTERVAL / 2)
        await link.stop_scan()

    assert [json.loads(frame.data) for frame in frames] == [{"t": 0.0}, {"t": 0.0}]


@given(
    waveform=st.sampled_from(["sine", "sawtooth", "wander"]),
    seconds=st.floats(0, 1e7),
    period=st.floats(0.1, 1e5),
    low=st.floats(-1e6, 1e6),
    span=st.floats(0, 1e6),
)
def test_values_stay_in_range(waveform: Waveform, seconds: float, period: float, low: float, span: float) -> None:
    signal = Signal(key="x", waveform=waveform, period=period, low=low, high=low + span, decimals=2)

    assert low - 0.01 <= signal.at(seconds) <= low + span + 0.01


def test_a_square_wave_is_a_switch() -> None:
    signal = Signal(key="x", waveform="square", period=10.0)

    assert [signal.at(second) for second in (0.0, 4.9, 5.0, 9.9, 10.0)] == [True, True, False, False, True]


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan")])
def test_an_interval_that_is_not_positive_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        SimulatedTransport((), interval=interval)
