"""Modbus devices polled by Fieldbridge and by Home Assistant's own ``modbus``, each in a real Home Assistant.

The device is a server in another thread, which counts requests and answers after a latency; it answers holes. Both read
the same registers at the same interval. What is measured is the CPU time of the callbacks of the event loop, the wall
time from the first request of a sweep over all sensors to its last answer, and how many requests reach the wire.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
import logging
from pathlib import Path
import re
import statistics
import struct
import sys
import tempfile
import threading
import time
from types import MappingProxyType
from typing import Any, Literal

from homeassistant.config_entries import ConfigEntry, ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import yaml

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, Write, WriteControl
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, RateClass, Register, RegisterDecoder, RegisterType
from custom_components.fieldbridge.bridge.modbus.importers.core_yaml import import_core_config
from custom_components.fieldbridge.const import DOMAIN, SUBENTRY_DEVICE

from .home_assistant import home_assistant
from .runner import Claim, MeteredLoop, loop_time

SUNGROW = Path(__file__).parents[1] / "tests" / "data" / "core-modbus-sungrow.yaml"
SENSORS = 100
_ROUNDS = 3
_SECONDS = 4.0
"""Of polling in one measurement of CPU time."""
_TIMEOUT = 60.0
_LATENCY = 0.02
_FAST_TIER = 10
"""Seconds; the interval of most of the Sungrow file's entities, shortened here so that a run ends soon."""
_SHORT_INTERVAL = 2


@dataclass
class Seen:
    """One request at the device; times by ``time.perf_counter``."""

    came: float
    function: int
    address: int
    count: int
    answered: float = 0.0


@dataclass
class Device:
    """A Modbus TCP server in a thread of its own; a register's value is its address, plus what changes."""

    latency: float
    changing: bool = False
    log: list[Seen] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def serving(self) -> Iterator[Device]:
        """Serve while the block runs."""
        loop, ready = asyncio.new_event_loop(), threading.Event()

        async def listen() -> asyncio.Server:
            server = await asyncio.start_server(self._serve, "127.0.0.1")
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            return server

        def run() -> None:
            server = loop.run_until_complete(listen())
            loop.run_forever()
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                header = await reader.readexactly(7)
                pdu = await reader.readexactly(int.from_bytes(header[4:6]) - 1)
                function, address, count = struct.unpack(">BHH", pdu[:5])
                seen = Seen(time.perf_counter(), function, address, count)
                self.log.append(seen)
                if self.latency:
                    await asyncio.sleep(self.latency)
                body = pdu[:5] if function in (5, 6, 15, 16) else self._values(function, address, count)
                seen.answered = time.perf_counter()
                writer.write(header[:4] + (len(body) + 1).to_bytes(2) + header[6:] + body)
        except asyncio.IncompleteReadError, ConnectionError:
            return
        finally:
            writer.close()

    def _values(self, function: int, address: int, count: int) -> bytes:
        if function in (1, 2):
            data = bytes(-(-count // 8))
        else:
            shift = len(self.log) if self.changing else 0
            data = b"".join(((each + shift) & 0x3FFF).to_bytes(2) for each in range(address, address + count))
        return bytes([function, len(data)]) + data

    async def requests(self, count: int) -> None:
        """Wait until so many requests were answered in all."""
        async with asyncio.timeout(_TIMEOUT):
            while sum(seen.answered > 0 for seen in self.log) < count:  # noqa: ASYNC110 - it is another thread
                await asyncio.sleep(0.005)


async def run() -> list[Claim]:
    """Measure everything in turns, each in a process of its own: Home Assistant's modbus goes on after its end."""
    claims = [
        await _compared("requests of the Sungrow file's fast tier", "sungrow", target=0.25, rounds=1, unit=""),
        await _compared("requests on the wire before a write in a poll", "before_write", target=0.1, rounds=1, unit=""),
    ]
    if claims[1].ours > 1:
        raise AssertionError(f"a write waited for {claims[1].ours} requests")
    for latency, target in ((0.0, 10.0), (_LATENCY, 40.0)):
        name = f"sweeps of {SENSORS} sensors a second, device latency {latency * 1000:.0f} ms"
        claims.append(await _compared(name, "sweeps", latency, target=target, better="higher", unit="1/s"))
    for changing in (False, True):
        name = f"loop time per polled value, {'all changing' if changing else 'unchanged'}"
        claims.append(await _compared(name, "cpu", float(changing), target=0.5, unit="us"))
    return claims


async def _compared(
    name: str,
    what: str,
    argument: float = 0.0,
    *,
    target: float,
    unit: str,
    better: Literal["higher", "lower"] = "lower",
    rounds: int = _ROUNDS,
) -> Claim:
    """Measure ours and the peer's in turns and compare the medians."""
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(rounds):
        ours.append(await _alone(f"ours_{what}", argument))
        peer.append(await _alone(f"peer_{what}", argument))
    return Claim(name, statistics.median(ours), statistics.median(peer), target=target, better=better, unit=unit)


async def _alone(what: str, argument: float) -> float:
    """Return what one measurement gives in a fresh process."""
    command = (sys.executable, "-m", __name__, what, str(argument))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise AssertionError(f"{what} failed")
    return float(output.split()[-1])


@asynccontextmanager
async def _empty() -> AsyncIterator[HomeAssistant]:
    with tempfile.TemporaryDirectory() as folder:
        async with home_assistant(Path(folder)) as hass:
            yield hass


def _profile(interval: float, *, registers: int = SENSORS, step: int = 2, most: int = 125) -> DeviceProfile:
    fields = {
        f"s{index}": Register(address=index * step, type=RegisterType.FLOAT32, rate=RateClass.FAST)
        for index in range(registers)
    }
    write = Write(control=WriteControl.NUMBER, target={"register": {"address": 9000}})
    device = ModbusDevice(intervals=dict.fromkeys(RateClass, interval), max_registers=most)
    sensors = (Channel(key=name, name=name, source=name, min_interval=0) for name in fields)
    setting = Channel(key="setting", name="setting", source="", write=write)
    return DeviceProfile(decoder=RegisterDecoder(registers=fields, device=device), channels=(*sensors, setting))


@asynccontextmanager
async def _ours(device: Device, profile: DeviceProfile) -> AsyncIterator[tuple[HomeAssistant, Any]]:
    """Run a Home Assistant with one of our entries; yields its link as well."""
    async with _empty() as hass:
        subentry = ConfigSubentryData(
            data=profile.to_dict(), subentry_type=SUBENTRY_DEVICE, title="Ours", unique_id=None
        )
        entry: ConfigEntry = ConfigEntry(
            data={"kind": "modbus", "transport": "tcp", "host": "127.0.0.1", "port": device.port},
            discovery_keys=MappingProxyType({}),
            domain=DOMAIN,
            minor_version=1,
            options={},
            source="user",
            subentries_data=[subentry],
            title="Link",
            unique_id=None,
            version=1,
        )
        await hass.config_entries.async_add(entry)
        await device.requests(1)
        yield hass, entry.runtime_data.link
        await hass.config_entries.async_unload(entry.entry_id)


def _core_config(device: Device, sensors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"modbus": [{"name": "hub", "type": "tcp", "host": "127.0.0.1", "port": device.port, "sensors": sensors}]}


def _core_sensors(interval: int) -> list[dict[str, Any]]:
    common = {"input_type": "holding", "data_type": "float32", "slave": 1, "scan_interval": interval, "precision": 3}
    return [{**common, "name": f"s{index}", "address": 2 * index} for index in range(SENSORS)]


@asynccontextmanager
async def _peer(device: Device, config: dict[str, Any]) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant with its own ``modbus``."""
    async with _empty() as hass:
        if not await async_setup_component(hass, "modbus", config):
            raise AssertionError("Home Assistant does not take the configuration")
        await device.requests(1)
        yield hass


async def ours_sweeps(latency: float) -> float:
    """Return sweeps per second, from the first request to the last answer of a poll of all sensors."""
    with Device(latency).serving() as device:
        async with _ours(device, _profile(3600.0)) as (_, link):
            await asyncio.sleep(0.5)
            device.log.clear()
            (device_id,) = link.sessions
            await link.poll_now(device_id)
            return 1 / (device.log[-1].answered - device.log[0].came)


async def peer_sweeps(latency: float) -> float:
    """Return sweeps per second; between two sweeps it may be idle, which does not count."""
    with Device(latency).serving() as device:
        async with _peer(device, _core_config(device, _core_sensors(1))):
            await device.requests(2 * SENSORS)
            device.log.clear()
            await device.requests(SENSORS)
            log = device.log[:SENSORS]
    gaps = [later.came - earlier.came for earlier, later in pairwise(log)]
    return 1 / (sum(gap for gap in gaps if gap < 0.1) + log[-1].answered - log[-1].came)


async def ours_cpu(changing: float) -> float:
    """Return microseconds of the loop per value."""
    with Device(0.0, bool(changing)).serving() as device:
        async with _ours(device, _profile(1.0)) as (_, link):
            await asyncio.sleep(1.5)
            values, cpu = link.statistics()["values"], loop_time()
            await asyncio.sleep(_SECONDS)
            polled: int = link.statistics()["values"] - values
            return (loop_time() - cpu) / polled * 1e6


async def peer_cpu(changing: float) -> float:
    """Return microseconds of the loop per value."""
    with Device(0.0, bool(changing)).serving() as device:
        async with _peer(device, _core_config(device, _core_sensors(1))):
            await device.requests(2 * SENSORS)
            device.log.clear()
            cpu = loop_time()
            await asyncio.sleep(_SECONDS)
            return (loop_time() - cpu) / len(device.log) * 1e6


async def ours_before_write(_argument: float) -> float:
    """Return how many requests reach the device between the call and the write, in a poll of thirty requests."""
    with Device(_LATENCY).serving() as device:
        async with _ours(device, _profile(3600.0, registers=30, step=50, most=10)) as (_, link):
            (device_id,) = link.sessions
            await device.requests(30)
            await asyncio.sleep(0.5)
            polling = asyncio.create_task(link.poll_now(device_id))
            await device.requests(len(device.log) + 5)
            called = len(device.log)
            await link.sessions[device_id].write("setting", 7)
            await polling
            return _before_write(device.log[called:])


async def peer_before_write(_argument: float) -> float:
    """Return how many requests reach the device between the call and the write, in a sweep over all sensors."""
    with Device(_LATENCY).serving() as device:
        async with _peer(device, _core_config(device, _core_sensors(1))) as hass:
            await device.requests(SENSORS + SENSORS // 2)
            called = len(device.log)
            data = {"hub": "hub", "slave": 1, "address": 9000, "value": 7}
            await hass.services.async_call("modbus", "write_register", data, blocking=True)
            return _before_write(device.log[called:])


def _before_write(log: list[Seen]) -> int:
    return next(index for index, seen in enumerate(log) if seen.function in (6, 16))


def _sungrow(device: Device) -> tuple[dict[str, Any], set[int]]:
    """Return the file's configuration for the device with a short fast tier, and the addresses of that tier."""
    text = re.sub(r"!secret \w+_port", str(device.port), SUNGROW.read_text())
    text = re.sub(r"!secret \w+_host_ip", "127.0.0.1", text)
    text = re.sub(r"!secret \w+_device_address", "1", re.sub(r"!secret \w+_milliseconds", "0", text))
    config = yaml.safe_load(re.sub(r"!secret \w+", "1000", text))
    hub = config["modbus"][0]
    hub["delay"] = 0
    fast = {each["address"] for each in hub["sensors"] if each.get("scan_interval") == _FAST_TIER}
    for each in hub["sensors"]:
        if each.get("scan_interval") == _FAST_TIER:
            each["scan_interval"] = _SHORT_INTERVAL
        else:
            each["scan_interval"] = 600
    return {"modbus": config["modbus"]}, fast


async def ours_sungrow(_argument: float) -> float:
    """Return the requests of one interval of the fast tier."""
    with Device(_LATENCY).serving() as device:
        config, fast = _sungrow(device)
        polled = import_core_config(config).links[0].devices[0].profile
        async with _ours(device, polled):
            return await _one_interval(device, fast)


async def peer_sungrow(_argument: float) -> float:
    """Return the requests of one interval of the fast tier."""
    with Device(0.0).serving() as device:
        config, fast = _sungrow(device)
        async with _peer(device, config):
            return await _one_interval(device, fast)


async def _one_interval(device: Device, fast: set[int]) -> int:
    """Return how many requests the device sees in one interval; all registers of the tier must be among them."""
    await asyncio.sleep(2.5 * _SHORT_INTERVAL)
    device.log.clear()
    await asyncio.sleep(_SHORT_INTERVAL)
    log = list(device.log)
    read = {address for seen in log for address in range(seen.address, seen.address + seen.count)}
    if not fast <= read:
        raise AssertionError(f"not read in one interval: {sorted(fast - read)}")
    return len(log)


if __name__ == "__main__":
    logging.getLogger("homeassistant.components.modbus").setLevel(logging.ERROR)  # it warns of every short interval
    print(asyncio.run(globals()[sys.argv[1]](float(sys.argv[2])), loop_factory=MeteredLoop))
