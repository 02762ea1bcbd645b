"""MQTT links with a real broker: through Home Assistant's own client, and through a connection of their own."""

import asyncio
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiomqtt
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState, ConfigSubentry
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from tests.mosquitto import Mosquitto
from tests.refusing_broker import refusing_broker

from .links import set_up, until, until_state
from .mqtt_links import lamp, mqtt_entry, publish, set_up_home_assistants_client

CONNECTIVITY = "binary_sensor.home_topics_connectivity"
LEVEL = "number.lamp_level"


def listeners_of(hass: HomeAssistant) -> set[str]:
    """Return the topics to which Home Assistant's client is subscribed."""
    return {subscription.topic for subscription in hass.data["mqtt"].client.subscriptions}


@pytest.fixture(params=["home_assistant", "broker"])
async def link(
    request: pytest.FixtureRequest, hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> MockConfigEntry:
    """A link with one lamp that is up, through either kind of connection."""
    if request.param == "home_assistant":
        await set_up_home_assistants_client(hass, mosquitto, tmp_path)
        entry = mqtt_entry(lamp())
    else:
        entry = mqtt_entry(lamp(), broker=mosquitto)
    await set_up(hass, entry)
    await until_state(hass, CONNECTIVITY, STATE_ON)
    return entry


async def test_a_message_becomes_a_state(hass: HomeAssistant, link: MockConfigEntry, mosquitto: Mosquitto) -> None:
    await until_heard(hass, mosquitto, 20)


async def test_a_retained_message_is_there_at_once(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    await publish(mosquitto, "home/lamp", '{"level": 7}', retain=True)
    await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    await set_up(hass, mqtt_entry(lamp()))

    await until_state(hass, LEVEL, "7")


async def test_an_entity_is_set_by_a_message(hass: HomeAssistant, link: MockConfigEntry, mosquitto: Mosquitto) -> None:
    await until_heard(hass, mosquitto, 20)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.subscribe("home/lamp/set")
        await hass.services.async_call("number", "set_value", {"entity_id": LEVEL, "value": 55}, blocking=True)
        async with asyncio.timeout(5):
            message = await anext(aiter(client.messages))

    assert message.payload in (b'{"level": 55}', b'{"level": 55.0}')


async def test_entities_are_unavailable_while_the_broker_is_away(
    hass: HomeAssistant, link: MockConfigEntry, mosquitto: Mosquitto
) -> None:
    await publish(mosquitto, "home/lamp", '{"level": 7}', retain=True)
    await until_state(hass, LEVEL, "7")

    mosquitto.stop()
    await until_state(hass, LEVEL, STATE_UNAVAILABLE)
    await until_state(hass, CONNECTIVITY, STATE_OFF)

    mosquitto.start()
    await until(lambda: is_state(hass, LEVEL, "7"), "back", seconds=25)


async def test_unloading_leaves_no_subscription(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    before = listeners_of(hass)
    entry = mqtt_entry(lamp())
    await set_up(hass, entry)
    await until(lambda: "home/#" in listeners_of(hass))

    await hass.config_entries.async_unload(entry.entry_id)

    assert listeners_of(hass) == before


async def test_a_reload_of_the_mqtt_integration_is_survived_without_a_second_subscription(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    client = await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    entry = mqtt_entry(lamp())
    await set_up(hass, entry)
    await until_heard(hass, mosquitto, 20)

    await hass.config_entries.async_reload(client.entry_id)
    await until_heard(hass, mosquitto, 30)

    assert [topic for topic in sorted(listeners_of(hass)) if topic == "home/#"] == ["home/#"]
    await hass.config_entries.async_unload(entry.entry_id)
    assert "home/#" not in listeners_of(hass)


async def test_without_the_mqtt_integration_the_link_says_so(hass: HomeAssistant) -> None:
    entry = mqtt_entry(lamp())
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link.status.error is not None)

    assert "not set up" in str(entry.runtime_data.link.status.error)
    assert entry.state is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_refused_password_starts_reauthentication_and_a_right_one_ends_it(
    hass: HomeAssistant, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    entry = mqtt_entry(lamp(), broker=broker, username=broker.user, password="wrong")
    await set_up(hass, entry)
    await until(lambda: any(entry.async_get_active_flows(hass, {SOURCE_REAUTH})))
    (flow,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})

    result: Any = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"username": broker.user, "password": "still wrong"}
    )
    assert result["errors"] == {"base": "invalid_auth"}
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"username": broker.user, "password": broker.password}
    )
    assert result["reason"] == "reauth_successful"

    await until_state(hass, CONNECTIVITY, STATE_ON)
    assert entry.data["password"] == broker.password


async def test_a_private_authority_is_trusted_as_text_and_as_a_file(
    hass: HomeAssistant, mosquitto_with_tls: Mosquitto, tmp_path: Path
) -> None:
    broker = mosquitto_with_tls
    hass.config.config_dir = str(tmp_path)
    (tmp_path / "ca.pem").write_bytes(broker.certificate.read_bytes())
    for certificate in (broker.certificate.read_text(), "ca.pem"):
        entry = mqtt_entry(lamp(), broker=broker, tls=True, certificate=certificate)
        await set_up(hass, entry)
        await until_state(hass, CONNECTIVITY, STATE_ON)
        await hass.config_entries.async_remove(entry.entry_id)


@pytest.mark.parametrize("certificate", ["../outside.pem", "missing.pem", "-----BEGIN CERTIFICATE-----\nxx"])
async def test_a_certificate_that_cannot_be_used_is_an_error_of_the_entry(
    hass: HomeAssistant, mosquitto_with_tls: Mosquitto, certificate: str
) -> None:
    entry = mqtt_entry(lamp(), broker=mosquitto_with_tls, tls=True, certificate=certificate)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)

    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "bad_certificate"


async def test_diagnostics_hold_no_credentials(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    entry = mqtt_entry(lamp(), broker=broker, username=broker.user, password=broker.password)
    await set_up(hass, entry)
    await until_state(hass, CONNECTIVITY, STATE_ON)

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert {key: diagnostics["data"][key] for key in ("host", "username", "password")} == dict.fromkeys(
        ("host", "username", "password"), "**REDACTED**"
    )


async def test_a_device_that_is_added_while_the_link_runs_gets_what_the_broker_keeps(
    hass: HomeAssistant, link: MockConfigEntry, mosquitto: Mosquitto
) -> None:
    await publish(mosquitto, "home/new", '{"level": 3}', retain=True)
    await until_heard(hass, mosquitto, 20)

    data = lamp("home/new", title="New")
    hass.config_entries.async_add_subentry(link, subentry(data))

    await until_state(hass, "number.new_level", "3")


def subentry(data: Any) -> Any:
    """Return a subentry of the data that an entry is made with."""
    return ConfigSubentry(
        data=MappingProxyType(data["data"]),
        subentry_type=data["subentry_type"],
        title=data["title"],
        unique_id=data["unique_id"],
    )


def is_state(hass: HomeAssistant, entity_id: str, state: str) -> bool:
    found = hass.states.get(entity_id)
    return found is not None and found.state == state


async def until_heard(hass: HomeAssistant, broker: Mosquitto, level: int) -> None:
    """Publish until it is heard: nothing tells when a subscription of Home Assistant's client is in force."""
    async with asyncio.timeout(10):
        while not is_state(hass, LEVEL, str(level)):
            await publish(broker, "home/lamp", f'{{"level": {level}}}')
            await asyncio.sleep(0.05)


async def test_the_inspector_shows_topic_and_payload_apart(
    hass: HomeAssistant, mosquitto: Mosquitto, hass_ws_client: WebSocketGenerator
) -> None:
    entry = mqtt_entry(lamp(), lamp("home/hall", title="Hall"), broker=mosquitto)
    await set_up(hass, entry)
    await until_state(hass, CONNECTIVITY, STATE_ON)
    client = await hass_ws_client(hass)
    lamp_id = next(each.subentry_id for each in entry.subentries.values() if each.title == "Lamp")
    await client.send_json_auto_id(
        {"type": "fieldbridge/inspect", "entry_id": entry.entry_id, "device_id": lamp_id, "channels": ["level"]}
    )
    await publish(mosquitto, "home/hall", '{"level": 1}')
    await publish(mosquitto, "home/lamp", '{"level": 70}')
    frames: list[dict[str, Any]] = []
    while len(frames) < 2:
        frames += (await client.receive_json()).get("event", {}).get("frames", [])

    assert [frame["verdict"] for frame in frames] == ["not_ours", "ok"]
    assert frames[1]["text"] == 'home/lamp: {"level": 70}'
    assert bytes.fromhex(frames[1]["hex"]) == b'{"level": 70}'


async def test_a_link_that_may_not_listen_is_down_and_says_so(hass: HomeAssistant, loopback_sockets: None) -> None:
    async with refusing_broker() as broker:
        entry = mqtt_entry(lamp(), broker=broker)
        await set_up(hass, entry)
        link = entry.runtime_data.link
        await until(lambda: link.status.error)
        assert "does not let this user listen to home/#" in str(link.status.error)
        assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("topics", [["home/#", "home/lamp"], ["home/lamp", "home/+", "home/lamp"]])
@pytest.mark.parametrize("own", [False, True])
async def test_a_message_that_several_topics_cover_counts_once(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path, topics: list[str], own: bool
) -> None:
    if not own:
        await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    assert await heard_times(hass, mosquitto, mqtt_entry(lamp(), broker=mosquitto if own else None, topics=topics)) == 1


async def test_a_message_counts_once_where_home_assistants_client_hands_it_over_for_each_topic(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    assert await heard_times(hass, mosquitto, mqtt_entry(lamp(), topics=["home/+", "+/lamp"])) == 1


async def heard_times(hass: HomeAssistant, mosquitto: Mosquitto, entry: MockConfigEntry) -> int:
    """Publish a message and return how often it came."""
    await set_up(hass, entry)
    await until_state(hass, CONNECTIVITY, STATE_ON)
    await until_heard(hass, mosquitto, 7)
    link = entry.runtime_data.link
    before: int = link.statistics()["frames"]
    await publish(mosquitto, "home/lamp", '{"level": 8}')
    await until_state(hass, LEVEL, "8")
    after: int = link.statistics()["frames"]
    return after - before
