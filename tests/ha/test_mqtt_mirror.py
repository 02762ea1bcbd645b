"""The MQTT mirror of a link, on a real broker: through a connection of its own and through Home Assistant's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
from typing import Any

import aiomqtt
from demo.pty_link import PtyLink
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import instance_id
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.mosquitto import Mosquitto

from .links import ROOM, device, serial_entry, set_up, until, until_state

LINE = b'{"temp": 21.4, "door": false, "mode": "auto"}\n'


@asynccontextmanager
async def heard(broker: Mosquitto) -> AsyncIterator[dict[str, str]]:
    """Collect the last payload of every topic that a subscriber sees."""
    messages: dict[str, str] = {}

    async def collect(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            messages[str(message.topic)] = bytes(message.payload).decode()

    async with aiomqtt.Client(broker.host, broker.port, username=broker.user, password=broker.password) as client:
        await client.subscribe("#")
        collecting = asyncio.create_task(collect(client))
        try:
            yield messages
        finally:
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)


async def retained(broker: Mosquitto) -> dict[str, str]:
    """Return what the broker keeps."""
    async with heard(broker) as messages:
        await asyncio.sleep(0.3)  # the broker sends what it keeps at once; nothing tells that it was all
        return {topic: payload for topic, payload in messages.items() if not topic.startswith("$SYS")}


def mirrored(pty: PtyLink, **mirror: Any) -> MockConfigEntry:
    """Return the entry of a link with one device and a mirror."""
    return serial_entry(pty.path, device("Living room", ROOM), mirror=mirror)


async def talk(hass: HomeAssistant, pty: PtyLink) -> None:
    """Let the device send one line over the open port."""
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty.write(b"\n" + LINE)
    await until_state(hass, "sensor.living_room_temperature", "21.4")


async def test_state_availability_and_status_on_a_broker_of_the_user(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    entry = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port)
    prefix = f"fieldbridge_{(await instance_id.async_get(hass))[:8]}/lab_port"
    async with heard(mosquitto) as messages:
        await set_up(hass, entry)
        await until(lambda: messages.get(f"{prefix}/living_room/availability") == "offline")
        await talk(hass, pty_link)

        await until(lambda: messages.get(f"{prefix}/living_room/availability") == "online")
        await until(lambda: f"{prefix}/living_room/state" in messages)
        assert json.loads(messages[f"{prefix}/living_room/state"]) == {"temp": 21.4, "door": False, "mode": "auto"}
        assert json.loads(messages[f"{prefix}/status"])["status"] == "online"

        pty_link.unplug()
        await until(lambda: messages.get(f"{prefix}/living_room/availability") == "offline")

        await hass.config_entries.async_unload(entry.entry_id)
        await until(lambda: messages.get(f"{prefix}/status") == "offline")


async def test_a_broker_outage_loses_no_state(hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto) -> None:
    await set_up(hass, mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port, prefix="lab"))
    await talk(hass, pty_link)
    mosquitto.stop()
    pty_link.write(b'{"temp": 25.5, "door": true, "mode": "away"}\n')
    await until_state(hass, "sensor.living_room_mode", "away")

    mosquitto.start()

    async with heard(mosquitto) as messages:
        await until(lambda: "25.5" in messages.get("lab/living_room/state", ""), seconds=20)


async def test_nobody_can_command_through_the_mirror(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    await set_up(hass, mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port, prefix="lab"))
    await talk(hass, pty_link)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.subscribe("$SYS/broker/subscriptions/count")
        async for message in client.messages:
            # our own subscription is the only one
            assert bytes(message.payload) in (b"0", b"1")
            break


async def test_a_refused_password_starts_reauthentication(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    entry = mirrored(
        pty_link, kind="broker", host=broker.host, port=broker.port, username=broker.user, password="wrong"
    )
    await set_up(hass, entry)

    await until(lambda: any(entry.async_get_active_flows(hass, {SOURCE_REAUTH})))

    assert entry.state is ConfigEntryState.LOADED
    await talk(hass, pty_link)


async def test_removal_takes_retained_topics_back(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    entry = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port, prefix="lab")
    await set_up(hass, entry)
    await talk(hass, pty_link)
    async with heard(mosquitto) as messages:
        await until(lambda: "lab/living_room/state" in messages)

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()

    assert await retained(mosquitto) == {}


async def test_a_removed_device_takes_its_topics_back(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    entry = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port, prefix="lab")
    await set_up(hass, entry)
    await talk(hass, pty_link)
    async with heard(mosquitto) as messages:
        await until(lambda: "lab/living_room/state" in messages)

        hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
        await hass.async_block_till_done()

        await until(lambda: messages["lab/living_room/state"] == "")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_through_home_assistants_own_client_nothing_says_online_for_ever(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "configuration.yaml").touch()  # the mqtt integration reads it
    hass.config.config_dir = str(tmp_path)
    broker = MockConfigEntry(
        domain="mqtt",
        version=2,
        data={"broker": mosquitto.host, "port": mosquitto.port, "protocol": protocol, "discovery": False},
    )
    await set_up(hass, broker)
    async with heard(mosquitto) as messages:
        await set_up(hass, mirrored(pty_link, kind="home_assistant", prefix="lab"))
        await talk(hass, pty_link)
        await until(lambda: messages.get("lab/living_room/availability") == "online")
        await until(lambda: "lab/living_room/state" in messages)

    kept = await retained(mosquitto)
    assert "lab/living_room/state" in kept
    assert ("lab/living_room/availability" in kept) is (protocol == "5"), "MQTT 3.1.1 knows no expiry"
