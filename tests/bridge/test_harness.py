"""The tools for tests of bridge apps do what they say, since other tests stand on them."""

import asyncio
from collections.abc import Callable

import pytest

from custom_components.fieldbridge.bridge.app import DeviceContext
from custom_components.fieldbridge.bridge.interfaces import (
    ClockPort,
    MqttLifecycle,
    MqttMessageHandler,
    MqttPort,
    StreamablePort,
)
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient, NullMqttClient
from custom_components.fieldbridge.bridge.stores import DeviceStore, MemoryStore
from custom_components.fieldbridge.bridge.streams import Stream
from custom_components.fieldbridge.bridge.testing import AppHarness, FakeClock, ManualClock, make_settings


async def weigh(stream: Stream[int], ctx: DeviceContext, store: DeviceStore) -> None:
    async for grams in stream:
        store["last"] = grams
        await ctx.publish_state({"grams": grams, "nested": {"a": 1, "b": 2}})


async def test_a_stream_handler_runs_on_injected_items() -> None:
    kept = MemoryStore()
    harness = AppHarness.create(store=kept)
    harness.app.add_stream("scale", weigh)
    await harness.inject_stream("scale", 1, 2, 3)
    harness.assert_state("testapp/scale/state", {"grams": 3, "nested": {"b": 2}}, count=3)
    assert kept.load("scale") == {"last": 3}


async def test_injecting_needs_a_known_stream_and_its_store() -> None:
    harness = AppHarness.create()
    harness.app.add_stream("scale", weigh)
    with pytest.raises(ValueError, match="No stream named 'radio'"):
        await harness.inject_stream("radio")
    with pytest.raises(TypeError, match="Cannot resolve parameter 'store"):
        await harness.inject_stream("scale", 1)


async def test_adapters_can_be_injected_as_they_are() -> None:
    class Led:
        lit = False

    async def blink(stream: Stream[int], led: Led) -> None:
        async for _ in stream:
            led.lit = True

    harness, led = AppHarness.create(), Led()
    harness.app.add_stream("scale", blink)
    await harness.inject_stream("scale", 1, adapters={Led: led})
    assert led.lit


async def test_assertions_fail_when_they_should() -> None:
    harness = AppHarness.create()
    await harness.mqtt.publish("a/state", '{"x":1}', retain=True)
    harness.assert_published("a/state", contains="x", count=1)
    assert harness.last_published("a/state") == '{"x":1}'
    assert harness.last_published("b/state") is None
    await harness.mqtt.publish("a/state", "plain", retain=True)
    await harness.mqtt.publish("a/state", '{"x":2}')
    harness.assert_state("a/state", {"x": 1}, count=3)
    assert harness.last_published() == ("a/state", '{"x":2}', False, 1)
    assert AppHarness.create().last_published() is None
    failures: list[Callable[[], object]] = [
        lambda: harness.assert_published("b/state"),
        lambda: harness.assert_published("a/state", count=2),
        lambda: harness.assert_published("a/state", contains="z", count=3),
        lambda: harness.assert_published("a/state", contains="y"),
        lambda: harness.assert_state("a/state", {"x": 2}),
        lambda: harness.assert_state("a/state", {"x": 1}, count=2),
        lambda: harness.assert_state("a/state", {"x": 3}),
        lambda: harness.assert_state("b/state", {}),
        lambda: harness.assert_subscribed("a/set"),
    ]
    for failing in failures:
        with pytest.raises(AssertionError):
            failing()


async def test_commands_may_be_objects_and_meant_for_the_root_device() -> None:
    harness = AppHarness.create()

    @harness.app.command()
    async def root(payload: dict[str, int], topic: str) -> dict[str, object]:
        return {**payload, "at": topic}

    async with harness.running():
        await harness.inject_command(None, {"a": 1})
    harness.assert_state("testapp/state", {"a": 1, "at": "testapp/set"}, count=1)


@pytest.mark.parametrize(("run_periodic", "runs"), [(True, 1), (False, 0)])
async def test_side_jobs_may_be_left_to_the_test(*, run_periodic: bool, runs: int) -> None:
    harness = AppHarness.create(run_periodic=run_periodic, clock=ManualClock())
    ran: list[str] = []

    async def tidy() -> None:
        ran.append("tidy")

    harness.app.add_periodic("tidy", tidy, interval=60)
    harness.app.add_periodic("perhaps", tidy, interval=60, enabled=lambda _: run_periodic)
    async with harness.running():
        pass
    assert len(ran) == 2 * runs
    assert [each.name for each in harness.app.periodic_registrations] == ["tidy", "perhaps"]
    await harness.tick_periodic("tidy")
    assert len(ran) == 2 * runs + 1


async def test_an_app_of_the_harness_knows_the_kinds_of_its_errors() -> None:
    harness = AppHarness.create(error_type_map={OSError: "io"}, clock=ManualClock())

    async def read() -> dict[str, object]:
        raise OSError("no answer")

    harness.app.add_telemetry("room", read, interval=60)
    async with harness.running():
        pass
    harness.assert_published("testapp/room/error", contains='"error_type":"io"', count=1)


async def test_an_app_that_fails_fails_its_test() -> None:
    class Missing:
        def __init__(self) -> None:
            raise OSError("no such port")

    harness = AppHarness.create()
    harness.app.adapter(Missing, Missing)
    with pytest.raises(OSError, match="no such port"):
        async with harness.running():
            pass


async def test_sleeps_of_a_fake_clock_are_over_at_once() -> None:
    clock = FakeClock(10)
    await clock.sleep(5)
    clock.advance(1)
    assert clock.now() == 16
    harness = AppHarness.create(clock=clock)
    await harness.advance_time(4)
    assert clock.now() == 20


async def test_sleeps_of_a_manual_clock_wait_for_their_moment() -> None:
    clock, log = ManualClock(), list[tuple[str, float]]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        log.append((name, clock.now()))
        await clock.sleep(seconds)
        log.append((name, clock.now()))

    tasks = [asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("a", 3), ("b", 2), ("c", 2))]
    await clock.settle()
    assert clock.sleeping == 3
    await clock.advance(5)
    assert log == [("b", 2), ("c", 2), ("a", 3), ("b", 4), ("c", 4)]
    assert clock.now() == 5
    await AppHarness.create(clock=clock).advance_time(1)
    await asyncio.gather(*tasks)
    assert log[-1] == ("a", 6)


async def test_a_manual_clock_settles_until_something_is_true_and_tells_when_it_never_is() -> None:
    clock, turns = ManualClock(), list[int]()

    async def work() -> None:
        for turn in range(40):
            turns.append(turn)
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    await clock.settle(until=lambda: len(turns) > 30)
    assert 30 < len(turns) < 40
    await working
    with pytest.raises(RuntimeError, match="did not make it true"):
        await clock.settle(until=lambda: clock.now() > 0)


async def test_a_cancelled_sleep_is_forgotten() -> None:
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(1))
    await clock.settle()
    sleeping.cancel()
    await clock.settle()
    assert clock.sleeping == 0
    await clock.advance(2)


async def test_the_recording_broker_records_and_delivers(mock_mqtt: MockMqttClient) -> None:
    got: list[tuple[str, str]] = []

    async def receive(topic: str, payload: str) -> None:
        got.append((topic, payload))

    mock_mqtt.on_message(receive)
    await mock_mqtt.subscribe("a/#")
    await mock_mqtt.publish("a", "1")
    await mock_mqtt.deliver("a", "2")
    assert got == [("a", "2")]
    assert (mock_mqtt.publish_count, mock_mqtt.subscribe_count) == (1, 1)
    assert mock_mqtt.get_messages_for("a") == [("1", False, 1)]
    mock_mqtt.raise_on_publish = ValueError("full")
    with pytest.raises(ValueError, match="full"):
        await mock_mqtt.publish("a", "1")
    mock_mqtt.reset()
    await mock_mqtt.publish("a", "3")
    await mock_mqtt.deliver("a", "4")
    assert (mock_mqtt.publish_count, mock_mqtt.subscribe_count, len(got)) == (1, 0, 1)


def test_the_doubles_satisfy_what_they_stand_for() -> None:
    mock, null = MockMqttClient(), NullMqttClient()
    assert isinstance(mock, MqttPort)
    assert isinstance(mock, MqttMessageHandler)
    assert isinstance(null, MqttPort)
    assert not isinstance(mock, MqttLifecycle)
    assert not isinstance(null, MqttLifecycle | MqttMessageHandler)
    assert isinstance(FakeClock(), ClockPort)
    assert isinstance(ManualClock(), ClockPort)


def test_fixtures_and_settings_are_free_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, device_context: DeviceContext
) -> None:
    monkeypatch.setenv("MQTT__HOST", "from-environment")
    assert make_settings().mqtt.host == "localhost"
    assert device_context.name == "test_device"


class Port:
    """Delivers three items when it is opened, and says what is done with it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.deliver: Callable[[int], None] = lambda _: None

    async def open(self) -> None:
        self.calls.append("open")

    async def close(self) -> None:
        self.calls.append("close")

    async def start_scan(self) -> None:
        self.calls.append("start_scan")
        for item in (1, 2, 3):
            self.deliver(item)

    async def stop_scan(self) -> None:
        self.calls.append("stop_scan")

    def register_callback(self, cb: Callable[[int], None]) -> None:
        self.deliver = cb


async def test_a_stream_handler_runs_with_its_port() -> None:
    harness, port, seen = AppHarness.create(), Port(), []

    async def listen(stream: Stream[int]) -> None:
        async for item in stream:
            seen.append(item)
            if item == 3:
                harness.trigger_shutdown()

    await harness.run_stream(listen, {StreamablePort[int]: port})
    assert seen == [1, 2, 3]
    assert port.calls == ["open", "start_scan", "stop_scan", "close"]


async def test_a_stream_handler_that_fails_is_logged_and_leaves_its_port_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    harness, port = AppHarness.create(), Port()

    async def listen(stream: Stream[int]) -> None:
        async for item in stream:
            raise ValueError(f"no {item}")

    await harness.run_stream(listen, {StreamablePort[int]: port})
    assert "ValueError: no 1" in caplog.text
    assert port.calls[-1] == "close"
    harness.app.add_stream("scale", listen)
    with pytest.raises(ValueError, match="no 1"):
        await harness.inject_stream("scale", 1)


async def test_a_command_is_called_without_running_the_app() -> None:
    harness = AppHarness.create()

    @harness.app.command("lamp")
    async def lamp(payload: str, topic: str) -> dict[str, object]:
        return {"at": topic, "is": payload}

    await harness.call_command("lamp", {"a": 1})
    harness.assert_state("testapp/lamp/state", {"at": "testapp/lamp/set", "is": '{"a": 1}'})
    with pytest.raises(ValueError, match="No command named 'radio'"):
        await harness.call_command("radio", "on")


class Counter:
    def __init__(self) -> None:
        self.count = 0


async def test_shared_state_can_be_replaced_and_a_periodic_called_by_hand() -> None:
    harness, mine = AppHarness.create(clock=ManualClock()), Counter()

    @harness.app.state
    def make() -> Counter:
        raise OSError("not in a test")

    @harness.app.periodic(interval=60)
    async def count(counter: Counter) -> None:
        counter.count += 1

    harness.override_state(Counter, mine)
    await harness.tick_periodic("count")
    assert mine.count == 1
    async with harness.running():
        assert mine.count == 2
    with pytest.raises(ValueError, match="No periodic named 'other'"):
        await harness.tick_periodic("other")
    with pytest.raises(TypeError, match="is no Counter"):
        harness.override_state(Counter, object())
