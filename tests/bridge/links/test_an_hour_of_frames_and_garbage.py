"""An hour of two devices on a bad line, from a seed: in the end every frame, loss and silence is counted exactly."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
import random

from custom_components.fieldbridge.bridge.codecs.frame_check import FrameCheck
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport
from demo.pty_link import PtyLink

from ..transports.listener import send
from .running import PATIENCE, RunningLink, profile_of

HOUR = 3600
STEP = 10
"""Seconds."""
UNPLUGGED = 1800
"""Second before which the adapter is pulled out and put in again."""
SILENT = range(2400, 2700)
"""Seconds in which B is switched off."""
LONGEST = 80
LIMITED = {"key": "x", "name": "X", "source": "1", "maximum": 100}
CRC = FrameCheck(algorithm="crc-16/modbus", encoding="hex", skip=1, strip=True)


def line(body: bytes) -> bytes:
    """Return a line with its check."""
    return body + b"*" + CRC.signed(body) + b"\n"


@dataclass
class Hour:
    """What came in every ten seconds, and what it has to be counted as."""

    parts: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def hour(seed: int) -> Hour:
    """Return an hour: all the time some lines of A and B, of others, damaged ones and garbage in any order."""
    generator = random.Random(seed)  # noqa: S311
    result = Hour()
    counts = result.counts
    for start in range(0, HOUR, STEP):
        pieces = [_piece(generator, start + number // 3, counts) for number in range(3 * STEP)]
        result.parts.append(b"".join(pieces))
    return result


def _piece(generator: random.Random, second: int, counts: Counter[str]) -> bytes:  # noqa: PLR0911 - one per case
    name = generator.choice("AB")
    good = line(b"%b;%d" % (name.encode(), generator.randrange(100)))
    match generator.randrange(10):
        case 0:  # a bit is turned over
            counts["checksum"] += 1
            at = generator.choice([place for place in range(len(good) - 1) if good[place] != ord("*")])
            return good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :]
        case 1:  # the beginning is lost
            counts["checksum"] += 1
            return good[generator.randrange(1, len(good) - 1) :]
        case 2:  # noise runs into a frame
            counts["checksum"] += 1
            return generator.randbytes(20).replace(b"\n", b"\0") + good
        case 3:  # noise without an end
            counts["overlong"] += 1
            return generator.randbytes(LONGEST * 2).replace(b"\n", b"\0") + b"\n"
        case 4:  # somebody else's
            counts["of nobody"] += 1
            return line(b"C;1")
        case 5:  # the check holds, but this is no text
            counts["encoding"] += 1
            return line(b"A;\xff")
        case 6:  # no number
            counts["unreadable"] += 1
            counts["A"] += 1
            return line(b"A;----")
        case 7:  # a number that cannot be
            counts["implausible"] += 1
            counts["A"] += 1
            return line(b"A;999")
        case _ if name == "B" and second in SILENT:
            return b"\n"
        case _:
            counts[name] += 1
            return good


async def test_a_recorded_hour_of_mixed_garbage_and_frames_ends_with_exact_counts(pty_link: PtyLink) -> None:
    asyncio.get_running_loop().set_debug(False)  # it doubles the time, and many short turns are what happens here
    recorded = hour(seed=7)
    counts = recorded.counts
    clock = ManualClock()
    framer = framer_from_dict({"kind": "line", "max_length": LONGEST, "check": CRC.to_dict()})
    port = SerialTransport(SerialSettings(url=str(pty_link.path)), framer, clock=clock)
    link = RunningLink(port, clock)
    a, b = link.set_device("a", profile_of("A", channels=[LIMITED])), link.set_device("b", profile_of("B"))
    available: list[bool] = []
    b.on_availability(lambda: available.append(b.available))
    sent = 0

    async def arrive(data: bytes) -> None:
        nonlocal sent
        await send(pty_link, data)
        sent += len(data)
        async with asyncio.timeout(PATIENCE):
            while port.counters.bytes_received < sent:  # noqa: ASYNC110 - bytes without a frame tell nobody
                await asyncio.sleep(0)

    async with link.running():
        await link.until_state("up")
        await arrive(b"the rest of a line\n")
        for step, data in enumerate(recorded.parts):
            if step * STEP == UNPLUGGED:
                pty_link.unplug()
                await link.until_state("down")
                pty_link.plug()
                while link.status.state != "up":
                    await clock.advance(1.0)
                await clock.advance(0.1)
            await arrive(data)
            await clock.advance(STEP)
        statistics, seen = link.statistics(), available.copy()

    frames = counts["A"] + counts["B"] + counts["of nobody"] + counts["encoding"]
    assert {name: statistics[name] for name in ("frames", "checksum", "overlong", "partial", "reconnects")} == {
        "frames": frames,
        "checksum": counts["checksum"],
        "overlong": counts["overlong"],
        "partial": 1,
        "reconnects": 1,
    }
    assert (statistics["rejected"], statistics["dropped"], statistics["bytes_received"]) == (
        counts["encoding"],
        0,
        sent,
    )
    assert (a.counters.decoded, b.counters.decoded) == (counts["A"], counts["B"])
    assert a.counters.not_ours == counts["B"] + counts["of nobody"]
    assert b.counters.not_ours == counts["A"] + counts["of nobody"]
    assert (a.counters.unreadable, a.counters.implausible) == (
        {"x": counts["unreadable"]},
        {"x": counts["implausible"]},
    )
    # There, gone with the adapter and back, gone while it was switched off and back.
    assert seen == [True, False, True, False, True]
