"""A hub of the Modbus YAML continues as a Fieldbridge link in a real Home Assistant: entity ids and history stay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.modbus import Table
from custom_components.fieldbridge.const import DOMAIN
from demo.client import FLOW, HassClient
from demo.process import Hass, free_port
from tests.bridge.links.modbus_bus import Bus, tcp_server

pytestmark = pytest.mark.timeout(240)

HUB = """
modbus:
  - name: plant
    type: tcp
    host: 127.0.0.1
    port: {port}
    sensors:
      - {{name: Voltage, unique_id: v1, slave: 1, address: 100, scale: 0.1, precision: 1, scan_interval: 1}}
      - {{name: Plain Count, slave: 1, address: 7, scan_interval: 1}}
"""
OLD = ["sensor.voltage", "sensor.plain_count"]


@pytest.fixture
async def bus(loopback_sockets: None) -> AsyncIterator[tuple[Bus, int]]:
    """A device, and the port at which it answers."""
    device = Bus(1)
    device.units[1].tables[Table.HOLDING] = {100: 2301, 7: 42}
    async with tcp_server(device) as port:
        yield device, port


async def until[T](read: Callable[[], Any], condition: Callable[[Any], T]) -> T:
    """Return what ``condition`` makes of what was read, once it is something."""
    async with asyncio.timeout(60):
        while not (found := condition(await read())):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.2)
        return found


async def states(client: HassClient) -> dict[str, str]:
    return {each["entity_id"]: each["state"] for each in await client.get("/api/states")}


async def platforms(client: HassClient) -> dict[str, str]:
    return {each["entity_id"]: each["platform"] for each in await client.command("config/entity_registry/list")}


async def plan(client: HassClient) -> None:
    """Go through the dry run."""
    step = await client.request("POST", FLOW, {"handler": DOMAIN})
    path = f"{FLOW}/{step['flow_id']}"
    for choice in ("modbus_yaml", "modbus_yaml_running"):
        step = await client.request("POST", path, {"next_step_id": choice})
    assert "sensor.voltage → plant, v1" in step["description_placeholders"]["entities"]
    assert (await client.request("POST", path, {}))["type"] == "create_entry"


async def submit_repair(client: HassClient) -> None:
    """Submit the repair that tells to remove the hub."""
    issues = (await client.command("repairs/list_issues"))["issues"]
    issue_id = next(issue["issue_id"] for issue in issues if issue["issue_id"].startswith("migration_"))
    path = "/api/repairs/issues/fix"
    step = await client.request("POST", path, {"handler": DOMAIN, "issue_id": issue_id})
    assert (await client.request("POST", f"{path}/{step['flow_id']}", {}))["type"] == "create_entry"


async def test_entity_ids_and_history_continue_over_the_take_over_and_a_restart(
    tmp_path: Path, bus: tuple[Bus, int]
) -> None:
    device, port = bus
    hass = Hass(tmp_path / "state", free_port())
    hass.prepare()
    configuration = hass.config / "configuration.yaml"
    without = configuration.read_text()
    configuration.write_text(without + HUB.format(port=port))
    await hass.start()
    try:
        async with hass.client() as client:
            await hass.wait_running(client)
            await until(lambda: states(client), lambda found: found.get("sensor.voltage") == "230.1")
            await plan(client)
            assert (await platforms(client))["sensor.voltage"] == "modbus"

            configuration.write_text(without)
            device.units[1].tables[Table.HOLDING][100] = 2405
            await submit_repair(client)
            await until(lambda: states(client), lambda found: found.get("sensor.voltage") == "240.5")
            await until(lambda: states(client), lambda found: found.get("sensor.plain_count") == "42")
            found = await platforms(client)
            assert [found[entity_id] for entity_id in OLD] == [DOMAIN] * 2

            path = "/api/history/period?filter_entity_id=sensor.voltage&minimal_response"
            shown = await until(
                lambda: client.get(path),
                lambda history: [each["state"] for each in history[0] if each["state"][0].isdigit()],
            )
            assert shown[0] == "230.1"
            assert shown[-1] == "240.5"
        await hass.stop()
        await hass.start()
        async with hass.client() as client:
            await hass.wait_running(client)
            await until(lambda: states(client), lambda found: found.get("sensor.voltage") == "240.5")
            assert not [entity_id for entity_id in await platforms(client) if entity_id.endswith("_2")]
    finally:
        await hass.stop()
