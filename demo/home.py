"""What the demo and the end-to-end tests share: a running Home Assistant with the demo's serial port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
import time

from .client import HassClient
from .links import FRAME_INTERVAL, CreatedLinks, create_link, demo_links, replay
from .process import Hass
from .pty_link import PtyLink

_STARTED = time.monotonic()


def say(text: str) -> None:
    """Print a line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - _STARTED:3.0f}s] {text}", flush=True)


@dataclass(frozen=True)
class Home:
    """A running Home Assistant, a client with the owner's rights, and the port that replays the gas analyser."""

    hass: Hass
    client: HassClient
    serial_port: PtyLink


@asynccontextmanager
async def running_home(
    state: Path,
    port: int,
    host: str = "127.0.0.1",
    *,
    frame_interval: float = FRAME_INTERVAL,
    probe: bool = False,
) -> AsyncIterator[Home]:
    """Run Home Assistant in the folder ``state`` (see Hass.prepare for ``probe``); everything ends with the context."""
    hass = Hass(state, port, host)
    hass.prepare(probe=probe)
    with closing(PtyLink(state / "gas-analyser")) as serial_port:
        replaying = asyncio.create_task(replay(serial_port, frame_interval))
        try:
            say("starting Home Assistant")
            await hass.start()
            async with hass.client() as client:
                await hass.wait_running(client)
                say("Home Assistant is running")
                yield Home(hass, client, serial_port)
        finally:
            replaying.cancel()
            say("stopping Home Assistant")
            await hass.stop()


async def create_links(home: Home) -> CreatedLinks:
    """Create those links of the demo that were never created before in this folder."""
    created = CreatedLinks(home.hass.state / "links.json")
    for link in demo_links(home.serial_port.path):
        if link.name not in created.entries:
            say(f"adding the link '{link.name}' through the config flow")
            created.add(link.name, await create_link(home.client, link))
    return created
