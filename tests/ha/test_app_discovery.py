"""An app that runs elsewhere, seen by Home Assistant's own MQTT integration."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.app import App
from custom_components.fieldbridge.bridge.controls import SwitchControl, controls
from custom_components.fieldbridge.bridge.schema import temperature
from custom_components.fieldbridge.bridge.settings import MqttSettings, Settings
from tests.mosquitto import Mosquitto

from .links import set_up, until, until_state


@dataclass
class Roof:
    air: float = field(metadata=temperature("Air"))
    open: bool = False


async def test_an_apps_devices_appear_can_be_commanded_and_go_offline_with_it(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path)
    (tmp_path / "configuration.yaml").touch()  # the mqtt integration reads it
    app, stop = App("house", "1.2.3"), asyncio.Event()
    app.discovery()
    is_open = False

    @app.telemetry("roof", interval=0.2, state_model=Roof)
    async def read() -> dict[str, object]:
        return {"air": 21.5, "open": is_open}

    @app.command("roof")
    @controls(SwitchControl("Open it", on="OPEN", off="CLOSE", state="open"))
    async def move(payload: str) -> dict[str, object]:
        nonlocal is_open
        is_open = payload == "OPEN"
        return {"air": 21.5, "open": is_open}

    settings = Settings.from_values(mqtt=MqttSettings(host=mosquitto.host, port=mosquitto.port))
    running = asyncio.create_task(app.run_async(settings=settings, shutdown_event=stop, embedded=True))
    broker = {"broker": mosquitto.host, "port": mosquitto.port, "protocol": "5", "discovery": True}
    entry = MockConfigEntry(domain="mqtt", version=2, data=broker)
    await set_up(hass, entry)
    await until_state(hass, "sensor.roof_air", "21.5")
    await until_state(hass, "binary_sensor.house_running", "on")
    devices = {device.name: device for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)}
    assert devices["Roof"].via_device_id == devices["house"].id

    await hass.services.async_call("switch", "turn_on", {"entity_id": "switch.roof_open_it"}, blocking=True)
    await until(lambda: is_open)
    await until_state(hass, "binary_sensor.roof_open", "on")

    stop.set()
    await running
    await until_state(hass, "sensor.roof_air", "unavailable")
    await until_state(hass, "binary_sensor.house_running", "off")
