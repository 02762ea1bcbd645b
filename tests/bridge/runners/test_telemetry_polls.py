"""What polling publishes and when; the clock is moved by the test."""

import asyncio
import json
import logging
from typing import Annotated, override

from pydantic import BaseModel, Field
import pytest

from custom_components.fieldbridge.bridge.app import TriggerPayload
from custom_components.fieldbridge.bridge.di import Payload
from custom_components.fieldbridge.bridge.interfaces import PublishStrategy
from custom_components.fieldbridge.bridge.persist import SaveOnChange, SaveOnPublish
from custom_components.fieldbridge.bridge.retry import CircuitBreaker, FixedBackoff
from custom_components.fieldbridge.bridge.settings import Settings
from custom_components.fieldbridge.bridge.stores import DeviceStore, MemoryStore
from custom_components.fieldbridge.bridge.strategies import Every, OnChange
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

type Reading = dict[str, object]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    return AppHarness.create(name="home", clock=clock)


class Sensor:
    """Answers with what the test put in: readings, errors, or a wait."""

    def __init__(self, *answers: Reading | Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[float] = []
        self.clock: ManualClock | None = None
        self.takes = 0.0

    async def read(self) -> Reading | None:
        if self.clock is not None:
            self.calls.append(self.clock.now())
            await self.clock.sleep(self.takes)
        answer: Reading | Exception | None = self.answers.pop(0) if self.answers else {"celsius": 20}
        if isinstance(answer, Exception):
            raise answer
        return answer


def states(harness: AppHarness, name: str = "room") -> list[Reading]:
    return [json.loads(payload) for payload in harness.messages_for(f"home/{name}/state")]


def errors(harness: AppHarness, name: str = "room") -> list[str]:
    return [json.loads(payload)["error_type"] for payload in harness.messages_for(f"home/{name}/error")]


async def test_the_first_call_is_immediate_and_the_next_ones_keep_the_beat(
    harness: AppHarness, clock: ManualClock
) -> None:
    sensor = Sensor()
    sensor.clock, sensor.takes = clock, 0.4
    harness.app.add_telemetry("room", sensor.read, interval=1.0)
    async with harness.running():
        await clock.advance(5)
    assert sensor.calls == [0, 1, 2, 3, 4, 5]


async def test_calls_that_an_overrun_missed_are_left_out(harness: AppHarness, clock: ManualClock) -> None:
    sensor = Sensor()
    sensor.clock, sensor.takes = clock, 2.5
    harness.app.add_telemetry("room", sensor.read, interval=1.0)
    async with harness.running():
        await clock.advance(7)
    assert sensor.calls == [0, 3, 6]


async def test_the_interval_may_come_from_the_settings(clock: ManualClock) -> None:
    harness = AppHarness.create(name="home", clock=clock, mqtt={"reconnect_interval": 7.0})

    def interval(settings: Settings) -> float:
        return settings.mqtt.reconnect_interval

    sensor = Sensor()
    sensor.clock = clock
    harness.app.add_telemetry("room", sensor.read, interval=interval)
    async with harness.running():
        await clock.advance(14)
    assert sensor.calls == [0, 7, 14]


async def test_none_publishes_nothing(harness: AppHarness, clock: ManualClock) -> None:
    harness.app.add_telemetry("room", Sensor(None, {"celsius": 1}, None).read, interval=1)
    async with harness.running():
        await clock.advance(2)
    assert states(harness) == [{"celsius": 1}]


async def test_a_bare_value_is_published_under_its_name(harness: AppHarness, clock: ManualClock) -> None:
    async def read() -> object:
        return 21.5

    harness.app.add_telemetry("room", read, interval=1)
    async with harness.running():
        await clock.advance(0)
    assert states(harness) == [{"value": 21.5}]


async def test_the_first_reading_is_published_whatever_the_strategy(harness: AppHarness, clock: ManualClock) -> None:
    harness.app.add_telemetry("room", Sensor().read, interval=1, publish=Every(n=3))
    async with harness.running():
        await clock.advance(6)
    assert len(states(harness)) == 3  # the 1st, the 4th, the 7th


async def test_a_handler_may_return_the_same_dict_changed(harness: AppHarness, clock: ManualClock) -> None:
    reading: Reading = {"count": 0}

    async def read() -> Reading:
        reading["count"] = int(str(reading["count"])) + 1
        return reading

    harness.app.add_telemetry("room", read, interval=1, publish=OnChange())
    async with harness.running():
        await clock.advance(2)
    assert states(harness) == [{"count": 1}, {"count": 2}, {"count": 3}]


async def test_devices_registered_with_one_strategy_do_not_share_its_state(
    harness: AppHarness, clock: ManualClock
) -> None:
    strategy: PublishStrategy = Every(n=2)
    for name in ("a", "b"):
        harness.app.add_telemetry(name, Sensor().read, interval=1, publish=strategy)
    async with harness.running():
        await clock.advance(8)
    assert len(states(harness, "a")) == len(states(harness, "b")) == 5


async def test_an_error_is_published_once_until_it_changes_or_the_device_recovers(
    harness: AppHarness, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sensor = Sensor(ValueError("a"), ValueError("b"), KeyError("c"), {"celsius": 1}, ValueError("d"))
    harness.app.add_telemetry("room", sensor.read, interval=1)
    async with harness.running():
        await clock.advance(4)
    errors = [json.loads(payload)["message"] for payload in harness.messages_for("home/room/error")]
    assert errors == ["a", "'c'", "d"]
    assert harness.messages_for("home/error") == harness.messages_for("home/room/error")
    assert sum("recovered" in record.getMessage() for record in caplog.records) == 1


async def test_the_heartbeat_tells_the_status_of_a_failing_device(clock: ManualClock) -> None:
    harness = AppHarness.create(name="home", clock=clock)
    harness.app.add_telemetry("room", Sensor({"c": 1}, *(OSError("no answer") for _ in range(20))).read, interval=10)
    async with harness.running():
        await clock.advance(61)
        heartbeat = json.loads(harness.messages_for("home/status")[-1])
    assert heartbeat["devices"]["room"] == {"status": "error"}
    assert heartbeat["uptime_s"] == 60


async def test_a_failing_publish_does_not_end_the_polling(harness: AppHarness, clock: ManualClock) -> None:
    harness.app.add_telemetry("room", Sensor().read, interval=1)
    async with harness.running():
        harness.mqtt.raise_on_publish = RuntimeError("broker gone")
        await clock.advance(2)
        harness.mqtt.raise_on_publish = None
        await clock.advance(1)
    assert len(states(harness)) == 2


async def test_a_failure_is_retried_within_the_cycle(harness: AppHarness, clock: ManualClock) -> None:
    sensor = Sensor(OSError("1"), OSError("2"), {"celsius": 3})
    harness.app.add_telemetry("room", sensor.read, interval=100, retry=2, backoff=FixedBackoff(1))
    async with harness.running():
        await clock.advance(5)
    assert states(harness) == [{"celsius": 3}]
    assert harness.messages_for("home/room/error") == []


async def test_only_the_last_failure_of_a_cycle_is_reported(harness: AppHarness, clock: ManualClock) -> None:
    sensor = Sensor(OSError("1"), OSError("2"), OSError("3"))
    harness.app.add_telemetry("room", sensor.read, interval=100, retry=2, backoff=FixedBackoff(1))
    async with harness.running():
        await clock.advance(5)
    assert [json.loads(payload)["message"] for payload in harness.messages_for("home/room/error")] == ["3"]


async def test_what_is_not_in_retry_on_is_not_retried(harness: AppHarness, clock: ManualClock) -> None:
    sensor = Sensor(ValueError("1"), {"celsius": 2})
    harness.app.add_telemetry("room", sensor.read, interval=100, retry=2, backoff=FixedBackoff(1))
    async with harness.running():
        await clock.advance(50)
    assert states(harness) == []


async def test_an_open_circuit_skips_cycles_and_closes_again(harness: AppHarness, clock: ManualClock) -> None:
    sensor = Sensor(OSError("1"), OSError("2"), {"celsius": 3})
    sensor.clock = clock
    harness.app.add_telemetry("room", sensor.read, interval=1, circuit_breaker=CircuitBreaker(2))
    async with harness.running():
        await clock.advance(5)
    assert sensor.calls == [0, 1, 3, 4, 5]


async def test_a_circuit_can_stay_open_for_a_given_time(harness: AppHarness, clock: ManualClock) -> None:
    sensor = Sensor(OSError("1"), {"celsius": 3})
    sensor.clock = clock
    harness.app.add_telemetry("room", sensor.read, interval=1, circuit_breaker=CircuitBreaker(1, open_for=4))
    async with harness.running():
        await clock.advance(6)
    assert sensor.calls == [0, 4, 5, 6]


async def test_init_is_called_once_and_its_result_injected(harness: AppHarness, clock: ManualClock) -> None:
    made: list[Counter] = []

    class Counter:
        def __init__(self) -> None:
            self.value = 0
            made.append(self)

    async def read(counter: Counter) -> Reading:
        counter.value += 1
        return {"count": counter.value}

    harness.app.add_telemetry("room", read, interval=1, init=Counter)
    async with harness.running():
        await clock.advance(2)
    assert len(made) == 1
    assert states(harness)[-1] == {"count": 3}


async def test_a_failing_init_ends_that_device_alone(harness: AppHarness, clock: ManualClock) -> None:
    def fail() -> int:
        raise ValueError("no calibration")

    harness.app.add_telemetry("room", Sensor().read, interval=1, init=fail)
    harness.app.add_telemetry("cellar", Sensor().read, interval=1)
    async with harness.running():
        await clock.advance(3)
    harness.assert_published("home/room/error", contains="no calibration", count=1)
    assert states(harness) == []
    assert len(states(harness, "cellar")) == 4


async def test_members_of_a_group_keep_one_beat_and_the_order_of_registration(
    harness: AppHarness, clock: ManualClock
) -> None:
    order: list[tuple[float, str]] = []

    def member(name: str, interval: float) -> None:
        async def read() -> Reading:
            order.append((clock.now(), name))
            return {}

        harness.app.add_telemetry(name, read, interval=interval, group="bus")

    member("slow", 2)
    member("fast", 1)
    async with harness.running():
        await clock.advance(2)
    assert order == [(0, "slow"), (0, "fast"), (1, "fast"), (2, "slow"), (2, "fast")]


@pytest.mark.parametrize("intervals", [(2, 3), (3, 2)])
async def test_members_of_a_group_that_are_due_together_take_turns_as_they_were_registered(
    harness: AppHarness, clock: ManualClock, intervals: tuple[float, float]
) -> None:
    order: list[tuple[float, str]] = []

    def member(name: str, interval: float) -> None:
        async def read() -> Reading:
            order.append((clock.now(), name))
            return {}

        harness.app.add_telemetry(name, read, interval=interval, group="bus")

    member("first", intervals[0])
    member("second", intervals[1])
    async with harness.running():
        await clock.advance(12)
    together = [name for at, name in order if at in {0, 6, 12}]
    assert together == ["first", "second"] * 3


async def test_a_member_of_a_group_that_cannot_start_holds_nobody_up(harness: AppHarness, clock: ManualClock) -> None:
    class Missing: ...

    async def broken(missing: Missing) -> Reading:
        return {}

    harness.app.add_telemetry("broken", broken, interval=1, group="bus")
    harness.app.add_telemetry("room", Sensor().read, interval=1, group="bus")
    async with harness.running():
        await clock.advance(1)
    assert len(states(harness)) == 2


async def test_a_slow_member_of_a_group_delays_only_those_that_share_its_adapter(
    harness: AppHarness, clock: ManualClock
) -> None:
    class Bus: ...

    class Web: ...

    calls: list[tuple[float, str]] = []

    async def stuck(bus: Bus) -> Reading:
        await clock.sleep(10)
        return {}

    async def behind(bus: Bus) -> Reading:
        calls.append((clock.now(), "behind"))
        return {}

    async def beside(web: Web) -> Reading:
        calls.append((clock.now(), "beside"))
        return {}

    harness.app.adapter(Bus, Bus)
    harness.app.adapter(Web, Web)
    for name, read in (("stuck", stuck), ("behind", behind), ("beside", beside)):
        harness.app.add_telemetry(name, read, interval=5, group="all")
    async with harness.running():
        await clock.advance(10)
    assert calls[:3] == [(0, "beside"), (5, "beside"), (10, "behind")]


@pytest.mark.parametrize(("policy", "saved"), [(SaveOnPublish(), 1), (SaveOnChange(), 3)])
async def test_the_store_is_saved_as_the_policy_says(
    clock: ManualClock, policy: SaveOnPublish | SaveOnChange, saved: int
) -> None:
    class CountingStore(MemoryStore):
        saves = 0

        @override
        def save(self, key: str, data: dict[str, object]) -> None:
            self.saves += 1
            super().save(key, data)

    backend = CountingStore({"room": {"total": 10}})
    harness = AppHarness.create(name="home", clock=clock, store=backend)

    async def read(store: DeviceStore) -> Reading:
        store["total"] += 1
        return {"total": store["total"]}

    harness.app.add_telemetry("room", read, interval=1, publish=Every(n=100), persist=policy)
    async with harness.running():
        await clock.advance(2)
        assert backend.saves == saved
    assert backend.load("room") == {"total": 13}


async def test_a_command_calls_triggerable_telemetry_out_of_turn(harness: AppHarness, clock: ManualClock) -> None:
    calls: list[tuple[float, str, object]] = []

    async def read(trigger: TriggerPayload) -> Reading:
        calls.append((clock.now(), trigger.source, trigger.get("days", 7)))
        await clock.sleep(2)
        return {"at": clock.now(), "raw": trigger.raw}

    harness.app.add_telemetry("room", read, interval=100, triggerable=True)
    async with harness.running():
        await clock.advance(50)
        await harness.inject_command("room", '{"days": 3}')
        await harness.inject_command("room", "now")
        await clock.advance(60)
    assert calls == [(0, "scheduled", 7), (50, "mqtt", 3), (52, "mqtt", 7), (100, "scheduled", 7)]
    assert states(harness)[2] == {"at": 54, "raw": "now"}


class Scan(BaseModel):
    depth: int = Field(default=3, gt=0)


async def test_what_a_trigger_holds_is_read_into_the_model_that_the_handler_takes(harness: AppHarness) -> None:
    async def read(scan: Annotated[Scan | None, Payload()], text: Annotated[str, Payload(raw=True)]) -> Reading:
        return {"depth": None if scan is None else scan.depth, "text": text}

    harness.app.add_telemetry("room", read, interval=100, triggerable=True)
    async with harness.running():
        for sent in ('{"depth": 7}', " ", '{"depth": -7}'):
            await harness.inject_command("room", sent)
    assert states(harness) == [
        {"depth": None, "text": ""},
        {"depth": 7, "text": '{"depth": 7}'},
        {"depth": 3, "text": " "},
    ]
    assert errors(harness) == ["invalid_payload"]


async def test_a_scheduled_call_without_the_payload_that_it_needs_is_an_error(harness: AppHarness) -> None:
    async def read(scan: Annotated[Scan, Payload()]) -> Reading:
        return {"depth": scan.depth}

    harness.app.add_telemetry("room", read, interval=100, triggerable=True)
    async with harness.running():
        await harness.inject_command("room", "")
    assert states(harness) == [{"depth": 3}]
    assert errors(harness) == ["invalid_payload"]


async def test_telemetry_takes_no_commands_unless_it_is_triggerable(harness: AppHarness) -> None:
    harness.app.add_telemetry("room", Sensor().read, interval=100)
    async with harness.running():
        assert harness.mqtt.subscriptions == []


def test_triggerable_telemetry_and_a_command_share_no_name(harness: AppHarness) -> None:
    async def command(payload: str) -> None: ...

    harness.app.add_telemetry("room", Sensor().read, interval=100, triggerable=True)
    with pytest.raises(ValueError, match="already registered"):
        harness.app.add_command("room", command)


async def test_telemetry_is_cancelled_at_shutdown(harness: AppHarness) -> None:
    async def hang() -> Reading:
        await asyncio.Event().wait()
        return {}

    harness.app.add_telemetry("room", hang, interval=1)
    async with asyncio.timeout(1), harness.running():
        pass


async def test_devices_of_one_registration_count_for_themselves(harness: AppHarness, clock: ManualClock) -> None:
    harness.app.add_telemetry(lambda _: ["kitchen", "attic"], Sensor().read, interval=1.0, publish=Every(n=2))
    async with harness.running():
        await clock.advance(6.5)

    # the first reading always, then every second one
    assert len(states(harness, "kitchen")) == len(states(harness, "attic")) == 4


async def test_a_reading_that_the_handler_changes_and_returns_again_is_a_change(
    harness: AppHarness, clock: ManualClock
) -> None:
    reading: Reading = {"celsius": 20}

    async def same_object() -> Reading:
        reading["celsius"] = int(str(reading["celsius"])) + 1
        return reading

    harness.app.add_telemetry("room", same_object, interval=1.0, publish=OnChange())
    async with harness.running():
        await clock.advance(2.5)

    assert states(harness) == [{"celsius": 21}, {"celsius": 22}, {"celsius": 23}]
