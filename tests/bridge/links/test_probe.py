"""A look at a link: what it sends is captured for a while, and the port is always given back."""

import asyncio
from collections.abc import Callable

import pytest

from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.links.probe import LinkProbe
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport
from demo.pty_link import PtyLink


def probe_of(link: PtyLink) -> LinkProbe:
    return LinkProbe(SerialTransport(SerialSettings(url=str(link.path)), DelimiterFramer()))


async def until(condition: Callable[[], object]) -> None:
    """Wait until ``condition`` holds; a real port answers in its own time."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("not within 5 s")


async def test_the_last_frames_and_bytes_are_kept_and_all_are_counted(pty_link: PtyLink) -> None:
    probe = probe_of(pty_link)
    await probe.open()
    await asyncio.sleep(0.1)  # longer than the pause that tells a whole first frame from a cut one
    data = b"".join(b"%020d\n" % number for number in range(50))
    pty_link.write(data)
    await until(lambda: probe.capture.byte_count == len(data))

    assert probe.capture.frame_count == 50
    assert list(probe.capture.frames) == [b"%020d" % number for number in range(30, 50)]
    assert data.endswith(probe.capture.tail)
    assert len(probe.capture.tail) == 256
    await probe.close()


async def test_a_lost_port_is_remembered_with_its_reason(pty_link: PtyLink) -> None:
    probe = probe_of(pty_link)
    await probe.open()
    pty_link.unplug()
    await until(lambda: probe.lost)

    assert str(pty_link.path) in str(probe.lost)
    await probe.close()


async def test_a_port_that_opens_after_everybody_left_is_closed_again(pty_link: PtyLink) -> None:
    probe = probe_of(pty_link)
    opening = asyncio.create_task(probe.open())
    await asyncio.sleep(0)
    await probe.close()

    with pytest.raises(LinkError, match="closed while"):
        await opening

    second = probe_of(pty_link)
    await second.open()
    await second.close()
