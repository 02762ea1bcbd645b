"""Definitions of Modbus devices from files: uploaded ones, and a user's own profiles with their mistakes by line."""

from pathlib import Path

from aiohttp import FormData
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

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
    assert await async_setup_component(hass, "file_upload", {})
    client = await hass_client()
    form = FormData()
    form.add_field("file", text.encode(), filename=name)
    file_id = (await (await client.post("/api/file_upload", data=form)).json())["file_id"]
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
    await flow.submit({"profile": "my_meter"})
    assert "Voltage = 230.1 V" in flow.text("values")
    await flow.choose("modbus_add_model")
    await only_entry(hass)
    await until_state(hass, "sensor.my_meter_voltage", "230.1")
