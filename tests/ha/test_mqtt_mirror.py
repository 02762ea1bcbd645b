"""The MQTT mirror of a link, on a real broker: through a connection of its own and through Home Assistant's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
from typing import Any

import aiomqtt
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import instance_id
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.mqtt_mirror import HomeAssistantMqtt, async_mirror_prefix
from demo.pty_link import PtyLink
from tests.mosquitto import Mosquitto

from .links import ROOM, device, serial_entry, set_up, until, until_state

LINE = b'{"temp": 21.4, "door": false, "mode": "auto"}\n'


class Heard(dict[str, str]):
    """The last payload of every topic, and the seconds after which the broker forgets it."""

    def __init__(self) -> None:
        super().__init__()
        self.expiries: dict[str, int] = {}


@asynccontextmanager
async def heard(
    broker: Mosquitto, protocol: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V311
) -> AsyncIterator[Heard]:
    """Collect what a subscriber sees."""
    messages = Heard()

    async def collect(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic = str(message.topic)
            messages[topic] = bytes(message.payload).decode()
            if (expiry := getattr(message.properties, "MessageExpiryInterval", None)) is not None:
                messages.expiries[topic] = expiry

    async with aiomqtt.Client(
        broker.host, broker.port, username=broker.user, password=broker.password, protocol=protocol
    ) as client:
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


async def test_removal_takes_retained_topics_back(hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto) -> None:
    entry = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port, prefix="lab")
    await set_up(hass, entry)
    await talk(hass, pty_link)
    async with heard(mosquitto) as messages:
        await until(lambda: "lab/living_room/state" in messages)

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()

    assert await retained(mosquitto) == {}


async def test_a_link_with_another_title_leaves_nothing_under_the_old_one(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    entry = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port)
    await set_up(hass, entry)
    before = await async_mirror_prefix(hass, entry)
    await talk(hass, pty_link)
    async with heard(mosquitto) as messages:
        await until(lambda: f"{before}/living_room/state" in messages)

        hass.config_entries.async_update_entry(entry, title="Cellar")
        after = await async_mirror_prefix(hass, entry)
        await until(lambda: f"{after}/living_room/availability" in messages)

        assert after != before
        assert {topic for topic, payload in messages.items() if topic.startswith(before) and payload} == set()
    assert not [topic for topic in await retained(mosquitto) if topic.startswith(f"{before}/")]


@asynccontextmanager
async def mirrored_as_lab(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> AsyncIterator[tuple[MockConfigEntry, Heard]]:
    """Mirror a link that has values under the prefix "lab"; yield its entry and what the broker says."""
    entry = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port, prefix="lab")
    await set_up(hass, entry)
    await talk(hass, pty_link)
    async with heard(mosquitto) as messages:
        await until(lambda: "lab/living_room/state" in messages)
        yield entry, messages


@pytest.mark.parametrize("change", [{"kind": "none"}, {"prefix": "house"}, {"kind": "home_assistant"}])
async def test_a_link_that_is_mirrored_elsewhere_or_nowhere_leaves_nothing_at_the_old_place(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, change: dict[str, str]
) -> None:
    async with mirrored_as_lab(hass, pty_link, mosquitto) as (entry, messages):
        mirror = {**entry.options["mirror"], **change}
        hass.config_entries.async_update_entry(entry, options={**entry.options, "mirror": mirror})
        await until(lambda: not any(payload for topic, payload in messages.items() if topic.startswith("lab/")))
    assert not [topic for topic in await retained(mosquitto) if topic.startswith("lab/")]


@pytest.mark.parametrize("title", ["Cellar", "Lab port"])
async def test_what_is_kept_stays_where_the_place_stays(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, title: str
) -> None:
    async with mirrored_as_lab(hass, pty_link, mosquitto) as (entry, messages):
        hass.config_entries.async_update_entry(entry, title=title)
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)
        await until(lambda: messages["lab/living_room/availability"] == "offline")
    assert "lab/living_room/state" in await retained(mosquitto)


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


async def test_through_home_assistants_own_client_what_says_online_expires(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "configuration.yaml").touch()  # the mqtt integration reads it
    hass.config.config_dir = str(tmp_path)
    broker = {"broker": mosquitto.host, "port": mosquitto.port, "protocol": "5", "discovery": False}
    await set_up(hass, MockConfigEntry(domain="mqtt", version=2, data=broker))
    async with heard(mosquitto, protocol=aiomqtt.ProtocolVersion.V5) as messages:
        await set_up(hass, mirrored(pty_link, kind="home_assistant", prefix="lab"))
        await talk(hass, pty_link)
        await until(lambda: messages.get("lab/living_room/availability") == "online")
        await until(lambda: "lab/living_room/state" in messages)

        assert 0 < messages.expiries["lab/living_room/availability"] <= 180
        assert 0 < messages.expiries["lab/status"] <= 180
        assert "lab/living_room/state" not in messages.expiries
    async with heard(mosquitto) as kept:  # whoever comes later
        await until(lambda: {"lab/living_room/state", "lab/living_room/availability"} <= kept.keys())


async def test_removal_takes_topics_back_through_home_assistants_own_client(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "configuration.yaml").touch()
    hass.config.config_dir = str(tmp_path)
    broker = {"broker": mosquitto.host, "port": mosquitto.port, "protocol": "5", "discovery": False}
    await set_up(hass, MockConfigEntry(domain="mqtt", version=2, data=broker))
    entry = mirrored(pty_link, kind="home_assistant", prefix="lab")
    async with heard(mosquitto) as messages:
        await set_up(hass, entry)
        await talk(hass, pty_link)
        await until(lambda: "lab/living_room/state" in messages)

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()

    assert not {topic for topic in await retained(mosquitto) if topic.startswith("lab/")}


async def test_two_links_of_one_name_do_not_share_topics(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    first = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port)
    second = mirrored(pty_link, kind="broker", host=mosquitto.host, port=mosquitto.port)
    first.add_to_hass(hass)
    second.add_to_hass(hass)

    assert await async_mirror_prefix(hass, first) != await async_mirror_prefix(hass, second)


class OldBroker:
    """Home Assistant's MQTT integration on a broker that speaks 3.1.1 only."""

    DATA_MQTT = "mqtt"

    def __init__(self) -> None:
        self.published: list[tuple[str, str, bool]] = []

    def is_connected(self, hass: HomeAssistant) -> bool:
        return True

    async def async_publish(self, hass: HomeAssistant, topic: str, payload: str, qos: int, retain: bool) -> None:
        self.published.append((topic, payload, retain))


async def test_where_nothing_can_expire_what_says_online_is_not_kept(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(domain="mqtt", data={"protocol": "3.1.1"}, state=ConfigEntryState.LOADED)
    entry.add_to_hass(hass)
    hass.data["mqtt"] = True
    mqtt = OldBroker()
    port = HomeAssistantMqtt(hass, mqtt)

    await port.publish("lab/room/availability", "online", retain=True)
    await port.publish("lab/room/state", "{}", retain=True)
    await port.publish("lab/status", "{}", retain=True)

    assert mqtt.published == [
        ("lab/room/availability", "online", False),
        ("lab/room/state", "{}", True),
        ("lab/room/availability", "online", False),
        ("lab/status", "{}", False),
    ]


async def test_a_heartbeat_does_not_bring_back_the_availability_of_a_device_that_is_gone(hass: HomeAssistant) -> None:
    hass.data["mqtt"] = True
    mqtt = OldBroker()
    port = HomeAssistantMqtt(hass, mqtt)
    for payload in ("online", "offline", ""):
        await port.publish("lab/room/availability", payload, retain=True)
    mqtt.published.clear()

    await port.publish("lab/status", "{}", retain=True)

    assert mqtt.published == [("lab/status", "{}", False)]
