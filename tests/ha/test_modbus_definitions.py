"""Definitions of Modbus devices from files: uploaded ones, and a user's own profiles with their mistakes by line."""

from pathlib import Path

from aiohttp import FormData
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fieldbridge.const import DOMAIN

from .flows import Flow
from .links import until_state
from .modbus_links import Server, begin, only_entry

CORE = """modbus:
  - name: plant
    type: tcp
    host: 192.0.2.1
    port: 502
    sensors:
      - {name: Voltage, slave: 9, address: 100, scale: 0.1, precision: 1, unit_of_measurement: V, scan_interval: 2}
      - {name: Broken, address: nowhere}
"""
LOCAL_GATEWAY = """device:
  manufacturer: Acme
  model: M1
read_write_word:
  voltage: {address: 100, name: Voltage, multiplier: 0.1, unit_of_measurement: V}
"""
CSV = "Register;Description;Data type;Gain;Unit\n100;Voltage;U16;10;V\n"
OWN = """schema_version: 1
id: my_meter
name: My meter
kind: modbus
version: 1
source: test
decoder:
  kind: modbus
  registers:
    voltage: {address: 100, rate: fast}
channels:
  - {key: voltage, name: Voltage, source: voltage, scale: 0.1, precision: 1, unit: V}
"""


async def upload(hass: HomeAssistant, hass_client: ClientSessionGenerator, name: str, data: bytes) -> str:
    """Return the id of an uploaded file."""
    for component in (DOMAIN, "file_upload"):  # before anybody asks the server, which takes no pages any more then
        assert await async_setup_component(hass, component, {})
    form = FormData()
    form.add_field("file", data, filename=name)
    response = await (await hass_client()).post("/api/file_upload", data=form)
    file_id: str = (await response.json())["file_id"]
    return file_id


async def definition_form(hass: HomeAssistant, server: Server) -> Flow:
    """Return a flow at the form of a definition."""
    return await (await begin(hass, server)).choose("modbus_definition")


@pytest.mark.parametrize(
    ("name", "text"),
    [("plant.yaml", CORE), ("m1.yaml", LOCAL_GATEWAY), ("sheet.csv", CSV)],
    ids=["core", "gateway", "csv"],
)
async def test_an_uploaded_file_is_understood_by_what_is_in_it(
    hass: HomeAssistant, server: Server, hass_client: ClientSessionGenerator, name: str, text: str
) -> None:
    await (await begin(hass, server)).choose("modbus_without_device")
    entry = await only_entry(hass)
    file_id = await upload(hass, hass_client, name, text.encode())
    flow = await Flow.device(hass, entry)
    await flow.submit({"unit": 1})
    await flow.choose("modbus_definition")
    await flow.submit({"file": file_id})
    assert flow.step == "modbus_imported", flow.shown
    assert flow.text("channels") == "1"
    assert ("Broken" in flow.text("remarks")) == (text == CORE)
    await flow.submit({"devices": "0"})
    await hass.async_block_till_done()
    (subentry,) = entry.subentries.values()
    assert subentry.data["decoder"]["device"]["unit"] == 1  # the unit that was chosen, not that of the file
    (channel,) = subentry.data["channels"]
    entity_id = next(state.entity_id for state in hass.states.async_all("sensor") if state.name.endswith("Voltage"))
    assert channel["name"] == "Voltage"
    await until_state(hass, entity_id, "230.1")


async def test_an_upload_that_was_not_understood_is_asked_for_again_and_another_one_is_read(
    hass: HomeAssistant, server: Server, hass_client: ClientSessionGenerator
) -> None:
    flow = await definition_form(hass, server)
    await flow.submit({"file": (wrong := await upload(hass, hass_client, "letter.txt", b"Dear all, see below"))})
    assert flow.errors == {"base": "bad_definition"}
    assert flow.suggested("file") is None
    await flow.submit({"file": wrong})
    assert flow.errors == {"file": "upload_again"}
    await flow.submit({"file": await upload(hass, hass_client, "nothing.csv", b" \r\n")})
    assert flow.errors == {"file": "file_is_empty"}
    await flow.submit({"file": await upload(hass, hass_client, "sheet.csv", CSV.encode())})
    assert flow.step == "modbus_imported"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_names_and_units_survive_the_encodings_that_excel_writes(
    hass: HomeAssistant, server: Server, hass_client: ClientSessionGenerator, encoding: str
) -> None:
    sheet = "Register;Description;Data type;Gain;Unit\r\n100;Außenfühler;U16;100;°C\r\n"
    flow = await definition_form(hass, server)
    await flow.submit({"file": await upload(hass, hass_client, "sheet.csv", sheet.encode(encoding))})
    assert flow.step == "modbus_imported", flow.shown
    await flow.submit({"devices": ["0"]})
    (subentry,) = (await only_entry(hass)).subentries.values()
    (channel,) = subentry.data["channels"]
    assert (channel["name"], channel["unit"]) == ("Außenfühler", "°C")


async def test_a_pasted_profile_is_read_and_its_mistakes_are_told_by_line(hass: HomeAssistant, server: Server) -> None:
    flow = await definition_form(hass, server)
    await flow.submit({"definition": OWN.replace("address: 100", "address: 100000")})
    assert flow.errors == {"base": "bad_definition"}
    assert "10" in flow.text("error")
    serial = "kind: serial\nversion: 1\nsource: test\ndecoder: {kind: separated, separator: ;}\n"
    channel = "channels:\n  - {key: value, name: Value, source: '0'}\n"
    await flow.submit({"definition": f"schema_version: 1\nid: other\nname: Other\n{serial}{channel}"})
    assert "Modbus" in flow.text("error")
    await flow.submit({"definition": "#" * 1_000_001})
    assert "1000000" in flow.text("error")
    await flow.submit({"definition": OWN})
    await flow.submit({"devices": ["0"]})
    await only_entry(hass)
    await until_state(hass, "sensor.my_meter_voltage", "230.1")


async def test_a_definition_of_which_no_device_is_wanted_makes_no_link(hass: HomeAssistant, server: Server) -> None:
    flow = await definition_form(hass, server)
    await flow.submit({"definition": CORE})
    await flow.submit({"devices": []})
    assert flow.errors == {"devices": "no_devices"}
    await flow.submit({"devices": ["0"]})
    assert len((await only_entry(hass)).subentries) == 1


async def test_own_profiles_are_in_the_list_and_their_mistakes_are_told_by_line(
    hass: HomeAssistant, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "fieldbridge" / "profiles"
    folder.mkdir(parents=True)
    (folder / "good.yaml").write_text(OWN)
    (folder / "bad.yaml").write_text(OWN.replace("address: 100", "address: 100000"))
    hass.config.config_dir = str(tmp_path)
    flow = await begin(hass, server)
    await flow.choose("modbus_profile")
    assert "my_meter" in {option["value"] for option in flow.options_of("profile")}
    assert "bad.yaml" in flow.text("mistakes")
    assert "10" in flow.text("mistakes")  # the line of the register
    assert "good.yaml" not in flow.text("mistakes")
    (folder / "good.yaml").write_text(OWN.replace("version: 1", "version: one"))
    await flow.submit({"profile": "my_meter"})
    assert "good.yaml" in flow.text("mistakes")
    assert "my_meter" not in {option["value"] for option in flow.options_of("profile")}
    (folder / "good.yaml").write_text(OWN)
    await flow.refresh()
    await flow.submit({"profile": "my_meter"})
    assert "Voltage = 230.1 V" in flow.text("values")
    await flow.choose("modbus_add_model")
    await only_entry(hass)
    await until_state(hass, "sensor.my_meter_voltage", "230.1")
