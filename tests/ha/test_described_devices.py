"""Messages described by hand: a live row where the frontend shows one, a table elsewhere, pasted ones to try."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from hypothesis import given, reject
from hypothesis import strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.codecs.decoders import Decoder, SeparatedDecoder, decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict
from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.config_flow.decoder_form import KINDS, decoder_form, decoder_of_form, decoder_schema
from custom_components.fieldbridge.config_flow.framing_form import framing_form, framing_of_form, framing_schema
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink
from tests.bridge.codecs.framings import EXAMPLES
from tests.bridge.codecs.test_every_decoder import FORMS

from .flows import Flow
from .links import device, serial_entry, set_up, until, until_state
from .test_config_flow_serial import FRAMING, PORT_SETTINGS, only_entry, serial_flow

NO_CHECK: dict[str, Any] = {"check": {}}
PROBE = DeviceProfile(
    decoder=SeparatedDecoder(separator=";"), channels=(Channel(key="temp", name="Temperature", source="0", unit="°C"),)
)


async def row_of(client: Any, flow: Flow, flow_type: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the row that the frontend shows under the form filled with ``values``."""
    message = {"type": "fieldbridge/start_preview", "flow_id": flow.flow_id, "flow_type": flow_type}
    await client.send_json_auto_id({**message, "user_input": values})
    assert (await client.receive_json())["success"]
    row: dict[str, Any] = (await client.receive_json())["event"]
    return row


async def unreadable(hass: HomeAssistant, link: PtyLink, *pieces: bytes) -> Flow:
    """Return a flow at the outcome of bytes that nothing here understands."""
    flow = await serial_flow(hass, link.path)
    await asyncio.sleep(0.1)
    for piece in pieces:
        link.write(piece)
        await asyncio.sleep(0.02)
    return await flow.until("not_recognised", "no_frame_end", "binary_found")


@pytest.fixture
async def probe(hass: HomeAssistant, pty_link: PtyLink) -> MockConfigEntry:
    """A running link with a device that has sent three messages."""
    entry = serial_entry(pty_link.path, device("Probe", PROBE))
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up)
    await asyncio.sleep(0.1)
    pty_link.write(b"21.5;a\n21.6;b\n21.7;c\n")
    await until(lambda: len(entry.runtime_data.link.recent_frames) == 3)
    return entry


def stored(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the data of the entry's only device."""
    (subentry,) = entry.subentries.values()
    return dict(subentry.data)


async def test_framing_and_messages_are_described_with_a_live_row_and_become_a_device(
    hass: HomeAssistant, pty_link: PtyLink, hass_ws_client: WebSocketGenerator
) -> None:
    await async_setup_component(hass, DOMAIN, {})  # before the web server that the client needs
    flow = await unreadable(hass, pty_link, b"\xf0\x01\x2a\xf7\xf0\x99\xf7\xf0\x01\x2b\xf7")
    await flow.choose("describe", "framing")
    assert "f0 01 2a f7" in flow.text("bytes")
    await flow.submit({"kind": "marks"})
    client = await hass_ws_client(hass)
    marks = {"start": "\\xF0", "end": "\\xF7", "after": 0, "keep_marks": False, "max_length": 100}

    row = await row_of(client, flow, "config_flow", {**marks, **NO_CHECK})
    assert (row["state"], row["attributes"]) == ("3", {"friendly_name": ".+"})
    wrong = await row_of(client, flow, "config_flow", {**marks, "start": "\\q", **NO_CHECK})
    assert "unknown escape" in wrong["error"]
    for half_typed in ({"start": 2}, {"after": "on"}, {"max_length": None}, {"check": "crc"}):
        assert (await row_of(client, flow, "config_flow", {**marks, **NO_CHECK, **half_typed}))["error"]
    await flow.submit({**marks, "end": "\\q", **NO_CHECK})
    assert flow.errors == {"end": "bad_value"}

    await flow.submit({**marks, **NO_CHECK})
    assert flow.step == "framed"
    assert "01 2b" in flow.text("frames")
    await flow.choose("decoder")
    await flow.submit({"kind": "structure"})
    layout = [{"name": "kind", "type": "u8"}, {"name": "level", "type": "i8", "bits": "low 0:4; alarm 7"}]
    row = await row_of(client, flow, "config_flow", {"layout": layout, "little_endian": False})
    assert row["state"] == "Kind = 1 Level = 43 Level low = 11 Level alarm = 0".replace(" L", "   L")

    await flow.submit({"layout": layout, "little_endian": False})
    assert flow.step == "decoder_values"
    assert "(length: 1 bytes, at least 2 are needed)" in flow.text("values")
    await flow.choose("recognised")
    await flow.submit({"fields": ["level", "level.alarm"], "names": "Level [mm]\nAlarm"})
    await hass.async_block_till_done()

    entry = only_entry(hass)
    assert entry.data["framing"] == {
        "kind": "marks",
        "start": "\\xF0",
        "end": "\\xF7",
        "after": 0,
        "keep_marks": False,
        "max_length": 100,
    }
    (subentry,) = entry.subentries.values()
    found = {channel["name"]: (channel["source"], channel["unit"]) for channel in subentry.data["channels"]}
    assert found == {"Level": ("level", "mm"), "Alarm": ("level.alarm", None)}
    await until_state(hass, "binary_sensor.ttydevice_connectivity", "on")
    await asyncio.sleep(0.1)
    pty_link.write(b"\xf0\x01\x85\xf7")
    await until_state(hass, "sensor.serial_device_level", "-123")
    await until_state(hass, "sensor.serial_device_alarm", "1")


async def test_a_silent_device_is_described_by_messages_that_were_pasted(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.until("nothing_arrived")
    await flow.choose("describe", "decoder")
    await flow.submit({"kind": "pattern"})
    values = {"pattern": r"^T(?P<temp>\d+),(?P<mode>\w+)$", "encoding": "utf-8"}

    await flow.submit({**values, "pattern": "(", "pasted": "T215,on"})
    assert flow.errors == {"pattern": "bad_value"}
    await flow.submit({**values, "encoding": "latin-1", "pasted": "T215,€"})
    assert flow.errors == {"pasted": "bad_value"}
    assert "line 1" in flow.text("error")
    await flow.submit({**values, "pasted": "T215,on\n54 32 31 36 2c 6f 6e\nhello"})
    assert flow.text("values").splitlines() == [
        "T215,on",
        "    Temp = 215   Mode = on",
        "T216,on",
        "    Temp = 216   Mode = on",
        "hello",
        "    (pattern: does not match)",
    ]

    await flow.choose("recognised")
    await flow.submit({"fields": ["temp", "mode"]})

    (subentry,) = only_entry(hass).subentries.values()
    assert [channel["kind"] for channel in subentry.data["channels"]] == ["number", "text"]


async def test_columns_are_named_by_the_person(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.until("nothing_arrived")
    await flow.choose("describe", "decoder")
    await flow.submit({"kind": "columns"})
    values = {"encoding": "utf-8", "decimal_comma": False, "leading_number": True, "pasted": "AB  12.5 kg  µn"}

    await flow.submit({**values, "columns": ["four to ten"]})
    assert flow.errors == {"columns": "bad_value"}
    await flow.submit({**values, "columns": ["Net weight 2:11", "13:15"]})
    assert "Net weight = 12.5   Columns 13:15 = µn" in flow.text("values")


async def test_a_wrong_turn_can_be_taken_back(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    pty_link.write(b"1;2.5;x\n2;2.6;x\n3;2.7;x\n")
    await flow.until("recognised")
    await flow.submit({"fields": [], "by_hand": True})
    await flow.choose("decoder")
    await flow.submit({"kind": "json"})
    await flow.submit({})
    assert "json" in flow.text("values")
    await flow.choose("decoder")
    await flow.submit({"kind": "separated"})
    await flow.submit({"separator": ";", "encoding": "utf-8"})
    await flow.choose("recognised")
    await flow.submit({"fields": [], "by_hand": True})
    await flow.choose("recognised")
    assert flow.default("fields") == ["0", "1"]


async def test_what_was_recognised_can_be_changed_by_hand(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    pty_link.write(b"1;2.5;x\n2;2.6;x\n3;2.7;x\n")
    await flow.until("recognised")
    await flow.submit({"fields": [], "by_hand": True})
    await flow.choose("decoder")
    assert flow.suggested("kind") == "separated"
    await flow.submit({"kind": "separated"})
    assert (flow.suggested("separator"), flow.suggested("field_count")) == (";", 3)

    await flow.submit({"separator": ";", "encoding": "utf-8"})
    await flow.choose("recognised")
    assert flow.default("fields") == ["0", "1"]
    assert {option["value"] for option in flow.options_of("fields")} == {"0", "1", "2"}
    await flow.submit({"fields": ["1", "2"]})

    (subentry,) = only_entry(hass).subentries.values()
    assert subentry.data["decoder"]["fields"] is None
    assert [channel["kind"] for channel in subentry.data["channels"]] == ["number", "text"]


async def test_the_head_of_a_table_gives_names_and_units(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    pty_link.write(b"1,2.5,0.1\n2,2.6,0.2\n3,2.7,0.3\n")
    await flow.until("recognised")
    await flow.submit({"fields": ["0", "1", "2"], "names": "Time (s),Gyroscope X (deg/s),Accelerometer X (g)"})

    (subentry,) = only_entry(hass).subentries.values()
    found = {channel["name"]: (channel["unit"], channel["device_class"]) for channel in subentry.data["channels"]}
    assert found == {"Time": ("s", "duration"), "Gyroscope X": ("°/s", None), "Accelerometer X": ("g", None)}


async def test_the_decoder_of_a_device_is_changed_in_its_menu_with_a_table(
    hass: HomeAssistant, pty_link: PtyLink, probe: MockConfigEntry
) -> None:
    flow = await Flow.change_device(hass, probe, "decoder")
    assert flow.suggested("kind") == "separated"
    await flow.submit({"kind": "json"})
    assert flow.shown["preview"] is None
    await flow.submit({})
    assert flow.text("values").count("(json:") == 3

    await flow.choose("decoder_fields")
    flow = await Flow.change_device(hass, probe, "decoder")
    await flow.submit({"kind": "pattern"})
    await flow.submit({"pattern": "(?P<other>.)", "encoding": "utf-8"})
    assert flow.errors == {"base": "bad_value"}
    assert "channels[0].source" in flow.text("error")

    flow = await Flow.change_device(hass, probe, "decoder")
    await flow.submit({"kind": "separated"})
    await flow.submit({"separator": "\\q", "encoding": "utf-8"})
    assert flow.errors == {"separator": "bad_value"}
    assert flow.suggested("separator") == "\\q"

    flow = await Flow.change_device(hass, probe, "decoder")
    await flow.submit({"kind": "numbers"})
    await flow.submit({"encoding": "utf-8"})
    assert "21.7;c\n    Field 1 = 21.7" in flow.text("values")
    await flow.choose("save_decoder")
    await hass.async_block_till_done()

    assert flow.ended_by == "reconfigure_successful"
    assert stored(probe)["decoder"]["kind"] == "numbers"
    pty_link.write(b"it is 22.5 now\n")
    await until_state(hass, "sensor.probe_temperature", "22.5")


async def test_the_options_show_the_newest_message_while_its_form_is_filled(
    hass: HomeAssistant, pty_link: PtyLink, probe: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    flow = await Flow.options(hass, probe, "messages")
    await flow.submit({"kind": "separated"})
    assert flow.shown["preview"] == "fieldbridge"
    client = await hass_ws_client(hass)
    values = {"separator": ";", "encoding": "utf-8"}
    row = await row_of(client, flow, "options_flow", values)
    assert row["attributes"] == {"friendly_name": "21.7;c"}
    assert row["state"] == "Field 1 = 21.7"
    row = await row_of(client, flow, "options_flow", {**values, "field_count": 9})
    assert row["state"] == "(field_count: 2 instead of 9)"
    row = await row_of(client, flow, "options_flow", {**values, "pasted": "1.5;z\n0x32 3b 7a"})
    assert row["attributes"] == {"friendly_name": "2;z"}

    row = await row_of(client, flow, "options_flow", {**values, "leading_number": True})
    assert row["state"] == "Field 1 = 21.7"
    pty_link.write(b"22.9 C;d\n")
    assert (await client.receive_json())["event"]["attributes"] == {"friendly_name": "22.9 C;d"}

    await flow.submit({**values, "check": "xor8"})
    await flow.choose("save_decoder")
    await hass.async_block_till_done()

    assert stored(probe)["decoder"]["check"] == {"algorithm": "xor8", "start": 0, "with_separator": True}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("separated", {"separator": 7}),
        ("separated", {"separator": ";", "field_count": "fi"}),
        ("separated", {"separator": ";", "check": ["xor8"], "encoding": None}),
        ("pattern", {}),
        ("pattern", {"pattern": "(?P<a>.)", "pasted": 5}),
        ("columns", {"columns": 4}),
        ("structure", {"layout": "u8"}),
        ("structure", {"layout": [{"name": "kind"}]}),
        ("structure", {"layout": [{"name": "kind", "type": ["u8"]}]}),
        ("yaml", {"yaml": "kind: json"}),
        ("yaml", {"yaml": {"kind": ["json"]}}),
        ("yaml", {"yaml": {"kind": "separated", "separator": 7}}),
        ("yaml", {"yaml": {"kind": "structure", "fields": [{"name": ["a"]}]}}),
    ],
)
async def test_the_row_of_a_half_typed_form_says_why_there_is_none(
    hass: HomeAssistant,
    probe: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    values: dict[str, Any],
) -> None:
    flow = await Flow.options(hass, probe, "messages")
    await flow.submit({"kind": kind})

    assert (await row_of(await hass_ws_client(hass), flow, "options_flow", values))["error"]
    assert "Traceback" not in caplog.text


async def test_which_messages_are_a_devices_own_can_be_changed(
    hass: HomeAssistant, pty_link: PtyLink, probe: MockConfigEntry
) -> None:
    flow = await Flow.change_device(hass, probe, "condition")
    await flow.submit({"condition": {"condition_source": "1"}})
    assert flow.errors == {"base": "condition_incomplete"}
    await flow.submit({"condition": {"condition_prefix": "\\q"}})
    assert flow.errors == {"base": "condition_never_met"}

    await flow.submit({"condition": {"condition_source": "1", "condition_text": "b", "condition_prefix": "21"}})
    await hass.async_block_till_done()
    assert stored(probe)["condition"] == {"source": "1", "equals": "b", "prefix": "21"}
    pty_link.write(b"21.9;c\n21.8;b\n22.1;b\n")
    await until_state(hass, "sensor.probe_temperature", "21.8")

    flow = await Flow.change_device(hass, probe, "condition")
    await flow.submit({"condition": {}})
    await hass.async_block_till_done()
    assert stored(probe)["condition"] is None


async def test_a_second_device_is_described_by_hand_without_waiting_for_what_is_recognised(
    hass: HomeAssistant, probe: MockConfigEntry
) -> None:
    flow = await Flow.device(hass, probe, "decoder")
    assert "21.5;a" in flow.text("frames")
    await flow.submit({"kind": "separated"})
    await flow.submit({"separator": ";", "encoding": "utf-8"})
    await flow.choose("recognised")
    await flow.submit({"name": "Letters", "fields": ["1"], "names": "Letter", "condition": {}})

    device_data = next(dict(each.data) for each in probe.subentries.values() if each.title == "Letters")
    assert [(channel["name"], channel["kind"]) for channel in device_data["channels"]] == [("Letter", "text")]


@pytest.mark.parametrize("kind", FORMS)
def test_the_form_of_a_decoder_describes_the_same_decoder(kind: str) -> None:
    decoder: Decoder = decoder_from_dict(FORMS[kind])

    kind_of_form, form = decoder_form(decoder)

    assert kind_of_form in KINDS
    decoder_schema(kind_of_form)(form)
    assert decoder_of_form(kind_of_form, form).to_dict() == decoder.to_dict()


NAMES = st.text("ab; 1:", min_size=1, max_size=4)
FIELDS = st.fixed_dictionaries(
    {"name": NAMES, "type": st.sampled_from(["u16", "f32", "pad", "text"])},
    optional={
        "size": st.integers(1, 9),
        "offset": st.integers(0, 99),
        "little_endian": st.booleans(),
        "bits": st.dictionaries(NAMES, st.tuples(st.integers(0, 8), st.integers(1, 8)).map(list), max_size=2),
        "invalid": st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 70000), max_size=3),
        "repeat": st.integers(1, 3),
    },
)


@given(st.lists(FIELDS, min_size=1, max_size=3))
def test_the_form_of_any_structure_describes_the_same_structure(fields: list[dict[str, Any]]) -> None:
    try:
        decoder = decoder_from_dict({"kind": "structure", "fields": fields})
    except ProfileError:
        reject()

    kind, form = decoder_form(decoder)

    decoder_schema(kind)(form)
    assert decoder_of_form(kind, form) == decoder


def test_a_structure_with_padding_and_fractions_has_a_form() -> None:
    fields = [{"type": "pad", "size": 2}, {"name": "t", "type": "f32", "invalid": [-1234567.5], "little_endian": False}]
    decoder = decoder_from_dict({"kind": "structure", "fields": fields})

    kind, form = decoder_form(decoder)

    assert kind == "structure"
    assert decoder_of_form(kind, form) == decoder


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"bits": "alarm"}, "is not like alarm 3"),
        ({"bits": "alarm x"}, "invalid literal"),
        ({"bits": "alarm 15:2"}, "within 16 bits"),
        ({"invalid": "0xZZ"}, "invalid literal"),
        ({"invalid": "65535; nan"}, "list of numbers"),
        ({"repeat": "often"}, "invalid literal"),
        ({"repeat": "0"}, "from 1 to"),
    ],
)
def test_what_is_written_wrongly_in_a_field_is_told_with_its_place(written: dict[str, str], complaint: str) -> None:
    form = {"layout": [{"name": "level", "type": "u16", **written}], "little_endian": False}
    with pytest.raises(ProfileError, match=rf"decoder\.fields\[0\].*({complaint})"):
        decoder_of_form("structure", form)


def test_a_separator_that_no_form_can_hold_is_shown_as_profiles_have_it() -> None:
    decoder = SeparatedDecoder(separator="→")
    kind, form = decoder_form(decoder)
    assert kind == "yaml"
    assert decoder_of_form(kind, form) == decoder


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_form_of_a_framing_describes_the_same_framing(name: str) -> None:
    stored_form = EXAMPLES[name].form
    kind = stored_form["kind"]

    filled = framing_schema(kind)(framing_form(stored_form))
    described = framing_of_form(kind, filled, stored_form)

    line = b"".join(EXAMPLES[name].line(content) for content in (b"one", b"two", b"three")) * 3
    cut, expected = framer_from_dict(described), framer_from_dict(stored_form)
    assert [*cut.feed(line), *cut.flush()] == [*expected.feed(line), *expected.flush()]


async def test_how_the_bytes_of_a_running_link_are_cut_can_be_described_anew(
    hass: HomeAssistant, pty_link: PtyLink, probe: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    flow = await Flow.config(hass, source="reconfigure", entry_id=probe.entry_id)
    port = {"device": str(pty_link.path), "baudrate": "9600", "port_settings": PORT_SETTINGS}
    await flow.submit({**port, "framing": FRAMING, "describe_framing": True})
    assert flow.suggested("kind") == "line"
    await asyncio.sleep(0.1)
    pty_link.write(b"<1;a><2;b><3;c>")
    await flow.submit({"kind": "marks"})
    marks = {"start": "<", "end": ">", "after": 0, "keep_marks": False, "max_length": 4096}
    client = await hass_ws_client(hass)

    row = await row_of(client, flow, "config_flow", {**marks, **NO_CHECK})
    while row["state"] != "3":  # the bytes come through a real port
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=1))
        row = (await client.receive_json())["event"]
    await flow.submit({**marks, **NO_CHECK})
    assert flow.ended_by == "reconfigure_successful"
    await hass.async_block_till_done()

    assert probe.data["framing"] == {"kind": "marks", **marks}
    assert "delimiter" not in probe.data
    await until(lambda: probe.runtime_data.link_coordinator.is_up)
    await asyncio.sleep(0.1)
    pty_link.write(b"<23.5;x>")
    await until_state(hass, "sensor.probe_temperature", "23.5")


async def test_a_link_goes_on_when_the_description_of_its_bytes_is_given_up(
    hass: HomeAssistant, pty_link: PtyLink, probe: MockConfigEntry
) -> None:
    flow = await Flow.config(hass, source="reconfigure", entry_id=probe.entry_id)
    port = {"device": str(pty_link.path), "baudrate": "9600", "port_settings": PORT_SETTINGS}
    await flow.submit({**port, "framing": FRAMING, "describe_framing": True})
    assert flow.step == "framing"

    flow.close()
    await hass.async_block_till_done()

    await until(lambda: probe.state is ConfigEntryState.LOADED)
    await until(lambda: probe.runtime_data.link_coordinator.is_up)
    assert "framing" not in probe.data
