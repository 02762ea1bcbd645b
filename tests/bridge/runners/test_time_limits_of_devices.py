"""What time does to a device: it grows stale, it is not called too often, it waits for an hour of the day."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
import json
from zoneinfo import ZoneInfo

import pytest

from custom_components.fieldbridge.bridge.app import DeviceContext, TriggerPayload, setting_ref
from custom_components.fieldbridge.bridge.cron import next_of
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.health import LinkState
from custom_components.fieldbridge.bridge.interfaces import StreamablePort
from custom_components.fieldbridge.bridge.runners.commands import MAX_WAITING
from custom_components.fieldbridge.bridge.streams import Stream
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

type Reading = dict[str, object]

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    return AppHarness.create(name="home", clock=clock)


def availability(harness: AppHarness) -> list[str]:
    return harness.messages_for("home/room/availability")


async def test_a_device_without_success_for_too_long_is_unavailable_until_the_next(
    harness: AppHarness, clock: ManualClock
) -> None:
    answers: list[Reading | Exception | None] = [{"c": 1}, OSError(), OSError(), OSError(), None, {"c": 2}]

    async def read() -> Reading | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    harness.app.add_telemetry("room", read, interval=10, stale_after=25)
    async with harness.running():
        await clock.advance(24)
        assert availability(harness) == ["online"]
        await clock.advance(2)
        assert availability(harness) == ["online", "offline"]
        # Nothing new is a sign of life as well.
        await clock.advance(24)
        assert availability(harness) == ["online", "offline", "online"]


async def test_a_handler_that_never_returns_makes_its_device_stale(harness: AppHarness, clock: ManualClock) -> None:
    async def read() -> Reading:
        await clock.sleep(1000)
        return {}

    harness.app.add_telemetry("room", read, interval=1, stale_after=setting_ref("mqtt.reconnect_interval"))
    async with harness.running():
        await clock.advance(500)
        assert availability(harness) == ["online", "offline"]


async def test_two_reasons_to_be_unavailable_have_to_go_both(harness: AppHarness, clock: ManualClock) -> None:
    answers: list[Reading | Exception | None] = [OSError(), OSError(), None, {"c": 2}]

    async def read() -> Reading | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    harness.app.add_telemetry("room", read, interval=10, stale_after=15, unavailable_on=(OSError,))
    async with harness.running():
        await clock.advance(29)
        assert availability(harness) == ["online", "offline"]
        await clock.advance(1)
        assert availability(harness) == ["online", "offline", "online"]


async def test_a_device_that_publishes_nothing_for_too_long_is_unavailable(
    harness: AppHarness, clock: ManualClock
) -> None:
    async def run(ctx: DeviceContext) -> None:
        for pause in (5, 5, 30, 5, 5):
            await ctx.publish_state({"at": clock.now()})
            await ctx.sleep(pause)

    harness.app.add_device("room", run, stale_after=10)
    async with harness.running():
        await clock.advance(19)
        assert availability(harness) == ["online"]
        await clock.advance(2)
        assert availability(harness) == ["online", "offline"]
        await clock.advance(20)
        assert availability(harness) == ["online", "offline", "online"]


async def test_a_device_that_only_crashes_grows_stale(harness: AppHarness, clock: ManualClock) -> None:
    async def crash() -> None:
        raise OSError("no answer")

    harness.app.add_device("room", crash, stale_after=setting_ref("mqtt.reconnect_interval"))
    async with harness.running():
        await clock.advance(60)
        assert availability(harness) == ["online", "offline"]


async def test_a_limit_from_the_settings_that_has_no_sense_is_reported(harness: AppHarness) -> None:
    async def run() -> None: ...

    harness.app.add_device("room", run, stale_after=lambda _: 0)
    async with harness.running():
        harness.assert_published("home/room/error", contains="must be positive", count=1)


class Rain:
    """A port that delivers what the test says, and can be unplugged."""

    deliver: Callable[[int], None]
    lose: Callable[[LinkError], None]

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def start_scan(self) -> None: ...

    async def stop_scan(self) -> None: ...

    def register_callback(self, cb: Callable[[int], None]) -> None:
        self.deliver = cb

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        self.lose = cb


async def test_a_stream_without_items_is_unavailable_though_its_link_is_up(
    harness: AppHarness, clock: ManualClock
) -> None:
    rain = Rain()
    harness.app.adapter(StreamablePort[int], lambda: rain)

    async def listen(stream: Stream[int]) -> None:
        async for _ in stream:
            pass

    harness.app.add_stream("room", listen, stale_after=30)
    async with harness.running():
        assert availability(harness) == ["offline", "online"]
        await clock.advance(29)
        rain.deliver(1)
        await clock.advance(29)
        assert availability(harness)[2:] == []
        await clock.advance(2)
        assert availability(harness)[2:] == ["offline"]
        rain.lose(LinkError("unplugged"))
        await clock.advance(5)
        assert harness.app.link_status("room").state is LinkState.UP
        # From another thread, as drivers do.
        await asyncio.to_thread(rain.deliver, 2)
        await clock.advance(1)
        assert availability(harness)[2:] == ["offline", "online"]


@pytest.mark.parametrize("options", [{"min_interval": 5}, {"min_interval": 0, "triggerable": True}, {"stale_after": 0}])
def test_limits_without_sense_are_refused(harness: AppHarness, options: dict[str, int]) -> None:
    async def read() -> Reading:
        return {}

    with pytest.raises(ValueError, match="must be positive"):
        harness.app.add_telemetry("room", read, interval=1, **options)  # type: ignore[arg-type]


async def test_a_storm_of_commands_is_one_call_with_the_last_of_them(harness: AppHarness, clock: ManualClock) -> None:
    calls: list[tuple[float, str | None]] = []

    async def read(trigger: TriggerPayload) -> Reading:
        calls.append((clock.now(), trigger.raw))
        return {}

    harness.app.add_telemetry("room", read, interval=100, triggerable=True, min_interval=10)
    async with harness.running():
        await clock.advance(1)
        for payload in ("a", "b", "c", "d"):
            await harness.inject_command("room", payload)
        await clock.advance(20)
        await harness.inject_command("room", "e")
        await clock.advance(80)
    assert calls == [(0, None), (1, "a"), (11, "d"), (21, "e"), (100, None)]


async def test_a_device_sleeps_until_an_hour_of_the_day(harness: AppHarness, clock: ManualClock) -> None:
    start = datetime(2026, 7, 1, 5, 0, tzinfo=BERLIN)
    harness.wall_clock = lambda: start + timedelta(seconds=clock.now())
    woken: list[float] = []

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext) -> None:
        while not ctx.shutdown_requested:
            await ctx.sleep_until([time(6, 0), time(5, 30)])
            woken.append(clock.now() / 60)

    async with harness.running():
        await clock.advance(100 * 60)
        assert woken == [30, 60]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-07-01T10:00:00+00:00", "2026-07-02T00:30:00+00:00"),  # half past two in summer
        ("2026-03-28T20:00:00+00:00", "2026-03-29T01:30:00+00:00"),  # skipped: half past three
        ("2026-10-24T20:00:00+00:00", "2026-10-25T00:30:00+00:00"),  # there twice: the first
    ],
)
def test_daylight_saving_moves_the_hour(now: str, due: str) -> None:
    local = datetime.fromisoformat(now).astimezone(BERLIN)
    assert next_of([time(2, 30)], local) == datetime.fromisoformat(due).astimezone(UTC)


def test_without_a_time_there_is_nothing_to_wait_for() -> None:
    with pytest.raises(ValueError, match="empty"):
        next_of([], datetime(2026, 1, 1, tzinfo=UTC))


class Flood:
    """Delivers more than the stream holds, at once."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def stop_scan(self) -> None: ...

    async def start_scan(self) -> None:
        for item in range(15):
            self.deliver(item)

    def register_callback(self, cb: object) -> None:
        assert callable(cb)
        self.deliver = cb


async def test_what_was_lost_is_told_in_the_heartbeat(harness: AppHarness, clock: ManualClock) -> None:
    async def listen(stream: Stream[int]) -> None:
        async for _ in stream:
            await clock.sleep(1000)

    async def valve(payload: str) -> None:
        await clock.sleep(1000)

    harness.app.adapter(StreamablePort[int], Flood)
    harness.app.add_stream("scale", listen, maxsize=10)
    harness.app.add_command("valve", valve)
    harness.app.add_inbound("weather", valve, topic="weather/#")
    async with harness.running():
        commands, messages = harness.mqtt._callbacks  # noqa: SLF001 - without the turns of deliver()
        for _ in range(MAX_WAITING + 3):
            await commands("home/valve/set", "on")
            await messages("weather/wind", "5")
        await clock.advance(61)
        heartbeat = json.loads(harness.messages_for("home/status")[-1])
        lost = {name: device["dropped"] for name, device in heartbeat["devices"].items()}
        assert lost == {"valve": 2, "scale": 5}
        assert heartbeat["dropped"] == {"weather": 2}
