"""Channels that can be set are numbers, choices, switches, texts and buttons, whatever the link."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind, Write, WriteControl
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.bridge.errors import LinkError
from demo.pty_link import PtyLink

from .links import device, serial_entry, set_up, until_state

FRAME = {"frame": "{value}\\n"}
HEATER = DeviceProfile(
    decoder=JsonDecoder(),
    channels=(
        Channel(
            key="target",
            name="Target",
            source="target",
            unit="°C",
            device_class="temperature",
            write=Write(control=WriteControl.NUMBER, minimum=5, maximum=35, step=0.5, target=FRAME),
        ),
        Channel(
            key="mode",
            name="Mode",
            source="mode",
            kind=ValueKind.TEXT,
            texts={"0": "off", "2": "heat"},
            write=Write(control=WriteControl.SELECT, options={"off": 0, "heat": 2}, target=FRAME),
        ),
        Channel(
            key="fan",
            name="Fan",
            source="fan",
            kind=ValueKind.BINARY,
            write=Write(control=WriteControl.SWITCH, on=1, target=FRAME),
        ),
        Channel(
            key="note",
            name="Note",
            source="",
            kind=ValueKind.TEXT,
            write=Write(control=WriteControl.TEXT, target=FRAME),
        ),
        Channel(
            key="reset", name="Reset", source="", write=Write(control=WriteControl.BUTTON, press="RST", target=FRAME)
        ),
        Channel(
            key="state",
            name="State",
            source="state",
            kind=ValueKind.TEXT,
            texts={"0": "idle", "1": "busy"},
            category="diagnostic",
        ),
        Channel(key="hours", name="Hours", source="hours", enabled=False),
    ),
)
READING = b'{"target": 20.0, "mode": 0, "fan": 0, "state": 1, "hours": 7}\n'


class Heater:
    """Takes what is written; refuses or fails when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, object]] = []
        self.error: Exception | None = None

    async def write(self, channel: Channel, raw: object) -> None:
        """Take a raw value."""
        if self.error is not None:
            raise self.error
        self.sent.append((channel.key, raw))


@pytest.fixture
async def heater(hass: HomeAssistant, pty_link: PtyLink) -> Heater:
    entry = serial_entry(pty_link.path, device("Heater", HEATER))
    await set_up(hass, entry)
    heater = Heater()
    (session,) = entry.runtime_data.link.sessions.values()
    session.writer = heater.write
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    pty_link.write(b"\n" + READING)
    await until_state(hass, "number.heater_target", "20.0")
    return heater


async def call(hass: HomeAssistant, action: str, entity_id: str, **data: Any) -> None:
    domain, _, service = action.partition(".")
    await hass.services.async_call(domain, service, {"entity_id": entity_id, **data}, blocking=True)


async def test_each_control_sends_the_raw_value_of_what_was_chosen(hass: HomeAssistant, heater: Heater) -> None:
    await call(hass, "number.set_value", "number.heater_target", value=21.5)
    await call(hass, "select.select_option", "select.heater_mode", option="heat")
    await call(hass, "switch.turn_on", "switch.heater_fan")
    await call(hass, "switch.turn_off", "switch.heater_fan")
    await call(hass, "text.set_value", "text.heater_note", value="away")
    await call(hass, "button.press", "button.heater_reset")
    assert heater.sent == [
        ("target", 21.5),
        ("mode", 2),
        ("fan", 1),
        ("fan", False),
        ("note", "away"),
        ("reset", "RST"),
    ]


async def test_what_was_set_is_shown_when_the_device_says_so_and_at_once(
    hass: HomeAssistant, heater: Heater, pty_link: PtyLink
) -> None:
    await call(hass, "number.set_value", "number.heater_target", value=21.5)
    state = hass.states.get("number.heater_target")
    assert state is not None
    assert state.state == "20.0"
    pty_link.write(READING.replace(b"20.0", b"21.5"))
    await until_state(hass, "number.heater_target", "21.5")


async def test_what_is_only_written_shows_what_was_written_last(hass: HomeAssistant, heater: Heater) -> None:
    await call(hass, "text.set_value", "text.heater_note", value="away")
    await until_state(hass, "text.heater_note", "away")


async def test_raw_values_with_texts_are_an_enumeration(hass: HomeAssistant, heater: Heater) -> None:
    state = hass.states.get("sensor.heater_state")
    assert state is not None
    assert (state.state, state.attributes["options"]) == ("busy", ["idle", "busy"])
    assert hass.states.get("sensor.heater_hours") is None


async def test_a_refused_value_says_why(hass: HomeAssistant, heater: Heater) -> None:
    heater.error = LinkError("unplugged")
    with pytest.raises(HomeAssistantError, match="unplugged") as caught:
        await call(hass, "switch.turn_on", "switch.heater_fan")
    assert not isinstance(caught.value, ServiceValidationError)
    heater.error = None
    (session,) = hass.config_entries.async_entries("fieldbridge")[0].runtime_data.link.sessions.values()
    session.writer = None
    with pytest.raises(ServiceValidationError, match="cannot send"):
        await call(hass, "switch.turn_on", "switch.heater_fan")
