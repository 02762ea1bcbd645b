"""Topics of a foreign broker at 5 000 messages a second: what Home Assistant's loop feels, and what a message costs.

A process of its own publishes on a real broker. Home Assistant runs one MQTT link with entities. The lag of the loop is
how much later than due a timer is called, in the quietest of four parts of a flood, since whatever else the machine
does only adds to it; those of whole floods are printed. The CPU time of a message is compared with that of the client
underneath alone: aiomqtt, or Home Assistant's own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import logging
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

import aiomqtt
from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.codecs.topics import TopicDecoder
from tests.mosquitto import Mosquitto

from .home_assistant import add_entry, add_link, home_assistant
from .runner import Claim, loop_time

_RATE = 5_000
_SECONDS = 8
_TOPICS = 100
_OVERSIZED = 20
"""Messages of 100 kB among the others."""
_LAG_LIMIT = 20.0
_PROBE = 0.005
_PARTS = 4
_GATHERING = 2.0
"""Seconds in which Home Assistant's client has sent the subscriptions that it gathers."""
_TIMEOUT = 60.0

_PUBLISH = """
import sys, time, paho.mqtt.client as paho
port, rate, seconds, topics, oversized = map(int, sys.argv[1:])
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", port)
client.loop_start()
burst, total = rate // 100, rate * seconds
print("begin", flush=True)
start = time.monotonic()
for first in range(0, total, burst):
    for number in range(first, first + burst):
        client.publish(f"bench/{number % topics}", '{"value": %d, "unit": "W", "name": "meter"}' % number)
    if first % (total // oversized) == 0:
        client.publish(f"bench/{first % topics}", bytes(100_000))
    time.sleep(max(0, start + (first + burst) / rate - time.monotonic()))
taken = time.monotonic() - start
client.publish("bench/end", "1", qos=1).wait_for_publish(30)
print(taken, flush=True)
client.disconnect()
"""


@dataclass(frozen=True)
class Flood:
    """What one flood did to the loop."""

    lag: float
    """99th percentile of the quietest part, in milliseconds."""
    whole_lag: float
    """That of the whole flood."""
    cpu: float
    """Microseconds of the loop's thread per message."""


async def run() -> list[Claim]:
    """Measure aiomqtt alone, then a link that uses five of a hundred topics, then one that uses all."""
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        try:
            alone = await _aiomqtt_alone(broker)
            few = await _link(broker, used=5)
            every = await _link(broker, used=_TOPICS)
            shared_alone = await _home_assistants_client_alone(broker)
            shared = await _link(broker, used=5, shared=True)
        finally:
            broker.stop()
    lags = ", ".join(f"{flood.whole_lag:.1f}" for flood in (alone, few, every, shared_alone, shared))
    print(
        f"ms of loop lag p99 over whole floods (aiomqtt, ours twice, HA's client, ours over it): {lags}",
        flush=True,
    )
    return [
        _lag("loop lag p99, limit 20 ms: 5 of 100 topics used", few),
        _lag("loop lag p99, limit 20 ms: every topic used", every),
        Claim("loop time per message beside aiomqtt alone: 5 topics used", few.cpu, alone.cpu, 1.0, "lower", "us"),
        Claim("loop time per message beside aiomqtt alone: every topic used", every.cpu, alone.cpu, 1.5, "lower", "us"),
        Claim(
            "loop time per message beside Home Assistant's client alone: 5 topics used",
            shared.cpu,
            shared_alone.cpu,
            1.5,
            "lower",
            "us",
        ),
    ]


def _lag(name: str, flood: Flood) -> Claim:
    return Claim(name, ours=flood.lag, peer=_LAG_LIMIT, target=1.0, better="lower", unit="ms")


async def _link(broker: Mosquitto, *, used: int, shared: bool = False) -> Flood:
    """Return what a flood does to a Home Assistant with a link, over its own client where that is ``shared``.

    Raises AssertionError when a message is missing.
    """
    where: dict[str, Any] = {"broker": "broker", "host": broker.host, "port": broker.port}
    if shared:
        where = {"broker": "home_assistant"}
    end = Channel(key="end", name="End", source="~", min_interval=0)
    devices = {f"Meter {number}": _meter(number) for number in range(used)}
    devices["End"] = DeviceProfile(decoder=TopicDecoder(base="bench/end"), channels=(end,), event_like=True)
    with tempfile.TemporaryDirectory() as folder:
        async with home_assistant(Path(folder)) as hass:
            entries = [await _add_client(hass, broker)] if shared else []
            entry = await add_link(hass, {"kind": "mqtt", "topics": ["bench/#"], **where}, devices)
            link = entry.runtime_data.link
            await _until(lambda: link.status.state == "up")
            if shared:
                await asyncio.sleep(_GATHERING)
            flood = await _measure(broker, lambda: _until(lambda: _is_state(hass, "sensor.end_end")))
            counted = link.statistics()
            for each in (entry, *entries):
                await hass.config_entries.async_unload(each.entry_id)
    arrived = sum(counted[name] for name in ("frames", "unused", "oversized", "over_budget"))
    assert arrived == _RATE * _SECONDS + _OVERSIZED + 1, counted
    assert counted["oversized"] == _OVERSIZED, counted
    assert counted["dropped"] == 0, counted
    return flood


def _meter(number: int) -> DeviceProfile:
    channel = Channel(key="power", name="Power", source="~#value", unit="W", device_class="power")
    return DeviceProfile(decoder=TopicDecoder(base=f"bench/{number}"), channels=(channel,))


async def _aiomqtt_alone(broker: Mosquitto) -> Flood:
    ended = asyncio.Event()

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if message.topic.value == "bench/end":
                ended.set()

    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe("bench/#", qos=1)
        listening = asyncio.create_task(listen(client))
        flood = await _measure(broker, ended.wait)
        listening.cancel()
    return flood


async def _home_assistants_client_alone(broker: Mosquitto) -> Flood:
    ended = asyncio.Event()

    @callback
    def received(message: mqtt.ReceiveMessage) -> None:
        if message.topic == "bench/end":
            ended.set()

    with tempfile.TemporaryDirectory() as folder:
        async with home_assistant(Path(folder)) as hass:
            client = await _add_client(hass, broker)
            await mqtt.async_subscribe(hass, "bench/#", received, qos=1, encoding=None)
            await asyncio.sleep(_GATHERING)
            flood = await _measure(broker, ended.wait)
            await hass.config_entries.async_unload(client.entry_id)
    return flood


async def _add_client(hass: HomeAssistant, broker: Mosquitto) -> ConfigEntry[Any]:
    """Return the entry of Home Assistant's own client."""
    (Path(hass.config.config_dir) / "configuration.yaml").touch()  # the integration reads it
    data = {"broker": broker.host, "port": broker.port, "protocol": "5", "discovery": False, "birth_message": {}}
    return await add_entry(hass, "mqtt", data, version=2)


async def _measure(broker: Mosquitto, until_arrived: Callable[[], Awaitable[Any]]) -> Flood:
    """Publish all messages and return what the loop felt until the last of them has arrived."""
    arguments = map(str, (broker.port, _RATE, _SECONDS, _TOPICS, _OVERSIZED))
    script = [sys.executable, "-c", _PUBLISH, *arguments]
    async with asyncio.timeout(_TIMEOUT):
        sender = await asyncio.create_subprocess_exec(*script, stdout=subprocess.PIPE)
        assert sender.stdout is not None
        assert await sender.stdout.readline() == b"begin\n"
        cpu = loop_time()
        async with _lags() as lags:
            taken = float(await sender.stdout.readline())
        await until_arrived()
        await sender.wait()
    assert taken < _SECONDS * 1.1, f"the sender was too slow: {taken:.1f} s instead of {_SECONDS} s"
    part = len(lags) // _PARTS
    return Flood(
        lag=min(_p99(lags[start : start + part]) for start in range(0, part * _PARTS, part)),
        whole_lag=_p99(lags),
        cpu=(loop_time() - cpu) / (_RATE * _SECONDS) * 1e6,
    )


def _p99(lags: list[float]) -> float:
    return sorted(lags)[int(len(lags) * 0.99)] * 1000


@asynccontextmanager
async def _lags() -> AsyncIterator[list[float]]:
    """Yield a list that fills with the seconds by which a timer is late."""
    loop, lags = asyncio.get_running_loop(), list[float]()

    async def probe() -> None:
        while True:
            due = loop.time() + _PROBE
            await asyncio.sleep(_PROBE)
            lags.append(loop.time() - due)

    probing = asyncio.create_task(probe())
    yield lags
    probing.cancel()


def _is_state(hass: HomeAssistant, entity_id: str) -> bool:
    state = hass.states.get(entity_id)
    return state is not None and state.state == "1"


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_TIMEOUT):
        while not condition():  # noqa: ASYNC110 - a real broker answers in its own time
            await asyncio.sleep(0.02)
