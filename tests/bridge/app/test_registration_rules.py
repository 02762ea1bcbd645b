"""What may be registered under which name, and what is refused at once."""

from collections.abc import Callable
import logging

import pytest

from custom_components.fieldbridge.bridge.app import App, DeviceContext
from custom_components.fieldbridge.bridge.interfaces import StreamablePort
from custom_components.fieldbridge.bridge.persist import SaveOnPublish
from custom_components.fieldbridge.bridge.retry import CircuitBreaker
from custom_components.fieldbridge.bridge.streams import Stream

type Reading = dict[str, object]


async def read() -> Reading:
    return {}


async def command(payload: str) -> None: ...


async def device(ctx: DeviceContext) -> None: ...


async def listen(stream: Stream[int]) -> None: ...


@pytest.fixture
def app() -> App:
    return App("home")


ADD: dict[str, Callable[[App, str], None]] = {
    "device": lambda app, name: app.add_device(name, device),
    "telemetry": lambda app, name: app.add_telemetry(name, read, interval=1),
    "command": lambda app, name: app.add_command(name, command),
    "stream": lambda app, name: app.add_stream(name, listen),
}
MAY_SHARE = {frozenset({"telemetry", "command"}), frozenset({"stream", "command"})}


@pytest.mark.parametrize("first", ADD)
@pytest.mark.parametrize("second", ADD)
def test_only_a_source_and_a_command_may_share_a_name(app: App, first: str, second: str) -> None:
    ADD[first](app, "x")
    if frozenset({first, second}) in MAY_SHARE:
        ADD[second](app, "x")
        assert app.registered_names == {"x"}
    else:
        with pytest.raises(ValueError, match="already registered"):
            ADD[second](app, "x")


def test_decorators_return_the_function_and_name_the_root_device_after_it(app: App) -> None:
    assert app.telemetry(interval=1)(read) is read
    assert [(each.name, each.is_root) for each in app.telemetry_registrations] == [("read", True)]


def test_there_is_one_root_device(app: App) -> None:
    app.device()(device)
    with pytest.raises(ValueError, match=r"Only one root device \(unnamed\) is allowed per app"):
        app.command()(command)


def test_root_and_named_devices_may_be_mixed_with_a_warning(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.device()(device)
    app.telemetry("room", interval=1)(read)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_shared_name_is_either_root_or_named(app: App) -> None:
    app.add_telemetry("x", read, interval=1, is_root=True)
    with pytest.raises(ValueError, match="root and named"):
        app.add_command("x", command)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "must not be empty"),
        *((name, "one segment of a topic, .* invalid MQTT characters") for name in ("a/b", "+", "#", "a\0")),
        *((name, "control characters") for name in ("a\nb", "a\x1b", "a\x7f")),
    ],
)
def test_names_are_one_segment_of_a_topic(app: App, name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        app.add_device(name, device)


def test_what_is_not_enabled_takes_no_name(app: App) -> None:
    app.add_device("x", device, enabled=False)
    app.telemetry("x", interval=-1, enabled=False)(read)
    app.add_command("x", command, enabled=False)
    app.add_stream("x", listen, enabled=False)
    app.add_device("x", device)
    assert app.registered_names == {"x"}


@pytest.mark.parametrize("decorator", ["device", "command", "stream"])
def test_decorators_need_their_parentheses(app: App, decorator: str) -> None:
    with pytest.raises(TypeError, match="parentheses required"):
        getattr(app, decorator)(read)


def test_bare_telemetry_asks_for_the_interval(app: App) -> None:
    with pytest.raises(TypeError, match="interval"):
        app.telemetry(read)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"interval": 0}, ValueError, "Telemetry interval must be positive, got 0"),
        ({"interval": float("nan")}, ValueError, "Telemetry interval must be positive, got nan"),
        ({"interval": -1.5}, ValueError, "Telemetry interval must be positive, got -1.5"),
        ({"group": ""}, ValueError, "group must be non-empty"),
        ({"persist": SaveOnPublish()}, ValueError, "persist.*requires.*store"),
        ({"retry": -1}, ValueError, "non-negative"),
        ({"retry": True}, ValueError, "non-negative"),
        ({"retry": 1, "retry_on": ()}, ValueError, "retry_on must not be empty"),
        ({"retry": 1, "retry_on": (5,)}, TypeError, "exception types"),
    ],
)
def test_telemetry_options_are_checked_at_once(
    app: App, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        app.add_telemetry("x", read, **{"interval": 1, **options})  # type: ignore[arg-type]


def test_a_breaker_with_state_can_be_shared_by_registrations(app: App) -> None:
    breaker = CircuitBreaker(3)
    for name in ("a", "b"):
        app.add_telemetry(name, read, interval=1, circuit_breaker=breaker)
    assert len(app.telemetry_registrations) == 2


def test_init_is_synchronous(app: App) -> None:
    async def make() -> int:
        return 1

    with pytest.raises(TypeError, match="synchronous callable"):
        app.add_device("x", device, init=make)


def test_a_stream_handler_takes_exactly_one_stream(app: App) -> None:
    async def none(ctx: DeviceContext) -> None: ...

    async def bare(stream: Stream) -> None: ...  # type: ignore[type-arg]

    async def two(a: Stream[int], b: Stream[str]) -> None: ...

    async def port(stream: Stream[int], port: StreamablePort[int]) -> None: ...

    for handler, message in (
        (none, r"must declare a Stream\[T\] parameter"),
        (bare, "must be parameterized"),
        (two, "multiple Stream parameters"),
        (port, "must not declare StreamablePort"),
    ):
        with pytest.raises(TypeError, match=message):
            app.add_stream("x", handler)


def test_numbers_of_an_app_are_checked() -> None:
    for option in ("heartbeat_interval", "health_check_interval", "restart_cooldown", "sustained_health_reset"):
        with pytest.raises(ValueError, match=f"{option} must be positive, got 0"):
            App("home", **{option: 0})  # type: ignore[arg-type]
    for option in ("restart_after_failures", "max_restarts"):
        with pytest.raises(ValueError, match=f"{option} must be >= 0"):
            App("home", **{option: -1})  # type: ignore[arg-type]
    App("home", heartbeat_interval=None, health_check_interval=None)


def test_adapters_are_registered_once_in_all_forms() -> None:
    class Port: ...

    app = App("home", adapters={Port: (dict, "collections:OrderedDict")})
    with pytest.raises(ValueError, match="already registered"):
        app.adapter(Port, dict)
    with pytest.raises(ValueError, match="2-tuple"):
        App("home", adapters={Port: (dict, dict, dict)})  # type: ignore[dict-item]
    for path in ("module", "module:A:B", ":A", "module:"):
        with pytest.raises(ValueError, match="module:Attribute"):
            app.adapter(int, path)

    class Wrong:
        def __init__(self, thing) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(TypeError, match="no type annotation"):
        app.adapter(str, Wrong)


@pytest.mark.parametrize("name", ["", " "])
def test_an_app_has_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="name of an App must not be blank"):
        App(name)


@pytest.mark.parametrize("name", ["house/#", "a+b", "a\0"])
def test_the_name_of_an_app_can_begin_a_topic(name: str) -> None:
    assert App("house/roof").name == "house/roof"
    with pytest.raises(ValueError, match="must not hold '\\+', '#' or NUL"):
        App(name)
