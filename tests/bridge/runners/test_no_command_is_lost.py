"""Commands outlive the crash of their device, and those that nobody can handle any more are told and counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from custom_components.fieldbridge.bridge.app import AppContext, DeviceContext
from custom_components.fieldbridge.bridge.runners.commands import LostCommandError
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    return AppHarness.create(name="home", clock=clock)


async def test_a_device_that_crashes_at_once_has_its_commands_held_for_the_next_run(
    harness: AppHarness, clock: ManualClock
) -> None:
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

        if generation == 1:
            raise OSError("motor gone")  # without having waited for anything
        await ctx.sleep(1000)

    async with harness.running():
        await harness.inject_command("blind", "a")
        assert got == []
        await clock.advance(2)
        assert got == ["2: a"]


async def test_commands_that_wait_in_the_iterator_of_a_device_that_crashes_go_to_its_next_run(
    harness: AppHarness, clock: ManualClock
) -> None:
    got: list[str] = []

    @harness.app.device("blind")
    async def blind(ctx: DeviceContext) -> None:
        async for command in ctx.commands(timeout=100):
            if command is None:
                continue
            got.append(command.payload)
            if command.payload == "a":
                await ctx.sleep(1)
                raise OSError("motor gone")

    async with harness.running():
        for payload in ("a", "b", "c"):
            await harness.inject_command("blind", payload)
        assert got == ["a"]
        await clock.advance(1)
        await clock.advance(2)
        assert got == ["a", "b", "c"]


async def test_a_command_that_comes_while_the_app_ends_is_told_and_counted(clock: ManualClock) -> None:
    ending, end = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def lifespan(context: AppContext) -> AsyncIterator[None]:
        yield
        ending.set()
        await end.wait()

    harness = AppHarness.create(name="home", clock=clock, lifespan=lifespan)

    @harness.app.command("valve")
    async def valve(payload: str) -> None: ...

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(harness.run())
        await clock.settle()
        harness.trigger_shutdown()
        await ending.wait()
        assert harness.app.inlet is not None
        outcome = harness.app.inlet.submit("home/valve/set", "open")
        end.set()
        assert isinstance((await outcome).error, LostCommandError)
        assert harness.app.inlet.queue("valve").dropped == 1


async def test_a_command_for_an_app_that_cannot_start_is_told(clock: ManualClock) -> None:
    starting, start = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def lifespan(context: AppContext) -> AsyncIterator[None]:
        starting.set()
        await start.wait()
        if start.is_set():
            raise OSError("nothing is plugged in")
        yield

    harness = AppHarness.create(name="home", clock=clock, lifespan=lifespan)

    @harness.app.command("valve")
    async def valve(payload: str) -> None: ...

    running = asyncio.create_task(harness.run())
    await starting.wait()
    assert harness.app.inlet is not None
    outcome = harness.app.inlet.submit("home/valve/set", "open")
    start.set()
    with pytest.raises(OSError, match="plugged"):
        await running
    assert outcome.done()
    assert isinstance(outcome.result().error, LostCommandError)


async def test_a_command_that_is_cut_short_cleans_up_before_the_adapters_are_left(clock: ManualClock) -> None:
    log: list[str] = []

    class Motor:
        async def __aenter__(self) -> None: ...

        async def __aexit__(self, *error: object) -> None:
            log.append("motor left")

    harness = AppHarness.create(name="home", clock=clock)
    harness.app.adapter(Motor, Motor)

    @harness.app.command("blind")
    async def blind(payload: str, motor: Motor) -> None:
        try:
            await clock.sleep(1000)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            log.append("motor stopped")

    async with harness.running():
        await harness.inject_command("blind", "up")
    assert log == ["motor stopped", "motor left"]


async def test_a_command_for_a_device_that_has_ended_by_an_error_is_told(harness: AppHarness) -> None:
    class Missing: ...

    @harness.app.device("lamp")
    async def lamp(ctx: DeviceContext, missing: Missing) -> None: ...

    def fail() -> Missing:
        raise ValueError("no such room")

    @harness.app.telemetry("meter", interval=10, init=fail, triggerable=True)
    async def meter(missing: Missing) -> dict[str, object]:
        return {}

    async with harness.running():
        assert harness.app.inlet is not None
        for name in ("lamp", "meter"):
            outcome = harness.app.inlet.submit(f"home/{name}/set", "on")
            assert outcome.done()
            assert isinstance(outcome.result().error, LostCommandError)
            assert harness.app.inlet.queue(name).dropped == 1
