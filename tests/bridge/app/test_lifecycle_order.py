"""What happens in which order between start and end, and what an error on the way leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import json
import logging
from typing import Any, Protocol, override

import pytest

from custom_components.fieldbridge.bridge.app import App, AppContext, DeviceContext
from custom_components.fieldbridge.bridge.interfaces import ClockPort
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient, NullMqttClient
from custom_components.fieldbridge.bridge.settings import Settings
from custom_components.fieldbridge.bridge.stores import DeviceStore, MemoryStore
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock, make_settings


class Port(Protocol):
    name: str


class Bus:
    """An adapter that notes its life."""

    log: list[str]

    def __init__(self, name: str = "bus") -> None:
        self.name = name

    async def __aenter__(self) -> None:
        self.log.append(f"enter {self.name}")

    async def __aexit__(self, *error: object) -> None:
        self.log.append(f"exit {self.name}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    entries: list[str] = []
    monkeypatch.setattr(Bus, "log", entries, raising=False)
    return entries


async def run_until_idle(app: App) -> MockMqttClient:
    """Run an app until nothing happens any more, then shut it down."""
    mqtt, shutdown, clock = MockMqttClient(), asyncio.Event(), ManualClock()
    running = asyncio.create_task(
        app.run_async(
            mqtt=mqtt,
            settings=make_settings(),
            shutdown_event=shutdown,
            clock=clock,
            embedded=True,
        )
    )
    await clock.settle()
    shutdown.set()
    await running
    return mqtt


async def test_everything_starts_and_ends_in_order(log: list[str]) -> None:
    @asynccontextmanager
    async def lifespan(context: AppContext) -> AsyncIterator[None]:
        log.append(f"lifespan {context.adapter(Bus).name}")
        yield
        log.append("lifespan over")

    app = App("home", lifespan=lifespan, adapters={Bus: Bus, Port: lambda: Bus("port")})

    @app.on_configure
    def configure(bus: Bus, settings: Settings, clock: ClockPort, logger: logging.Logger) -> None:
        log.append(f"configure {bus.name} {logger.name.rpartition('.')[2]}")

    @app.device("lamp")
    async def lamp(ctx: DeviceContext, port: Port) -> None:
        log.append(f"device {port.name}")
        await ctx.sleep(100)
        log.append("device over")

    mqtt = await run_until_idle(app)
    assert log == [
        "configure bus configure",
        "enter bus",
        "enter port",
        "lifespan bus",
        "device port",
        "device over",
        "lifespan over",
        "exit port",
        "exit bus",
    ]
    assert [topic for topic, *_ in mqtt.published] == [
        "home/lamp/availability",
        "home/status",
        "home/lamp/availability",
        "home/status",
    ]
    assert mqtt.published[-1] == ("home/status", "offline", True, 1)


async def test_a_hook_may_register_devices(log: list[str]) -> None:
    app = App("home")

    @app.on_configure
    async def configure() -> None:
        async def read() -> dict[str, object]:
            return {"celsius": 20}

        app.add_telemetry("room", read, interval=10)

    mqtt = await run_until_idle(app)
    assert mqtt.get_messages_for("home/room/state") == [('{"celsius":20}', True, 1)]


async def test_what_the_lifespan_yields_is_injected() -> None:
    class Pool:
        size = 3

    @asynccontextmanager
    async def lifespan(_: AppContext) -> AsyncIterator[Pool]:
        yield Pool()

    app = App("home", lifespan=lifespan)

    @app.telemetry("room", interval=10)
    async def read(pool: Pool) -> dict[str, object]:
        return {"size": pool.size}

    mqtt = await run_until_idle(app)
    assert mqtt.get_messages_for("home/room/state") == [('{"size":3}', True, 1)]


async def test_a_lifespan_that_cannot_start_starts_no_device_and_leaves_nothing_open(log: list[str]) -> None:
    @asynccontextmanager
    async def lifespan(_: AppContext) -> AsyncIterator[None]:
        if log:
            raise OSError("no database")
        yield

    app = App("home", lifespan=lifespan, adapters={Bus: Bus})

    @app.device("lamp")
    async def lamp() -> None:
        log.append("device")

    mqtt = MockMqttClient()
    with pytest.raises(OSError, match="no database"):
        await app.run_async(mqtt=mqtt, shutdown_event=asyncio.Event(), embedded=True)
    assert log == ["enter bus", "exit bus"]
    assert mqtt.published[-1] == ("home/status", "offline", True, 1)


async def test_an_error_at_the_end_of_the_lifespan_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def lifespan(_: AppContext) -> AsyncIterator[None]:
        yield
        raise OSError("cannot close")

    await run_until_idle(App("home", lifespan=lifespan))
    assert "Lifespan teardown error" in caplog.text


async def test_what_the_lifespan_yields_must_not_shadow_anything() -> None:
    @asynccontextmanager
    async def lifespan(_: AppContext) -> AsyncIterator[logging.Logger]:
        yield logging.getLogger("other")

    app = App("home", lifespan=lifespan)
    with pytest.raises(RuntimeError, match="conflicts"):
        await run_until_idle(app)


async def test_one_instance_under_two_ports_is_entered_once(log: list[str]) -> None:
    bus = Bus()
    await run_until_idle(App("home", adapters={Bus: lambda: bus, Port: lambda: bus}))
    assert log == ["enter bus", "exit bus"]


async def test_an_adapter_that_cannot_start_ends_the_app_and_leaves_the_others(log: list[str]) -> None:
    class Broken(Bus):
        @override
        async def __aenter__(self) -> None:
            raise OSError("no such bus")

    app = App("home", adapters={Bus: Bus, Port: Broken})
    with pytest.raises(OSError, match="no such bus"):
        await run_until_idle(app)
    assert log == ["enter bus", "exit bus"]


async def test_half_a_context_manager_is_refused() -> None:
    class Half:
        __aenter__ = 5

        async def __aexit__(self, *error: object) -> None: ...

    with pytest.raises(TypeError, match="has __aenter__ but it's not callable"):
        await run_until_idle(App("home", adapters={Half: Half}))


async def test_a_dry_run_uses_the_other_variant_where_there_is_one() -> None:
    made: list[str] = []

    class Real:
        def __init__(self) -> None:
            made.append(type(self).__name__)

    class Pretended(Real): ...

    for dry_run in (False, True):
        app = App("home", dry_run=dry_run, adapters={Real: (Real, Pretended), Pretended: Real})
        await run_until_idle(app)
    assert made == ["Real", "Real", "Pretended", "Real"]


async def test_adapters_are_given_the_settings_and_keep_their_defaults() -> None:
    found: list[object] = []

    class Client:
        def __init__(self, settings: Settings, timeout: int = 5, other: str | None = None) -> None:
            found.extend((settings.mqtt.port, timeout, other))

    await run_until_idle(App("home", adapters={Client: Client}))
    assert found == [1883, 5, None]


async def test_the_prefix_of_the_settings_replaces_the_name() -> None:
    harness = AppHarness.create(name="home", mqtt={"topic_prefix": "/site/home/"}, clock=ManualClock())
    async with harness.running():
        pass
    assert {topic for topic, *_ in harness.mqtt.published} == {"site/home/status"}


async def test_heartbeats_come_on_their_interval() -> None:
    clock = ManualClock()
    harness = AppHarness.create(name="home", clock=clock)
    harness.app.heartbeat_interval = 30
    async with harness.running():
        await clock.advance(60)
    beats = [json.loads(payload)["uptime_s"] for payload in harness.messages_for("home/status")[:-1]]
    assert beats == [0, 30, 60]


async def test_without_an_interval_there_is_one_heartbeat() -> None:
    clock = ManualClock()
    harness = AppHarness.create(name="home", clock=clock)
    harness.app.heartbeat_interval = None
    async with harness.running():
        await clock.advance(600)
    assert len(harness.messages_for("home/status")) == 2


async def test_embedded_nothing_of_the_process_is_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / ".env").write_text("MQTT__HOST=from-file\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MQTT__PORT", "99")
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    seen: list[object] = []

    @asynccontextmanager
    async def lifespan(context: AppContext) -> AsyncIterator[None]:
        seen.extend((context.settings.mqtt.host, context.settings.mqtt.port))
        shutdown.set()
        yield

    shutdown = asyncio.Event()
    await App("home", lifespan=lifespan).run_async(mqtt=NullMqttClient(), shutdown_event=shutdown, embedded=True)
    assert seen == ["localhost", 1883]
    assert (logging.getLogger().handlers, logging.getLogger().level) == (handlers, level)


async def test_a_silent_broker_costs_no_serialisation() -> None:
    class Untouchable:
        @override
        def __str__(self) -> str:
            raise AssertionError("serialised for nobody")

    context = DeviceContext(
        name="lamp",
        settings=make_settings(),
        mqtt=NullMqttClient(),
        topic_prefix="home",
        shutdown_event=asyncio.Event(),
        adapters={},
        clock=ManualClock(),
    )
    await context.publish_state({"value": Untouchable()})


async def test_a_context_can_speak_for_another_device(device_context: DeviceContext, mock_mqtt: MockMqttClient) -> None:
    other = device_context.for_device("scale")
    await other.publish_available()
    await other.publish_state({"grams": 5})
    await other.publish("raw", "0x05")
    await other.publish_unavailable()
    assert mock_mqtt.published == [
        ("test/scale/availability", "online", True, 1),
        ("test/scale/state", '{"grams":5}', True, 1),
        ("test/scale/raw", "0x05", False, 1),
        ("test/scale/availability", "offline", True, 1),
    ]


async def test_a_sleep_ends_with_the_shutdown() -> None:
    clock, shutdown = ManualClock(), asyncio.Event()
    context = DeviceContext(
        name="lamp",
        settings=make_settings(),
        mqtt=NullMqttClient(),
        topic_prefix="home",
        shutdown_event=shutdown,
        adapters={},
        clock=clock,
    )
    sleeping = asyncio.create_task(context.sleep(1000))
    await clock.settle()
    assert not sleeping.done()
    shutdown.set()
    await sleeping
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "another")
    await context.sleep(1000)  # a device that never looks at the shutdown does nothing else
    assert turns == ["another"]
    assert context.shutdown_requested
    with pytest.raises(LookupError, match="No adapter registered for"):
        context.adapter(Bus)


async def test_what_an_earlier_run_left_retained_is_taken_back_when_asked_for() -> None:
    store, mqtt = MemoryStore(), MockMqttClient()

    async def idle(ctx: DeviceContext) -> None:
        await ctx.publish_state({"on": True})
        await ctx.sleep(1e9)

    for names in (["cellar", "attic"], ["attic", "porch"]):
        app = App("house", store=store, retained_cleanup=True)
        for name in names:
            app.add_device(name, idle)
        mqtt.reset()
        async with AppHarness(app, mqtt, ManualClock(), make_settings()).running():
            pass

    emptied = [topic for topic, payload, retain, _ in mqtt.published if retain and not payload]
    assert emptied == ["house/cellar/state", "house/cellar/availability"]


@pytest.mark.usefixtures("log")
async def test_a_store_may_be_made_from_the_settings() -> None:
    made: list[tuple[str, str]] = []
    kept = MemoryStore()

    def make(settings: Settings, port: Port) -> MemoryStore:
        made.append((settings.mqtt.host, port.name))
        return kept

    app = App("house", store=make, adapters={Port: lambda: Bus("bus")})

    @app.device("cellar")
    async def cellar(store: DeviceStore) -> None:
        store["seen"] = True

    async with AppHarness(app, MockMqttClient(), ManualClock(), make_settings()).running():
        pass

    assert made == [("localhost", "bus")]
    assert kept.load("cellar") == {"seen": True}


def no_store() -> str:
    return "no store"


async def later() -> MemoryStore:
    return MemoryStore()


@pytest.mark.parametrize(("factory", "reason"), [(no_store, "expected a Store"), (later, "must not be async")])
async def test_what_makes_no_store_ends_the_app(factory: Callable[..., Any], reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        async with AppHarness(App("house", store=factory), MockMqttClient(), ManualClock(), make_settings()).running():
            pass


def test_what_is_to_be_taken_back_has_to_be_remembered() -> None:
    with pytest.raises(ValueError, match="requires a store="):
        App("house", retained_cleanup=True)
