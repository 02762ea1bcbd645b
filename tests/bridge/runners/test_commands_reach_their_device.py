"""Commands are handled in order, held while their device is down, and drained at shutdown."""

import asyncio
import json
from typing import override

import pytest

from custom_components.fieldbridge.bridge.app import Command, DeviceContext
from custom_components.fieldbridge.bridge.runners.commands import (
    MAX_WAITING,
    CommandQueue,
    CommandRouter,
)
from custom_components.fieldbridge.bridge.stores import DeviceStore, MemoryStore
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    return AppHarness.create(name="home", clock=clock)


async def test_a_command_handler_gets_the_message_and_publishes_what_it_returns(harness: AppHarness) -> None:
    @harness.app.command("valve")
    async def valve(topic: str, payload: str) -> dict[str, object]:
        return {"topic": topic, "payload": payload}

    async with harness.running():
        await harness.inject_command("valve", "open")
        harness.assert_state("home/valve/state", {"topic": "home/valve/set", "payload": "open"})
        harness.assert_subscribed("home/valve/set")


async def test_a_failing_command_is_reported_and_the_next_one_handled(harness: AppHarness) -> None:
    @harness.app.command("valve")
    async def valve(payload: str) -> dict[str, object]:
        return {"degrees": int(payload)}

    async with harness.running():
        await harness.inject_command("valve", "half")
        await harness.inject_command("valve", "90")
        harness.assert_published("home/valve/error", contains="invalid literal", count=1)
        harness.assert_state("home/valve/state", {"degrees": 90}, count=1)


async def test_who_hands_a_command_in_learns_how_it_ended(harness: AppHarness, clock: ManualClock) -> None:
    @harness.app.command("valve")
    async def valve(payload: str) -> dict[str, object]:
        await clock.sleep(5)
        return {"degrees": int(payload)}

    async with harness.running():
        assert harness.app.inlet is not None
        good, bad = (harness.app.inlet.submit("home/valve/set", payload) for payload in ("90", "half"))
        await clock.advance(4)
        assert not good.done()
        await clock.advance(10)
        assert good.result().state == {"degrees": 90}
        assert isinstance(bad.result().error, ValueError)
        with pytest.raises(LookupError, match="No device takes commands on home/door/set"):
            harness.app.inlet.submit("home/door/set", "open")


async def test_who_hands_in_a_command_that_nobody_will_handle_is_told(harness: AppHarness, clock: ManualClock) -> None:
    @harness.app.device("valve")
    async def valve(ctx: DeviceContext) -> None:
        @ctx.on_command("speed")
        async def speed(sub_topic: str, payload: str) -> None:
            await clock.sleep(1000)

        while not ctx.shutdown_requested:
            await ctx.sleep(60)

    async with harness.running():
        inlet = harness.app.inlet
        assert inlet is not None
        nobody = inlet.submit("home/valve/set", "1")
        await clock.settle()
        ends = [inlet.submit("home/valve/speed/set", "1") for _ in range(MAX_WAITING + 2)]
        await clock.settle()
    assert "No handler" in str(nobody.result().error)
    words = [str(end.result().error) for end in ends]
    assert words[0] == "The command was cut short"
    assert words[1] == "Too many commands wait for valve"
    assert words[-1] == "The app ended before the command was handled"


async def test_a_command_that_triggers_a_poll_ends_as_the_poll_does(harness: AppHarness, clock: ManualClock) -> None:
    answers: list[dict[str, object] | None] = [{}, {"c": 1}, None]

    async def read() -> dict[str, object]:
        answer = answers.pop(0)
        if answer is None:
            raise OSError("no answer")
        return answer

    harness.app.add_telemetry("room", read, interval=1000, triggerable=True, min_interval=10)
    async with harness.running():
        assert harness.app.inlet is not None
        good, *bad = (harness.app.inlet.submit("home/room/set", "") for _ in range(3))
        await clock.advance(11)
        assert good.result().error is None
        assert [str(each.result().error) for each in bad] == ["no answer", "no answer"]


async def test_a_device_is_well_again_when_it_has_run_for_as_long_as_it_was_down(
    harness: AppHarness, clock: ManualClock
) -> None:
    told: list[tuple[float, str]] = []
    harness.app.on_status = lambda _, status: told.append((clock.now(), status))
    lives = iter([1.0, 0.5, 1000.0])

    async def pump(ctx: DeviceContext) -> None:
        await ctx.sleep(next(lives))
        raise OSError("stuck")

    harness.app.add_device("pump", pump)
    async with harness.running():
        await clock.advance(20)
        (_, first), (failed_at, failed), (well_at, well) = told
    assert (first, failed_at, failed, well) == ("ok", 1.0, "error", "ok")
    # Down for about 1 s, half a second of life, down for about 2 s, and then 2 s of proof.
    assert 1 + 0.8 + 0.5 + 2 * 1.6 <= well_at <= 1 + 1.2 + 0.5 + 2 * 2.4


async def test_a_root_device_is_commanded_without_a_segment_of_its_own(harness: AppHarness) -> None:
    @harness.app.command()
    async def bridge(payload: str) -> dict[str, object]:
        return {"got": payload}

    async with harness.running():
        await harness.mqtt.deliver("home/set", "hello")
        harness.assert_state("home/state", {"got": "hello"})
        assert harness.mqtt.subscriptions == ["home/set"]


async def test_a_device_registers_handlers_by_sub_topic_in_all_forms(harness: AppHarness) -> None:
    got: list[object] = []

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext) -> None:
        @ctx.on_command
        async def position(sub_topic: str | None, payload: str) -> None:
            got.append((sub_topic, payload))

        @ctx.on_command("calibrate")
        async def calibrate(command: Command) -> None:
            got.append(command)

        async def stop(sub_topic: str, payload: str) -> None:
            got.append((sub_topic, payload))

        assert ctx.on_command("stop")(stop) is stop

    async with harness.running():
        await harness.inject_command("blind", "50")
        await harness.mqtt.deliver("home/blind/calibrate/set", "now")
        await harness.mqtt.deliver("home/blind/stop/set", "")
        await harness.mqtt.deliver("home/blind/unknown/set", "")
        harness.assert_subscribed("home/blind/+/set")
    assert got == [(None, "50"), Command("home/blind/calibrate/set", "now", "calibrate", 0.0), ("stop", "")]


async def test_commands_yields_what_arrives_and_none_after_a_time_out(harness: AppHarness, clock: ManualClock) -> None:
    got: list[str | None] = []

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext) -> None:
        async for command in ctx.commands(timeout=5):
            payload = command.payload if command is not None else None
            got.append(payload)

    async with harness.running():
        await harness.inject_command("blind", "up")
        await clock.advance(5)
        await harness.inject_command("blind", "down")
        await clock.settle()
    assert got == ["up", None, "down"]


async def test_registering_twice_is_refused(device_context: DeviceContext) -> None:
    async def handle(sub_topic: str | None, payload: str) -> None: ...

    device_context.on_command(handle)
    with pytest.raises(RuntimeError, match="already registered"):
        device_context.on_command(handle)
    with pytest.raises(RuntimeError, match="already registered"):
        device_context.commands()
    for sub_topic in ("", "a/b", "+", "#"):
        with pytest.raises(ValueError, match="Sub-topic"):
            device_context.on_command(sub_topic)
    assert device_context.command_handler is handle
    assert dict(device_context.command_handlers) == {None: handle}


async def test_commands_can_be_iterated_only_once(device_context: DeviceContext) -> None:
    device_context.commands()
    with pytest.raises(RuntimeError, match="already active"):
        device_context.commands()


async def test_a_command_before_the_device_listens_is_held(harness: AppHarness, clock: ManualClock) -> None:
    got: list[str] = []

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext) -> None:
        await ctx.sleep(60)

        @ctx.on_command
        async def handle(sub_topic: str | None, payload: str) -> None:
            got.append(payload)

    async with harness.running():
        await harness.inject_command("blind", "early")
        assert got == []
        await clock.advance(61)
        assert got == ["early"]


async def test_a_crashed_device_is_back_with_its_commands(harness: AppHarness, clock: ManualClock) -> None:
    got: list[str] = []
    runs = 0

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext) -> None:
        nonlocal runs
        runs += 1
        generation = runs

        @ctx.on_command
        async def handle(sub_topic: str | None, payload: str) -> None:
            got.append(f"{generation}: {payload}")

        await ctx.sleep(10)
        if generation == 1:
            raise OSError("motor gone")
        await ctx.sleep(1000)

    async with harness.running():
        await harness.inject_command("blind", "a")
        await clock.advance(10)
        await harness.inject_command("blind", "b")
        assert got == ["1: a"]
        await clock.advance(2)
        await harness.inject_command("blind", "c")
        assert got == ["1: a", "2: b", "2: c"]
        harness.assert_published("home/blind/error", contains="motor gone", count=1)


async def test_a_device_that_crashes_again_and_again_is_reported_once_and_never_given_up(
    harness: AppHarness, clock: ManualClock
) -> None:
    runs = 0

    @harness.app.device("blind")
    async def blind() -> None:
        nonlocal runs
        runs += 1
        raise OSError("motor gone")

    async with harness.running():
        await clock.advance(3600)
    assert runs > 3600 / 72
    harness.assert_published("home/blind/error", count=1)


async def test_an_error_in_what_a_device_asks_for_ends_it_with_a_clear_report(
    harness: AppHarness, clock: ManualClock
) -> None:
    @harness.app.device("blind")
    async def blind(motor: HealthlessMotor) -> None: ...

    async with harness.running():
        await clock.advance(3600)
    harness.assert_published("home/blind/error", contains="Cannot resolve parameter 'motor", count=1)


class HealthlessMotor:
    """Registered nowhere."""


async def test_async_generators_are_devices_too(harness: AppHarness, clock: ManualClock) -> None:
    cleaned_up = False

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext):  # type: ignore[no-untyped-def]
        nonlocal cleaned_up
        try:
            while not ctx.shutdown_requested:
                await ctx.publish_state({"at": ctx.clock.now()})
                yield
                await ctx.sleep(10)
        finally:
            cleaned_up = True

    async with harness.running():
        await clock.advance(20)
    assert [json.loads(payload)["at"] for payload in harness.messages_for("home/blind/state")] == [0, 10, 20]
    assert cleaned_up


async def test_queued_commands_are_handled_before_the_end(harness: AppHarness) -> None:
    handled: list[str] = []

    @harness.app.command("valve")
    async def valve(payload: str) -> None:
        await asyncio.sleep(0)
        handled.append(payload)

    async with harness.running():
        for number in range(50):
            await harness.inject_command("valve", str(number))
    assert handled == [str(number) for number in range(50)]


async def test_commands_keep_their_order_while_a_handler_waits(harness: AppHarness, clock: ManualClock) -> None:
    log: list[str] = []

    @harness.app.command("valve")
    async def valve(payload: str, ctx: DeviceContext) -> None:
        log.append(f"begin {payload}")
        await ctx.sleep(1)
        log.append(f"end {payload}")

    @harness.app.command("lamp")
    async def lamp(payload: str) -> None:
        log.append(f"lamp {payload}")

    async with harness.running():
        await harness.inject_command("valve", "1")
        await harness.inject_command("valve", "2")
        await harness.inject_command("lamp", "on")
        await clock.advance(3)
    assert log == ["begin 1", "lamp on", "end 1", "begin 2", "end 2"]


async def test_too_many_held_commands_drop_the_oldest_and_are_counted() -> None:
    queue = CommandQueue("blind", max_waiting=2)
    handled: list[str] = []

    async def handle(command: Command) -> None:
        handled.append(command.payload)

    for number in range(5):
        queue.put(Command("home/blind/set", str(number)))
    queue.open(handle)
    assert handled == ["3", "4"]
    assert queue.dropped == 3


async def test_topics_that_are_no_commands_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    router = CommandRouter("home", lambda: 0.0)
    router.add("blind", is_root=False)
    for topic in ("home/blind/state", "homer/blind/set", "other", "home/blind/set/x"):
        await router.route(topic, "")
    assert caplog.records == []
    for topic in ("home/lamp/set", "home/set", "home/blind/a/b/set"):
        await router.route(topic, "")
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert router.queue("blind").pending == 0


async def test_a_store_is_saved_only_after_commands_that_changed_it(clock: ManualClock) -> None:
    class CountingStore(MemoryStore):
        saves = 0

        @override
        def save(self, key: str, data: dict[str, object]) -> None:
            self.saves += 1
            super().save(key, data)

    backend = CountingStore()
    harness = AppHarness.create(name="home", clock=clock, store=backend)

    @harness.app.command("valve")
    async def valve(payload: str, store: DeviceStore) -> None:
        if payload != "status":
            store["position"] = payload

    async with harness.running():
        for payload in ("status", "open", "status", "status"):
            await harness.inject_command("valve", payload)
        assert backend.saves == 1
    assert backend.load("valve") == {"position": "open"}
