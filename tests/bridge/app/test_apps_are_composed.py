"""Apps made of several modules: routers that are taken over, and objects that their devices share."""

from collections.abc import AsyncIterator, Iterator
import inspect

import pytest

from custom_components.fieldbridge.bridge.app import App, Command, DeviceContext, Router
from custom_components.fieldbridge.bridge.introspection import build_registry_snapshot
from custom_components.fieldbridge.bridge.persist import SaveOnPublish
from custom_components.fieldbridge.bridge.settings import Settings
from custom_components.fieldbridge.bridge.stores import MemoryStore
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

type Reading = dict[str, object]


class Meter:
    def __init__(self) -> None:
        self.total = 0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def harness(clock: ManualClock) -> AppHarness:
    return AppHarness.create(name="house", clock=clock, store=MemoryStore())


def make_router(prefix: str | None) -> Router:
    router = Router(prefix=prefix, adapters={Meter: Meter}, store=MemoryStore())

    @router.telemetry("power", interval=10, persist=SaveOnPublish())
    async def power(meter: Meter) -> Reading:
        return {"total": meter.total}

    @router.device("switch")
    async def switch(ctx: DeviceContext) -> None:
        @ctx.on_command
        async def root(command: Command) -> None:
            await ctx.publish_state({"to": command.payload})

        @ctx.on_command("timer")
        async def timer(command: Command) -> None:
            await ctx.publish_state({"timer": command.payload})

    router.add_command(lambda _: ["a", "b"], echo)
    return router


async def echo(payload: str) -> Reading:
    return {"echo": payload}


def test_a_router_shows_what_it_holds() -> None:
    router = make_router(None)
    router.add_periodic("tidy", nothing, interval=60)

    assert router.registered_names == {"power", "switch", "tidy", "echo"}
    assert [each.name for each in router.devices] == ["switch"]
    assert [each.name for each in router.telemetry_registrations] == ["power"]
    assert [each.name for each in router.periodic_registrations] == ["tidy"]
    assert [(each.name, callable(each.name_spec)) for each in router.commands] == [("echo", True)]
    assert router.stream_registrations == ()
    assert list(router.adapters) == [Meter]


async def nothing() -> None: ...


@pytest.mark.parametrize(("prefix", "base"), [(None, "house"), ("cellar", "house/cellar")])
async def test_a_router_is_taken_over_with_everything(harness: AppHarness, prefix: str | None, base: str) -> None:
    harness.app.include_router(make_router(prefix))
    async with harness.running():
        harness.assert_state(f"{base}/power/state", {"total": 0})
        await harness.mqtt.deliver(f"{base}/switch/set", "on")
        harness.assert_state(f"{base}/switch/state", {"to": "on"})
        await harness.mqtt.deliver(f"{base}/switch/timer/set", "5")
        harness.assert_state(f"{base}/switch/state", {"timer": "5"})
        await harness.mqtt.deliver(f"{base}/b/set", "hello")
        harness.assert_state(f"{base}/b/state", {"echo": "hello"})
        assert harness.messages_for(f"{base}/power/availability") == ["online"]


async def test_names_and_ports_that_are_taken_are_refused(harness: AppHarness) -> None:
    harness.app.include_router(make_router("cellar"))
    with pytest.raises(ValueError, match="already registered"):
        harness.app.include_router(make_router("cellar"))
    with pytest.raises(ValueError, match="one segment"):
        harness.app.include_router(make_router("a/b"))


def test_a_router_registers_in_every_form_that_an_app_has() -> None:
    def registering(owner: type) -> set[str]:
        members = inspect.getmembers(owner, inspect.isfunction)
        return {name for name, _ in members if not name.startswith("_")}

    running = {
        "run",
        "run_async",
        "cli",
        "on_configure",
        "discovery",
        "include_router",
        "on_link_change",
        "link_status",
    }
    assert registering(App) - registering(Router) == running | {"asyncapi"}
    forms = {"device", "telemetry", "command", "stream", "inbound", "periodic", "adapter", "state", "react"}
    assert registering(Router) == forms | {f"add_{form}" for form in forms - {"adapter", "state", "react"}}
    for form in registering(Router):
        assert inspect.signature(getattr(App, form)) == inspect.signature(getattr(Router, form))


async def test_a_router_brings_its_shared_objects_and_who_reacts_to_them(harness: AppHarness) -> None:
    router = Router(prefix="cellar")
    seen: list[object] = []

    @router.state
    def meter() -> Meter:
        return Meter()

    @router.react(Meter, drain=lambda meter: [meter.total])
    async def note(events: list[int]) -> None:
        seen.extend(events)

    async def count(meter: Meter) -> None:
        meter.total += 1

    router.add_periodic("counting", count, interval=10)

    async def hear(payload: str, meter: Meter) -> None:
        meter.total += int(payload)

    router.add_inbound("hearing", hear, topic="pulses/#")
    harness.app.include_router(router)
    async with harness.running():
        await harness.mqtt.deliver("pulses/a", "5")
    assert seen == [1, 6]


async def test_a_router_can_be_included_again_below_another_prefix(harness: AppHarness) -> None:
    router = make_router("cellar")
    harness.app.include_router(router, prefix="left", tags=["new"])
    harness.app.include_router(router, prefix="right", adapters={int: int})
    async with harness.running():
        harness.assert_state("house/left/cellar/power/state", {"total": 0})
        await harness.mqtt.deliver("house/right/cellar/switch/set", "on")
        harness.assert_state("house/right/cellar/switch/state", {"to": "on"})
    assert int in harness.app.adapters


def test_what_describes_a_registration_is_listed(harness: AppHarness) -> None:
    router = Router(tags=["meters"])

    @router.telemetry("power", interval=10, summary="Power of the house", tags=["fast"], behavior=None)
    async def power() -> Reading:
        return {}

    harness.app.include_router(router, tags=["house"])
    (listed,) = build_registry_snapshot(harness.app)["telemetry"]
    assert (listed["summary"], listed["tags"]) == ("Power of the house", ["meters", "house", "fast"])
    assert listed["behavior"] is None


def test_a_router_cannot_react_to_what_nobody_makes() -> None:
    router = Router()

    @router.react(Meter)
    async def note(events: list[int]) -> None: ...

    with pytest.raises(ValueError, match="State type Meter is not registered"):
        App("house").include_router(router)


async def test_shared_objects_are_made_once_injected_and_cleaned_up(harness: AppHarness) -> None:
    log: list[str] = []

    class Pool: ...

    class Cache: ...

    class Plain: ...

    @harness.app.state
    async def pool(settings: Settings) -> AsyncIterator[Pool]:
        log.append(f"pool for {settings.mqtt.host}")
        yield Pool()
        log.append("pool closed")

    @harness.app.state
    def cache(pool: Pool) -> Iterator[Cache]:
        log.append("cache")
        yield Cache()
        log.append("cache closed")

    @harness.app.state
    def plain() -> Plain:
        return Plain()

    @harness.app.telemetry("room", interval=10)
    async def read(pool: Pool, cache: Cache, plain: Plain) -> Reading:
        return {"types": [type(each).__name__ for each in (pool, cache, plain)]}

    async with harness.running():
        harness.assert_state("house/room/state", {"types": ["Pool", "Cache", "Plain"]})
    assert log == ["pool for localhost", "cache", "cache closed", "pool closed"]


async def test_two_shared_objects_of_one_type_are_refused() -> None:
    app = App("house")
    for _ in range(2):
        app.state(Meter)
    with pytest.raises(ValueError, match="State of type Meter is already registered"):
        async with AppHarness(app, AppHarness.create().mqtt, ManualClock(), AppHarness.create().settings).running():
            pass
