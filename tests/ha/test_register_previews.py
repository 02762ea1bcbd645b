"""What a register says now, where it cannot be read, is no value, or its link stops; and what a change would break."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fieldbridge.bridge.modbus import RateClass, Table
from custom_components.fieldbridge.config_flow.presentation import NOTHING

from .flows import Flow
from .modbus_links import HOW, Server, begin, meter
from .test_modbus_definitions import OWN
from .test_registers import MODE, VOLTAGE, WRITE, by_hand, preview

HUGE = "9" * 25
SELDOM = {"intervals": {RateClass.FAST: 3600.0}}


async def previewed(client: Any, flow: Flow, **form: Any) -> dict[str, Any]:
    """Return the row of a register that is described by hand."""
    return await preview(client, flow, "options_flow", {"table": "holding", "address": 7, **HOW, **form})


async def test_the_row_says_why_a_register_has_no_value(
    hass: HomeAssistant, server: Server, hass_ws_client: WebSocketGenerator
) -> None:
    entry = await meter(hass, server, VOLTAGE, **SELDOM)
    unit = server.bus.units[1]
    unit.tables[Table.HOLDING] |= {20: 0xFFFF, 22: 0x7FC0}
    unit.bad = {30}
    flow = await Flow.options(hass, entry, "registers", "modbus_register")
    client = await hass_ws_client(hass)

    assert "exception 2" in (await previewed(client, flow, address=30))["error"]
    assert (await previewed(client, flow, address=20, type="bcd16"))["state"].startswith("(")  # no decimal digits
    assert (await previewed(client, flow, address=22, type="float32"))["state"] == NOTHING  # "not a number"
    assert "no text" in (await previewed(client, flow, more={"texts": ["1 = On"]}))["state"]
    assert "address" in (await previewed(client, flow, address=65535, type="float32"))["error"]
    assert (await previewed(client, flow, name="Mode"))["state"] == "3"
    flow.close()


async def test_the_row_comes_back_with_the_link(
    hass: HomeAssistant, server: Server, hass_ws_client: WebSocketGenerator
) -> None:
    entry = await meter(hass, server, VOLTAGE, **SELDOM)
    flow = await Flow.options(hass, entry, "registers", "modbus_register")
    client = await hass_ws_client(hass)
    request = {"type": "fieldbridge/start_preview", "flow_id": flow.flow_id, "flow_type": "options_flow"}
    await client.send_json_auto_id({**request, "user_input": {"table": "holding", "address": 7, **HOW}})
    result = await client.receive_json()
    assert (await client.receive_json())["event"]["state"] == "3"
    await hass.config_entries.async_unload(entry.entry_id)
    while "state" in (row := (await client.receive_json())["event"]):
        pass
    assert row["error"]
    await hass.config_entries.async_setup(entry.entry_id)
    while "error" in (row := (await client.receive_json())["event"]):
        pass
    assert row["state"] == "3"
    await client.send_json_auto_id({"type": "unsubscribe_events", "subscription": result["id"]})
    await client.receive_json()
    flow.close()


async def test_several_ticked_registers_share_the_row_and_none_leaves_it_empty(
    hass: HomeAssistant, server: Server, hass_ws_client: WebSocketGenerator
) -> None:
    flow = await begin(hass, server)
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 100, "count": 4})
    client = await hass_ws_client(hass)
    row = await preview(client, flow, "config_flow", {"addresses": ["100", "102"], **HOW})
    assert row["state"] == "2301, 17562"
    assert (await preview(client, flow, "config_flow", {"addresses": [], **HOW}))["state"] == "unknown"
    await flow.submit({"addresses": [], **HOW})
    assert flow.errors == {"addresses": "no_registers"}
    await flow.submit({"addresses": ["100"], **HOW, "scale": 0})
    assert flow.errors == {"base": "bad_value"}
    assert flow.suggested("addresses") == ["100"]
    flow.close()


async def test_registers_are_added_although_they_cannot_be_read_now(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, VOLTAGE, **SELDOM)
    server.bus.units[1].bad = {30}
    flow = await Flow.options(hass, entry, "registers", "modbus_register")
    await flow.submit(by_hand("Mode", 30))
    assert "Mode: (exception 2" in flow.text("values")
    await hass.config_entries.async_unload(entry.entry_id)
    await flow.choose("modbus_register")
    await flow.submit(by_hand("Power", 102))
    assert "not loaded" in flow.text("values")
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 100, "count": 4})
    assert "not loaded" in flow.text("error")
    await flow.choose("modbus_added", "modbus_done")
    (subentry,) = entry.subentries.values()
    assert [channel["name"] for channel in subentry.data["channels"]] == ["Voltage", "Mode", "Power"]


@pytest.mark.parametrize(
    "change",
    [{"table": "input"}, {"type": "sum", "sum_of": ["100"]}, {"type": "bit"}, {"more": {"texts": ["1 = On"]}}],
    ids=lambda change: next(iter(change)),
)
async def test_a_register_that_is_set_cannot_become_one_that_cannot_be(
    hass: HomeAssistant, server: Server, change: dict[str, Any]
) -> None:
    entry = await meter(hass, server, VOLTAGE, MODE, **SELDOM)
    flow = await Flow.options(hass, entry, "registers", "modbus_set")
    await flow.submit({"channel": "mode"})
    await flow.submit({**WRITE, "control": "number"})
    await flow.choose("modbus_again")
    await flow.submit({**by_hand("Mode", 7), **change})
    assert flow.errors == {"base": "bad_value"}
    await flow.submit(by_hand("Mode of operation", 7, scale=0.1))
    assert flow.step == "modbus_added"
    flow.close()


async def test_a_device_is_not_added_to_a_link_that_does_not_run(hass: HomeAssistant, server: Server) -> None:
    entry = await meter(hass, server, VOLTAGE, **SELDOM)
    await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert (await Flow.device(hass, entry)).ended_by == "link_not_loaded"


async def test_numbers_that_no_file_of_home_assistant_can_hold_are_not_stored(
    hass: HomeAssistant, server: Server
) -> None:
    """One of them would keep all entries of all integrations from being saved."""
    entry = await meter(hass, server, VOLTAGE, MODE, **SELDOM)
    flow = await Flow.options(hass, entry, "registers", "modbus_set")
    await flow.submit({"channel": "mode"})
    await flow.submit({**WRITE, "control": "select", "options": [f"Far = {HUGE}", "None = NaN", "On = 1"]})
    assert flow.step == "modbus_added", flow.shown
    for change in ({"more": {"nan": [HUGE]}}, {"type": "sum", "sum_of": ["100 = inf"]}):
        await flow.choose("modbus_register")
        await flow.submit({**by_hand("Other", 8), **change})
        assert flow.errors == {"base": "bad_value"}
        await flow.submit(by_hand("Other", 8))
    await flow.choose("modbus_done")
    (subentry,) = entry.subentries.values()
    assert json_loads(json_bytes(dict(subentry.data))) == subentry.data
    assert subentry.data["channels"][1]["write"]["options"] == {"Far": HUGE, "None": "NaN", "On": 1}


@pytest.mark.parametrize("field", ["offset", "minimum", "min_interval"])
async def test_a_definition_with_such_a_number_is_refused_with_its_place(
    hass: HomeAssistant, server: Server, field: str
) -> None:
    flow = await (await begin(hass, server)).choose("modbus_definition")
    await flow.submit({"definition": OWN.replace("precision: 1", f"precision: 1, {field}: {HUGE}")})
    assert flow.errors == {"base": "bad_definition"}
    assert field in flow.text("error")
