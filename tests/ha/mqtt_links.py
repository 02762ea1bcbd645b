"""MQTT links as the tests of the integration need them: entries, devices, Home Assistant's own client."""

from pathlib import Path
from typing import Any

import aiomqtt
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN, SUBENTRY_DEVICE
from tests.mosquitto import Mosquitto
from tests.refusing_broker import Address

from .links import set_up


async def set_up_home_assistants_client(hass: HomeAssistant, broker: Mosquitto, folder: Path) -> MockConfigEntry:
    """Set up the MQTT integration of Home Assistant on a broker."""
    (folder / "configuration.yaml").touch()  # the integration reads it
    hass.config.config_dir = str(folder)
    data = {"broker": broker.host, "port": broker.port, "protocol": "5", "discovery": False, "birth_message": {}}
    entry = MockConfigEntry(domain="mqtt", version=2, data=data)
    await set_up(hass, entry)
    return entry


def lamp(base: str = "home/lamp", *, title: str = "Lamp", **changes: Any) -> ConfigSubentryData:
    """Return the subentry of a lamp that publishes one JSON object and can be set."""
    level = {
        "key": "level",
        "name": "Level",
        "source": "~#level",
        "min_interval": 0,
        "write": {"control": "number", "target": {"topic": "~/set", "payload": '{"level": {value}}'}},
    }
    data = {
        "schema_version": 1,
        "decoder": {"kind": "topics", "base": base},
        "channels": [level],
        "event_like": True,
        **changes,
    }
    return ConfigSubentryData(data=data, subentry_type=SUBENTRY_DEVICE, title=title, unique_id=base)


def mqtt_entry(*devices: ConfigSubentryData, broker: Mosquitto | Address | None = None, **data: Any) -> MockConfigEntry:
    """Return the entry of an MQTT link, through Home Assistant's client where no broker is named."""
    where: dict[str, Any] = {"broker": "home_assistant"}
    if broker is not None:
        where = {"broker": "broker", "host": broker.host, "port": broker.port, "tls": False}
    return MockConfigEntry(
        domain=DOMAIN,
        title="Home topics",
        data={"kind": "mqtt", "topics": ["home/#"], **where, **data},
        subentries_data=devices,
    )


async def publish(broker: Mosquitto, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
    """Publish one message as another client."""
    async with aiomqtt.Client(broker.host, broker.port, username=broker.user, password=broker.password) as client:
        await client.publish(topic, payload, qos=1, retain=retain)
