"""An MQTT link is set up by listening, grouping and ticking; its devices are added and changed the same way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
import pytest

from custom_components.fieldbridge.const import DOMAIN
from tests.mosquitto import Mosquitto
from tests.refusing_broker import Address, refusing_broker

from .flows import Flow
from .links import set_up, until_state
from .mqtt_links import lamp, mqtt_entry, publish, set_up_home_assistants_client

KEPT = {
    "zigbee2mqtt/bridge/state": '{"state": "online"}',
    "zigbee2mqtt/kitchen_lamp": '{"brightness": 200, "state": "ON", "color": {"x": 0.31}}',
    "zigbee2mqtt/kitchen_lamp/availability": '{"state": "online"}',
    "zigbee2mqtt/hall_sensor": '{"temperature": 21.4, "contact": true}',
    "zigbee2mqtt/hall_sensor/availability": '{"state": "online"}',
}


@asynccontextmanager
async def keeping(broker: Mosquitto, messages: dict[str, str]) -> AsyncIterator[None]:
    """Let the broker keep messages."""
    for topic, payload in messages.items():
        await publish(broker, topic, payload, retain=True)
    yield


def where(broker: Mosquitto | Address, **more: Any) -> dict[str, Any]:
    """Return the filled form of a foreign broker."""
    return {
        "broker": "broker",
        "topics": ["zigbee2mqtt/#"],
        "host": broker.host,
        "port": broker.port,
        "tls": False,
        **more,
    }


async def entry_of(hass: HomeAssistant, flow: Flow) -> ConfigEntry:
    """Return the entry that a flow has made."""
    assert flow.shown["type"] == "create_entry", flow.shown
    await hass.async_block_till_done()
    entry: ConfigEntry = flow.shown["result"]
    return entry


async def test_one_device_of_a_foreign_broker_is_set_up_by_ticking(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    async with keeping(mosquitto, KEPT):
        flow = await Flow.config(hass, "mqtt_broker")
        await flow.submit(where(mosquitto))
        await flow.watch(lambda: "kitchen_lamp" in str(flow.shown.get("description_placeholders")))
        await flow.until("mqtt_group")
        assert flow.options_of("pattern")[0] == {"value": "zigbee2mqtt/+", "label": "zigbee2mqtt/+ (3)"}

        await flow.submit({"pattern": "zigbee2mqtt/+"})
        assert [option["value"] for option in flow.options_of("bases")] == [
            "zigbee2mqtt/bridge",
            "zigbee2mqtt/hall_sensor",
            "zigbee2mqtt/kitchen_lamp",
        ]
        await flow.submit({"bases": ["zigbee2mqtt/hall_sensor"]})
        assert flow.options_of("fields") == [
            {"value": "~#temperature", "label": "Temperature = 21.4"},
            {"value": "~#contact", "label": "Contact = True"},
            {"value": "~/availability#state", "label": "Availability State = online"},
        ]
        await flow.submit(
            {
                "name": "Hall",
                "fields": ["~#temperature", "~#contact"],
                "availability": ["~/availability#state"],
                "silence": "event_like",
            }
        )
        await entry_of(hass, flow)

        await until_state(hass, "sensor.hall_temperature", "21.4")
        await until_state(hass, "binary_sensor.hall_contact", STATE_ON)

        await publish(mosquitto, "zigbee2mqtt/hall_sensor/availability", '{"state": "offline"}')
        await until_state(hass, "sensor.hall_temperature", STATE_UNAVAILABLE)


async def test_topics_whose_messages_would_come_twice_are_refused_on_a_connection_of_its_own(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    flow = await Flow.config(hass, "mqtt_broker")
    await flow.submit(where(mosquitto, topics=["home/+", "+/lamp"]))

    assert flow.shown["errors"] == {"topics": "overlapping_topics"}
    assert flow.shown["description_placeholders"] == {"first": "home/+", "second": "+/lamp"}


async def test_each_match_of_a_plus_becomes_a_device_of_home_assistants_broker(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    async with keeping(mosquitto, KEPT):
        flow = await Flow.config(hass, "mqtt_broker")
        await flow.submit({"broker": "home_assistant", "topics": ["zigbee2mqtt/#"]})
        await flow.until("mqtt_group")
        await flow.submit({"pattern": "zigbee2mqtt/+"})
        await flow.submit({"bases": ["zigbee2mqtt/hall_sensor", "zigbee2mqtt/kitchen_lamp"]})
        await flow.submit(
            {
                "fields": ["~#temperature", "~#brightness", "~#color.x"],
                "availability": ["~/availability#state"],
                "silence": "event_like",
            }
        )
        entry = await entry_of(hass, flow)

        assert [subentry.title for subentry in entry.subentries.values()] == ["Hall sensor", "Kitchen lamp"]
        await until_state(hass, "sensor.hall_sensor_temperature", "21.4")
        await until_state(hass, "sensor.kitchen_lamp_color_x", "0.31")
        assert hass.states.get("sensor.hall_sensor_brightness") is None


async def test_silence_is_shown_as_nothing_and_the_link_can_be_made_without_a_device(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    flow = await Flow.config(hass, "mqtt_broker")
    await flow.submit(where(mosquitto))
    await flow.until("mqtt_nothing")
    await flow.choose("mqtt_listen_again")
    await flow.until("mqtt_nothing")
    await flow.choose("mqtt_without_device")

    entry = await entry_of(hass, flow)
    assert entry.data["topics"] == ["zigbee2mqtt/#"]
    assert not entry.subentries


@pytest.mark.parametrize("topics", [[], ["a/#/b"], ["a+"], ["#a"]])
async def test_what_is_no_topic_filter_is_refused(hass: HomeAssistant, mosquitto: Mosquitto, topics: list[str]) -> None:
    flow = await Flow.config(hass, "mqtt_broker")
    await flow.submit(where(mosquitto, topics=topics))
    assert flow.errors == {"topics": "bad_topics"}


async def test_a_broker_that_cannot_be_used_is_told_in_the_form(
    hass: HomeAssistant, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    flow = await Flow.config(hass, "mqtt_broker")
    await flow.submit({"broker": "home_assistant", "topics": ["#"]})
    assert flow.errors == {"broker": "mqtt_not_set_up"}
    await flow.submit(where(broker, username=broker.user, password="wrong"))
    assert flow.errors == {"base": "invalid_auth"}
    await flow.submit(where(broker, tls=True, certificate="no such file"))
    assert flow.errors == {"certificate": "bad_certificate"}
    broker.stop()
    await flow.submit(where(broker, username=broker.user, password=broker.password))
    assert flow.errors == {"base": "cannot_connect"}
    broker.start()
    await flow.submit(where(broker, username=broker.user, password=broker.password))
    assert flow.step == "mqtt_listen"
    flow.close()


async def test_a_user_who_may_not_listen_is_told_in_the_form(hass: HomeAssistant, loopback_sockets: None) -> None:
    async with refusing_broker() as broker:
        flow = await Flow.config(hass, "mqtt_broker")
        await flow.submit(where(broker))
        assert flow.errors == {"base": "cannot_connect"}
        assert "does not let this user listen" in flow.text("error")
        flow.close()


async def test_the_same_topics_of_the_same_broker_are_refused(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    await set_up(hass, mqtt_entry(broker=mosquitto))
    flow = await Flow.config(hass, "mqtt_broker")
    await flow.submit(where(mosquitto, topics=["home/#"]))
    assert flow.ended_by == "already_configured"


async def test_a_pattern_without_a_device_is_refused(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    async with keeping(mosquitto, KEPT):
        flow = await Flow.config(hass, "mqtt_broker")
        await flow.submit(where(mosquitto))
        await flow.until("mqtt_group")
        await flow.submit({"pattern": "tasmota/+"})
        assert flow.errors == {"pattern": "no_topics"}
        await flow.submit({"pattern": "zigbee2mqtt/+"})
        await flow.submit({"bases": []})
        assert flow.errors == {"bases": "no_devices"}
        await flow.submit({"bases": ["zigbee2mqtt/hall_sensor"]})
        await flow.submit({"name": "Hall", "fields": [], "silence": "event_like"})
        assert flow.errors == {"fields": "no_fields"}


async def test_a_closed_dialog_leaves_no_connection(hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path) -> None:
    await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    flow = await Flow.config(hass, "mqtt_broker")
    await flow.submit({"broker": "home_assistant", "topics": ["zigbee2mqtt/#"]})
    topics = [subscription.topic for subscription in hass.data["mqtt"].client.subscriptions]
    assert "zigbee2mqtt/#" in topics

    flow.close()
    await hass.async_block_till_done()

    assert "zigbee2mqtt/#" not in [each.topic for each in hass.data["mqtt"].client.subscriptions]
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_a_device_is_added_from_the_topics_of_the_running_link(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    entry = mqtt_entry(lamp(), broker=mosquitto)
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.home_topics_connectivity", STATE_ON)
    await publish(mosquitto, "home/lamp", '{"level": 1}', retain=True)
    await publish(mosquitto, "home/meter/power", "230.5", retain=True)
    await publish(mosquitto, "home/meter/online", "1", retain=True)

    flow = await Flow.device(hass, entry)
    await flow.until("mqtt_group")
    await flow.submit({"pattern": "home/lamp"})
    assert flow.errors == {"pattern": "topics_taken"}
    await flow.submit({"pattern": "home/+"})
    assert flow.step == "mqtt_values"  # the lamp is there already
    await flow.submit(
        {"name": "Meter", "fields": ["~/power"], "availability": ["~/online"], "silence": "fixed", "stale_after": 90}
    )
    assert flow.shown["type"] == "create_entry"
    await hass.async_block_till_done()

    device = next(subentry for subentry in entry.subentries.values() if subentry.title == "Meter")
    assert device.data["stale_after"] == 90
    assert hass.states.get("sensor.meter_power").state == STATE_UNAVAILABLE  # type: ignore[union-attr]
    await publish(mosquitto, "home/meter/power", "231.5")
    await until_state(hass, "sensor.meter_power", "231.5")


async def test_the_settings_of_a_link_are_changed_and_its_password_is_kept(
    hass: HomeAssistant, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    entry = mqtt_entry(lamp(), broker=broker, username=broker.user, password=broker.password)
    await set_up(hass, entry)
    flow = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    assert flow.suggested("username") == broker.user
    assert flow.suggested("password") is None

    await flow.submit(where(broker, topics=["home/+", "other/#"], username=broker.user))
    assert flow.ended_by == "reconfigure_successful"
    await hass.async_block_till_done()

    assert entry.data["topics"] == ["home/+", "other/#"]
    assert entry.data["password"] == broker.password
    await until_state(hass, "binary_sensor.home_topics_connectivity", STATE_ON)


async def test_a_command_is_added_to_a_value_of_a_device(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    device = lamp(channels=[{"key": "level", "name": "Level", "source": "~#level", "min_interval": 0}])
    entry = mqtt_entry(device, broker=mosquitto)
    await set_up(hass, entry)
    flow = await Flow.change_device(hass, entry, "mqtt_command")
    await flow.submit({"commanded": "level"})
    assert flow.suggested("topic") == "~/set"
    assert flow.suggested("payload") == '{"level": {value}}'
    form = {"control": "number", "minimum": 0, "maximum": 254, "step": 1, "retain": False}
    await flow.submit({**form, "topic": "~/+/set", "payload": "{value}"})
    assert flow.errors == {"topic": "no_command_topic"}
    await flow.submit({**form, "minimum": 500, "topic": "~/set", "payload": "{value}"})
    assert flow.errors == {"base": "bad_value"}
    await flow.submit({**form, "topic": "~/set", "payload": '{"level": {value}}'})
    assert flow.ended_by == "reconfigure_successful"
    await hass.async_block_till_done()

    await publish(mosquitto, "home/lamp", '{"level": 20}', retain=True)
    await until_state(hass, "number.lamp_level", "20")
    assert hass.states.get("sensor.lamp_level") is None


async def test_a_button_that_no_topic_carries_can_be_pressed(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    entry = mqtt_entry(lamp(), broker=mosquitto)
    await set_up(hass, entry)
    flow = await Flow.change_device(hass, entry, "mqtt_command")
    await flow.submit({"commanded": " "})
    assert flow.errors == {"commanded": "name_missing"}
    await flow.submit({"commanded": "Restart"})
    await flow.submit({"control": "button", "press": "REBOOT", "topic": "~/cmd", "payload": "", "retain": False})
    assert flow.ended_by == "reconfigure_successful"
    await hass.async_block_till_done()
    await publish(mosquitto, "home/lamp", '{"level": 20}', retain=True)
    await until_state(hass, "number.lamp_level", "20")

    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.subscribe("home/lamp/cmd")
        await hass.services.async_call("button", "press", {"entity_id": "button.lamp_restart"}, blocking=True)
        async with asyncio.timeout(5):
            message = await anext(aiter(client.messages))
    assert message.payload == b"REBOOT"


async def test_topics_and_availability_of_a_device_are_changed(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    entry = mqtt_entry(lamp(), lamp("home/other", title="Other"), broker=mosquitto)
    await set_up(hass, entry)
    flow = await Flow.change_device(hass, entry, "mqtt_topics")
    assert flow.suggested("base") == "home/lamp"
    await flow.submit({"base": "home/other"})
    assert flow.errors == {"base": "topics_taken"}
    await flow.submit({"base": "home/new", "availability": ["~/+: a / b"]})
    assert flow.errors == {"base": "bad_value"}
    await flow.submit({"base": "home/new", "availability": ["~/status: up / down"]})
    assert flow.ended_by == "reconfigure_successful"
    await hass.async_block_till_done()

    await publish(mosquitto, "home/new", '{"level": 20}', retain=True)
    await publish(mosquitto, "home/new/status", "up", retain=True)
    await until_state(hass, "number.lamp_level", "20")
    await publish(mosquitto, "home/new/status", "down", retain=True)
    await until_state(hass, "number.lamp_level", STATE_UNAVAILABLE)


async def test_a_channel_is_added_from_what_the_device_said(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    entry = mqtt_entry(lamp(), broker=mosquitto)
    await set_up(hass, entry)
    await publish(mosquitto, "home/lamp", '{"level": 20, "mode": "eco"}', retain=True)
    await until_state(hass, "number.lamp_level", "20")

    flow = await Flow.change_device(hass, entry, "add_channel")
    assert {"value": "~#mode", "label": "Mode = eco"} in flow.options_of("source")
    await flow.submit({"name": "Mode", "source": "~#mode", "kind": "text"})
    assert "eco" in flow.text("values")
    await flow.choose("save_channel")
    await hass.async_block_till_done()

    await until_state(hass, "sensor.lamp_mode", "eco")
