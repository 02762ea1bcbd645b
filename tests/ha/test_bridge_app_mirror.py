"""A bridge app is copied to MQTT when asked for, takes no commands from there, and leaves nothing behind."""

import asyncio
import json
from pathlib import Path

import aiomqtt
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.mqtt.outbox import MAX_EVENTS
from tests.mosquitto import Mosquitto

from .apps import VALVE, app_entry, device_id, write_app
from .links import set_up, until, until_state
from .test_mqtt_mirror import heard, retained


async def copied_garden(hass: HomeAssistant, broker: Mosquitto, folder: Path) -> MockConfigEntry:
    """Run an app that is copied to a broker."""
    hass.config.config_dir = str(folder)
    write_app(hass, "garden", VALVE.replace('App("garden")', 'App("garden")\n    app.discovery()'))
    mirror = {"kind": "broker", "host": broker.host, "port": broker.port, "prefix": "house/garden"}
    entry = app_entry("garden", mirror=mirror)
    await set_up(hass, entry)
    return entry


async def test_states_and_availability_are_copied(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with heard(mosquitto) as messages:
        entry = await copied_garden(hass, mosquitto, tmp_path)
        await until(lambda: messages.get("house/garden/valve/availability") == "online")
        data = {"device_id": device_id(hass, entry, "valve"), "command": "open"}
        await hass.services.async_call("fieldbridge", "send_command", data, blocking=True)

        await until(lambda: "house/garden/valve/state" in messages)
        assert json.loads(messages["house/garden/valve/state"]) == {"position": "open"}
        await hass.config_entries.async_unload(entry.entry_id)
        await until(lambda: messages["house/garden/valve/availability"] == "offline")
        # The devices are in Home Assistant already: they are not offered to it a second time.
        assert not [topic for topic in messages if topic.startswith("homeassistant/")]


async def test_nobody_commands_through_the_copy(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with heard(mosquitto) as messages, aiomqtt.Client(mosquitto.host, mosquitto.port) as stranger:
        entry = await copied_garden(hass, mosquitto, tmp_path)
        await until(lambda: messages.get("house/garden/valve/availability") == "online")
        await stranger.publish("house/garden/valve/set", "open", qos=1)
        await asyncio.sleep(0.2)  # what must not come cannot be waited for
        assert hass.states.get("sensor.valve_position") is None

        data = {"device_id": device_id(hass, entry, "valve"), "command": "half"}
        await hass.services.async_call("fieldbridge", "send_command", data, blocking=True)
        await until_state(hass, "sensor.valve_position", "half")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_removed_app_leaves_nothing_retained(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    entry = await copied_garden(hass, mosquitto, tmp_path)
    async with heard(mosquitto) as messages:
        await until(lambda: messages.get("house/garden/pump/availability") == "online")

    await hass.config_entries.async_remove(entry.entry_id)

    assert await retained(mosquitto) == {}


async def test_an_app_that_is_copied_no_more_leaves_nothing_retained(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    entry = await copied_garden(hass, mosquitto, tmp_path)
    async with heard(mosquitto) as messages:
        await until(lambda: messages.get("house/garden/pump/availability") == "online")

        hass.config_entries.async_update_entry(entry, options={**entry.options, "mirror": {"kind": "none"}})
        await until(lambda: not any(payload for topic, payload in messages.items() if topic.startswith("house/")))

    assert await retained(mosquitto) == {}


async def test_an_app_that_was_tried_several_times_is_copied_too(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path)
    write_app(
        hass,
        "garden",
        """
        from pathlib import Path

        from fieldbridge import App


        class Port:
            async def __aenter__(self) -> "Port":
                with (Path(__file__).parent / "tries").open("a") as tries:
                    tries.write("x")
                if not (Path(__file__).parent / "plugged").exists():
                    raise OSError("nothing is plugged in")
                return self

            async def __aexit__(self, *_: object) -> None:
                pass


        app = App("garden", adapters={Port: Port})


        @app.telemetry("roof", interval=1)
        async def roof(port: Port) -> dict[str, object]:
            return {"temperature": 20.5}
        """,
    )
    mirror = {"kind": "broker", "host": mosquitto.host, "port": mosquitto.port, "prefix": "house/garden"}
    entry = app_entry("garden", mirror=mirror)
    await set_up(hass, entry)
    folder = tmp_path / "fieldbridge" / "apps"
    await until(lambda: len((folder / "tries").read_text()) >= 2)
    (folder / "plugged").touch()

    async with heard(mosquitto) as messages:
        await until(lambda: "house/garden/roof/state" in messages)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_what_the_copy_lost_is_counted(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    mosquitto.stop()
    entry = await copied_garden(hass, mosquitto, tmp_path)
    link = entry.runtime_data.link
    await until(lambda: link.is_up)

    for number in range(MAX_EVENTS + 5):
        await link.publish(f"{link.prefix}/pump/ring", str(number))

    assert link.statistics()["dropped"] == 5
    await hass.config_entries.async_unload(entry.entry_id)
