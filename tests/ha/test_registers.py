"""Registers from the browser and from forms: seen live, understood, set, and changed later."""

import asyncio
from typing import Any, Literal, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fieldbridge.bridge.channels import Channel, Write, WriteControl
from custom_components.fieldbridge.bridge.modbus import RateClass, Register, RegisterType, Table
from custom_components.fieldbridge.config_flow.register_browser import describe
from tests.bridge.links.modbus_bus import Unit

from .flows import Flow
from .links import until_state
from .modbus_links import HOW, Server, begin, meter, only_entry

VOLTAGE = Channel(key="voltage", name="Voltage", source="100", min_interval=0)
MODE = Channel(key="mode", name="Mode", source="7", min_interval=0)
LIMITS = {"minimum": 0, "maximum": 100, "step": 1}
WRITE = {
    "settable": True,
    **LIMITS,
    "write_table": "holding",
    "write_address": 7,
    "method": "auto",
    "read_modify_write": True,
    "confirm_after": 0,
}


def by_hand(name: str, address: int, **changes: Any) -> dict[str, Any]:
    """Return the filled form of one register."""
    return {"name": name, "table": "holding", "address": address, **HOW, **changes}


async def added(flow: Flow, *forms: dict[str, Any]) -> Flow:
    """Describe registers by hand, and end."""
    for form in forms:
        await flow.choose("modbus_register")
        await flow.submit(form)
        assert flow.step == "modbus_added", flow.shown
    return await flow.choose("modbus_done")


async def preview(client: Any, flow: Flow, flow_type: str, form: dict[str, Any]) -> dict[str, Any]:
    """Return the first row that the frontend gets for a form."""
    request = {"type": "fieldbridge/start_preview", "flow_id": flow.flow_id, "flow_type": flow_type}
    await client.send_json_auto_id({**request, "user_input": form})
    result = await client.receive_json()
    assert result["success"]
    row: dict[str, Any] = (await client.receive_json())["event"]
    await client.send_json_auto_id({"type": "unsubscribe_events", "subscription": result["id"]})
    await client.receive_json()
    return row


def test_every_reading_of_a_register_is_shown_side_by_side() -> None:
    assert describe(Table.HOLDING, 5, [0xC49A, 0x4001]).split(" · ") == [
        *("5: 0xC49A", "u16 50330", "i16 -15206", "u32 3298443265", "i32 -996524031", "u32↔ 1073857690"),
        *("f32 -1234", "f32↔ 2.02762"),
    ]
    assert describe(Table.INPUT, 6, [0x4142, None]) == "6: 0x4142 · u16 16706 · “AB”"
    assert describe(Table.COIL, 7, [1]) == "7: 1"


async def test_the_value_follows_type_and_order_while_a_link_is_made(
    hass: HomeAssistant, server: Server, hass_ws_client: WebSocketGenerator
) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 100, "count": 4})
    assert flow.shown["preview"] == "fieldbridge"
    client = await hass_ws_client(hass)
    ticked = {"addresses": ["102"], **HOW}
    row = await preview(client, flow, "config_flow", {**ticked, "name": "Power"})
    assert row == {"state": "17562", "attributes": {"friendly_name": "Power: 0x449A"}, "domain": "sensor"}
    row = await preview(client, flow, "config_flow", {**ticked, "type": "float32", "unit_of_measurement": "W"})
    assert row["state"] == "1234"
    assert row["attributes"]["unit_of_measurement"] == "W"
    row = await preview(client, flow, "config_flow", {**ticked, "type": "uint32", "word_order": "little"})
    assert row["state"] == str(0x4000449A)
    row = await preview(client, flow, "config_flow", {**ticked, "scale": 0})
    assert "scale" in row["error"]
    flow.close()


async def test_the_row_is_read_anew_until_the_form_is_left(
    hass: HomeAssistant, server: Server, hass_ws_client: WebSocketGenerator
) -> None:
    entry = await meter(hass, server, VOLTAGE, intervals={RateClass.FAST: 3600.0})
    await until_state(hass, "sensor.meter_voltage", "2301")
    flow = await Flow.options(hass, entry, "registers", "modbus_register")
    client = await hass_ws_client(hass)
    request = {"type": "fieldbridge/start_preview", "flow_id": flow.flow_id, "flow_type": "options_flow"}
    await client.send_json_auto_id({**request, "user_input": {"table": "holding", "address": 7, **HOW}})
    result = await client.receive_json()
    assert (await client.receive_json())["event"]["state"] == "3"
    server.bus.units[1].tables[Table.HOLDING][7] = 4
    assert (await client.receive_json())["event"]["state"] == "4"
    await client.send_json_auto_id({"type": "unsubscribe_events", "subscription": result["id"]})
    await client.receive_json()
    flow.close()


async def test_nothing_is_read_that_nobody_asked_for(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    assert [(seen.address, seen.count) for seen in server.bus.reads()] == [(0, 1)]
    await flow.submit({"table": "holding", "start": 100, "count": 4})
    assert [(seen.address, seen.count) for seen in server.bus.reads()] == [(0, 1), (100, 4)]
    flow.close()


async def test_what_a_device_refuses_hides_nothing_around_it(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].bad = {103, *range(110, 160)}
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 100, "count": 100})
    shown = [int(option["value"]) for option in flow.options_of("addresses")]
    assert shown == [100, 101, 102, *range(104, 110), *range(160, 200)]
    flow.close()


async def test_a_large_scan_shows_how_far_it_is_and_can_be_stopped(
    hass: HomeAssistant, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = "custom_components.fieldbridge.config_flow.register_steps."
    for name in ("_AT_ONCE", "_LOOK"):
        monkeypatch.setattr(f"{steps}{name}", 0.0001)
    monkeypatch.setattr(f"{steps}_MOST_LOOKS", 2)
    entry = await meter(hass, server, VOLTAGE, intervals={RateClass.FAST: 3600.0})
    flow = await Flow.options(hass, entry, "registers", "modbus_browse")
    await flow.submit({"table": "holding", "start": 0, "count": 65536})
    await flow.until("modbus_scanned")
    assert flow.text("count") == "65536"
    assert 0 < int(flow.text("done")) < 65536
    before = int(flow.text("done"))
    await flow.choose("modbus_scan")
    await flow.until("modbus_scanned")
    assert int(flow.text("done")) > before
    await flow.choose("modbus_pick")
    assert [option["value"] for option in flow.options_of("addresses")][:1] == ["0"]
    assert len(server.bus.reads()) < 20
    flow.close()


async def test_a_table_that_is_not_there_ends_the_scan(hass: HomeAssistant, server: Server) -> None:
    server.bus.units[1].silent = False
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    server.bus.units[1].silent = True
    await flow.submit({"table": "input", "start": 0, "count": 60000})
    await flow.until("modbus_browse", "modbus_scanned")
    assert "answer" in flow.text("error")
    assert len(server.bus.reads()) <= 4
    flow.close()


class FallsSilent(asyncio.Event):
    """Lets some reads pass; then the unit says nothing any more."""

    def __init__(self, unit: Unit, answers: int) -> None:
        super().__init__()
        self._unit, self._answers = unit, answers

    @override
    async def wait(self) -> Literal[True]:
        self._answers -= 1
        self._unit.silent = self._answers < 0
        return True


async def test_a_device_that_falls_silent_ends_the_scan_and_what_was_found_stays(
    hass: HomeAssistant, server: Server
) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    server.bus.units[1].gate = FallsSilent(server.bus.units[1], 2)
    await flow.submit({"table": "holding", "start": 100, "count": 200})
    await flow.until("modbus_scanned")
    assert "answer" in flow.text("error")
    assert flow.text("found") == "100"
    await flow.choose("modbus_pick")
    assert flow.options_of("addresses")
    flow.close()


async def test_a_register_is_changed_later_and_its_entity_stays(hass: HomeAssistant, server: Server) -> None:
    flow = await begin(hass, server)
    await added(flow, by_hand("Power", 102))
    entry = await only_entry(hass)
    await until_state(hass, "sensor.unit_1_power", "17562")
    flow = await Flow.options(hass, entry, "registers", "modbus_change")
    await flow.submit({"channel": "power"})
    assert flow.suggested("address") == 102
    await flow.submit(by_hand("Power", 102, type="float32", unit_of_measurement="W", more={"offset": 1}))
    assert "Power = 1235 W" in flow.text("values")
    await flow.choose("modbus_undo")
    assert flow.step == "modbus_begin"
    await flow.choose("modbus_change")
    await flow.submit({"channel": "power"})
    await flow.submit(by_hand("Power", 102, type="float32", unit_of_measurement="W"))
    await flow.choose("modbus_again")
    await flow.submit(by_hand("Power", 102, type="float32", unit_of_measurement="W"))
    await flow.choose("modbus_done")
    await hass.async_block_till_done()
    await until_state(hass, "sensor.unit_1_power", "1234.0")
    assert hass.states.get("sensor.unit_1_power").attributes["device_class"] == "power"  # type: ignore[union-attr]


async def test_every_kind_of_register_can_be_described_in_the_form(hass: HomeAssistant, server: Server) -> None:
    held = server.bus.units[1].tables[Table.HOLDING]
    held.update({200: 5, 201: 0xFFFE, 202: 2, 203: 0x8000, 204: 0x0502, 205: 0x1234})
    held.update({210: 2026, 211: 11, 212: 21, 213: 10, 214: 30, 215: 0, 220: 1, 221: 2, 222: 0x4869})
    flow = await begin(hass, server)
    await added(
        flow,
        by_hand("Flags", 200, more={"flags": ["0 = Alarm", "2 = Door"]}),
        by_hand("Exponent", 201, type="int16"),
        by_hand("Scaled", 100, more={"scale_register": "exponent"}),
        by_hand("Mode", 202, more={"texts": ["1 = Manual", "2 = Automatic"]}),
        by_hand("Missing", 203, more={"nan": ["0x8000"]}),
        by_hand("High byte", 204, more={"mask": "0xFF00", "shift": 8}),
        by_hand("Digits", 205, type="bcd16"),
        by_hand("Clock", 210, type="datetime"),
        by_hand("Total", 0, type="sum", sum_of=["flags = 1", "exponent", "mode = 10"]),
        by_hand("Pair", 220, type="struct", structure=">hh", length=2),
        by_hand("Letters", 222, type="string", length=1),
        by_hand("Implausible", 205, more={"maximum": 10}),
    )
    entry = await only_entry(hass)
    for name, value in {
        "flags": "Alarm, Door",
        "exponent": "-2",
        "scaled": "23.01",
        "mode": "Automatic",
        "missing": "unknown",
        "high_byte": "5",
        "digits": "1234",
        "letters": "Hi",
        "implausible": "unknown",
    }.items():
        await until_state(hass, f"sensor.unit_1_{name}", value)
    clock = hass.states.get("sensor.unit_1_clock")
    assert clock is not None
    assert clock.state.startswith("2026-11-21")

    flow = await Flow.options(hass, entry, "registers", "modbus_change")
    await flow.submit({"channel": "flags"})
    more = flow.shown["data_schema"].schema["more"].schema.schema
    marker = next(each for each in more if each == "flags")
    assert marker.description == {"suggested_value": ["0 = Alarm", "2 = Door"]}
    await flow.submit(by_hand("Flags", 200, type="uint16", more={"flags": ["x = Alarm"]}))
    assert flow.errors == {"base": "bad_value"}
    assert "flags" in flow.text("error")


async def set_by_form(hass: HomeAssistant, entry: Any, channel: str, **form: Any) -> None:
    flow = await Flow.options(hass, entry, "registers", "modbus_set")
    await flow.submit({"channel": channel})
    await flow.submit({**WRITE, **form})
    assert flow.step == "modbus_added", flow.shown
    await flow.choose("modbus_done")
    await hass.async_block_till_done()


async def test_a_register_becomes_a_number_that_another_register_verifies(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, VOLTAGE, MODE, intervals={RateClass.FAST: 3600.0})
    await until_state(hass, "sensor.meter_mode", "3")
    await set_by_form(hass, entry, "mode", control="number", confirm_after=0.01, verify="100", method="multiple")
    await until_state(hass, "number.meter_mode", "3")
    assert er.async_get(hass).async_get("sensor.meter_mode") is None
    server.bus.log.clear()
    await hass.services.async_call("number", "set_value", {"entity_id": "number.meter_mode", "value": 9}, blocking=True)
    assert [(seen.what, seen.address) for seen in server.bus.log] == [
        ("write several holding", 7),
        ("read holding", 100),
    ]
    await set_by_form(hass, entry, "mode", control="number", settable=False)
    await until_state(hass, "sensor.meter_mode", "9")


async def test_one_bit_of_a_register_becomes_a_switch_that_leaves_the_others_alone(
    hass: HomeAssistant, server: Server
) -> None:
    server.bus.units[1].tables[Table.HOLDING][7] = 0b1010
    flow = await begin(hass, server)
    await flow.choose("modbus_register")
    await flow.submit(by_hand("Pump", 7, type="bit", bit=2))
    await flow.choose("modbus_settable")
    assert flow.suggested("write_address") == 7
    await flow.submit({**WRITE, "control": "switch", "on": "true", "off": "false"})
    await flow.choose("modbus_done")
    await only_entry(hass)
    await until_state(hass, "switch.unit_1_pump", "off")
    await hass.services.async_call("switch", "turn_on", {"entity_id": "switch.unit_1_pump"}, blocking=True)
    assert server.bus.units[1].tables[Table.HOLDING][7] == 0b1110
    await until_state(hass, "switch.unit_1_pump", "on")


async def test_whole_registers_become_choices_switches_and_buttons(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, MODE, VOLTAGE, intervals={RateClass.FAST: 3600.0})
    await until_state(hass, "sensor.meter_mode", "3")
    held = server.bus.units[1].tables[Table.HOLDING]

    await set_by_form(hass, entry, "mode", control="select", options=["Off = 0", "Eco = 3"])
    await until_state(hass, "select.meter_mode", "Eco")
    data = {"entity_id": "select.meter_mode", "option": "Off"}
    await hass.services.async_call("select", "select_option", data, blocking=True)
    assert held[7] == 0

    await set_by_form(hass, entry, "mode", control="switch", on="3", off="0")
    await until_state(hass, "switch.meter_mode", "off")
    await hass.services.async_call("switch", "turn_on", {"entity_id": "switch.meter_mode"}, blocking=True)
    await until_state(hass, "switch.meter_mode", "on")
    assert held[7] == 3

    await set_by_form(hass, entry, "voltage", control="button", press="1", write_table="coil", write_address=4)
    server.bus.units[1].tables[Table.COIL][4] = 0
    await until_state(hass, "button.meter_voltage", "unknown")
    await hass.services.async_call("button", "press", {"entity_id": "button.meter_voltage"}, blocking=True)
    assert server.bus.units[1].tables[Table.COIL][4] == 1


async def test_texts_flags_and_parts_of_registers_are_written_back_as_they_are_read(
    hass: HomeAssistant, server: Server
) -> None:
    held = server.bus.units[1].tables[Table.HOLDING]
    held.update({30: 0x4869, 31: 0, 40: 0b0101, 50: 0x1203})
    flow = await begin(hass, server)
    for form, write in (
        (by_hand("Label", 30, type="string", length=2), {"control": "text", "write_address": 30}),
        (by_hand("Alarms", 40, more={"flags": ["0 = Fire", "2 = Door"]}), {"control": "text", "write_address": 40}),
        (
            by_hand("Stage", 50, more={"mask": "0xFF"}),
            {"control": "select", "options": ["Low = 1", "High = 3"], "write_address": 50},
        ),
    ):
        await flow.choose("modbus_register")
        await flow.submit(form)
        await flow.choose("modbus_settable")
        await flow.submit({**WRITE, **write})
        assert flow.step == "modbus_added", flow.shown
    await flow.choose("modbus_done")
    await only_entry(hass)
    await until_state(hass, "text.unit_1_label", "Hi")
    await until_state(hass, "text.unit_1_alarms", "Fire, Door")
    await until_state(hass, "select.unit_1_stage", "High")
    for domain, action, entity_id, data in (
        ("text", "set_value", "text.unit_1_label", {"value": "Abc"}),
        ("text", "set_value", "text.unit_1_alarms", {"value": "Door"}),
        ("select", "select_option", "select.unit_1_stage", {"option": "Low"}),
    ):
        await hass.services.async_call(domain, action, {"entity_id": entity_id, **data}, blocking=True)
    assert [held[address] for address in (30, 31, 40, 50)] == [0x4162, 0x6300, 0b0100, 0x1201]


async def test_what_cannot_be_written_is_told_in_the_form(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, MODE)
    flow = await Flow.options(hass, entry, "registers", "modbus_set")
    await flow.submit({"channel": "mode"})
    await flow.submit({**WRITE, "control": "number", "maximum": 0})
    assert flow.errors == {"base": "bad_value"}
    await flow.submit({**WRITE, "control": "select"})
    assert flow.errors == {"base": "bad_value"}


async def test_the_flow_of_the_device_offers_the_same_without_a_preview(hass: HomeAssistant, server: Server) -> None:
    write = Write(control=WriteControl.NUMBER, maximum=10, target={"register": "7"})
    entry = await meter(hass, server, VOLTAGE, Channel(key="mode", name="Mode", source="7", write=write))
    flow = await Flow.change_device(hass, entry, "modbus_change")
    await flow.submit({"channel": "voltage"})
    assert flow.shown["preview"] is None
    await flow.submit(by_hand("Voltage", 100, scale=0.1, unit_of_measurement="V"))
    assert "Voltage = 230.1 V" in flow.text("values")
    await flow.choose("modbus_undo")
    assert flow.step == "reconfigure"
    await flow.choose("modbus_set")
    await flow.submit({"channel": "mode"})
    assert (flow.suggested("maximum"), flow.suggested("write_address")) == (10, 7)


def test_a_register_keeps_its_form() -> None:
    """What a form was filled with from a register makes the same register again."""
    from custom_components.fieldbridge.config_flow.register_form import (
        make_channel,
        make_register,
        register_form,
    )

    for register in (
        Register(address=3, type=RegisterType.FLOAT32, word_order="little"),
        Register(address=3, mask=0xFF00, shift=8, nan=(0xFFFF,)),
        Register(address=3, flags={0: "Alarm"}, byte_order="little"),
        Register(type=RegisterType.SUM, sum_of={"low": 1.0, "high": 65536.0}),
        Register(address=9, type=RegisterType.STRING, count=6),
        Register(address=9, type=RegisterType.BIT, bit=3, rate=RateClass.ONCE),
        Register(address=9, table=Table.COIL, type=RegisterType.BIT),
    ):
        channel = make_channel(
            {"name": "Value", "more": {"texts": []}, "scale": 0.1, "unit_of_measurement": "V"}, register, set()
        )
        form = register_form(register, channel)
        assert make_register(form, register.table, register.address) == register
        assert make_channel(form, register, set(), channel, register.type) == channel


async def test_a_device_of_which_nothing_is_read_can_be_commanded(hass: HomeAssistant, server: Server) -> None:
    write = Write(control=WriteControl.BUTTON, press=5, target={"register": {"address": 7}})
    await meter(hass, server, Channel(key="reset", name="Reset", source="", write=write))
    await until_state(hass, "button.meter_reset", "unknown")
    await hass.services.async_call("button", "press", {"entity_id": "button.meter_reset"}, blocking=True)
    assert server.bus.units[1].tables[Table.HOLDING][7] == 5
