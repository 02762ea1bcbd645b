"""Handlers leave events in a shared object; reactors are given them when the handler is done, and never twice."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from custom_components.fieldbridge.bridge.app import App, DeviceContext
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock, make_settings

type Reading = dict[str, object]


class House:
    def __init__(self) -> None:
        self.events: list[str] = []

    def drain_events(self) -> list[str]:
        drained, self.events = self.events, []
        return drained


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def harness(house: House) -> AppHarness:
    harness = AppHarness(App("home"), MockMqttClient(), ManualClock(), make_settings())

    @harness.app.state
    def make_house() -> House:
        return house

    @harness.app.react(House)
    async def tell(events: list[str], ctx: DeviceContext) -> None:
        await ctx.publish("events", ",".join(events))

    return harness


async def test_a_command_a_poll_and_a_yield_are_moments_of_reaction(harness: AppHarness) -> None:
    @harness.app.command("door")
    async def door(payload: str, house: House) -> None:
        house.events += [payload, "bell"]

    @harness.app.telemetry("room", interval=60)
    async def room(house: House) -> Reading:
        house.events.append("read")
        return {}

    @harness.app.device("lamp")
    async def lamp(ctx: DeviceContext, house: House) -> AsyncIterator[None]:
        house.events.append("lit")
        yield
        yield
        house.events.append("dark")

    async with harness.running():
        await harness.inject_command("door", "open")
    assert harness.messages_for("home/door/events") == ["open,bell"]
    assert harness.messages_for("home/room/events") == ["read"]
    assert harness.messages_for("home/lamp/events") == ["lit", "dark"]


@dataclass
class Drain:
    """Callable, and not hashable, as dataclasses are."""

    calls: int = 0

    def __call__(self, house: House) -> list[str]:
        self.calls += 1
        return house.drain_events()


async def test_a_drain_may_be_any_callable_and_is_called_once_for_all(house: House) -> None:
    harness, drain = AppHarness(App("home"), MockMqttClient(), ManualClock(), make_settings()), Drain()
    seen: list[list[str]] = []

    @harness.app.state
    def make_house() -> House:
        return house

    @harness.app.react(House, drain=drain)
    @harness.app.react(House, drain=drain)
    async def tell(events: list[str]) -> None:
        seen.append(events)

    @harness.app.command("door")
    async def door(payload: str) -> None:
        house.events.append(payload)

    async with harness.running():
        await harness.inject_command("door", "open")
    assert seen == [["open"], ["open"]]
    assert drain.calls == 1


async def test_all_reactors_of_an_object_are_given_the_same_events(harness: AppHarness, house: House) -> None:
    seen: list[list[str]] = []

    @harness.app.react(House)
    async def also(events: list[str]) -> None:
        seen.append(events)

    @harness.app.react(House, drain=lambda _: ["always"])
    async def without_events(ctx: DeviceContext) -> None:
        seen.append([ctx.name])

    @harness.app.command("door")
    async def door(payload: str, house: House) -> None:
        house.events.append(payload)

    async with harness.running():
        await harness.inject_command("door", "open")
    assert seen == [["open"], ["door"]]
    assert harness.messages_for("home/door/events") == ["open"]


async def test_what_a_reactor_raises_is_reported_for_the_device(harness: AppHarness) -> None:
    @harness.app.react(House)
    async def fail(events: list[str]) -> None:
        raise ValueError(f"cannot bear {events}")

    @harness.app.command("door")
    async def door(payload: str, house: House) -> None:
        house.events.append(payload)

    async with harness.running():
        await harness.inject_command("door", "open")
        await harness.inject_command("door", "shut")
    harness.assert_published("home/door/error", contains="cannot bear", count=2)


def test_only_shared_objects_can_be_watched_and_only_by_coroutines(harness: AppHarness) -> None:
    with pytest.raises(ValueError, match="State type int is not registered"):
        harness.app.react(int)
    with pytest.raises(TypeError, match="must be async"):
        harness.app.react(House)(lambda: None)
