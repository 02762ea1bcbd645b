"""The names that the reference documents are there, and what is refused is refused in its words."""

import asyncio
from collections.abc import AsyncIterator, Callable
import importlib

import pytest

from custom_components.fieldbridge import bridge
from custom_components.fieldbridge.bridge import (
    AllSavePolicy,
    AllStrategy,
    AnySavePolicy,
    AnyStrategy,
    App,
    AppContext,
    CircuitBreaker,
    DeviceContext,
    DeviceStore,
    Every,
    MedianFilter,
    MemoryStore,
    MqttClient,
    MqttSettings,
    OnChange,
    OneEuroFilter,
    Pt1Filter,
    SaveOnPublish,
    Settings,
    Stream,
    StreamablePort,
)
from custom_components.fieldbridge.bridge.app.adapters import lifetimes
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import FakeClock, StreamHandlerProxy, make_settings

NAMES = """
    AdapterHealthStatus AllSavePolicy AllStrategy AnySavePolicy AnyStrategy App AppContext BackoffStrategy
    BackpressurePolicy CircuitBreaker ClockPort Command CommandHandler CommandRegistration CronSchedule CronSpec Depends
    DeviceContext DeviceRegistration DeviceStatus DeviceStore EnabledSpec ErrorPayload ErrorPublisher Every
    ExponentialBackoff Filter FixedBackoff HealthCheckable HealthReporter HeartbeatPayload IntervalSpec JsonFileStore
    JsonFormatter LifespanFunc LinearBackoff LoggingSettings MedianFilter MemoryStore Message MessageCallback
    MockMqttClient MqttClient MqttLifecycle MqttMessageHandler MqttPort MqttSettings NameSpec NullMqttClient NullStore
    OnChange OneEuroFilter Payload PayloadValidationError PeriodicRegistration PersistPolicy Pt1Filter PublishStrategy
    Router SaveOnChange SaveOnPublish SaveOnShutdown SettingRef Settings SqliteStore Store Stream StreamRegistration
    StreamablePort SubEntityContext SystemClock TelemetryRegistration TimeoutSpec Topic TriggerPayload WillConfig
    build_error_payload build_registry_snapshot build_will_config configure_logging format_registry_json
    format_registry_table setting_ref
"""
SUBMODULES = {
    "filters": "Pt1Filter MedianFilter OneEuroFilter Filter",
    "strategies": "Every OnChange AnyStrategy AllStrategy PublishStrategy",
    "persist": "SaveOnPublish SaveOnChange SaveOnShutdown AnySavePolicy AllSavePolicy PersistPolicy",
    "stores": "NullStore MemoryStore JsonFileStore SqliteStore DeviceStore Store",
    "testing": "AppHarness FakeClock ManualClock make_settings MockMqttClient NullMqttClient StreamHandlerProxy",
    "mqtt": "MqttPort MqttClient MqttLifecycle MqttMessageHandler MockMqttClient NullMqttClient WillConfig",
    "schema": "ConsumerMeta X_COSALETTE_CONSUMER consumer",
}


class Port: ...


class Secret(Settings):
    token: str


class AsyncFactory:
    async def __call__(self) -> None: ...


class Unannotated:
    def __init__(self, host): ...  # type: ignore[no-untyped-def]


class HalfContext:
    __aenter__ = __aexit__ = 5


async def nothing() -> None: ...


async def other() -> None: ...


async def generate() -> AsyncIterator[None]:
    yield


async def unannotated(host): ...  # type: ignore[no-untyped-def]


async def unresolvable(host: "Nowhere"): ...  # type: ignore[name-defined, no-untyped-def] # noqa: F821, UP037


async def no_type(host: 5): ...  # type: ignore[valid-type, no-untyped-def]


async def variable(*hosts: int) -> None: ...


async def bare_stream(stream: Stream): ...  # type: ignore[type-arg, no-untyped-def]


async def two_streams(one: Stream[int], two: Stream[str]) -> None: ...


def app(**options: object) -> App:
    return App("a", **options)  # type: ignore[arg-type]


def poll(**options: object) -> None:
    app().add_telemetry("t", nothing, **{"interval": 1, **options})  # type: ignore[arg-type]


def registered(*names: str) -> None:
    """Register a device, and then others under these names."""
    one = app()
    one.add_device("x", nothing)
    for name in names:
        one.add_telemetry(name, other, interval=1)


def roots() -> None:
    one = app()
    one.device()(nothing)
    one.device()(other)


def root_and_named() -> None:
    one = app()
    one.add_telemetry("nothing", nothing, interval=1)
    one.command()(nothing)


def context() -> DeviceContext:
    return DeviceContext(
        name="d",
        settings=make_settings(),
        mqtt=MockMqttClient(),
        topic_prefix="p",
        shutdown_event=asyncio.Event(),
        adapters={},
        clock=FakeClock(),
    )


REFUSED: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (ValueError, "must be positive, got 0", lambda: app(heartbeat_interval=0)),
    (ValueError, "must be positive, got -1", lambda: app(health_check_interval=-1)),
    (ValueError, "must be positive", lambda: app(restart_cooldown=0)),
    (ValueError, "must be positive", lambda: app(sustained_health_reset=0)),
    (ValueError, "restart_after_failures", lambda: app(restart_after_failures=-1)),
    (ValueError, "max_restarts", lambda: app(max_restarts=-1)),
    (ValueError, "2-tuple", lambda: app(adapters={Port: (Port, Port, Port)})),
    (RuntimeError, "could not be instantiated", lambda: app(settings_class=Secret).settings),
    (TypeError, "Use @app.device(), not @app.device (parentheses required)", lambda: app().device(nothing)),  # type: ignore[arg-type]
    (TypeError, "Use @app.device(), not @app.device (parentheses required)", lambda: app().device(generate)),  # type: ignore[arg-type]
    (TypeError, "interval", lambda: app().telemetry(nothing)),  # type: ignore[arg-type]
    (ValueError, "Only one root device (unnamed) is allowed per app", roots),
    (ValueError, "already registered", lambda: registered("x")),
    (ValueError, "root and named", root_and_named),
    *((ValueError, "one segment", lambda char=char: registered(f"a{char}b")) for char in "/+#\0"),
    (TypeError, "synchronous callable", lambda: app().add_device("x", other, init=nothing)),
    (TypeError, "synchronous callable", lambda: app().add_device("x", other, init=AsyncFactory())),
    (TypeError, "has no type annotation", lambda: app().add_device("x", unannotated)),
    (TypeError, "unresolvable annotation", lambda: app().add_device("x", unresolvable)),
    (TypeError, "not a type", lambda: app().add_device("x", no_type)),
    (TypeError, "*args", lambda: app().add_device("x", variable)),
    (LookupError, "No adapter registered for", lambda: context().adapter(Port)),
    (LookupError, "No adapter registered for", lambda: AppContext(settings=make_settings(), adapters={}).adapter(Port)),
    (ValueError, "Telemetry interval must be positive, got 0", lambda: poll(interval=0)),
    (ValueError, "group must be non-empty", lambda: poll(group="")),
    (ValueError, "non-negative", lambda: poll(retry=-1)),
    (ValueError, "non-negative", lambda: poll(retry=1.5)),
    (ValueError, "retry_on", lambda: poll(retry=1, retry_on=())),
    (TypeError, "retry_on", lambda: poll(retry=1, retry_on=(int,))),
    (ValueError, "persist= requires a store=", lambda: poll(persist=SaveOnPublish())),
    (ValueError, "threshold must be a positive integer (>= 1)", lambda: CircuitBreaker(0)),
    (ValueError, "threshold must be a positive integer (>= 1)", lambda: CircuitBreaker(1.5)),  # type: ignore[arg-type]
    (ValueError, "not both", lambda: Every(seconds=1, n=1)),
    (ValueError, "exactly one", Every),
    (ValueError, "positive", lambda: Every(seconds=0)),
    (TypeError, "got bool", lambda: OnChange(threshold={"a": True})),
    (ValueError, "non-negative", lambda: OnChange(threshold=-1)),
    *((ValueError, "at least one child", kind) for kind in (AnyStrategy, AllStrategy, AnySavePolicy, AllSavePolicy)),
    (TypeError, "tau must be a number, got bool: True", lambda: Pt1Filter(True, 1)),
    (ValueError, "must be positive, got", lambda: Pt1Filter(0, 1)),
    (ValueError, "raw must be finite, got NaN", lambda: Pt1Filter(1, 1).update(float("nan"))),
    (ValueError, "must be non-negative", lambda: OneEuroFilter(beta=-1)),
    (TypeError, "window must be an int, got float", lambda: MedianFilter(1.0)),  # type: ignore[arg-type]
    (TypeError, "window must be an int, got bool", lambda: MedianFilter(True)),
    (ValueError, "window must be >= 1, got 0", lambda: MedianFilter(0)),
    (
        RuntimeError,
        "DeviceStore.load() must be called before accessing data",
        lambda: DeviceStore(MemoryStore(), "k")["a"],
    ),
    (ValueError, "'module:Attribute'", lambda: app().adapter(Port, "a:b:c")),
    (ValueError, "already registered", lambda: app(adapters={Port: Port}).adapter(Port, Port)),
    (TypeError, "has no type annotation", lambda: app().adapter(Port, Unannotated)),
    (TypeError, "has __aenter__ but it's not callable", lambda: lifetimes({Port: HalfContext()})),
    (TypeError, "must declare a Stream[T] parameter", lambda: app().add_stream("x", generate)),
    (TypeError, "must be parameterized", lambda: app().add_stream("x", bare_stream)),
    (TypeError, "multiple Stream parameters", lambda: app().add_stream("x", two_streams)),
    (TypeError, "", lambda: isinstance(Port(), StreamablePort)),  # type: ignore[misc]
    (AttributeError, "lifecycle method", lambda: StreamHandlerProxy(Port()).open),
    (RuntimeError, "MqttClient is not connected", lambda: asyncio.run(MqttClient(MqttSettings()).publish("a", "b"))),
]


@pytest.mark.parametrize("name", NAMES.split())
def test_every_documented_name_is_there(name: str) -> None:
    assert name in bridge.__all__
    assert getattr(bridge, name) is not None


@pytest.mark.parametrize("module", SUBMODULES)
def test_every_documented_submodule_has_its_names(module: str) -> None:
    found = importlib.import_module(f"{bridge.__name__}.{module}")
    assert [name for name in SUBMODULES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize(("kind", "words", "call"), REFUSED)
def test_what_is_refused_is_refused_in_the_documented_words(
    kind: type[Exception], words: str, call: Callable[[], object]
) -> None:
    with pytest.raises(kind) as refused:
        call()
    assert words in str(refused.value)
