"""The action that sends a frame: text, bytes or a template, with the answer as its response."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.channels.profile import FrameCondition
from custom_components.fieldbridge.bridge.codecs.decoders import SeparatedDecoder
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink
from tests.lamp import Lamp, serving

from .links import device, device_id_of, serial_entry, set_up, until, until_state

PROFILE = DeviceProfile(
    decoder=SeparatedDecoder(separator=";"),
    channels=(Channel(key="brightness", name="Brightness", source="1"),),
    condition=FrameCondition(source="0", equals="B"),
)


@pytest.fixture
async def lamp(pty_link: PtyLink) -> AsyncIterator[Lamp]:
    lamp = Lamp(pty_link)
    async with serving(lamp):
        yield lamp


@pytest.fixture
async def entry(hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp) -> MockConfigEntry:
    entry = serial_entry(pty_link.path, device("Lamp", PROFILE))
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    pty_link.write(b"\nB;50\r\n")
    await until_state(hass, "sensor.lamp_brightness", "50")
    return entry


async def send(hass: HomeAssistant, name: str = "Lamp", **data: Any) -> Any:
    call = {"device_id": device_id_of(hass, name), **data}
    return await hass.services.async_call(DOMAIN, "send_frame", call, blocking=True, return_response=True)


@pytest.mark.parametrize(
    ("data", "heard"),
    [
        ({"frame": "B=7\\r"}, b"B=7"),
        ({"frame": "0x42 3D 37 0D"}, b"B=7"),
        ({"frame": "B={level:d}\\r", "values": {"level": 7}}, b"B=7"),
        ({"frame": "B={brightness:d}\\r"}, b"B=50"),
        ({"frame": "{{{name}*{xor8:hex}}}\\r", "values": {"name": "A"}}, b"{A*10}"),
    ],
)
async def test_text_bytes_and_templates_are_sent(
    hass: HomeAssistant, entry: MockConfigEntry, lamp: Lamp, data: dict[str, Any], heard: bytes
) -> None:
    response = await send(hass, **data)
    assert response["answer"] is None
    assert response["sent"]["hex"] == (heard + b"\r").hex(" ")
    await until(lambda: heard in lamp.heard)


async def test_the_answer_is_the_response_with_its_values(
    hass: HomeAssistant, entry: MockConfigEntry, lamp: Lamp
) -> None:
    assert await send(hass, frame="B?\\r", answer=True) == {
        "sent": {"text": "B?\\r", "hex": "42 3f 0d"},
        "answer": {"text": "B;50", "hex": "42 3b 35 30"},
        "verdict": "ok",
        "values": {"brightness": 50},
    }
    other = await send(hass, frame="L?\\r", pattern="^L;[0-9]+$")
    assert (other["answer"]["text"], other["verdict"], other["values"]) == ("L;120", "not_ours", {})


async def test_the_link_itself_can_be_sent_to(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    response = await send(hass, "Lab port", frame="B?\\r", prefix="B")
    assert response["answer"]["text"] == "B;50"
    assert "values" not in response


async def test_silence_and_a_lost_link_are_errors(
    hass: HomeAssistant, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    with pytest.raises(HomeAssistantError, match=r"Lamp did not answer within 0\.1 s"):
        await send(hass, frame="B?\\r", prefix="X", timeout=0.1)
    pty_link.unplug()
    await until_state(hass, "binary_sensor.lab_port_connectivity", "off")
    with pytest.raises(HomeAssistantError, match="Lamp could not be sent"):
        await send(hass, frame="B?\\r")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"frame": "\\q"}, "unknown escape"),
        ({"frame": "0x4"}, "hexadecimal"),
        ({"frame": "{level}"}, "level is not known"),
        ({"frame": "{level:u8}", "values": {"level": 300}}, "does not fit"),
        ({"frame": "A{level}", "values": {"level": "\r"}}, "control characters"),
        ({"frame": "{a}{a}{a}", "values": {"a": "x" * 2000}}, "6000 > 4096"),
        ({"frame": "A", "pattern": "("}, "answer"),
    ],
)
async def test_what_cannot_be_sent_is_refused(
    hass: HomeAssistant, entry: MockConfigEntry, lamp: Lamp, data: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ServiceValidationError, match=reason):
        await send(hass, **data)
    assert not lamp.heard


@pytest.mark.parametrize(
    "data",
    [
        {"frame": ""},
        {"frame": "A" * 2001},
        {"frame": "A", "timeout": 61},
        {"frame": "A", "values": {str(number): 1 for number in range(65)}},
        {"frame": "A", "values": {"a": [1]}},
    ],
)
async def test_sizes_are_bounded(hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]) -> None:
    with pytest.raises(probatio.Invalid):
        await send(hass, **data)


async def test_it_is_for_administrators(
    hass: HomeAssistant, entry: MockConfigEntry, lamp: Lamp, hass_read_only_user: MockUser
) -> None:
    data = {"device_id": device_id_of(hass, "Lamp"), "frame": "B=7\\r"}
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN, "send_frame", data, blocking=True, context=Context(user_id=hass_read_only_user.id)
        )
    assert not lamp.heard


async def test_devices_of_other_links_are_refused(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN, title="Simulated", data={"kind": "simulated", "signals": ["door"], "interval": 0.1}
    )
    await set_up(hass, entry)
    with pytest.raises(ServiceValidationError, match="not on a serial link"):
        await send(hass, "Simulated", frame="A")
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError):
        await send(hass, "Simulated", frame="A")
