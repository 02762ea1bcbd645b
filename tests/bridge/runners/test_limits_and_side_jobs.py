"""Time-outs, errors that make a device unavailable, periodic side jobs, and entities that come and go."""

from datetime import timedelta
import json

import pytest

from custom_components.fieldbridge.bridge.app import App, Command, DeviceContext, TriggerPayload, setting_ref
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock, make_settings

type Reading = dict[str, object]


class AsleepError(Exception):
    """The device does not answer at night."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    app = App("home", error_type_map={TimeoutError: "timeout", AsleepError: "asleep"})
    return AppHarness(app, MockMqttClient(), clock, make_settings())


async def test_a_reading_that_takes_too_long_is_given_up(harness: AppHarness, clock: ManualClock) -> None:
    cancelled = 0

    async def read() -> Reading:
        nonlocal cancelled
        try:
            await clock.sleep(100)
        finally:
            cancelled += 1
        return {}

    harness.app.add_telemetry("room", read, interval=10, timeout=3)
    async with harness.running():
        await clock.advance(14)
        assert cancelled == 2
    (error,) = harness.messages_for("home/room/error")
    assert json.loads(error)["error_type"] == "timeout"
    assert json.loads(error)["message"] == "no answer within 3 s"


async def test_a_time_limit_may_come_from_the_settings(harness: AppHarness, clock: ManualClock) -> None:
    async def wait() -> Reading:
        await clock.sleep(2000)
        return {"waited": True}

    harness.app.add_telemetry("room", wait, interval=1e6, timeout=setting_ref("mqtt.port"))
    harness.app.add_command("valve", wait, timeout=lambda _: None)
    harness.app.add_telemetry("never", wait, interval=1e6, timeout=lambda _: 0)
    async with harness.running():
        await harness.inject_command("valve", "")
        await clock.advance(2000)
        harness.assert_published("home/room/error", contains="no answer within 1883 s", count=1)
        harness.assert_published("home/never/error", contains="timeout must be positive, got 0", count=1)
        harness.assert_state("home/valve/state", {"waited": True}, count=1)


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_time_limit_that_nothing_meets_is_refused(timeout: float) -> None:
    async def wait() -> Reading:
        return {}

    with pytest.raises(ValueError, match="timeout must be positive"):
        App("home").add_telemetry("room", wait, interval=1, timeout=timeout)
    with pytest.raises(ValueError, match="timeout must be positive"):
        App("home").add_command("room", wait, timeout=timeout)


async def test_a_command_that_takes_too_long_makes_room_for_the_next(harness: AppHarness, clock: ManualClock) -> None:
    @harness.app.command("valve", timeout=5)
    async def valve(payload: str) -> Reading:
        await clock.sleep(float(payload))
        return {"seconds": payload}

    async with harness.running():
        await harness.inject_command("valve", "100")
        await harness.inject_command("valve", "1")
        await clock.advance(7)
        harness.assert_state("home/valve/state", {"seconds": "1"}, count=1)
        harness.assert_published("home/valve/error", contains="timeout", count=1)


async def test_some_errors_make_a_polled_device_unavailable_until_its_next_success(
    harness: AppHarness, clock: ManualClock
) -> None:
    answers: list[Reading | Exception] = [{"c": 1}, ValueError("odd"), AsleepError(), AsleepError(), {"c": 2}]

    async def read() -> Reading:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    harness.app.add_telemetry("room", read, interval=1, unavailable_on=(AsleepError,))
    async with harness.running():
        await clock.advance(1)
        assert harness.messages_for("home/room/availability") == ["online"]
        await clock.advance(2)
        assert harness.messages_for("home/room/availability") == ["online", "offline"]
        await clock.advance(1)
        assert harness.messages_for("home/room/availability") == ["online", "offline", "online"]


async def test_some_errors_make_a_commanded_device_unavailable_until_its_next_success(harness: AppHarness) -> None:
    @harness.app.command("valve", unavailable_on=(AsleepError,))
    async def valve(payload: str) -> None:
        if payload == "night":
            raise AsleepError

    async with harness.running():
        for payload in ("day", "night", "night", "day"):
            await harness.inject_command("valve", payload)
        assert harness.messages_for("home/valve/availability") == ["online", "offline", "online"]


async def test_a_side_job_runs_on_its_interval_and_survives_errors(
    harness: AppHarness, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[float] = []

    @harness.app.periodic(interval=5)
    async def tidy() -> None:
        ran.append(clock.now())
        if clock.now() in {5, 10}:
            raise OSError("disk full")

    async with harness.running():
        await clock.advance(20)
    assert ran == [0, 5, 10, 15, 20]
    assert sum("Periodic tidy failed" in record.getMessage() for record in caplog.records) == 1
    assert {topic for topic, *_ in harness.mqtt.published} == {"home/status", "home/error"}
    with pytest.raises(ValueError, match="positive"):
        harness.app.periodic(interval=0)(tidy)


async def test_messages_of_others_can_be_listened_to(harness: AppHarness) -> None:
    heard: list[tuple[str, str]] = []

    @harness.app.inbound(topic="weather/+/wind")
    async def wind(topic: str, payload: str) -> dict[str, object]:
        heard.append((topic, payload))
        return {"gust": float(payload)}

    @harness.app.inbound(topic=lambda settings: f"alarm/{settings.mqtt.port}/#")
    async def alarm(topic: str, ctx: DeviceContext) -> None:
        heard.append((ctx.name, topic))

    async with harness.running():
        for topic in ("weather/roof/wind", "weather/roof/rain", "weather/wind", "alarm/1883", "alarm/1883/a/b"):
            await harness.mqtt.deliver(topic, "3")
        await harness.mqtt.deliver("weather/roof/wind", "strong")
        assert heard == [
            ("weather/roof/wind", "3"),
            ("alarm", "alarm/1883"),
            ("alarm", "alarm/1883/a/b"),
            ("weather/roof/wind", "strong"),
        ]
        harness.assert_state("home/wind/state", {"gust": 3.0}, count=1)
        harness.assert_published("home/wind/error", contains="could not convert", count=1)
        harness.assert_subscribed("weather/+/wind")
        assert harness.messages_for("home/wind/availability") == []


async def test_what_comes_and_goes_takes_its_state_with_it(
    device_context: DeviceContext, mock_mqtt: MockMqttClient
) -> None:
    async with device_context.sub_entity("tag") as tag:
        await tag.publish_state({"rssi": -60})
        await tag.publish("raw", "0x1")
    assert mock_mqtt.published == [
        ("test/test_device/tag/availability", "online", True, 1),
        ("test/test_device/tag/state", '{"rssi":-60}', True, 1),
        ("test/test_device/tag/raw", "0x1", False, 1),
        ("test/test_device/tag/state", "", True, 1),
        ("test/test_device/tag/availability", "offline", True, 1),
    ]


async def test_what_comes_and_goes_takes_commands_while_it_is_there(device_context: DeviceContext) -> None:
    seen: list[str] = []

    async def beep(command: Command) -> None:
        seen.append(command.payload)

    for payload in ("short", "long"):
        async with device_context.sub_entity("tag") as tag:
            assert (tag.name, tag.parent) == ("tag", device_context)
            assert tag.on_command(beep) is beep
            await device_context.command_inlet.handle(Command("test/test_device/tag/set", payload, "tag"))
        assert device_context.get_command_handler("tag") is None
    assert seen == ["short", "long"]


async def test_what_is_there_already_cannot_come_again(device_context: DeviceContext) -> None:
    async with device_context.sub_entity("tag"):
        with pytest.raises(ValueError, match="'tag' is already active"):
            async with device_context.sub_entity("tag"):
                pass
    async with device_context.sub_entity("tag"):
        pass


@pytest.mark.parametrize("name", ["", "state", "set", "a/b", "+"])
async def test_reserved_words_name_nothing(device_context: DeviceContext, name: str) -> None:
    with pytest.raises(ValueError, match="Sub-entity"):
        async with device_context.sub_entity(name):
            pass


async def test_a_periodic_function_whose_interval_cannot_be_is_reported(harness: AppHarness) -> None:
    async def tidy() -> None: ...

    harness.app.add_periodic("tidy", tidy, interval=lambda _: 0)
    async with harness.running():
        harness.assert_published("home/error", contains="must be positive", count=1)


async def test_a_periodic_function_is_given_what_its_init_makes(harness: AppHarness, clock: ManualClock) -> None:
    class Counter:
        value = 0

    seen: list[int] = []

    async def count(counter: Counter) -> None:
        counter.value += 1
        seen.append(counter.value)

    async def never(counter: Counter) -> None: ...

    harness.app.add_periodic("count", count, interval=timedelta(seconds=10), init=Counter)
    harness.app.add_periodic("never", never, interval=10)
    async with harness.running():
        await clock.advance(20)
        harness.assert_published("home/error", contains="Cannot resolve parameter", count=1)
    assert seen == [1, 2, 3]


async def test_a_blank_command_triggers_as_an_empty_object_does(harness: AppHarness) -> None:
    seen: list[TriggerPayload] = []

    @harness.app.telemetry("room", interval=1000, triggerable=True)
    async def room(trigger: TriggerPayload) -> None:
        seen.append(trigger)

    async with harness.running():
        for payload in (" ", "{}", "now"):
            await harness.inject_command("room", payload)
    assert [trigger.data for trigger in seen] == [None, {}, {}, None]
    assert seen[1].raw == " "
