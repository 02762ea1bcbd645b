"""Serial ports: frames with a CRC beside a readline loop and pyserial-asyncio's reader, and what fast devices cost.

CPU time is that of the event loop's callbacks; the devices are threads behind pseudo-terminals. Where the peer is 1,
the share of one core is told, of the best of several runs: neighbours that take the caches only add to it, up to
three times in runs of a millisecond. Recognition is told as CPU seconds after the third whole frame arrived.
"""

import asyncio
from collections.abc import Awaitable, Callable
import gc
import math
from pathlib import Path
import random
import statistics
import tempfile
import time

import serial_asyncio_fast  # type: ignore[import-not-found]

from custom_components.fieldbridge.bridge import kernels
from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.channels.recognise import recognise
from custom_components.fieldbridge.bridge.codecs.catalogue import function_of
from custom_components.fieldbridge.bridge.codecs.frame import Batch
from custom_components.fieldbridge.bridge.codecs.frame_check import FrameCheck
from custom_components.fieldbridge.bridge.codecs.framing import Framer, framer_from_dict
from custom_components.fieldbridge.bridge.codecs.recognise_framing import Chunk, recognise_framing
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport

from .home_assistant import add_link, home_assistant
from .runner import Claim, loop_time
from .serial_to_state import Device

_ROUNDS = 7
_RUNS = 10
_TIMEOUT = 60.0
_CHUNK = 512
"""Bytes per read: what an adapter hands over at 115200 baud is up to 184 bytes, a socket gives more."""
CRC = FrameCheck(algorithm="crc-16/modbus", encoding="hex", skip=1, strip=True)
CHECKED = {"kind": "line", "check": CRC.to_dict()}


def checked_lines(count: int, fields: int = 9) -> list[bytes]:
    """Return lines of ``fields`` numbers and a CRC in hexadecimal; the fields before it are separated as well."""
    crc = function_of("crc-16/modbus")
    lines = []
    for number in range(count):
        body = b";".join(b"%.3f" % (20 + math.sin((number + field) / 50)) for field in range(fields))
        lines.append(b"%b*%04X\n" % (body, crc(body)))
    return lines


async def run() -> list[Claim]:
    """Measure everything in turns."""
    return [
        *await _assembler(),
        *await _on_a_port(),
        await _two_megabytes(),
        *await _fast_device(),
        *_recognition(),
    ]


async def _assembler() -> list[Claim]:
    """Return the claims on bytes that are there already: frames per second beside a readline loop."""
    lines = checked_lines(20_000)
    stream = b"".join(lines)
    chunks = [stream[start : start + _CHUNK] for start in range(0, len(stream), _CHUNK)]

    async def ours() -> int:
        framer = framer_from_dict(CHECKED)
        return sum(len(framer.feed(chunk)) for chunk in chunks)

    async def readline() -> int:
        reader = asyncio.StreamReader()
        count = 0
        for chunk in chunks:
            reader.feed_data(chunk)
            while b"\n" in reader._buffer:  # type: ignore[attr-defined]  # noqa: SLF001 - a loop that waits for nothing
                line = (await reader.readline()).rstrip()
                CRC.apply(line)
                count += 1
        return count

    mine, theirs = await _in_turns(ours, readline)
    assert mine[1] == theirs[1] == len(lines)
    return [
        Claim(
            "checked frames per second: bytes at hand, peer readline",
            ours=len(lines) / mine[0],
            peer=len(lines) / theirs[0],
            target=1.0,
            better="higher",
            unit="frames/s",
        )
    ]


async def _on_a_port() -> list[Claim]:
    """Return the claims on a port: loop time per frame beside the reader of pyserial-asyncio."""
    lines = checked_lines(4000)
    device = Device()

    async def ours() -> int:
        frames = 0
        done = asyncio.Event()

        def count(batch: Batch) -> None:
            nonlocal frames
            frames += len(batch)
            if frames >= len(lines):
                done.set()

        async with asyncio.timeout(_TIMEOUT):
            transport = await _opened(device, framer_from_dict(CHECKED), count)
            device.send(tuple(lines), 10, 0.005)
            await done.wait()
            await transport.close()
        return frames

    async def theirs() -> int:
        async with asyncio.timeout(_TIMEOUT):
            reader, writer = await serial_asyncio_fast.open_serial_connection(url=device.path, baudrate=115200)
            device.send(tuple(lines), 10, 0.005)
            for _ in lines:
                CRC.apply((await reader.readline()).rstrip())
            writer.close()
            await asyncio.sleep(0)
        return len(lines)

    mine, other = await _in_turns(ours, theirs)
    assert mine[1] == other[1] == len(lines)
    return [
        Claim(
            "loop time per checked frame: port, 2000 frames/s, peer pyserial-asyncio",
            ours=mine[0] / len(lines) * 1e6,
            peer=other[0] / len(lines) * 1e6,
            target=1.0,
            better="lower",
            unit="us",
        )
    ]


async def _two_megabytes() -> Claim:
    """Return the share of a core that framing 2 MB/s of lines takes."""
    line = b"20.378;0.084;0.247;7.97;4.00;1013.2;21.5;40.1;9.81;0.01;3.30\n"
    burst = 64
    rate, size = 2_000_000, 2_000_000
    lines = (line,) * (size // len(line))
    device = Device()
    frames = 0
    done = asyncio.Event()

    def count(batch: Batch) -> None:
        nonlocal frames
        frames += len(batch)
        if frames >= len(lines):
            done.set()

    shares = []
    async with asyncio.timeout(_TIMEOUT):
        transport = await _opened(device, framer_from_dict({"kind": "line"}), count)
        for _ in range(_RUNS):
            frames = 0
            done.clear()
            cpu = loop_time()
            device.send_at(lines, burst, rate)
            await done.wait()
            shares.append((loop_time() - cpu) * rate / size)
        await transport.close()
    return Claim(
        "share of a core: 2 MB/s of lines from a port",
        ours=min(shares),
        peer=1.0,
        target=0.2,
        better="lower",
        unit="cores",
    )


async def _opened(device: Device, framer: Framer, receive: Callable[[Batch], None]) -> SerialTransport:
    transport = SerialTransport(SerialSettings(url=device.path, baudrate=115200), framer)
    transport.register_callback(receive)
    await transport.open()
    await transport.start_scan()
    await asyncio.sleep(0.06)  # what comes at once would be taken for the rest of a frame
    return transport


_FAST_RATE = 1000
_FAST_SECONDS = 1


async def _fast_device() -> list[Claim]:
    """Return the share of a core from the port to the states of 9 channels, 1000 frames a second, without numba."""
    kernels.decelerate()
    channels = [
        {
            "key": f"c{number}",
            "name": f"Channel {number}",
            "source": str(number),
            "precision": 3,
            "filters": [{"kind": "median", "window": 5}, {"kind": "pt1", "tau": 0.2, "dt": 0.001}],
            "publish": {"absolute": 0.01},  # at the pace that entities have unless another is chosen
        }
        for number in range(9)
    ]
    profile = DeviceProfile.from_dict(
        {"schema_version": 1, "decoder": {"kind": "separated", "separator": ";"}, "channels": channels}
    )
    lines = tuple(line.partition(b"*")[0] + b"\n" for line in checked_lines(_FAST_RATE * _FAST_SECONDS))
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        async with home_assistant(Path(folder)) as hass:
            device = Device()
            entry = await add_link(hass, {"kind": "serial", "device": device.path}, {"Fast": profile})
            await device.send_at(lines, 1, _FAST_RATE * len(lines[0])).wait()
            await asyncio.sleep(1.0)  # entities are made, filters are warm
            states = hass.states.async_entity_ids("sensor")
            assert len(states) >= len(channels), states
            link = entry.runtime_data.link
            for _ in range(_RUNS):
                before = link.statistics()["frames"]
                start, cpu = time.perf_counter(), loop_time()
                await device.send_at(lines, 1, _FAST_RATE * len(lines[0])).wait()
                await asyncio.sleep(0.1)
                shares.append((loop_time() - cpu) / (time.perf_counter() - start))
                assert link.statistics()["frames"] - before == len(lines)
    return [
        Claim(
            "share of a core: 1000 frames/s, 9 filtered channels to states",
            ours=min(shares),
            peer=1.0,
            target=0.03,
            better="lower",
            unit="cores",
        )
    ]


def _recognition() -> list[Claim]:
    """Return the seconds that recognising takes once the third whole frame is there."""
    generator = random.Random(6)  # noqa: S311
    crc = function_of("crc-16/modbus")

    def counted() -> bytes:
        content = generator.randbytes(generator.randrange(20, 60))
        body = b"\xa5\x5a" + bytes([len(content)]) + content
        return body + crc(body).to_bytes(2, "little")

    devices = {"lines": checked_lines(8), "binary frames with a length": [counted() for _ in range(8)]}
    claims = []
    for name, frames in devices.items():
        pieces = [frames[0][7:], *frames[1:4]]  # cut off at the beginning, then three whole frames
        chunks = [Chunk(number * 0.5, piece) for number, piece in enumerate(pieces)]
        seconds = []
        for _ in range(3):
            start = time.thread_time()
            found = recognise_framing(chunks)
            assert found is not None, name
            recognition = recognise([*found.frames])
            seconds.append(time.thread_time() - start)
            assert recognition is not None or found.has_check, name
        claims.append(
            Claim(
                f"seconds to recognise {name} from three whole frames, peer 2 s",
                ours=statistics.median(seconds),
                peer=2.0,
                target=1.0,
                better="lower",
                unit="s",
            )
        )
    return claims


type Work = Callable[[], Awaitable[int]]


async def _in_turns(ours: Work, theirs: Work) -> tuple[tuple[float, int], tuple[float, int]]:
    """Return the median CPU seconds of both, and what they returned."""
    seconds: tuple[list[float], list[float]] = ([], [])
    results = [0, 0]
    for _ in range(_ROUNDS):
        for side, work in enumerate((ours, theirs)):
            gc.collect()
            cpu = loop_time()
            results[side] = await work()
            seconds[side].append(loop_time() - cpu)
    return (statistics.median(seconds[0]), results[0]), (statistics.median(seconds[1]), results[1])
