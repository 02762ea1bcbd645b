"""Options of a link: where its values are copied to, and what diagnostics may hold."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import instance_id
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN
from tests.mosquitto import Mosquitto

from .flows import Flow
from .links import set_up


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """A loaded link that needs no hardware."""
    link = MockConfigEntry(domain=DOMAIN, title="Hall", data={"kind": "simulated", "signals": ["power"], "interval": 1})
    await set_up(hass, link)
    return link


def broker_form(broker: Mosquitto, **changes: Any) -> dict[str, Any]:
    """Return the filled form of a mirror on ``broker``."""
    form = {"mirror": "broker", "host": broker.host, "port": broker.port, "tls": False, "diagnostic_frames": False}
    return {**form, **changes}


async def test_a_link_is_copied_nowhere_unless_asked(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    flow = await Flow.options(hass, entry, "settings")
    assert flow.suggested("mirror") == "none"

    await flow.submit({"mirror": "none", "diagnostic_frames": True})
    await hass.async_block_till_done()

    assert dict(entry.options) == {"mirror": {"kind": "none"}, "diagnostic_frames": True, "diagnostic_private": False}
    assert entry.state is ConfigEntryState.LOADED


async def test_the_default_prefix_is_told(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    flow = await Flow.options(hass, entry, "settings")

    assert flow.text("prefix").startswith(f"fieldbridge_{(await instance_id.async_get(hass))[:8]}")


async def test_home_assistants_broker_needs_the_mqtt_integration(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    flow = await Flow.options(hass, entry, "settings")
    await flow.submit({"mirror": "home_assistant", "prefix": "house", "diagnostic_frames": False})
    assert flow.errors == {"mirror": "mqtt_not_set_up"}
    assert flow.suggested("prefix") == "house"

    mqtt = MockConfigEntry(domain="mqtt")
    mqtt.add_to_hass(hass)
    mqtt.mock_state(hass, ConfigEntryState.LOADED)
    await flow.submit({"mirror": "home_assistant", "prefix": "house", "diagnostic_frames": False})
    await hass.async_block_till_done()

    assert entry.options["mirror"] == {"kind": "home_assistant", "prefix": "house", "commands": False}


async def test_a_broker_is_tried_before_it_is_kept(
    hass: HomeAssistant, entry: MockConfigEntry, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    flow = await Flow.options(hass, entry, "settings")
    await flow.submit(broker_form(broker, username=broker.user, password="wrong"))
    assert flow.errors == {"base": "invalid_auth"}

    await flow.submit(broker_form(broker, port=1, username=broker.user, password=broker.password))
    assert flow.errors == {"base": "cannot_connect"}
    assert f"{broker.host}:1" in flow.text("error")

    await flow.submit(broker_form(broker, username=broker.user, password=broker.password, prefix="lab"))
    await hass.async_block_till_done()
    assert entry.options["mirror"] == {
        "kind": "broker",
        "host": broker.host,
        "port": broker.port,
        "username": broker.user,
        "password": broker.password,
        "tls": False,
        "prefix": "lab",
        "commands": False,
    }
    assert entry.state is ConfigEntryState.LOADED


async def test_a_broker_without_tls_is_told_when_tls_is_asked_for(
    hass: HomeAssistant, entry: MockConfigEntry, mosquitto: Mosquitto
) -> None:
    flow = await Flow.options(hass, entry, "settings")
    await flow.submit(broker_form(mosquitto, tls=True))
    assert flow.errors == {"base": "cannot_connect"}

    await flow.submit(broker_form(mosquitto))
    await hass.async_block_till_done()
    assert entry.options["mirror"]["tls"] is False


async def test_a_stored_password_stays_for_the_same_login_only(
    hass: HomeAssistant, entry: MockConfigEntry, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    flow = await Flow.options(hass, entry, "settings")
    await flow.submit(broker_form(broker, username=broker.user, password=broker.password))
    await hass.async_block_till_done()

    flow = await Flow.options(hass, entry, "settings")
    assert flow.suggested("username") == broker.user
    assert flow.suggested("password") is None

    await flow.submit(broker_form(broker, username="somebody else"))
    assert flow.errors == {"base": "invalid_auth"}

    await flow.submit(broker_form(broker, username=broker.user, prefix="other"))
    await hass.async_block_till_done()
    assert entry.options["mirror"]["password"] == broker.password
    assert entry.options["mirror"]["prefix"] == "other"
