"""From bytes at a serial port to a state in Home Assistant, beside Home Assistant's own ``serial`` sensor.

Both run in the same process, in turns, on a pseudo-terminal each. What is measured is the CPU time of the callbacks of
the event loop; the device is another thread. Lines come at a pace that lets both see every change, and the states that
both published are compared by value.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import os
from pathlib import Path
import statistics
import tempfile
import threading
import time
import tty

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.setup import async_setup_component

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind
from custom_components.fieldbridge.bridge.codecs.decoders import Decoder, JsonDecoder, SeparatedDecoder

from .home_assistant import add_link, home_assistant
from .runner import Claim, loop_time

_ROUNDS = 7
_CHANGE_EVERY = 50
"""Lines with the same value: a device that speaks ten times a second changes its last digit every few seconds."""
_RUN_TIMEOUT = 60.0
OURS, PEER = "sensor.ours_value", "sensor.peer"


@dataclass(frozen=True)
class Scenario:
    """What a device sends, and how often."""

    name: str
    lines: tuple[bytes, ...]
    burst: int
    """Lines that arrive at once."""
    pause: float
    """Seconds between bursts; 0: as fast as they are read."""
    decoder: Decoder
    source: str
    template: str | None
    kind: ValueKind = ValueKind.NUMBER
    least_share: float = 0.9
    """Of the peer's published states."""


@dataclass
class Result:
    """One run of one reader."""

    cpu: float
    """Seconds of the loop's thread."""
    wall: float
    published: list[str] = field(default_factory=list)


class Device:
    """A pseudo-terminal that a thread writes to."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def send(self, lines: tuple[bytes, ...], burst: int = 1, pause: float = 0) -> asyncio.Event:
        """Send in another thread, which blocks while nobody reads; the event tells that all is sent."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def write() -> None:
            for start in range(0, len(lines), burst):
                os.write(self._master, b"".join(lines[start : start + burst]))
                if pause:
                    time.sleep(pause)
            loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=write, daemon=True).start()
        return sent

    def send_at(self, lines: tuple[bytes, ...], burst: int, rate: float) -> asyncio.Event:
        """Send ``rate`` bytes a second in another thread, by an absolute grid; the event tells that all is sent."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def write() -> None:
            start, written = time.perf_counter(), 0
            for first in range(0, len(lines), burst):
                data = b"".join(lines[first : first + burst])
                while data:
                    count = os.write(self._master, data)
                    data = data[count:]
                    written += count
                if (ahead := written / rate - (time.perf_counter() - start)) > 0:
                    time.sleep(ahead)
            loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=write, daemon=True).start()
        return sent


def _number_lines(count: int, change_every: int) -> tuple[bytes, ...]:
    return tuple(b"%.1f\n" % (20 + index // change_every % 100 / 10) for index in range(count))


def _json_lines(count: int, change_every: int) -> tuple[bytes, ...]:
    return tuple(
        b'{"temperature": %.1f, "unit": "C"}\n' % (20 + index // change_every % 100 / 10) for index in range(count)
    )


_SEPARATED = SeparatedDecoder(separator=";")
SCENARIOS = (
    # 115200 baud through a USB adapter, which hands over what came every 16 ms (the latency timer of FTDI chips).
    Scenario("number, mostly unchanged", _number_lines(4000, _CHANGE_EVERY), 32, 0.016, _SEPARATED, "0", None),
    Scenario(
        "JSON, mostly unchanged",
        _json_lines(4000, _CHANGE_EVERY),
        10,
        0.005,
        JsonDecoder(),
        "temperature",
        "{{ value_json.temperature }}",
    ),
    # The peer keeps the line as a text: here every line becomes a state, so ours does the same.
    Scenario(
        "text, one line at a time, all changed",
        _number_lines(500, 1),
        1,
        0.006,  # above 200 lines a second they are read together, and only the last of each 10 ms is published
        _SEPARATED,
        "0",
        None,
        kind=ValueKind.TEXT,
    ),
)
FLOOD = Scenario("number, as fast as read", _number_lines(60_000, 60_000), 100, 0, _SEPARATED, "0", None)


async def run() -> list[Claim]:
    """Measure all scenarios in turns."""
    claims: list[Claim] = []
    for scenario, target in zip(SCENARIOS, (3.0, 3.0, 1.0), strict=True):
        ours, peer = await _measure(scenario, lambda result: result.cpu)
        microseconds = 1e6 / len(scenario.lines)
        claims.append(
            Claim(
                f"loop time per line: {scenario.name}",
                ours=ours * microseconds,
                peer=peer * microseconds,
                target=1 / target,
                better="lower",
                unit="us",
            )
        )
    ours, peer = await _measure(FLOOD, lambda result: len(FLOOD.lines) / result.wall)
    claims.append(
        Claim(f"lines per second: {FLOOD.name}", ours=ours, peer=peer, target=3.0, better="higher", unit="lines/s")
    )
    return claims


async def _measure(scenario: Scenario, value: Callable[[Result], float]) -> tuple[float, float]:
    """Return the medians of both readers over interleaved rounds."""
    ours: list[float] = []
    peer: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with home_assistant(Path(folder)) as hass:
            our_device, peer_device = Device(), Device()
            await _set_up_peer(hass, peer_device, scenario)  # first: it sets up the sensor platform with its YAML
            await _set_up_ours(hass, our_device, scenario)
            for _ in range(_ROUNDS):
                our_run = await _run(hass, OURS, our_device, scenario)
                peer_run = await _run(hass, PEER, peer_device, scenario)
                _compare(scenario, our_run.published, peer_run.published)
                ours.append(value(our_run))
                peer.append(value(peer_run))
    return statistics.median(ours), statistics.median(peer)


def _compare(scenario: Scenario, ours: list[str], peer: list[str]) -> None:
    """Raise unless both published the same states.

    Fast lines are read together, and of a batch the last value is published: where two changes fall into one batch,
    up to a tenth may be missing.
    """
    rest = iter(peer)
    if not all(state in rest for state in ours) or len(ours) < scenario.least_share * len(peer):
        raise AssertionError(f"{scenario.name}: {len(ours)} states were published, by the peer {len(peer)}")


async def _run(hass: HomeAssistant, entity_id: str, device: Device, scenario: Scenario) -> Result:
    """Send all lines, then one last value that no line has, and wait until it is the state."""
    published: list[str] = []
    done = asyncio.Event()

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is None or new.entity_id != entity_id:
            return
        if new.state == "99.9":
            done.set()
        else:
            published.append(new.state)

    last = b'{"temperature": 99.9, "unit": "C"}\n' if scenario.template else b"99.9\n"
    unsubscribe = hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    cpu, wall = loop_time(), time.perf_counter()
    # Of a batch only the last value is published: the mark of the end comes alone.
    await device.send(scenario.lines, scenario.burst, scenario.pause).wait()
    await asyncio.sleep(0.02)
    device.send((last,))
    async with asyncio.timeout(_RUN_TIMEOUT):
        await done.wait()
    result = Result(loop_time() - cpu, time.perf_counter() - wall, published)
    unsubscribe()
    return result


async def _set_up_ours(hass: HomeAssistant, device: Device, scenario: Scenario) -> None:
    channel = Channel(key="value", name="Value", source=scenario.source, kind=scenario.kind, min_interval=0)
    profile = DeviceProfile(decoder=scenario.decoder, channels=(channel,))
    await add_link(hass, {"kind": "serial", "device": device.path}, {"Ours": profile})
    await _first_state(hass, OURS, device, scenario)


async def _set_up_peer(hass: HomeAssistant, device: Device, scenario: Scenario) -> None:
    config = {"platform": "serial", "name": "peer", "serial_port": device.path}
    if scenario.template:
        config["value_template"] = scenario.template
    await async_setup_component(hass, "sensor", {"sensor": config})
    await _first_state(hass, PEER, device, scenario)


async def _first_state(hass: HomeAssistant, entity_id: str, device: Device, scenario: Scenario) -> None:
    """Send lines until the reader has opened the port and shows a value."""
    last = b'{"temperature": 99.9, "unit": "C"}\n' if scenario.template else b"99.9\n"
    async with asyncio.timeout(_RUN_TIMEOUT):
        while (state := hass.states.get(entity_id)) is None or state.state != "99.9":
            device.send((last,))
            await asyncio.sleep(0.1)
