"""A serial link from the port to the entities: what arrives is shown while it arrives, and understood."""

import asyncio
import contextlib
from itertools import count
from pathlib import Path
import re
import struct

from homeassistant.components import usb
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.config_flow.listening import MOST_LOOKS
from custom_components.fieldbridge.connections.serial import make_serial
from custom_components.fieldbridge.const import DOMAIN
from demo.process import free_port
from demo.pty_link import PtyLink

from .flows import Flow
from .links import GAS_FRAMES, until_state

PORT_SETTINGS = {"bytesize": "8", "parity": "n", "stopbits": "1", "flow_control": "none"}
FRAMING = {"delimiter": "\\n", "max_length": 4096}


def form(device: str | Path, **changes: object) -> dict[str, object]:
    """Return the filled form of a serial port."""
    return {
        "device": str(device),
        "baudrate": "9600",
        "port_settings": PORT_SETTINGS,
        "framing": FRAMING,
        **changes,
    }


async def serial_flow(hass: HomeAssistant, device: str | Path, **changes: object) -> Flow:
    """Begin to add a serial link and submit its form."""
    flow = await Flow.config(hass, "serial")
    return await flow.submit(form(device, **changes))


async def port_is_free(device: Path) -> bool:
    """Whether somebody else can open the port, now or in a moment."""
    for _ in range(250):
        other = make_serial({"device": str(device)})
        with contextlib.suppress(LinkError):
            await other.open()
            await other.close()
            return True
        await asyncio.sleep(0.02)
    return False


def only_entry(hass: HomeAssistant) -> ConfigEntry:
    """Return the one entry that there is."""
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    return entry


async def test_a_gas_analyser_goes_from_port_to_entities_with_its_frames_shown_live(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    assert flow.step == "listen"
    assert flow.text("frame_count") == "0"

    await asyncio.sleep(0.1)  # longer than the pause that tells a whole first frame from a cut one
    pty_link.write(GAS_FRAMES[0])
    await flow.watch(lambda: flow.text("frame_count") == "1")
    assert ";Oxygen;20.379;" in flow.text("frames")
    assert flow.text("byte_count") == str(len(GAS_FRAMES[0]))

    for frame in GAS_FRAMES[1:4]:
        pty_link.write(frame)
    await flow.until("recognised")
    assert flow.text("format") == ";"
    assert flow.text("check") == "sum16"
    labels = [option["label"] for option in flow.options_of("fields")]
    assert any(label.startswith("Oxygen = 20.37") and label.endswith("%") for label in labels)

    oxygen = next(option["value"] for option in flow.options_of("fields") if "Oxygen" in option["label"])
    await flow.submit({"fields": [oxygen]})
    await hass.async_block_till_done()

    entry = only_entry(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == pty_link.path.name
    (device,) = entry.subentries.values()
    assert [channel["name"] for channel in device.data["channels"]] == ["Oxygen"]
    await until_state(hass, "binary_sensor.ttydevice_connectivity", STATE_ON)
    await asyncio.sleep(0.1)
    pty_link.write(GAS_FRAMES[5])
    await until_state(hass, "sensor.serial_device_oxygen", _oxygen(GAS_FRAMES[5]))


async def test_a_serial_device_is_named_in_the_language_of_home_assistant(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    hass.config.language = "de"
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)  # longer than the pause that tells a whole first frame from a cut one
    for frame in GAS_FRAMES[:4]:
        pty_link.write(frame)
    await flow.until("recognised")
    await flow.submit({"fields": flow.default("fields")})

    assert [each.title for each in only_entry(hass).subentries.values()] == ["Serielles Gerät"]


async def test_a_device_that_speaks_seldom_is_waited_for(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.until("nothing_arrived")
    await flow.choose("listen_longer")
    looks = count()
    await flow.watch(lambda: next(looks) > 2 * MOST_LOOKS)
    pty_link.write(b"temp=20.5;hum=40\n")
    await flow.until("recognised")
    assert flow.default("fields") == ["temp", "hum"]


async def test_what_is_stored_is_what_the_form_said(hass: HomeAssistant, pty_link: PtyLink) -> None:
    settings = {"bytesize": "7", "parity": "e", "stopbits": "2", "flow_control": "xonxoff"}
    framing = {"delimiter": "\\r", "max_length": 100.0}
    flow = await serial_flow(hass, pty_link.path, baudrate="31250", port_settings=settings, framing=framing)
    await flow.until("nothing_arrived")

    await flow.choose("without_device")

    entry = only_entry(hass)
    assert dict(entry.data) == {
        "kind": "serial",
        "device": str(pty_link.path),
        "baudrate": 31250,
        "bytesize": 7,
        "parity": "E",
        "stopbits": 2,
        "xonxoff": True,
        "rtscts": False,
        "delimiter": "\\r",
        "max_length": 100,
    }
    assert not entry.subentries


async def test_a_link_is_called_as_its_adapter_calls_itself(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await async_setup_component(hass, "usb", {})
    adapter = usb.SerialDevice(
        device=str(pty_link.path), serial_number="1", manufacturer="Acme", description="Lab adapter"
    )
    usb.async_register_serial_port_scanner(hass, lambda _: [adapter])
    flow = await serial_flow(hass, pty_link.path, baudrate="4800")
    await flow.until("nothing_arrived")
    await flow.choose("without_device")

    assert only_entry(hass).title == "Lab adapter"


async def test_units_suggest_what_is_measured(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    for second in range(4):
        pty_link.write(
            f"Room;21.{second};°C;Mains;{230 + second};V;Meter;12.{second};kWh;Share;{second}.5;%\n".encode()
        )
    await flow.until("recognised")

    await flow.submit({"fields": [option["value"] for option in flow.options_of("fields")]})

    (device,) = only_entry(hass).subentries.values()
    found = {c["name"]: (c["unit"], c["device_class"], c["state_class"]) for c in device.data["channels"]}
    assert found == {
        "Room": ("°C", "temperature", "measurement"),
        "Mains": ("V", "voltage", "measurement"),
        "Meter": ("kWh", "energy", "total_increasing"),
        "Share": ("%", None, "measurement"),
    }


async def test_json_lines_become_numbers_texts_and_switch_states(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    for _ in range(4):
        pty_link.write(b'{"temp": 21.5, "door": true, "mode": "auto"}\n')
    await flow.until("recognised")
    assert flow.text("format") == "JSON"

    await flow.submit({"fields": ["temp", "door", "mode"]})

    (device,) = only_entry(hass).subentries.values()
    assert [c["kind"] for c in device.data["channels"]] == ["number", "binary", "text"]


async def test_frames_cannot_change_the_text_around_them(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    pty_link.write(b"```\x00 \xff [x](y) {frames}" + b"a" * 500 + b"\n")
    await flow.watch(lambda: flow.text("frame_count") == "1")

    text, digits = flow.text("frames").splitlines()
    assert text.strip().startswith(r"\x60\x60\x60\x00 \xff [x](y) {frames}aaa")
    assert text.endswith("a…")
    assert len(text) < 300
    assert digits.strip().startswith("60 60 60 00 20 ff 20 5b")


async def test_choosing_no_field_is_refused(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    pty_link.write(b"".join(GAS_FRAMES[:4]))
    await flow.until("recognised")

    await flow.submit({"fields": []})
    assert flow.errors == {"fields": "no_fields"}

    await flow.submit({"fields": [flow.options_of("fields")[0]["value"]]})
    assert only_entry(hass).subentries


async def test_a_silent_port_says_so_and_can_be_listened_to_again(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.until("nothing_arrived")

    await flow.choose("listen_again")
    await asyncio.sleep(0.1)
    pty_link.write(b"".join(GAS_FRAMES[:4]))

    await flow.until("recognised")


async def test_bytes_without_an_end_are_shown_in_hexadecimal(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    pty_link.write(bytes(range(20)))
    await flow.until("no_frame_end")

    assert flow.text("byte_count") == "20"
    assert flow.text("bytes").splitlines() == ["00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", "10 11 12 13"]


async def test_frames_that_mean_nothing_are_shown_and_the_settings_can_be_changed(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path, baudrate="19200")
    await asyncio.sleep(0.1)
    pty_link.write(b"hello\nworld\n")
    await flow.until("not_recognised")
    lines = [line.strip() for line in flow.text("frames").splitlines()]
    assert lines[:2] == ["hello", "68 65 6c 6c 6f"]
    assert re.fullmatch(r"\+\d\.\d{3} s  world", lines[2])

    await flow.choose("serial")

    assert flow.step == "serial"
    assert flow.suggested("device") == str(pty_link.path)
    assert flow.suggested("baudrate") == "19200"


async def test_a_port_that_is_unplugged_while_listening_says_so(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    pty_link.unplug()
    await flow.until("link_lost")
    assert str(pty_link.path) in flow.text("error")

    await flow.choose("listen_again")
    assert flow.step == "serial"
    assert flow.errors == {"base": "cannot_open"}

    pty_link.plug()
    await flow.submit(form(pty_link.path))
    assert flow.step == "listen"


async def test_a_port_that_cannot_be_opened_is_told_with_its_reason(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, "/dev/does-not-exist")

    assert flow.errors == {"base": "cannot_open"}
    assert "/dev/does-not-exist" in flow.text("error")
    assert flow.suggested("device") == "/dev/does-not-exist"

    await flow.submit(form(pty_link.path))
    assert flow.step == "listen"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"framing": {"delimiter": "\\x", "max_length": 100}}, {"base": "bad_delimiter"}),
        ({"framing": {"delimiter": "", "max_length": 100}}, {"base": "bad_delimiter"}),
        ({"port_settings": {**PORT_SETTINGS, "stopbits": "1.5"}}, {"base": "bad_stopbits"}),
        ({"baudrate": "fast"}, {"baudrate": "bad_baudrate"}),
        ({"baudrate": "0"}, {"baudrate": "bad_baudrate"}),
        ({"baudrate": "99999999999"}, {"baudrate": "bad_baudrate"}),
    ],
)
async def test_settings_that_make_no_sense_are_refused_and_can_be_mended(
    hass: HomeAssistant, pty_link: PtyLink, changes: dict[str, object], errors: dict[str, str]
) -> None:
    flow = await serial_flow(hass, pty_link.path, **changes)
    assert flow.errors == errors

    await flow.submit(form(pty_link.path))
    assert flow.step == "listen"


async def test_a_port_of_another_link_is_refused(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.until("nothing_arrived")
    await flow.choose("without_device")
    await hass.async_block_till_done()

    second = await serial_flow(hass, pty_link.path)

    assert second.ended_by == "already_configured"


async def test_two_dialogs_for_one_port_make_one_link(hass: HomeAssistant, pty_link: PtyLink) -> None:
    first = await serial_flow(hass, pty_link.path)
    await first.until("nothing_arrived")
    second = await serial_flow(hass, pty_link.path)
    await second.until("nothing_arrived")

    await first.choose("without_device")
    await hass.async_block_till_done()
    await second.choose("without_device")

    assert second.ended_by == "already_configured"
    assert only_entry(hass).state is ConfigEntryState.LOADED


async def test_closing_the_dialog_frees_the_port(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.refresh()
    with pytest.raises(LinkError):
        await make_serial({"device": str(pty_link.path)}).open()

    flow.close()

    assert await port_is_free(pty_link.path)


async def test_the_port_is_free_when_listening_is_over(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await flow.until("nothing_arrived")

    assert await port_is_free(pty_link.path)


async def test_a_tcp_stream_is_a_link_too(hass: HomeAssistant, loopback_sockets: None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(GAS_FRAMES[:4]))
        with contextlib.suppress(ConnectionResetError):  # it may close before it read everything
            await reader.read()  # until the other side closes
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    flow = await serial_flow(hass, url)
    await flow.until("recognised")
    await flow.submit({"fields": [flow.options_of("fields")[0]["value"]]})
    await hass.async_block_till_done()

    entry = only_entry(hass)
    assert entry.title == url
    assert entry.state is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(entry.entry_id)
    server.close()
    await server.wait_closed()


async def test_a_port_behind_an_integration_that_is_not_loaded_cannot_be_opened(hass: HomeAssistant) -> None:
    flow = await serial_flow(hass, "esphome-hass://esphome/unknown?port_name=uart")

    assert flow.errors == {"base": "cannot_open"}


async def test_a_key_in_a_url_stays_out_of_titles_and_messages(hass: HomeAssistant, loopback_sockets: None) -> None:
    flow = await serial_flow(hass, f"esphome://127.0.0.1:{free_port()}/?port_name=uart&key=topsecret")

    assert flow.errors == {"base": "cannot_open"}
    assert "topsecret" not in flow.text("error")


def _oxygen(frame: bytes) -> str:
    return str(float(frame.split(b";")[7]))


async def test_binary_frames_are_cut_as_recognised_and_the_link_keeps_it(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    for number in range(4):
        pty_link.write(_measurement(number))
        await asyncio.sleep(0.05)
    await flow.until("recognised")
    assert "0b 41 01 f4" in flow.text("frames")
    assert flow.text("framing") == "Fixed length, length 6, start \\x0BA"
    assert flow.text("check") == "sum8"

    assert flow.default("fields") == ["u16_2"]
    await flow.submit({"fields": ["u16_2"]})
    await hass.async_block_till_done()

    entry = only_entry(hass)
    assert entry.data["framing"]["check"]["algorithm"] == "sum8"
    assert entry.data["framing"]["max_length"] == 4096
    assert "delimiter" not in entry.data
    (device,) = entry.subentries.values()
    assert device.data["decoder"]["fields"] == [{"name": "u16_2", "type": "u16", "offset": 2}]
    await until_state(hass, "binary_sensor.ttydevice_connectivity", STATE_ON)
    await asyncio.sleep(0.1)
    pty_link.write(b"garbage" + _measurement(7))
    await until_state(hass, "sensor.serial_device_byte_2_u16", str(500 + 7 * 37))


async def test_messages_that_end_with_a_carriage_return_need_no_settings(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    for number in range(3):
        pty_link.write(b"T=21.%d\r" % number)
    await flow.until("recognised")
    await flow.submit({"fields": ["T"]})

    assert only_entry(hass).data["framing"] == {"max_length": 4096, "kind": "delimiter", "delimiter": "\\r"}


async def test_who_says_how_messages_end_is_not_overruled(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path, framing={"delimiter": ";", "max_length": 100})
    await asyncio.sleep(0.1)
    pty_link.write(b"a=1\n;a=2\n;a=3\n;")
    await flow.until("recognised")
    await flow.submit({"fields": ["a"]})

    assert only_entry(hass).data["delimiter"] == ";"
    assert "framing" not in only_entry(hass).data


def _measurement(number: int) -> bytes:
    body = struct.pack(">BBHB", 0x0B, 0x41, 500 + number * 37, 9)
    return body + bytes([sum(body) & 0xFF])
