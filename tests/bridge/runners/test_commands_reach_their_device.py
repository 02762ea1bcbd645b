"""Commands are handled in order, held while their device is down, and drained at shutdown."""

import asyncio
import json
from typing import override

import pytest

from custom_components.fieldbridge.bridge.app import Command, DeviceContext
from custom_components.fieldbridge.bridge.runners.commands import CommandQueue, CommandRouter
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
