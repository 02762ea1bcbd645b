"""An app on a machine of its own, seen by a real Home Assistant process through its MQTT integration."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
from pathlib import Path
import sys
from typing import Any

import pytest

from custom_components.fieldbridge import bridge
from demo.home import Home
from tests.mosquitto import Mosquitto

pytestmark = pytest.mark.timeout(240)

APP = """
from fieldbridge import App
from fieldbridge.controls import SwitchControl, controls

app = App("garden", "1.2.3")
app.discovery()
is_open = False


@app.telemetry("valve", interval=0.2)
async def read() -> dict[str, object]:
    return {"pressure": 3.5, "open": is_open}


@app.command("valve")
@controls(SwitchControl("Flow", on="OPEN", off="CLOSE", state="open"))
async def move(payload: str) -> dict[str, object]:
    global is_open
    is_open = payload == "OPEN"
    return {"pressure": 3.5, "open": is_open}
"""


@pytest.fixture
def edge(tmp_path: Path) -> Path:
    """The folder of the app on its machine, where the bridge can be imported."""
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "fieldbridge").symlink_to(Path(str(bridge.__file__)).parent)
    (tmp_path / "edge" / "garden.py").write_text(APP)
    return tmp_path / "edge"


@asynccontextmanager
async def running_app(folder: Path, broker: Mosquitto) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the app as ``fieldbridge run`` does on another machine; it is killed at the end."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment |= {"MQTT__HOST": broker.host, "MQTT__PORT": str(broker.port)}
    command = [sys.executable, "-m", "fieldbridge", "run", "garden.py"]
    app = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment)
    try:
        yield app
    finally:
        if app.returncode is None:
            app.kill()
        await app.wait()


async def _until(home: Home, states: dict[str, str]) -> None:
    """Wait until entities have these states."""

    async def seen() -> dict[str, Any]:
        return {each["entity_id"]: each["state"] for each in await home.client.get("/api/states")}

    shown: dict[str, Any] = {}
    try:
        async with asyncio.timeout(40):
            while not states.items() <= shown.items():
                await asyncio.sleep(0.1)
                shown = await seen()
    except TimeoutError:
        found = {entity_id: shown.get(entity_id) for entity_id in states}
        raise AssertionError(f"{found} is not {states}\n{home.hass.log_tail()}") from None


async def test_an_apps_entities_live_and_die_with_it_and_take_commands(
    home: Home, mosquitto: Mosquitto, edge: Path
) -> None:
    # As the frontend sends it: a section has the values of all of its fields.
    section = {"set_client_cert": False, "set_ca_cert": "off"}
    broker = {"broker": mosquitto.host, "port": mosquitto.port, "protocol": "5", "other_settings": section}
    await home.client.add_entry("mqtt", {"broker": broker})

    async with running_app(edge, mosquitto) as app:
        await _until(home, {"sensor.valve_pressure": "3.5", "switch.valve_flow": "off"})
        await _until(home, {"binary_sensor.garden_running": "on"})

        target = {"entity_id": "switch.valve_flow"}
        await home.client.request("POST", "/api/services/switch/turn_on", target)
        await _until(home, {"switch.valve_flow": "on"})

        # No goodbye: it is the broker that tells.
        app.kill()
        await app.wait()
        await _until(home, {"sensor.valve_pressure": "unavailable", "switch.valve_flow": "unavailable"})
        await _until(home, {"binary_sensor.garden_running": "off"})

    async with running_app(edge, mosquitto):
        await _until(home, {"sensor.valve_pressure": "3.5", "switch.valve_flow": "off"})
    devices = {device["name"]: device for device in await home.client.command("config/device_registry/list")}
    assert devices["Valve"]["via_device_id"] == devices["garden"]["id"]
    assert devices["Valve"]["sw_version"] == "1.2.3"
