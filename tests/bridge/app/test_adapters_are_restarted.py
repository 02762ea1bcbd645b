"""Adapters that say that they are unhealthy: what depends on them is told, and they are restarted within limits."""

import logging
from typing import Protocol

import pytest

from custom_components.fieldbridge.bridge.app import DeviceContext
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

INTERVAL = 30.0
COOLDOWN = 5.0


class Gateway:
    """An adapter that is as healthy as the test says."""

    restartable = True

    def __init__(self) -> None:
        self.healthy = True
        self.healed_by_restart = False
        self.broken_entry = False
        self.log: list[str] = []

    async def __aenter__(self) -> None:
        self.log.append("enter")
        if self.broken_entry:
            raise OSError("no such gateway")
        if self.healed_by_restart:
            self.healthy = True

    async def __aexit__(self, *error: object) -> None:
        self.log.append("exit")

    async def health_check(self) -> bool:
        if not self.healthy:
            raise OSError("no answer")
        return True


class House:
    """An app with a gateway, two devices that use it and one that does not."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.harness = AppHarness.create(name="home", clock=self.clock)
        self.gateway = Gateway()
        self.commands: list[str] = []
        self.lamp_starts = 0
        app = self.harness.app
        app.adapter(Gateway, lambda: self.gateway)
        app.add_device("lamp", self.lamp)
        app.add_telemetry("meter", self.meter, interval=60)
        app.add_telemetry("clock", self.tell_time, interval=60)

    async def lamp(self, ctx: DeviceContext, gateway: Gateway) -> None:
        self.lamp_starts += 1
        generation = self.lamp_starts

        @ctx.on_command
        async def handle(sub_topic: str | None, payload: str) -> None:
            self.commands.append(f"{generation}: {payload}")

        await ctx.sleep(1e9)

    async def meter(self, ctx: DeviceContext) -> dict[str, object]:
        ctx.adapter(Gateway)
        return {"kwh": 1}

    async def tell_time(self) -> dict[str, object]:
        return {"now": self.clock.now()}

    def availability(self, name: str) -> list[str]:
        return self.harness.messages_for(f"home/{name}/availability")


@pytest.fixture
def house() -> House:
    return House()


async def test_what_depends_on_an_unhealthy_adapter_is_offline_until_it_recovers(house: House) -> None:
    async with house.harness.running():
        house.gateway.healthy = False
        await house.clock.advance(2 * INTERVAL)
        assert house.availability("lamp") == ["online", "offline"]
        assert house.availability("meter") == ["online", "offline"], "it asked its context for the adapter"
        assert house.availability("clock") == ["online"]
        house.gateway.healthy = True
        await house.clock.advance(INTERVAL)
        assert house.availability("lamp") == ["online", "offline", "online"]


async def test_who_asks_for_an_adapter_that_is_unhealthy_already_goes_offline_too(house: House) -> None:
    house.gateway.restartable = False

    async def latecomer(ctx: DeviceContext) -> dict[str, object]:
        await ctx.sleep(2 * INTERVAL)
        ctx.adapter(Gateway)
        return {}

    house.harness.app.add_telemetry("latecomer", latecomer, interval=1e6)
    async with house.harness.running():
        house.gateway.healthy = False
        await house.clock.advance(4 * INTERVAL)
        assert house.availability("latecomer") == ["online", "offline"]
        assert house.availability("lamp") == ["online", "offline"], "it is said once"


async def test_an_adapter_that_stays_unhealthy_is_restarted_with_its_devices(house: House) -> None:
    house.gateway.healed_by_restart = True
    async with house.harness.running():
        house.gateway.healthy = False
        await house.clock.advance(5 * INTERVAL)
        assert house.gateway.log == ["enter", "exit"]
        await house.clock.advance(COOLDOWN)
        assert house.gateway.log == ["enter", "exit", "enter"]
        assert house.lamp_starts == 2
        assert house.availability("lamp")[-1] == "online"
    assert house.gateway.log == ["enter", "exit", "enter", "exit"]


async def test_commands_during_a_restart_are_delivered_to_the_new_device(house: House) -> None:
    house.gateway.healed_by_restart = True
    async with house.harness.running():
        await house.harness.inject_command("lamp", "before")
        house.gateway.healthy = False
        await house.clock.advance(5 * INTERVAL + 1)
        await house.harness.inject_command("lamp", "during")
        assert house.commands == ["1: before"]
        await house.clock.advance(COOLDOWN)
        await house.harness.inject_command("lamp", "after")
    assert house.commands == ["1: before", "2: during", "2: after"]


async def test_after_too_many_restarts_an_adapter_is_given_up(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.harness.app.restart_after_failures = 1
    house.harness.app.max_restarts = 2
    caplog.set_level(logging.CRITICAL)
    async with house.harness.running():
        house.gateway.healthy = False
        await house.clock.advance(20 * INTERVAL)
        assert house.gateway.log.count("enter") == 3
        assert [record.levelname for record in caplog.records] == ["CRITICAL"]
        assert house.availability("lamp")[-1] == "offline"


async def test_restarts_are_forgotten_after_a_long_time_in_good_health(house: House) -> None:
    house.harness.app.restart_after_failures = 1
    house.harness.app.max_restarts = 1
    house.gateway.healed_by_restart = True
    async with house.harness.running():
        for _ in range(3):
            house.gateway.healthy = False
            await house.clock.advance(INTERVAL + COOLDOWN)
            await house.clock.advance(400)
        assert house.gateway.log.count("enter") == 4


async def test_an_adapter_that_cannot_be_entered_again_is_tried_again(house: House) -> None:
    house.harness.app.restart_after_failures = 1
    house.gateway.healed_by_restart = True
    async with house.harness.running():
        house.gateway.healthy = False
        house.gateway.broken_entry = True
        await house.clock.advance(INTERVAL + COOLDOWN)
        house.gateway.broken_entry = False
        await house.clock.advance(INTERVAL + COOLDOWN)
        assert house.gateway.healthy
        assert house.availability("lamp")[-1] == "online"


@pytest.mark.parametrize("reason", ["never", "not restartable"])
async def test_a_restart_can_be_ruled_out(house: House, reason: str) -> None:
    if reason == "never":
        house.harness.app.restart_after_failures = 0
    else:
        house.gateway.restartable = False
    async with house.harness.running():
        house.gateway.healthy = False
        await house.clock.advance(20 * INTERVAL)
        assert house.gateway.log == ["enter"]
        house.gateway.healthy = True
        await house.clock.advance(INTERVAL)
        assert house.availability("lamp")[-1] == "online"


class OtherPort(Protocol):
    """The gateway under a second name."""


async def test_an_adapter_of_two_ports_is_asked_and_restarted_once(house: House) -> None:
    house.harness.app.adapter(OtherPort, lambda: house.gateway)
    async with house.harness.running():
        house.gateway.healthy = False
        house.gateway.healed_by_restart = True
        await house.clock.advance(5 * INTERVAL + COOLDOWN + 1)
        assert house.gateway.log == ["enter", "exit", "enter"]
    assert house.gateway.log == ["enter", "exit", "enter", "exit"]


async def test_a_shutdown_during_a_restart_starts_nothing_anew(house: House) -> None:
    async with house.harness.running():
        house.gateway.healthy = False
        await house.clock.advance(5 * INTERVAL + 1)
        assert house.gateway.log == ["enter", "exit"]
        assert house.lamp_starts == 1
    await house.clock.settle()
    assert house.lamp_starts == 1
