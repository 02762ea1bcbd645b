"""Fieldbridge in a real Home Assistant process, driven by its API alone, as the frontend does."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import time
from typing import Any

import pytest

from demo.check import is_oxygen, wait_alive
from demo.home import Home, create_links, running_home
from demo.links import DOMAIN, GAS_ANALYSER
from demo.process import free_port

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
    return bool(states) and all(state["state"] == "unavailable" for state in states.values())


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


async def test_a_second_start_finds_the_devices_of_the_first(loopback_sockets: None, tmp_path: Path) -> None:
    async with running_home(tmp_path, free_port(), frame_interval=0.2) as home:
        first = (await create_links(home)).entries
        states = await wait_alive(home.client, first, timeout=40)

    async with running_home(tmp_path, free_port(), frame_interval=0.2) as home:
        assert (await create_links(home)).entries == first
        assert set(first.values()) == await home.client.entry_ids(DOMAIN)
        assert (await wait_alive(home.client, first, timeout=40)).keys() == states.keys()
        assert GAS_ANALYSER in first
