"""One registration may stand for many devices, and the settings may decide what is there at all."""

from dataclasses import dataclass
import json

from pydantic import Field
import pytest

from custom_components.fieldbridge.bridge.app import App, DeviceContext, setting_ref
from custom_components.fieldbridge.bridge.settings import Settings
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock, make_settings

type Reading = dict[str, object]


class HouseSettings(Settings):
    rooms: dict[str, float] = Field(default_factory=lambda: {"kitchen": 10.0, "cellar": 60.0})
    with_lamp: bool = False


@dataclass
class Room:
    interval: float


def rooms(settings: HouseSettings) -> dict[str, Room]:
    return {name: Room(interval) for name, interval in settings.rooms.items()}


def interval_of(room: Room) -> float:
    return room.interval


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    harness = AppHarness.create(name="house", clock=clock)
    harness.settings = HouseSettings.from_values()
    return harness


async def test_each_device_has_a_configuration_and_an_interval_of_its_own(
    harness: AppHarness, clock: ManualClock
) -> None:
    @harness.app.telemetry(rooms, interval=interval_of)
    async def read(room: Room, ctx: DeviceContext) -> Reading:
        return {"name": ctx.name, "interval": room.interval}

    async with harness.running():
        await clock.advance(60)
    kitchen, cellar = (harness.messages_for(f"house/{name}/state") for name in ("kitchen", "cellar"))
    assert (len(kitchen), len(cellar)) == (7, 2)
    assert json.loads(kitchen[0]) == {"name": "kitchen", "interval": 10}


async def test_a_configuration_that_hides_something_else_ends_that_device(harness: AppHarness) -> None:
    async def read() -> Reading:
        return {}

    harness.app.add_telemetry(lambda settings: {"kitchen": settings}, read, interval=1)
    async with harness.running():
        harness.assert_published("house/kitchen/error", contains="shadows another", count=1)


async def test_a_list_names_devices_without_configuration(harness: AppHarness) -> None:
    def names(settings: HouseSettings) -> list[str]:
        return sorted(settings.rooms)

    @harness.app.command(names)
    async def switch(payload: str, ctx: DeviceContext) -> Reading:
        return {ctx.name: payload}

    async with harness.running():
        await harness.inject_command("cellar", "on")
        harness.assert_state("house/cellar/state", {"cellar": "on"})


async def test_an_app_can_run_again_with_other_settings(harness: AppHarness) -> None:
    harness.app.add_device(rooms, idle)
    async with harness.running():
        pass
    other = AppHarness(harness.app, harness.mqtt, ManualClock(), HouseSettings.from_values(rooms={"attic": 1}))
    async with other.running():
        pass
    assert harness.messages_for("house/attic/availability") == ["online", "offline"]
    assert harness.messages_for("house/cellar/availability") == ["online", "offline"]


async def idle(ctx: DeviceContext) -> None:
    await ctx.sleep(1e9)


async def test_the_settings_may_switch_a_device_off(harness: AppHarness) -> None:
    harness.app.add_device("lamp", idle, enabled=setting_ref("with_lamp"))
    async with harness.running():
        pass
    assert harness.messages_for("house/lamp/availability") == []
    harness.settings = HouseSettings.from_values(with_lamp=True)
    harness.shutdown_event.clear()
    async with harness.running():
        pass
    assert harness.messages_for("house/lamp/availability") == ["online", "offline"]


async def test_no_devices_at_all_are_told(harness: AppHarness, caplog: pytest.LogCaptureFixture) -> None:
    harness.app.add_device(lambda _: [], idle)
    async with harness.running():
        pass
    assert "idle has no devices" in caplog.text


async def test_names_that_collide_or_are_no_names_end_the_app(harness: AppHarness) -> None:
    harness.app.add_device("cellar", idle)
    harness.app.add_telemetry(rooms, idle, interval=1)
    with pytest.raises(ValueError, match="already registered"):
        async with harness.running():
            pass
    app = App("house")
    app.add_device(lambda _: "kitchen", idle)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="must be a dict or a list"):
        async with AppHarness(app, harness.mqtt, ManualClock(), make_settings()).running():
            pass


def test_a_reference_to_a_setting_says_which() -> None:
    reference = setting_ref("mqtt.port")
    assert reference(make_settings()) == 1883
    assert (reference.field_name, repr(reference)) == ("mqtt.port", "SettingRef('mqtt.port')")


async def test_wrong_deferred_intervals_end_that_device_alone(
    harness: AppHarness, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def read() -> Reading:
        return {}

    harness.app.add_telemetry("kitchen", read, interval=lambda _: -1)
    harness.app.add_telemetry("cellar", read, interval=1)
    async with harness.running():
        await clock.advance(2)
    assert len(harness.messages_for("house/cellar/state")) == 3
    harness.assert_published("house/kitchen/error", contains="Telemetry interval must be positive, got -1", count=1)
