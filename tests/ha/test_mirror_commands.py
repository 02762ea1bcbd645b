"""Commands over the copy on MQTT: none unless allowed, and then only to what can be written."""

import asyncio
from pathlib import Path
from typing import Any

from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind, Write, WriteControl
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from demo.pty_link import PtyLink
from tests.mosquitto import Mosquitto

from .links import device, serial_entry, set_up, until, until_state
from .mqtt_links import publish, set_up_home_assistants_client

FRAME = {"frame": "{value}\\n"}
HEATER = DeviceProfile(
    decoder=JsonDecoder(),
    channels=(
        Channel(
            key="target",
            name="Target",
            source="target",
            write=Write(control=WriteControl.NUMBER, minimum=5, maximum=35, target=FRAME),
        ),
        Channel(
            key="fan",
            name="Fan",
            source="fan",
            kind=ValueKind.BINARY,
            write=Write(control=WriteControl.SWITCH, on=1, target=FRAME),
        ),
        Channel(key="temp", name="Temperature", source="temp"),
    ),
)


async def set_up_heater(hass: HomeAssistant, pty: PtyLink, **mirror: Any) -> tuple[MockConfigEntry, list[Any]]:
    """Set up a mirrored heater; returns what is written to it as well."""
    entry = serial_entry(pty.path, device("Heater", HEATER), mirror={"prefix": "lab", **mirror})
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    written: list[Any] = []

    async def write(channel: Channel, raw: object) -> None:
        written.append((channel.key, raw))

    (session,) = entry.runtime_data.link.sessions.values()
    session.writer = write
    return entry, written


@pytest.fixture(params=["home_assistant", "broker"])
async def mirror(
    request: pytest.FixtureRequest, hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> dict[str, Any]:
    """Options of a copy through either kind of connection."""
    if request.param == "home_assistant":
        await set_up_home_assistants_client(hass, mosquitto, tmp_path)
        return {"kind": "home_assistant"}
    return {"kind": "broker", "host": mosquitto.host, "port": mosquitto.port}


async def test_what_can_be_written_is_set_where_commands_are_allowed(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, mirror: dict[str, Any]
) -> None:
    _, written = await set_up_heater(hass, pty_link, commands=True, **mirror)

    async def command_until_written(topic: str, payload: str, what: tuple[str, Any]) -> None:
        async with asyncio.timeout(10):
            while what not in written:  # nothing tells when a subscription of Home Assistant's client is in force
                await publish(mosquitto, topic, payload)
                await asyncio.sleep(0.05)

    await command_until_written("lab/heater/target/set", "21.5", ("target", 21.5))
    await command_until_written("lab/heater/fan/set", "on", ("fan", 1))


async def test_what_is_not_allowed_or_no_value_is_not_written(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    entry, written = await set_up_heater(
        hass, pty_link, commands=True, kind="broker", host=mosquitto.host, port=mosquitto.port
    )
    for topic, payload in (
        ("lab/heater/target/set", "99"),
        ("lab/heater/target/set", "warm"),
        ("lab/heater/temp/set", "20"),
        ("lab/other/target/set", "20"),
        ("lab/heater/target/set", b"\xff"),
    ):
        await publish(mosquitto, topic, payload)
        await hass.async_block_till_done()
    await publish(mosquitto, "lab/heater/target/set", "20")
    await until(lambda: bool(written))

    assert written == [("target", 20)]
    assert "99 is not between 5 and 35" in caplog.text
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_command_that_the_broker_kept_is_not_executed(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    await publish(mosquitto, "lab/heater/target/set", "30", retain=True)
    _, written = await set_up_heater(
        hass, pty_link, commands=True, kind="broker", host=mosquitto.host, port=mosquitto.port
    )
    await publish(mosquitto, "lab/heater/fan/set", "off")
    await until(lambda: bool(written))

    assert written == [("fan", False)]


async def test_nothing_is_written_unless_commands_are_allowed(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    await set_up_home_assistants_client(hass, mosquitto, tmp_path)
    await set_up_heater(hass, pty_link, kind="home_assistant")

    topics = {subscription.topic for subscription in hass.data["mqtt"].client.subscriptions}
    assert not any(topic.startswith("lab/") for topic in topics)
