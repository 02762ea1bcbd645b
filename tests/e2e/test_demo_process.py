"""Fieldbridge in a real Home Assistant process, driven by its API alone, as the frontend does."""

import asyncio
from collections.abc import AsyncIterator, Callable
import json
from pathlib import Path
import signal
import socket
import sys
import time
from typing import Any

import pytest

from demo.check import is_oxygen, wait_alive
from demo.home import Home, create_links, running_home
from demo.links import DOMAIN
from demo.process import ROOT, free_port

type States = dict[str, dict[str, Any]]

# Home Assistant itself takes 5 to 30 seconds to start, depending on the machine.
pytestmark = pytest.mark.timeout(240)


async def _wait_for(home: Home, entry_id: str, condition: Callable[[States], bool], limit: float = 40) -> States:
    """Return the states of the entry once they meet the condition."""
    deadline = time.monotonic() + limit
    while not condition(states := await home.client.states(entry_id)):
        assert time.monotonic() < deadline, f"{states}\n{home.hass.log_tail()}"
        await asyncio.sleep(0.1)
    return states


def _alive(states: States) -> bool:
    return any(is_oxygen(state) for state in states.values())


def _unavailable(states: States) -> bool:
    """Whether no value is shown; a recording can be begun without the device."""
    values = [state["state"] for entity_id, state in states.items() if not entity_id.startswith("switch.")]
    return bool(values) and set(values) == {"unavailable"}


async def _left_behind(home: Home) -> list[Any]:
    """Return what Home Assistant still knows of the integration."""
    entities = await home.client.command("config/entity_registry/list")
    devices = await home.client.command("config/device_registry/list")
    return [entity["entity_id"] for entity in entities if entity["platform"] == DOMAIN] + [
        device["name"] for device in devices if any(domain == DOMAIN for domain, *_ in device["identifiers"])
    ]


async def test_a_serial_link_lives_through_reload_unplugging_and_removal(home: Home) -> None:
    answers = {"user": {"next_step_id": "serial"}, "serial": {"device": str(home.serial_port.path)}}
    entry_id = await home.client.add_entry(DOMAIN, answers)
    first = await _wait_for(home, entry_id, _alive)

    await home.client.reload_entry(entry_id)
    assert (await _wait_for(home, entry_id, _alive)).keys() == first.keys()

    home.serial_port.unplug()
    await _wait_for(home, entry_id, _unavailable)

    home.serial_port.plug()
    await _wait_for(home, entry_id, _alive)

    assert await _left_behind(home)
    await home.client.remove_entry(entry_id)
    assert await _left_behind(home) == []
    assert not set(first) & {state["entity_id"] for state in await home.client.get("/api/states")}


async def test_ctrl_c_stops_everything_and_the_next_start_finds_its_devices(
    loopback_sockets: None, tmp_path: Path
) -> None:
    state, port = tmp_path / "state", free_port()
    command = [sys.executable, "-m", "demo", "--state", str(state), "--port", str(port)]
    demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert demo.stdout is not None
    seen = [line.decode() async for line in _until(demo.stdout, b"Ctrl-C")]
    assert f"http://127.0.0.1:{port}" in "".join(seen)

    demo.send_signal(signal.SIGINT)
    await demo.communicate()

    assert demo.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))

    async with running_home(state, free_port(), frame_interval=0.2) as home:
        first = json.loads((state / "links.json").read_text())
        assert (await create_links(home)).entries == first
        assert set(first.values()) == await home.client.entry_ids(DOMAIN)
        await wait_alive(home.client, first, timeout=40)


async def _until(stream: asyncio.StreamReader, last: bytes) -> AsyncIterator[bytes]:
    """Yield lines up to the one that contains ``last``."""
    async for line in stream:
        yield line
        if last in line:
            return
