"""Fixtures for all tests: real counterparts (a broker, a serial port) and the network that they need."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from hypothesis import settings
import pytest
import pytest_socket

# Before the first `hass`: else Home Assistant's test plugin puts its own folder in the place of ours.
import custom_components  # noqa: F401
from custom_components.fieldbridge.bridge import kernels
from demo.pty_link import PtyLink

from .bluez import MockBlueZ, PrivateBus
from .mosquitto import Mosquitto

_EXAMPLES = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --browser, --fuzz and --screenshots."""
    parser.addoption("--browser", action="store_true", help="also run the tests that need Chromium")
    parser.addoption(
        "--fuzz",
        type=int,
        default=_EXAMPLES,
        metavar="EXAMPLES",
        help="arbitrary inputs per property; with more than usual, one that takes over a second fails",
    )
    parser.addoption("--screenshots", type=Path, help="folder for the screenshots of the browser tests")


def pytest_configure(config: pytest.Config) -> None:
    """Look at as many arbitrary inputs as were asked for; only who asks for many has a machine for measuring time."""
    examples = config.getoption("--fuzz")
    settings.register_profile("fieldbridge", max_examples=examples, deadline=1000 if examples > _EXAMPLES else None)
    settings.load_profile("fieldbridge")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out unless they were asked for."""
    if config.getoption("--browser"):
        return
    deselected = [item for item in items if item.get_closest_marker("browser")]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]


@pytest.fixture(scope="session")
def numba_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that another process has filled, and that outlives the run where it may: compiling takes seconds."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    folder = tmp_path_factory.mktemp("numba") if cache is None else Path(cache.mkdir("numba"))
    asyncio.run(kernels.warm(folder))
    return folder


@pytest.fixture
def loopback_sockets(socket_enabled: None) -> None:
    """Allow real sockets, to 127.0.0.1 and to unix sockets only."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture
def mosquitto(loopback_sockets: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A running broker that lets everybody in."""
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto_with_password(loopback_sockets: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A running broker that asks for its ``user`` and ``password``."""
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), password="secret")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto_with_tls(loopback_sockets: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A running broker that speaks TLS only, with its ``certificate``."""
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), tls=True)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def pty_link(tmp_path: Path) -> Iterator[PtyLink]:
    """A serial port: open ``path``, ``write()`` what the device sends, ``unplug()`` and ``plug()`` it."""
    link = PtyLink(tmp_path / "ttyDevice")
    yield link
    link.close()


@pytest.fixture
async def bluez(
    loopback_sockets: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MockBlueZ]:
    """Bluetooth without a radio: ``add()`` peripherals, ``notify()`` and ``drop()`` them."""
    bus = PrivateBus(tmp_path_factory.mktemp("bus"))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    mock = await MockBlueZ().start(bus.address)
    yield mock
    await mock.stop()
    bus.stop()
