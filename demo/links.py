"""The demo's devices: a gas analyser on a serial port, replayed from a recording, and simulated signals."""

import asyncio
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from .client import HassClient
from .pty_link import PtyLink

DOMAIN = "fieldbridge"
RECORDING = Path(__file__).parent / "gas-analyser-5ch.bin"
FRAME_INTERVAL = 2.0
"""Seconds between two frames of the recorded device."""

GAS_ANALYSER, SIMULATED = "Gas analyser", "Simulated signals"


@dataclass(frozen=True)
class Link:
    """One link that the demo creates, with what a person would type into the config flow."""

    name: str
    answers: dict[str, dict[str, Any]]


def demo_links(port: Path) -> tuple[Link, ...]:
    """Return the links of the demo; ``port`` is the serial port of the gas analyser."""
    return (
        Link(GAS_ANALYSER, {"user": {"next_step_id": "serial"}, "serial": {"device": str(port)}}),
        Link(SIMULATED, {"user": {"next_step_id": "simulated"}}),
    )


async def replay(port: PtyLink, interval: float = FRAME_INTERVAL) -> None:
    """Send the recorded frames for ever, one every ``interval`` seconds."""
    frames = RECORDING.read_bytes().splitlines(keepends=True)
    while True:
        for frame in frames:
            port.write(frame)
            await asyncio.sleep(interval)


async def create_link(client: HassClient, link: Link) -> str:
    """Create the config entry of a link, name its device as the frontend asks afterwards, and return its id."""
    entry_id = await client.add_entry(DOMAIN, link.answers)
    await client.command("config_entries/update", entry_id=entry_id, title=link.name)
    for device in await client.command("config/device_registry/list"):
        if device["config_entries"] == [entry_id] and device["entry_type"] != "service":
            await client.command("config/device_registry/update", device_id=device["id"], name_by_user=link.name)
    return entry_id


class CreatedLinks:
    """Remembers over restarts which links were created; one that the user deleted stays deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, name: str, entry_id: str) -> None:
        """Remember the entry of a link."""
        self.entries[name] = entry_id
        self._path.write_text(json.dumps(self.entries))
