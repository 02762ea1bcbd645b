"""Whatever comes, for however long: framers, decoders and sessions hold no more memory than after the first minute."""

from collections.abc import Iterator
import random
import tracemalloc
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict

from .framings import EXAMPLES
from .test_every_decoder import FORMS, SOURCES

CHUNKS = 400
ROOM = 48 * 1024
"""Bytes: a framer may hold the beginning of a frame of 4 KiB, and hold it in two pieces for a moment."""


def noise(seed: str, count: int) -> Iterator[bytes]:
    """Yield chunks of frames of all kinds, of what looks like frames, and of anything."""
    generator = random.Random(seed)  # noqa: S311
    texts = [
        b'{"a": {"b": 1}, "n": 2}\n',
        b"T21,5 H40\r\n",
        b"1-0:1.8.1(000123.4*kWh)\r\n",
        b"$GPGGA,1*47\r\n",
        b"\x01\x02",
    ]
    for _ in range(count):
        match generator.randrange(4):
            case 0:
                yield generator.randbytes(generator.randrange(300))
            case 1:
                yield EXAMPLES[generator.choice(sorted(EXAMPLES))].line(generator.randbytes(16))
            case 2:
                yield generator.choice(texts) * 5
            case _:
                yield bytes([generator.randrange(256)]) * 700


def growth(take: Any, seed: str) -> int:
    """Return the bytes that ``take`` holds more after many chunks than after some."""
    for chunk in noise(seed, CHUNKS):
        take(chunk)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for chunk in noise(seed + "more", 4 * CHUNKS):
            take(chunk)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_framer_holds_one_frame_at_most(kind: str) -> None:
    framer = framer_from_dict(EXAMPLES[kind].form)

    assert growth(framer.feed, kind) < ROOM


@pytest.mark.parametrize("kind", FORMS)
def test_a_session_forgets_the_frames_that_it_has_seen(kind: str) -> None:
    decoder = FORMS[kind]
    channels = []
    for number, source in enumerate(SOURCES):
        try:
            DeviceProfile.from_dict(
                {"schema_version": 1, "decoder": decoder, "channels": [{"key": "x", "name": "X", "source": source}]}
            )
        except ValueError:
            continue
        channels.append({"key": f"c{number}", "name": "C", "source": source})
    session = DeviceSession(DeviceProfile.from_dict({"schema_version": 1, "decoder": decoder, "channels": channels}))

    assert growth(lambda data: session.accept([Frame(1.0, data)]), kind) < ROOM
    assert session.counters.decoded + session.counters.rejected.total() == 5 * CHUNKS
