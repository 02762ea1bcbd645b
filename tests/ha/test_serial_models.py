"""Models of serial devices: chosen or found in what arrives, asked where they have to be, with every value at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from demo.pty_link import PtyLink

from .flows import Flow
from .links import serial_entry, set_up, until, until_state
from .test_config_flow_serial import form, only_entry, port_is_free, serial_flow

RECORDINGS = Path(__file__).parents[1] / "data" / "serial"
PMS = (RECORDINGS / "plantower_pms5003.bin").read_bytes()
PMS_FRAMES = [PMS[start : start + 32] for start in range(0, len(PMS), 32)]
S8_ANSWER = (RECORDINGS / "senseair_s8.bin").read_bytes()[:7]
S8_QUESTION = bytes.fromhex("fe 04 00 03 00 01 d5 c5")
OWN = """
schema_version: 1
id: my_scale
name: My scale
kind: serial
version: 3
source: by hand
link: {baudrate: 4800, parity: e, bytesize: 7, framing: {kind: delimiter, delimiter: ";"}}
decoder: {kind: key_value}
channels:
  - {key: weight, name: Weight, source: W, unit: g}
"""


@asynccontextmanager
async def answering(link: PtyLink, answer: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    """A device that answers what it is asked."""

    async def serve() -> None:
        while True:
            if asked := link.read():
                link.write(answer(asked))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def write_frames(link: PtyLink, count: int = 3) -> None:
    await asyncio.sleep(0.1)
    for frame in PMS_FRAMES[:count]:
        link.write(frame)
        await asyncio.sleep(0.03)


async def test_a_model_that_reads_what_arrives_is_proposed_with_its_values(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await write_frames(pty_link)
    await flow.until("model_fits")
    assert "PMS5003" in flow.text("model")
    assert "PM2.5 = " in flow.text("values")

    await flow.choose("use_fitting_model")
    await hass.async_block_till_done()

    entry = only_entry(hass)
    (device,) = entry.subentries.values()
    assert device.title == "Plantower PMS5003"
    assert device.data["origin"] == "plantower_pms5003@1"
    assert entry.data["framing"]["length"] == 32
    await until_state(hass, "binary_sensor.ttydevice_connectivity", "on")
    await write_frames(pty_link, 1)
    expected = int.from_bytes(PMS_FRAMES[0][12:14])
    await until_state(hass, "sensor.plantower_pms5003_pm2_5", str(expected))


async def test_a_model_that_fits_leaves_the_end_of_messages_to_who_wrote_it(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path, framing={"delimiter": "\\r\\n", "max_length": 100})
    await asyncio.sleep(0.1)
    pty_link.write(b"".join(b"ST,GS,+  12.3%dkg\r\n" % number for number in range(4)))
    await flow.until("model_fits")

    await flow.choose("use_fitting_model")
    await hass.async_block_till_done()

    entry = only_entry(hass)
    assert entry.data["delimiter"] == "\\r\\n"
    assert "framing" not in entry.data


async def test_who_does_not_trust_the_proposed_model_goes_on_with_the_values(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await write_frames(pty_link)
    await flow.until("model_fits")

    await flow.choose("recognised")

    assert flow.text("check") == "sum16"


async def test_a_device_that_only_answers_is_set_up_by_its_model(hass: HomeAssistant, pty_link: PtyLink) -> None:
    asked: list[bytes] = []

    def answer(question: bytes) -> bytes:
        asked.append(question)
        return S8_ANSWER

    async with answering(pty_link, answer):
        flow = await serial_flow(hass, pty_link.path, find="model", baudrate="1200")
        await flow.submit({"profile": "senseair_s8"})
        await flow.until("model_found")
        co2 = int.from_bytes(S8_ANSWER[3:5])
        assert flow.text("values") == f"Carbon dioxide = {co2} ppm"
        assert set(asked) == {S8_QUESTION}

        await flow.choose("use_model")
        await hass.async_block_till_done()

        entry = only_entry(hass)
        assert (entry.data["baudrate"], entry.data["framing"]["length"]) == (9600, 7)
        assert "delimiter" not in entry.data
        await until_state(hass, "sensor.senseair_s8_carbon_dioxide", str(co2))


async def test_a_model_that_is_not_there_is_told_and_the_port_is_free_again(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path, find="model")
    await flow.submit({"profile": "plantower_pms5003"})
    await flow.until("model_silent")
    assert flow.text("frame_count") == "0"
    assert await port_is_free(pty_link.path)

    await flow.choose("try_model")
    await write_frames(pty_link)
    await flow.until("model_found")


async def test_closing_the_dialog_while_a_model_is_tried_frees_the_port(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path, find="model")
    await flow.submit({"profile": "plantower_pms5003"})
    await flow.refresh()

    flow.close()

    assert await port_is_free(pty_link.path)


async def test_a_port_that_cannot_be_opened_is_told_by_the_trial(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path, find="model")
    pty_link.unplug()
    await flow.submit({"profile": "plantower_pms5003"})
    await flow.until("model_silent")

    assert str(pty_link.path) in flow.text("error")


@pytest.mark.parametrize("mistake", ["", "kind: nothing"])
async def test_profiles_of_ones_own_are_offered_and_their_mistakes_told(
    hass: HomeAssistant, pty_link: PtyLink, tmp_path: Path, mistake: str
) -> None:
    folder = tmp_path / "fieldbridge" / "profiles"
    folder.mkdir(parents=True)
    (folder / "scale.yaml").write_text(OWN.replace("kind: serial", mistake or "kind: serial"))
    hass.config.config_dir = str(tmp_path)
    flow = await serial_flow(hass, pty_link.path, find="model")

    options = {option["value"] for option in flow.options_of("profile")}
    if mistake:
        assert "scale.yaml" in flow.text("mistakes")
        assert "my_scale" not in options
        return
    assert {"my_scale", "senseair_s8", "nmea_gps"} <= options
    await flow.submit({"profile": "my_scale"})
    await flow.until("model_silent")
    await flow.choose("use_model")
    data = only_entry(hass).data
    assert (data["baudrate"], data["parity"], data["bytesize"]) == (4800, "E", 7)
    assert data["framing"]["delimiter"] == ";"


async def test_what_was_exported_elsewhere_is_pasted(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await serial_flow(hass, pty_link.path, find="model")
    await flow.submit({})
    assert flow.errors == {"profile": "no_model"}
    await flow.submit({"definition": "kind: serial"})
    assert flow.errors == {"definition": "bad_definition"}
    await flow.submit({"definition": OWN.replace("kind: serial", "kind: modbus")})
    assert flow.errors == {"definition": "bad_definition"}

    await flow.submit({"definition": OWN})
    await flow.until("model_silent")
    await flow.choose("use_model")
    data = only_entry(hass).data
    assert (data["baudrate"], data["framing"]["delimiter"]) == (4800, ";")


async def test_a_second_device_of_a_link_can_be_a_model_too(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up)
    flow = await Flow.device(hass, entry, "serial_model")
    await flow.submit({"profile": "plantower_pms5003"})
    assert flow.step == "model_differs"
    assert flow.text("link_framing") == "Lines"
    assert flow.text("framing").startswith("Fixed length, length 32")

    await flow.choose("serial_model")
    await flow.submit({"profile": "scale_st_gs"})
    await hass.async_block_till_done()

    await asyncio.sleep(0.1)
    pty_link.write(b"ST,GS,+  12.34kg\r\n")
    await until_state(hass, "sensor.scale_with_st_gs_lines_kg_weight", "12.34")


async def test_a_model_among_the_frames_of_a_running_link_is_proposed(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up)
    await asyncio.sleep(0.1)
    pty_link.write(b"".join(b"ST,GS,+  12.3%dkg\r\n" % number for number in range(4)))
    flow = await Flow.device(hass, entry, "listen_again")
    await flow.until("model_fits")
    assert "Weight = 12.33 kg" in flow.text("values")

    await flow.choose("use_model")

    (device,) = entry.subentries.values()
    assert device.data["origin"] == "scale_st_gs@1"


async def test_the_form_of_a_link_whose_messages_are_known_keeps_how_they_are_cut(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await write_frames(pty_link)
    await flow.until("model_fits")
    await flow.choose("use_fitting_model")
    await hass.async_block_till_done()
    entry = only_entry(hass)
    framing = entry.data["framing"]

    changed = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    settings = form(pty_link.path, baudrate="19200")
    del settings["framing"]
    await changed.submit(settings)
    await hass.async_block_till_done()

    assert changed.ended_by == "reconfigure_successful"
    assert entry.data["framing"] == framing
    assert entry.data["baudrate"] == 19200
    assert entry.state is ConfigEntryState.LOADED
