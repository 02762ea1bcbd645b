"""A stream's link is opened, lost and opened again while its handler lives on and its state is told.

The port is a small real implementation of the contract; time is a clock that the test moves.
"""

import asyncio
from collections.abc import Callable
import logging

import pytest

from custom_components.fieldbridge.bridge.app import DeviceContext
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.health import LinkState, LinkStatus
from custom_components.fieldbridge.bridge.interfaces import StreamablePort
from custom_components.fieldbridge.bridge.streams import Stream
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

HOUR = 3600.0


class Scale:
    """A port whose cable the test can pull; ``failures`` are raised by the next openings."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: list[Exception] = []
        self.callbacks: list[Callable[[int], None]] = []
        self.light = False
        self._report_loss: Callable[[LinkError], None] = lambda _: None

    async def open(self) -> None:
        self.log.append("open")
        if self.failures:
            raise self.failures.pop(0)

    async def close(self) -> None:
        self.log.append("close")

    async def start_scan(self) -> None:
        self.log.append("start_scan")

    async def stop_scan(self) -> None:
        self.log.append("stop_scan")

    def register_callback(self, cb: Callable[[int], None]) -> None:
        self.log.append("register_callback")
        self.callbacks.append(cb)

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        self._report_loss = cb

    def weigh(self, grams: int) -> None:
        for callback in self.callbacks:
            callback(grams)

    def unplug(self) -> None:
        self._report_loss(LinkError("unplugged"))


class Bench:
    """An app with one scale on the bench, and all that became known of its link."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.harness = AppHarness.create(name="kitchen", clock=self.clock)
        self.scale = Scale()
        self.weights: list[int] = []
        self.handler_starts = 0
        self.statuses: list[LinkStatus] = []
        self.harness.app.adapter(StreamablePort[int], lambda: self.scale)
        self.harness.app.add_stream("scale", self.weigh)
        self.harness.app.on_link_change(self.statuses.append)

    async def weigh(self, stream: Stream[int]) -> None:
        self.handler_starts += 1
        async for grams in stream:
            self.weights.append(grams)

    @property
    def states(self) -> list[LinkState]:
        return [status.state for status in self.statuses]

    @property
    def availability(self) -> list[str]:
        return self.harness.messages_for("kitchen/scale/availability")


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_port_is_run_in_order(bench: Bench) -> None:
    async with bench.harness.running():
        bench.scale.weigh(5)
        await bench.clock.settle()
    assert bench.scale.log == ["open", "register_callback", "start_scan", "stop_scan", "close"]
    assert bench.weights == [5]


async def test_the_handler_never_notices_a_lost_link(bench: Bench) -> None:
    async with bench.harness.running():
        bench.scale.weigh(1)
        bench.scale.unplug()
        await bench.clock.advance(2)
        bench.scale.weigh(2)
        await bench.clock.settle()
        assert bench.harness.app.link_status("scale").reconnects == 1
    assert bench.weights == [1, 2]
    assert bench.handler_starts == 1


async def test_a_loss_is_told_to_listeners_and_to_the_broker(bench: Bench) -> None:
    async with bench.harness.running():
        bench.scale.unplug()
        await bench.clock.settle()
        assert bench.states == [LinkState.CONNECTING, LinkState.UP, LinkState.DOWN]
        assert str(bench.statuses[-1].error) == "unplugged"
        assert bench.availability == ["offline", "online", "offline"]
        bench.harness.assert_published("kitchen/scale/error", contains="unplugged", count=1)
        await bench.clock.advance(2)
        assert bench.states[-1] is LinkState.UP
        assert bench.availability[-1] == "online"


async def test_a_link_that_cannot_open_is_tried_for_ever_with_capped_back_off(bench: Bench) -> None:
    bench.scale.failures = [FileNotFoundError("no such port") for _ in range(2000)]
    async with bench.harness.running():
        await bench.clock.advance(2 * HOUR)
        tries = bench.scale.log.count("open")
        # At the most 72 s apart (60 s and 20 %), at the least 48 s.
        assert 2 * HOUR / 72 < tries < 2 * HOUR / 48 + 10
        assert bench.harness.app.link_status("scale").attempts == tries
        bench.scale.failures.clear()
        await bench.clock.advance(75)
        assert bench.harness.app.link_status("scale").state is LinkState.UP
    assert bench.handler_starts == 1


async def test_the_handler_starts_with_the_first_opening(bench: Bench) -> None:
    bench.scale.failures = [TimeoutError("busy")]
    async with bench.harness.running():
        await bench.clock.settle()
        assert bench.handler_starts == 0
        await bench.clock.advance(2)
        assert bench.handler_starts == 1


async def test_a_link_is_logged_once_when_it_goes_and_once_when_it_is_back(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.fieldbridge.bridge.runners.link")
    async with bench.harness.running():
        bench.scale.failures = [OSError("gone"), OSError("gone")]
        bench.scale.unplug()
        await bench.clock.advance(10)
        messages = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert messages == [("WARNING", "Link scale is down: unplugged"), ("INFO", "Link scale is up")]


async def test_a_programming_error_in_a_port_ends_that_stream_alone(bench: Bench) -> None:
    readings = 0

    async def temperature() -> dict[str, object]:
        nonlocal readings
        readings += 1
        return {"celsius": 20}

    bench.harness.app.add_telemetry("room", temperature, interval=10)
    bench.scale.failures = [TypeError("open() takes no arguments")]
    async with bench.harness.running():
        await bench.clock.advance(100)
        assert bench.scale.log.count("open") == 1
        assert readings == 11
        assert bench.harness.app.link_status("scale").state is LinkState.DOWN
        bench.harness.assert_published("kitchen/scale/error", contains="takes no arguments", count=1)


async def test_a_missing_adapter_ends_that_stream_with_a_clear_report(bench: Bench) -> None:
    async def listen(stream: Stream[str]) -> None:
        async for _ in stream:
            pass

    bench.harness.app.add_stream("radio", listen)
    async with bench.harness.running():
        bench.harness.assert_published(
            "kitchen/radio/error", contains="requires StreamablePort[str] but no matching adapter", count=1
        )
        bench.scale.weigh(7)
        await bench.clock.settle()
    assert bench.weights == [7]


async def test_a_crashed_handler_is_run_again_and_reads_on(bench: Bench) -> None:
    seen: list[int] = []

    async def fragile(stream: Stream[str]) -> None:
        async for word in stream:
            number = int(word)
            seen.append(number)

    radio = Scale()
    bench.harness.app.adapter(StreamablePort[str], lambda: radio)
    bench.harness.app.add_stream("radio", fragile)
    async with bench.harness.running():
        for word in ("1", "two", "3"):
            for callback in radio.callbacks:
                callback(word)  # type: ignore[arg-type]
        await bench.clock.settle()
        assert seen == [1]
        await bench.clock.advance(2)
        assert seen == [1, 3]
        assert radio.log == ["open", "register_callback", "start_scan"]
        bench.harness.assert_published("kitchen/radio/error", contains="invalid literal", count=1)


async def test_what_is_pending_at_shutdown_is_still_handled() -> None:
    harness = AppHarness.create(name="kitchen", clock=ManualClock())
    scale = Scale()
    handled: list[int] = []

    async def slow(stream: Stream[int]) -> None:
        async for grams in stream:
            await asyncio.sleep(0)
            handled.append(grams)

    harness.app.adapter(StreamablePort[int], lambda: scale)
    harness.app.add_stream("scale", slow)
    async with harness.running():
        for grams in range(500):
            scale.weigh(grams)
    assert handled == list(range(500))


async def test_a_handler_that_does_not_end_is_cut_off_at_the_deadline() -> None:
    harness = AppHarness.create(name="kitchen", clock=ManualClock())
    cancelled = False

    async def stubborn(stream: Stream[int]) -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    scale = Scale()
    harness.app.adapter(StreamablePort[int], lambda: scale)
    harness.app.add_stream("scale", stubborn)
    async with harness.running():
        pass
    assert cancelled
    assert scale.log[-1] == "close"


async def test_a_handler_gets_its_port_without_the_lifecycle(bench: Bench) -> None:
    found: list[str] = []

    async def curious(stream: Stream[str], port: Scale, ctx: DeviceContext) -> None:
        port.light = True
        for touch in (lambda: port.open, lambda: ctx.adapter(StreamablePort[str])):  # type: ignore[type-abstract]
            try:
                touch()
            except (AttributeError, LookupError) as err:
                found.append(str(err))

    radio = Scale()
    bench.harness.app.adapter(StreamablePort[str], lambda: radio)
    bench.harness.app.add_stream("radio", curious)
    async with bench.harness.running():
        await bench.clock.settle()
    assert radio.light
    assert "lifecycle method" in found[0]
    assert "No adapter registered" in found[1]
