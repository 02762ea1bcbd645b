"""The bridge runtime beside cosalette, whose interface it shares: the same app runs on both, in turns.

Commands and stream items go through an MQTT port without a broker; publishing goes to a real broker, where a
subscriber in a process of its own counts what arrives; imports are measured in fresh processes. Each side's best round
counts: whatever else the machine does only takes away.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from types import ModuleType
from typing import Any, Literal

import cosalette

from custom_components.fieldbridge import bridge
from tests.mosquitto import Mosquitto

from .runner import Claim

_ROUNDS = 5
_IMPORTS = 9
_COMMANDS = 20_000
_ITEMS = 100_000
_BURST = 100
"""Commands or items between two turns of the loop."""
_MESSAGES = 5_000
_TOPICS = 100
_TIMEOUT = 60.0

_COUNT_MESSAGES = """
import sys, paho.mqtt.client as paho
left = int(sys.argv[2])
def count(client, userdata, message):
    global left
    left -= not message.retain
    if not left:
        print("all", flush=True)
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.on_message = count
client.on_subscribe = lambda *_: print("ready", flush=True)
client.connect("127.0.0.1", int(sys.argv[1]))
client.subscribe("bench/meter/#", qos=0)
client.loop_forever()
"""

_IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
memory, cpu = resident(), time.process_time()
{}
print(time.process_time() - cpu, (resident() - memory) / 1024)
"""


@dataclass(frozen=True)
class Runtime:
    """One of the two packages, and how its app is run."""

    module: ModuleType
    stream_port: Any
    run: Callable[..., Awaitable[None]]


class Inlet:
    """MQTT port without a broker: counts what is published, and hands in commands."""

    def __init__(self) -> None:
        self.states = 0
        self._callbacks: list[Callable[[str, str], Awaitable[None]]] = []

    async def publish(self, topic: str, payload: object, *, retain: bool = False, qos: int = 1) -> None:
        """Count a state."""
        self.states += topic.endswith("/state")

    async def subscribe(self, topic: str) -> None:
        """Do nothing."""

    def on_message(self, callback: Callable[[str, str], Awaitable[None]]) -> None:
        """Hand commands to ``callback``."""
        self._callbacks.append(callback)

    async def hand_in(self, topic: str, payload: str) -> None:
        """Deliver one message."""
        for callback in self._callbacks:
            await callback(topic, payload)


class Port:
    """Delivers integers in bursts, as a driver's callback does."""

    deliver: Callable[[int], None]

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def stop_scan(self) -> None:
        """Do nothing."""

    def register_callback(self, cb: Callable[[int], None]) -> None:
        """Deliver to ``cb``."""
        self.deliver = cb

    async def start_scan(self) -> None:
        """Start to deliver."""
        self.task = asyncio.create_task(self._scan())

    async def _scan(self) -> None:
        for start in range(0, _ITEMS, _BURST):
            for item in range(start, start + _BURST):
                self.deliver(item)
            await asyncio.sleep(0)


async def run() -> list[Claim]:
    """Measure both in turns."""
    logging.disable(logging.ERROR)
    ours = Runtime(bridge, bridge.StreamablePort, lambda app, **given: app.run_async(**given, embedded=True))
    peer = Runtime(cosalette, cosalette.StreamablePort, lambda app, **given: app._run_async(**given))  # noqa: SLF001
    claims = []
    for name, measure in {"commands per second": _commands, "stream items per second": _stream}.items():
        rates: tuple[list[float], list[float]] = [], []
        for _ in range(_ROUNDS):
            rates[0].append(await measure(ours))
            rates[1].append(await measure(peer))
        claims.append(_claim(name, rates, target=1.0, better="higher", unit="1/s"))
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        try:
            claims += await _publishing(ours, peer, broker)
        finally:
            broker.stop()
    return claims + _imports()


def _claim(
    name: str, values: tuple[list[float], list[float]], *, target: float, better: Literal["higher", "lower"], unit: str
) -> Claim:
    best = max if better == "higher" else min
    return Claim(name, best(values[0]), best(values[1]), target, better, unit)


def _app(runtime: Runtime) -> Any:
    # Left out, the peer's store is a file that it writes after every command.
    return runtime.module.App("bench", heartbeat_interval=None, store=runtime.module.NullStore())


async def _commands(runtime: Runtime) -> float:
    """Return how many commands per second reach their handler and have their state published."""
    app, inlet, stop = _app(runtime), Inlet(), asyncio.Event()

    @app.command("valve")  # type: ignore[untyped-decorator]
    async def valve(payload: str) -> dict[str, object]:
        return {"position": payload}

    running = asyncio.ensure_future(_run(runtime, app, inlet, stop))
    await asyncio.sleep(0.5)  # until it listens
    start = time.perf_counter()
    for number in range(_COMMANDS):
        await inlet.hand_in("bench/valve/set", "open")
        if number % _BURST == 0:
            await asyncio.sleep(0)
    await _until(lambda: inlet.states == _COMMANDS)
    taken = time.perf_counter() - start
    stop.set()
    await running
    return _COMMANDS / taken


async def _stream(runtime: Runtime) -> float:
    """Return how many items per second reach a handler."""
    app, inlet, stop = _app(runtime), Inlet(), asyncio.Event()
    stream_of = runtime.module.Stream
    seen, start, end = 0, 0.0, 0.0

    async def listen(stream: Any) -> AsyncIterator[None]:
        nonlocal seen, start, end
        async for _ in stream:
            start = start or time.perf_counter()
            seen += 1
            if seen == _ITEMS:
                end = time.perf_counter()
                stop.set()
            yield

    listen.__annotations__["stream"] = stream_of[int]
    app.adapter(runtime.stream_port[int], Port)
    app.add_stream("meter", listen)
    async with asyncio.timeout(_TIMEOUT):
        await _run(runtime, app, inlet, stop)
    return _ITEMS / (end - start)


async def _publishing(ours: Runtime, peer: Runtime, broker: Mosquitto) -> list[Claim]:
    rates: tuple[list[float], list[float]] = [], []
    cpu: tuple[list[float], list[float]] = [], []
    for _ in range(_ROUNDS):
        for index, runtime in enumerate((ours, peer)):
            wall, used = await _publish(runtime, broker)
            rates[index].append(_MESSAGES / wall)
            cpu[index].append(used / _MESSAGES * 1e6)
    return [
        _claim("QoS 1 states per second", rates, target=1.8, better="higher", unit="1/s"),
        _claim("QoS 1 CPU per state", cpu, target=0.55, better="lower", unit="us"),
    ]


async def _publish(runtime: Runtime, broker: Mosquitto) -> tuple[float, float]:
    """Return wall and CPU seconds in which a device's states arrive at a subscriber, every one of them."""
    app, stop, go = _app(runtime), asyncio.Event(), asyncio.Event()
    context = runtime.module.DeviceContext

    async def meter(ctx: Any) -> AsyncIterator[None]:
        await go.wait()
        for number in range(_MESSAGES):
            await ctx.publish(f"{number % _TOPICS}/state", f'{{"value":{number}}}', retain=True, qos=1)
        yield
        await stop.wait()

    meter.__annotations__["ctx"] = context
    app.add_device("meter", meter)
    settings = {"host": broker.host, "port": broker.port, "tls": False}
    script = [sys.executable, "-c", _COUNT_MESSAGES, str(broker.port), str(_MESSAGES)]
    counter = await asyncio.create_subprocess_exec(*script, stdout=subprocess.PIPE)
    assert counter.stdout is not None
    assert await counter.stdout.readline() == b"ready\n"
    running = asyncio.ensure_future(_run(runtime, app, None, stop, mqtt=settings))
    await asyncio.sleep(1.0)  # until it is connected
    wall, cpu = time.perf_counter(), time.process_time()
    go.set()
    async with asyncio.timeout(_TIMEOUT):
        assert await counter.stdout.readline() == b"all\n"
    taken = time.perf_counter() - wall, time.process_time() - cpu
    counter.terminate()
    await counter.wait()
    stop.set()
    await running
    return taken


async def _run(runtime: Runtime, app: Any, mqtt_port: Inlet | None, stop: asyncio.Event, **settings: object) -> None:
    made = runtime.module.Settings(_env_file=None, **settings)
    await runtime.run(app, mqtt=mqtt_port, settings=made, shutdown_event=stop)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_TIMEOUT):
        while not condition():  # noqa: ASYNC110 - the rate is what is measured
            await asyncio.sleep(0)


def _imports() -> list[Claim]:
    """Measure CPU time and memory of imports, each in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        assert bridge.__file__ is not None
        (Path(folder) / "fieldbridge").symlink_to(Path(bridge.__file__).parent)
        statements = {
            "App": "from fieldbridge import App",
            "App and Settings": "from fieldbridge import App, Settings",
            "peer": "from cosalette import App, Settings",
        }
        measured: Mapping[str, list[tuple[float, float]]] = {name: [] for name in statements}
        for _ in range(_IMPORTS):
            for name, statement in statements.items():
                measured[name].append(_import(statement, folder))
    claims = []
    for name, target in (("App", 0.5), ("App and Settings", 0.95)):
        for index, (what, unit) in enumerate((("CPU", "s"), ("memory", "MB"))):
            values = [each[index] for each in measured[name]], [each[index] for each in measured["peer"]]
            claims.append(_claim(f"import of {name}: {what}", values, target=target, better="lower", unit=unit))
    return claims


def _import(statement: str, folder: str) -> tuple[float, float]:
    command = [sys.executable, "-c", _IMPORT.format(statement), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")  # noqa: S603
    cpu, memory = map(float, done.stdout.split())
    return cpu, memory
