"""Modbus from the config flow to entities: the connection is tried, registers are found, values are read and set."""

from dataclasses import replace
from typing import Any

from homeassistant.components.modbus import async_get_unit
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from modbus_connection import ModbusSerialParams
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, Write, WriteControl
from custom_components.fieldbridge.bridge.modbus import RateClass, Register, RegisterDecoder, Table
from custom_components.fieldbridge.connections.modbus import async_import_modbus
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink
from tests.bridge.modbus.sunspec_image import reference_device, reference_image

from .flows import Flow
from .links import ROOM, device, device_id_of, serial_entry, set_up, until, until_state
from .modbus_links import HOW, LINE, TIMING, Server, begin, meter, only_entry

TABLE = """address,name,type,scale,unit
100,Voltage,uint16,0.1,V
102,Power,float32,1,W
"""


METER = DeviceProfile(
    decoder=RegisterDecoder(registers={"voltage": Register(address=100)}),
    channels=(Channel(key="voltage", name="Voltage", source="voltage"),),
)


async def test_ticked_registers_become_entities_with_values(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    assert flow.step == "modbus_source"
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 100, "count": 4})
    labels = [option["label"] for option in flow.options_of("addresses")]
    assert "u16 2301" in labels[0]
    assert "f32 1234" in labels[2]
    await flow.submit({"addresses": ["100"], "name": "Voltage", **HOW, "scale": 0.1, "unit_of_measurement": "V"})
    assert "Voltage = 230.1 V" in flow.text("values")
    await flow.choose("modbus_register")
    await flow.submit({"name": "Power", "table": "holding", "address": 102, **HOW, "type": "float32"})
    assert "Power = 1234" in flow.text("values")
    await flow.choose("modbus_done")

    entry = await only_entry(hass)
    assert entry.title == f"127.0.0.1:{server.port}"
    await until_state(hass, "sensor.unit_1_voltage", "230.1")
    await until_state(hass, "sensor.unit_1_power", "1234.0")


async def test_a_table_of_a_data_sheet_becomes_entities(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_definition")
    await flow.submit({"definition": TABLE})
    assert flow.text("channels") == "2"
    await flow.submit({"devices": ["0"]})
    await only_entry(hass)
    await until_state(hass, "sensor.modbus_voltage", "230.1")


async def test_what_is_no_definition_says_why(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_definition")
    await flow.submit({"definition": "nothing of the kind"})
    assert flow.errors == {"base": "bad_definition"}
    assert flow.suggested("definition") == "nothing of the kind"
    await flow.submit({})
    assert flow.errors == {"definition": "no_definition"}
    await flow.submit({"definition": TABLE})
    assert flow.step == "modbus_imported"


async def test_a_profile_is_asked_of_the_chosen_unit(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server, unit=2)
    await flow.choose("modbus_profile")
    models = {option["label"]: option["value"] for option in flow.options_of("profile")}
    sdm = next(value for label, value in models.items() if "SDM120" in label)
    await flow.submit({"profile": sdm})
    assert "Voltage = 0 V" in flow.text("values")
    await flow.choose("modbus_profile")
    await flow.submit({"profile": sdm})
    await flow.choose("modbus_add_model")
    entry = await only_entry(hass)
    (subentry,) = entry.subentries.values()
    assert subentry.data["decoder"]["device"]["unit"] == 2


async def test_a_silent_unit_and_a_closed_port_are_told_apart(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].silent = True
    flow = await begin(hass, server)
    assert flow.errors == {"base": "unit_silent"}
    server.bus.units[1].silent = False
    await flow.submit({**server.form, "unit": 1, "port": 1})
    assert flow.errors == {"base": "cannot_connect"}
    await flow.submit({**server.form, "unit": 1})
    assert flow.step == "modbus_source"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"host": " "}, {"host": "host_missing"}),
        ({"transport": "rtu"}, {"device": "device_missing"}),
        ({"transport": "rtu", "device": "/dev/none", "line": {**LINE, "baudrate": "fast"}}, {"base": "bad_baudrate"}),
        ({"transport": "rtu", "device": "/dev/none", "line": {**LINE, "baudrate": "0"}}, {"base": "bad_baudrate"}),
        ({"transport": "rtu", "device": "/dev/none", "line": {**LINE, "baudrate": "9" * 11}}, {"base": "bad_baudrate"}),
        ({"transport": "rtu", "device": "/dev/none"}, {"base": "cannot_connect"}),
    ],
)
async def test_a_connection_that_makes_no_sense_is_refused_and_can_be_mended(
    hass: HomeAssistant, server: Server, changes: dict[str, object], errors: dict[str, str]
) -> None:
    flow = await begin(hass, server, **changes)
    assert flow.errors == errors
    await flow.submit({**server.form, "unit": 1})
    assert flow.step == "modbus_source"


async def test_a_unit_that_does_not_answer_is_added_by_who_insists(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].silent = True
    flow = await begin(hass, server)
    assert flow.errors == {"base": "unit_silent"}
    await flow.submit({**server.form, "unit": 2, "timing": {**TIMING, "timeout": 0.2}})
    assert flow.step == "modbus_source"
    flow = await begin(hass, server)
    await flow.submit({**server.form, "unit": 1})
    assert flow.step == "modbus_source"
    await flow.choose("modbus_without_device")
    await only_entry(hass)
    entry = hass.config_entries.async_entries(DOMAIN)[0]
    adding = await Flow.device(hass, entry)
    await adding.submit({"unit": 1})
    assert adding.errors == {"base": "unit_silent"}
    await adding.submit({"unit": 1})
    assert adding.step == "modbus_source"


async def test_a_unit_is_added_and_gets_registers_later(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_without_device")
    entry = await only_entry(hass)

    flow = await Flow.device(hass, entry)
    await flow.submit({"unit": 1, "name": "Meter"})
    await flow.choose("modbus_register")
    await flow.submit({"name": "Relay", "table": "coil", "address": 4, **HOW})
    await flow.choose("modbus_done")
    await hass.async_block_till_done()
    await until_state(hass, "binary_sensor.meter_relay", "on")

    flow = await Flow.change_device(hass, entry, "modbus_register")
    await flow.submit({"name": "Mode", "table": "holding", "address": 7, **HOW})
    await flow.choose("modbus_done")
    await hass.async_block_till_done()
    await until_state(hass, "sensor.meter_mode", "3")

    flow = await Flow.change_device(hass, entry, "modbus_settings")
    settings = {"unit": 1, "fast": 1, "normal": 20, "slow": 600, "tolerance": 0, "max_registers": 10}
    await flow.submit({**settings, "all_or_nothing": True})
    (subentry,) = entry.subentries.values()
    device = subentry.data["decoder"]["device"]
    assert (device["intervals"]["normal"], device["tolerance"], device["max_gap"]) == (20, 0, None)


async def test_a_unit_that_is_added_tells_what_it_is_and_a_wrong_turn_is_taken_back(
    hass: HomeAssistant, server: Server
) -> None:
    await (await begin(hass, server)).choose("modbus_without_device")
    entry = await only_entry(hass)
    server.meter.identity = {0: b"Maker", 1: b"M-1"}
    flow = await Flow.device(hass, entry)
    await flow.submit({"unit": 1})
    await flow.choose("modbus_register")
    await flow.submit({"name": "Relay", "table": "coil", "address": 4, **HOW})
    await flow.choose("modbus_undo")
    assert flow.step == "modbus_source"
    await flow.choose("modbus_register")
    await flow.submit({"name": "Mode", "table": "holding", "address": 7, **HOW})
    await flow.choose("modbus_done")

    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.data["manufacturer"], subentry.data["model"]) == ("Maker M-1", "Maker", "M-1")
    assert [channel["name"] for channel in subentry.data["channels"]] == ["Mode"]


async def test_a_link_that_is_gone_is_told_by_the_dialogs_of_its_devices(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, Channel(key="mode", name="Mode", source="7"))
    adding = await Flow.device(hass, entry)
    changing = await Flow.change_device(hass, entry, "modbus_browse")
    by_hand = await Flow.change_device(hass, entry, "modbus_register")
    await hass.config_entries.async_unload(entry.entry_id)

    await changing.submit({"table": "holding", "start": 0, "count": 5})
    assert changing.errors == {"base": "cannot_read"}
    assert changing.text("error") == "the link is not loaded"
    await by_hand.submit({"name": "Mode", "table": "holding", "address": 7, **HOW})
    assert "the link is not loaded" in by_hand.text("values")
    await adding.submit({"unit": 1})
    assert adding.ended_by == "link_not_loaded"


async def test_no_unit_is_asked_over_a_link_that_is_down(hass: HomeAssistant, loopback_sockets: None) -> None:
    data = {"kind": "modbus", "transport": "tcp", "host": "127.0.0.1", "port": 1, **TIMING}
    entry = MockConfigEntry(domain=DOMAIN, title="Bus", data=data)
    await set_up(hass, entry)
    adding = await Flow.device(hass, entry)
    await adding.submit({"unit": 1})
    assert adding.errors == {"base": "cannot_connect"}


async def test_a_device_that_cannot_be_read_is_not_changed(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, Channel(key="mode", name="Mode", source="7"))
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "schema_version": 9})
    await hass.async_block_till_done()
    changing = await Flow.change_device(hass, entry)
    assert changing.ended_by == "bad_profile"


async def test_a_refused_range_is_told_and_another_can_be_read(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].bad = set(range(200, 300))
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 200, "count": 50})
    assert flow.errors == {"base": "cannot_read"}
    await flow.submit({"table": "holding", "start": 150, "count": 100})
    assert len(flow.options_of("addresses")) == 50
    await flow.submit({"addresses": [], **HOW})
    assert flow.errors == {"addresses": "no_registers"}


async def test_the_same_connection_is_not_added_twice(hass: HomeAssistant, server: Server) -> None:
    await (await begin(hass, server)).choose("modbus_without_device")
    await only_entry(hass)
    assert (await begin(hass, server)).ended_by == "already_configured"


async def test_a_device_that_falls_silent_is_unavailable_and_comes_back(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_definition")
    await flow.submit({"definition": TABLE})
    await flow.submit({"devices": ["0"]})
    entry = await only_entry(hass)
    await until_state(hass, "sensor.modbus_voltage", "230.1")
    flow = await Flow.change_device(hass, entry, "modbus_settings")
    settings = {"unit": 1, "fast": 0.05, "normal": 0.05, "slow": 1, "tolerance": 0, "max_registers": 10}
    await flow.submit({**settings, "all_or_nothing": False})
    server.bus.units[1].silent = True
    await until_state(hass, "sensor.modbus_voltage", "unavailable")
    server.bus.units[1].silent = False
    await until_state(hass, "sensor.modbus_voltage", "230.1")


async def test_reconfiguring_tries_the_new_connection_first(hass: HomeAssistant, server: Server) -> None:
    await (await begin(hass, server)).choose("modbus_without_device")
    entry = await only_entry(hass)
    flow = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    await flow.submit({**server.form, "port": 1})
    assert flow.errors == {"base": "cannot_connect"}
    await flow.submit({**server.form, "timing": {**TIMING, "timeout": 2.0}})
    assert flow.ended_by == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["timeout"] == 2.0


async def test_settings_that_clash_with_another_holder_are_an_error_that_names_it(
    hass: HomeAssistant, server: Server
) -> None:
    other = MockConfigEntry(domain="solar", title="Solar roof")
    other.add_to_hass(hass)
    await async_import_modbus(hass)
    async_get_unit(hass, other, ModbusSerialParams(device=f"socket://127.0.0.1:{server.port}", baudrate=9600), 1)
    flow = await begin(hass, server, transport="rtu_over_tcp")
    assert flow.errors == {"base": "line_in_use"}
    assert flow.text("error") == "Solar roof"

    data = {"kind": "modbus", "transport": "rtu_over_tcp", "host": "127.0.0.1", "port": server.port}
    entry = MockConfigEntry(domain=DOMAIN, title="Meter", data=data, subentries_data=[device("Meter", METER)])
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "modbus_in_use"
    assert "Solar roof" in (entry.reason or "")
    await other._async_process_on_unload(hass)  # noqa: SLF001 - an entry that was never set up cannot be unloaded


async def test_what_the_device_says_of_itself_names_it(hass: HomeAssistant, server: Server) -> None:
    server.meter.identity = {0: b"Acme", 1: b"M1", 2: b"1.0"}
    flow = await begin(hass, server)
    assert flow.text("identity") == "Acme M1"
    await flow.choose("modbus_register")
    await flow.submit({"name": "Voltage", "table": "holding", "address": 100, **HOW})
    await flow.choose("modbus_undo")
    assert flow.step == "modbus_source"
    await flow.choose("modbus_register")
    await flow.submit({"name": "Voltage", "table": "holding", "address": 100, **HOW})
    await flow.choose("modbus_done")
    entry = await only_entry(hass)
    await until_state(hass, "sensor.acme_m1_voltage", "2301")
    (subentry,) = entry.subentries.values()
    assert (subentry.data["manufacturer"], subentry.data["model"]) == ("Acme", "M1")


async def test_a_device_that_describes_itself_needs_nothing_else(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].tables[Table.HOLDING] = reference_image(reference_device())
    flow = await begin(hass, server)
    await flow.choose("modbus_sunspec")
    entry = await only_entry(hass)
    (subentry,) = entry.subentries.values()
    assert subentry.title == "SunSpecTest Test-1547-1"
    assert len(subentry.data["channels"]) > 100


async def test_a_device_that_does_not_describe_itself_says_so(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_sunspec")
    assert flow.step == "modbus_sunspec"
    await flow.choose("modbus_source", "modbus_register")
    assert flow.step == "modbus_describe"


VOLTAGE = Channel(key="voltage", name="Voltage", source="100", min_interval=0)
MODE = Channel(
    key="mode",
    name="Mode",
    source="7",
    write=Write(control=WriteControl.NUMBER, maximum=10, target={"register": "7"}),
)


async def call(hass: HomeAssistant, action: str, **data: Any) -> Any:
    response = action == "read_registers"
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=response)


async def test_registers_are_read_and_written_as_they_are(hass: HomeAssistant, server: Server) -> None:
    await meter(hass, server, VOLTAGE)
    device_id = device_id_of(hass, "Meter")
    assert await call(hass, "read_registers", device_id=device_id, address=100, count=2) == {"registers": [2301, 0]}
    await call(hass, "write_registers", device_id=device_id, address=7, values=[-1, 5])
    assert server.bus.units[1].tables[Table.HOLDING][7] == 0xFFFF
    assert server.bus.units[1].tables[Table.HOLDING][8] == 5
    data = {"device_id": device_id, "address": 7, "values": [6]}
    answer = await hass.services.async_call(DOMAIN, "write_registers", data, blocking=True, return_response=True)
    assert answer == {"registers": [6]}
    server.bus.units[1].bad = {50}
    with pytest.raises(HomeAssistantError, match="illegal data address"):
        await call(hass, "read_registers", device_id=device_id, address=50)
    with pytest.raises(ServiceValidationError, match="not a Modbus device"):
        await call(hass, "poll_now", device_id=device_id_of(hass, "Bus"))


async def test_registers_are_for_administrators(
    hass: HomeAssistant, server: Server, hass_read_only_user: MockUser
) -> None:
    await meter(hass, server, VOLTAGE)
    data = {"device_id": device_id_of(hass, "Meter"), "address": 7, "values": [1]}
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN, "write_registers", data, blocking=True, context=Context(user_id=hass_read_only_user.id)
        )
    assert server.bus.units[1].tables[Table.HOLDING][7] == 3


async def test_a_poll_can_be_asked_for(hass: HomeAssistant, server: Server) -> None:
    await meter(hass, server, VOLTAGE, intervals={RateClass.FAST: 3600.0})
    await until_state(hass, "sensor.meter_voltage", "2301")
    server.bus.units[1].tables[Table.HOLDING][100] = 2400
    await call(hass, "poll_now", device_id=device_id_of(hass, "Meter"))
    await until_state(hass, "sensor.meter_voltage", "2400")


async def test_a_number_is_set_and_confirmed_by_reading_it_back(hass: HomeAssistant, server: Server) -> None:
    await meter(hass, server, MODE, intervals={RateClass.FAST: 3600.0})
    await until_state(hass, "number.meter_mode", "3")
    data = {"entity_id": "number.meter_mode", "value": 5}
    await hass.services.async_call("number", "set_value", data, blocking=True)
    assert server.bus.units[1].tables[Table.HOLDING][7] == 5
    await until_state(hass, "number.meter_mode", "5")


async def test_what_is_disabled_is_not_polled(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, VOLTAGE, replace(MODE, enabled=False), max_gap=0)
    await until_state(hass, "sensor.meter_voltage", "2301")
    assert {seen.address for seen in server.bus.reads()} == {100}
    er.async_get(hass).async_update_entity("sensor.meter_voltage", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    server.bus.log.clear()
    (subentry_id,) = entry.runtime_data.link.sessions
    await entry.runtime_data.link.poll_now(subentry_id)
    assert server.bus.reads() == []


async def test_what_was_learned_of_a_device_is_kept_over_a_restart(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].bad = {7}
    entry = await meter(hass, server, VOLTAGE, MODE, intervals={RateClass.FAST: 0.05})
    link = entry.runtime_data.link
    (subentry_id,) = link.sessions
    await until(lambda: link.knowledge(subentry_id)["refused"])
    await hass.config_entries.async_unload(entry.entry_id)
    server.bus.log.clear()
    await hass.config_entries.async_setup(entry.entry_id)
    await until_state(hass, "sensor.meter_voltage", "2301")
    assert all(not seen.address <= 7 < seen.address + seen.count for seen in server.bus.reads())


async def test_automations_hear_of_a_link_that_goes_down_and_comes_back(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Room", ROOM)))
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    heard: list[str] = []
    async_register_command(hass, heard)
    triggers = [
        {"trigger": f"fieldbridge.{name}", "options": {"device_id": [device_id_of(hass, "Lab port")]}}
        for name in ("link_down", "link_back")
    ]
    actions = {"action": "test.hear", "data": {"what": "{{ trigger.description }}"}}
    automation = {"triggers": triggers, "actions": actions}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    pty_link.unplug()
    await until(lambda: heard == ["link of Lab port went down"])
    pty_link.plug()
    await until(lambda: heard == ["link of Lab port went down", "link of Lab port came back"])


def async_register_command(hass: HomeAssistant, heard: list[str]) -> None:
    """Register the action that the automation runs."""

    async def hear(call: ServiceCall) -> None:
        heard.append(call.data["what"])

    hass.services.async_register("test", "hear", hear)
