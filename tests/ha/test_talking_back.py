"""Serial devices that are asked, told and set, described in the UI; a device at a pseudo-terminal answers."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind, Write, WriteControl
from custom_components.fieldbridge.bridge.channels.profile import FrameCondition
from custom_components.fieldbridge.bridge.codecs.decoders import SeparatedDecoder
from custom_components.fieldbridge.bridge.codecs.talk import Talk
from demo.pty_link import PtyLink
from tests.lamp import Lamp, serving

from .flows import Flow
from .links import device, entity_ids, serial_entry, set_up, until, until_state

SILENT = DeviceProfile(
    decoder=SeparatedDecoder(separator=";"),
    channels=(Channel(key="brightness", name="Brightness", source="1", min_interval=0),),
    condition=FrameCondition(source="0", equals="B"),
)
ASKED = DeviceProfile(
    decoder=SILENT.decoder,
    channels=SILENT.channels,
    condition=SILENT.condition,
    talk=Talk.from_dict({"init": ["INIT\\r"], "poll": [{"frame": "B?\\r", "every": 0.1, "answer": {"prefix": "B"}}]}),
)
NUMBER = "number.lamp_brightness"
POLL = {"frame": "B?\\r", "every": 0.1, "prefix": "B", "timeout": 0.5}
FRAME: dict[str, Any] = {
    "control": "number",
    "minimum": 0,
    "maximum": 100,
    "step": 1,
    "frame": "B={value:d}\\r",
    "checksum": {"encoding": "big", "start": 0, "skip": 0, "ending": ""},
    "proof": "both",
    "prefix": "OK",
    "timeout": 0.3,
    "confirm": 0.5,
}


@pytest.fixture
async def lamp(pty_link: PtyLink) -> AsyncIterator[Lamp]:
    lamp = Lamp(pty_link)
    async with serving(lamp):
        yield lamp


async def set_up_lamp(hass: HomeAssistant, pty: PtyLink, profile: DeviceProfile = ASKED) -> MockConfigEntry:
    entry = serial_entry(pty.path, device("Lamp", profile))
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    return entry


async def frame_form(hass: HomeAssistant, entry: MockConfigEntry, value: str = "brightness") -> Flow:
    flow = await Flow.change_device(hass, entry, "set_value")
    return await flow.submit({"commanded": value})


async def set_brightness(hass: HomeAssistant, value: float) -> None:
    await hass.services.async_call("number", "set_value", {"entity_id": NUMBER, "value": value}, blocking=True)


async def test_a_value_without_a_name_is_asked_for_again(hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp) -> None:
    flow = await frame_form(hass, await set_up_lamp(hass, pty_link), " ")
    assert flow.errors == {"commanded": "name_missing"}
    await flow.submit({"commanded": "Restart"})
    assert flow.step == "set_frame"


async def test_a_silent_device_is_initialised_and_asked_once_it_is_said_how(
    hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp
) -> None:
    entry = await set_up_lamp(hass, pty_link, SILENT)
    flow = await Flow.change_device(hass, entry, "talk")
    await flow.submit({"init": ["INIT\\r"], "poll": [POLL]})
    assert flow.step == "check_talk"
    assert flow.text("frames") == "INIT\\r   49 4e 49 54 0d\n0.1 s: B?\\r   42 3f 0d"
    await flow.choose("save_talk")

    await until_state(hass, "sensor.lamp_brightness", "50")
    assert lamp.heard[:2] == [b"INIT", b"B?"]
    stored = await Flow.change_device(hass, entry, "talk")
    assert stored.suggested("init") == ["INIT\\r"]
    assert stored.suggested("poll") == [{**POLL, "expected": True}]


async def test_what_is_said_is_said_again_after_an_unplugging_and_a_reload(
    hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp
) -> None:
    entry = await set_up_lamp(hass, pty_link)
    await until_state(hass, "sensor.lamp_brightness", "50")
    pty_link.unplug()
    await until_state(hass, "sensor.lamp_brightness", "unavailable")
    pty_link.plug()
    await until(lambda: lamp.heard.count(b"INIT") == 2)
    await until_state(hass, "sensor.lamp_brightness", "50")
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: lamp.heard.count(b"INIT") == 3)
    await until_state(hass, "sensor.lamp_brightness", "50")


async def test_emptying_the_form_ends_the_talk(hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp) -> None:
    entry = await set_up_lamp(hass, pty_link)
    flow = await Flow.change_device(hass, entry, "talk")
    await (await flow.submit({"init": [], "poll": []})).choose("save_talk")
    await hass.async_block_till_done()
    (session,) = entry.runtime_data.link.sessions.values()
    assert session.profile.talk is None


@pytest.mark.parametrize(
    ("form", "field", "reason"),
    [
        ({"init": ["{value}"]}, "base", "nobody gives a value for value"),
        ({"init": ["A", "\\q"]}, "init", "init[1]: unknown escape"),
        ({"poll": [{**POLL, "frame": "0x1"}]}, "poll", "poll[0].frame: '0x1' is no row of hexadecimal bytes"),
        ({"poll": [POLL, {**POLL, "pattern": "("}]}, "poll", "poll[1].answer"),
        ({"poll": [{**POLL, "frame": "{crc-99}"}]}, "poll", "neither a value nor a check"),
    ],
)
async def test_what_cannot_be_sent_is_told_at_its_field(
    hass: HomeAssistant, pty_link: PtyLink, form: dict[str, Any], field: str, reason: str
) -> None:
    entry = await set_up_lamp(hass, pty_link, SILENT)
    flow = await (await Flow.change_device(hass, entry, "talk")).submit(form)
    assert flow.errors == {field: "bad_value"}
    assert reason in flow.text("error")


async def test_a_value_becomes_a_number_that_the_device_confirms(
    hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp
) -> None:
    entry = await set_up_lamp(hass, pty_link)
    flow = await (await frame_form(hass, entry, "Brightness")).submit(FRAME)
    assert flow.step == "check_frame"
    assert flow.text("frames").splitlines() == [
        "0.0  →  B=0\\r   42 3d 30 0d",
        "1.0  →  B=1\\r   42 3d 31 0d",
        "100.0  →  B=100\\r   42 3d 31 30 30 0d",
    ]
    await flow.choose("save_channel")
    await until_state(hass, NUMBER, "50")
    assert hass.states.get("sensor.lamp_brightness") is None

    await set_brightness(hass, 70)
    assert lamp.brightness == 70
    await until_state(hass, NUMBER, "70")
    with pytest.raises(HomeAssistantError, match="did not become 95"):
        await set_brightness(hass, 95)  # the lamp goes up to 90 only
    lamp.silent = True
    with pytest.raises(HomeAssistantError, match=r"no answer within 0\.3 s"):
        await set_brightness(hass, 60)
    pty_link.unplug()
    await until_state(hass, NUMBER, "unavailable")

    again = await frame_form(hass, entry)
    form = {name: again.suggested(name) for name in FRAME if name != "checksum"}
    assert form == {name: value for name, value in FRAME.items() if name != "checksum"}
    await again.submit({**FRAME, "frame": ""})
    await until(lambda: "sensor.lamp_brightness" in entity_ids(hass, entry))
    assert NUMBER not in entity_ids(hass, entry)


@pytest.mark.parametrize(
    ("name", "form", "action", "data", "sent"),
    [
        ("Input", {"control": "select", "options": ["HDMI = 2", "VGA"]}, "select_option", {"option": "HDMI"}, b"X=2"),
        ("Power", {"control": "switch", "on": "1", "off": "0"}, "turn_on", {}, b"X=1"),
        ("Title", {"control": "text"}, "set_value", {"value": "Hello"}, b"X=Hello"),
        ("Reset", {"control": "button", "press": "RST"}, "press", {}, b"X=RST"),
        ("Gain", {"control": "number", "minimum": -5, "maximum": 5, "step": 0.5}, "set_value", {"value": -2}, b"X=-2"),
    ],
)
async def test_a_new_value_that_is_only_sent_is_controlled(
    hass: HomeAssistant,
    pty_link: PtyLink,
    lamp: Lamp,
    name: str,
    form: dict[str, Any],
    action: str,
    data: dict[str, Any],
    sent: bytes,
) -> None:
    entry = await set_up_lamp(hass, pty_link)
    flow = await frame_form(hass, entry, name)
    await flow.submit({**FRAME, "frame": "X={value}\\r", "proof": "none", **form})
    await flow.choose("save_channel")
    entity_id = f"{form['control']}.lamp_{name.lower()}"
    await until(lambda: (state := hass.states.get(entity_id)) and state.state != "unavailable")
    await hass.services.async_call(form["control"], action, {"entity_id": entity_id, **data}, blocking=True)
    await until(lambda: sent in lamp.heard)

    await (await frame_form(hass, entry, name.lower())).submit({**FRAME, "frame": ""})
    await until(lambda: entity_id not in entity_ids(hass, entry))


async def test_a_checksum_is_put_behind_the_frame(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = await set_up_lamp(hass, pty_link, SILENT)
    checksum = {"algorithm": "xor8", "encoding": "hex", "start": 1, "skip": 1, "ending": "\\r\\n"}
    form = {**FRAME, "frame": "$B,{value:d}*", "checksum": checksum}
    flow = await (await frame_form(hass, entry)).submit(form)
    # xor of "B,100" is 0x5F
    assert "100.0  →  $B,100*5F\\r\\n" in flow.text("frames")
    await flow.choose("save_channel")
    stored = next(iter(entry.subentries.values())).data["channels"][0]["write"]["target"]
    assert stored["frame"] == "$B,{value:d}*{xor8:hex,start=1,skip=1}\\r\\n"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"frame": "B=1\\r"}, {"frame": "frame_without_value"}),
        ({"frame": "B={value}{colour}"}, {"frame": "unknown_names"}),
        ({"frame": "B={value:nonsense}"}, {"frame": "bad_value"}),
        ({"frame": "0x0G {value:u8}"}, {"frame": "bad_value"}),
        ({"frame": "{value:u8}", "maximum": 300}, {"frame": "bad_value"}),
        ({"frame": "{value:d}", "step": 0.5}, {"frame": "bad_value"}),
        ({"minimum": 5, "maximum": 5}, {"base": "bad_value"}),
        ({"control": "select", "options": []}, {"options": "bad_value"}),
        ({"pattern": "("}, {"prefix": "bad_value"}),
        ({"control": "switch", "frame": "B={value}", "on": "RUN", "off": "STOP"}, {"proof": "bad_value"}),
    ],
)
async def test_a_frame_that_cannot_set_the_value_is_told_at_its_field(
    hass: HomeAssistant, pty_link: PtyLink, change: dict[str, Any], errors: dict[str, str]
) -> None:
    entry = await set_up_lamp(hass, pty_link, SILENT)
    flow = await (await frame_form(hass, entry)).submit({**FRAME, **change})
    assert flow.errors == errors
    assert flow.suggested("frame") == {**FRAME, **change}["frame"]


async def test_a_reading_cannot_confirm_what_no_message_carries(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = await set_up_lamp(hass, pty_link, SILENT)
    flow = await (await frame_form(hass, entry, "New value")).submit({**FRAME, "proof": "reading"})
    assert flow.errors == {"proof": "nothing_to_read"}


async def test_what_the_form_does_not_ask_for_stays(hass: HomeAssistant, pty_link: PtyLink) -> None:
    write = Write(control=WriteControl.TEXT, max_length=16, target={"frame": "T={value}"})
    profile = DeviceProfile(
        decoder=SILENT.decoder,
        channels=(Channel(key="note", name="Note", source="", write=write, kind=ValueKind.TEXT),),
    )
    entry = await set_up_lamp(hass, pty_link, profile)
    flow = await frame_form(hass, entry, "note")
    await flow.submit({**FRAME, "control": "text", "frame": "N={value}", "proof": "none"})
    await flow.choose("save_channel")
    stored = next(iter(entry.subentries.values())).data["channels"][0]["write"]
    assert (stored["max_length"], stored["target"]["frame"]) == (16, "N={value}")


async def test_a_silent_device_is_set_up_from_nothing_by_asking_it(
    hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp
) -> None:
    flow = await Flow.config(hass, "serial")
    port = {"bytesize": "8", "parity": "n", "stopbits": "1", "flow_control": "none"}
    form = {"device": str(pty_link.path), "baudrate": "9600", "port_settings": port}
    await flow.submit({**form, "framing": {"delimiter": "\\n", "max_length": 4096}})
    await flow.until("nothing_arrived")

    await flow.choose("ask")
    await flow.submit({"frame": "B?{value}\\r", "every": 0.2})
    assert flow.errors == {"frame": "bad_value"}
    await flow.submit({"frame": "B?\\r", "every": 0.2})
    await flow.until("recognised")
    assert "B;50" in flow.text("frames")
    fields = [option["value"] for option in flow.options_of("fields") if "50" in option["label"]]
    await flow.submit({"fields": fields, "set_filters": False})
    await hass.async_block_till_done()

    (entry,) = hass.config_entries.async_entries("fieldbridge")
    (subentry,) = entry.subentries.values()
    (poll,) = subentry.data["talk"]["poll"]
    assert poll == {"frame": "B?\\r", "every": 0.2, "timeout": 0.2, "answer": {}}
    await until(lambda: [state for state in hass.states.async_all("sensor") if state.state == "50"])


async def test_a_silent_device_is_added_to_a_link_by_asking_it(
    hass: HomeAssistant, pty_link: PtyLink, lamp: Lamp
) -> None:
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    flow = await Flow.device(hass, entry, "ask")
    await flow.submit({"frame": "L?\\r", "every": 0.2})
    await flow.until("recognised")
    await flow.submit({"name": "Lamp", "fields": ["1"], "condition": {}})
    await hass.async_block_till_done()
    (subentry,) = entry.subentries.values()
    assert subentry.data["talk"]["poll"][0]["frame"] == "L?\\r"
    heard = len(lamp.heard)
    await until(lambda: len(lamp.heard) > heard)
