"""What is shown and set over Modbus in Home Assistant, over connections of every kind that others may share."""

from pathlib import Path
from typing import Any

from homeassistant.components.modbus import async_get_unit
from homeassistant.components.modbus.connection import async_get_connection_info
from homeassistant.core import HomeAssistant
from modbus_connection import ModbusTcpParams
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind, Write, WriteControl
from custom_components.fieldbridge.bridge.modbus import (
    ModbusDevice,
    RateClass,
    Register,
    RegisterDecoder,
    RegisterType,
    Table,
)
from custom_components.fieldbridge.connections.modbus import async_import_modbus, options_of
from custom_components.fieldbridge.const import DOMAIN
from tests.bridge.transports.modbus_servers import UNIT, SerialLine, pymodbus_rtu, pymodbus_tls, pymodbus_udp

from .flows import Flow
from .links import device, set_up, until, until_state
from .modbus_links import HOW, LINE, TIMING, Server, meter

WHERE: dict[str, Register] = {
    "limit": Register(address=10, type=RegisterType.INT32, word_order="little"),
    "mode": Register(address=12),
    "relay": Register(address=4, table=Table.COIL, type=RegisterType.BIT),
    "fan": Register(address=13, type=RegisterType.BIT, bit=3),
    "label": Register(address=20, type=RegisterType.STRING, count=3, byte_order="little"),
    "alarm": Register(address=30, flags={0: "overheated", 2: "door open"}),
    "energy": Register(address=31, type=RegisterType.UINT32, nan=(0xFFFFFFFF,)),
    "power": Register(address=40, type=RegisterType.FLOAT32, table=Table.INPUT),
    "door": Register(address=9, table=Table.DISCRETE, type=RegisterType.BIT),
}


def _write(control: WriteControl, register: str, **more: Any) -> Write:
    return Write(control=control, target={"register": register}, **more)


CHANNELS = (
    Channel(
        key="limit",
        name="Limit",
        source="limit",
        scale=0.1,
        write=_write(WriteControl.NUMBER, "limit", minimum=-50, maximum=50, step=0.1),
    ),
    Channel(
        key="mode",
        name="Mode",
        source="mode",
        kind=ValueKind.TEXT,
        texts={"0": "off", "2": "heat"},
        write=_write(WriteControl.SELECT, "mode", options={"off": 0, "heat": 2}),
    ),
    Channel(
        key="relay", name="Relay", source="relay", kind=ValueKind.BINARY, write=_write(WriteControl.SWITCH, "relay")
    ),
    Channel(key="fan", name="Fan", source="fan", kind=ValueKind.BINARY, write=_write(WriteControl.SWITCH, "fan")),
    Channel(key="label", name="Label", source="label", kind=ValueKind.TEXT, write=_write(WriteControl.TEXT, "label")),
    Channel(key="reset", name="Reset", source="", write=_write(WriteControl.BUTTON, "mode", press=99)),
    Channel(key="state", name="State", source="mode", kind=ValueKind.TEXT, texts={"0": "off", "2": "heat"}),
    Channel(key="alarm", name="Alarm", source="alarm", kind=ValueKind.TEXT),
    Channel(key="energy", name="Energy", source="energy"),
    Channel(key="power", name="Power", source="power", minimum=0, maximum=5000),
    Channel(key="door", name="Door", source="door", kind=ValueKind.BINARY),
)


async def act(hass: HomeAssistant, action: str, entity_id: str, **data: Any) -> None:
    domain, _, service = action.partition(".")
    await hass.services.async_call(domain, service, {"entity_id": entity_id, **data}, blocking=True)


def modbus_entry(where: dict[str, Any], profile: DeviceProfile, title: str = "Bus") -> MockConfigEntry:
    data = {"kind": "modbus", **TIMING, **where}
    return MockConfigEntry(domain=DOMAIN, title=title, data=data, subentries_data=[device("Meter", profile)])


async def test_every_kind_of_entity_shows_and_sets_its_registers(hass: HomeAssistant, server: Server) -> None:
    tables = server.bus.units[1].tables
    holding, coils = tables[Table.HOLDING], tables[Table.COIL]
    holding.update({10: 0xFF9C, 11: 0xFFFF, 12: 2, 13: 0b1000_0001, 20: 0x6142, 21: 0x0063})
    holding.update({30: 0b101, 31: 0xFFFF, 32: 0xFFFF})
    tables[Table.INPUT].update({40: 0x4479, 41: 0x8000})
    tables[Table.DISCRETE][9] = 1
    decoder = RegisterDecoder(registers=WHERE, device=ModbusDevice(intervals={RateClass.NORMAL: 3600.0}))
    profile = DeviceProfile(decoder=decoder, channels=CHANNELS)
    await set_up(hass, modbus_entry({"transport": "tcp", "host": "127.0.0.1", "port": server.port}, profile))
    await until_state(hass, "number.meter_limit", "-10.0")
    shown = {
        "select.meter_mode": "heat",
        "switch.meter_relay": "on",
        "switch.meter_fan": "off",
        "text.meter_label": "Bac",
        "button.meter_reset": "unknown",
        "sensor.meter_state": "heat",
        "sensor.meter_alarm": "overheated, door open",
        "sensor.meter_energy": "unknown",
        "sensor.meter_power": "998.0",
        "binary_sensor.meter_door": "on",
    }
    assert {name: getattr(hass.states.get(name), "state", None) for name in shown} == shown

    await act(hass, "number.set_value", "number.meter_limit", value=12.3)
    await act(hass, "select.select_option", "select.meter_mode", option="off")
    await act(hass, "switch.turn_off", "switch.meter_relay")
    await act(hass, "switch.turn_on", "switch.meter_fan")
    await act(hass, "text.set_value", "text.meter_label", value="Xy")
    assert [holding[address] for address in (10, 11, 12, 13)] == [123, 0, 0, 0b1000_1001]
    assert [holding[address] for address in (20, 21, 22)] == [0x7958, 0, 0]
    assert coils[4] == 0
    for name, state in (
        ("number.meter_limit", "12.3"),
        ("select.meter_mode", "off"),
        ("sensor.meter_state", "off"),
        ("switch.meter_relay", "off"),
        ("switch.meter_fan", "on"),
        ("text.meter_label", "Xy"),
    ):
        await until_state(hass, name, state)
    await act(hass, "button.press", "button.meter_reset")
    assert holding[12] == 99


async def test_an_implausible_value_is_rejected_and_not_bent(hass: HomeAssistant, server: Server) -> None:
    channel = Channel(key="voltage", name="Voltage", source="100", maximum=3000, min_interval=0)
    entry = await meter(hass, server, channel)
    await until_state(hass, "sensor.meter_voltage", "2301")
    server.bus.units[1].tables[Table.HOLDING][100] = 65535
    (session_id,) = entry.runtime_data.link.sessions
    await entry.runtime_data.link.poll_now(session_id)
    assert getattr(hass.states.get("sensor.meter_voltage"), "state", None) == "unknown"
    assert entry.runtime_data.link.sessions[session_id].counters.implausible == {"voltage": 1}


async def describe_register_3(flow: Flow, hass: HomeAssistant) -> None:
    """Name the register of pymodbus' server that holds 3."""
    await flow.choose("modbus_register")
    await flow.submit({"name": "Three", "table": "holding", "address": 3, **HOW})
    await flow.choose("modbus_done")
    await hass.async_block_till_done()
    await until(lambda: any(state.state == "3" for state in hass.states.async_all("sensor")))


async def test_a_device_behind_udp_is_set_up_and_read(hass: HomeAssistant, loopback_sockets: None) -> None:
    async with pymodbus_udp() as port:
        flow = await Flow.config(hass, "modbus")
        where = {"transport": "udp", "host": "127.0.0.1", "port": port, "line": LINE, "timing": TIMING}
        await flow.submit({**where, "unit": UNIT})
        await describe_register_3(flow, hass)
        await unload_all(hass)


async def test_a_device_behind_tls_is_set_up_and_read(
    hass: HomeAssistant, loopback_sockets: None, tmp_path: Path
) -> None:
    async with pymodbus_tls(tmp_path) as port:
        flow = await Flow.config(hass, "modbus")
        where = {"transport": "tls", "host": "127.0.0.1", "port": port, "line": LINE, "timing": TIMING}
        await flow.submit({**where, "unit": UNIT, "verify": False})
        await describe_register_3(flow, hass)
        await unload_all(hass)


async def unload_all(hass: HomeAssistant) -> None:
    """Unload what is loaded, before its server goes."""
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


async def test_a_serial_line_is_read_and_read_again_when_its_adapter_is_back(
    hass: HomeAssistant, loopback_sockets: None, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    registers = {"three": Register(address=3, rate=RateClass.FAST)}
    settings = ModbusDevice(unit=UNIT, tolerance=0, intervals={RateClass.FAST: 0.05})
    channel = Channel(key="three", name="Three", source="three")
    profile = DeviceProfile(decoder=RegisterDecoder(registers=registers, device=settings), channels=(channel,))

    def plug(line: SerialLine) -> None:
        adapter.unlink(missing_ok=True)
        adapter.symlink_to(line.paths[0])

    async with pymodbus_rtu() as line:
        plug(line)
        where = {"transport": "rtu", "device": str(adapter), "baudrate": 115200}
        await set_up(hass, modbus_entry(where, profile))
        await until_state(hass, "sensor.meter_three", "3")
    await until_state(hass, "sensor.meter_three", "unavailable")
    async with pymodbus_rtu() as line:
        plug(line)
        await until_state(hass, "sensor.meter_three", "3")
        await unload_all(hass)


VOLTAGE = Channel(key="voltage", name="Voltage", source="100", min_interval=0)


async def other_holder(hass: HomeAssistant, server: Server, unit: int) -> tuple[MockConfigEntry, Any]:
    """Return another integration's entry that holds a unit on the same connection, and the unit."""
    other = MockConfigEntry(domain="solar", title="Solar roof")
    other.add_to_hass(hass)
    await async_import_modbus(hass)
    return other, async_get_unit(hass, other, ModbusTcpParams(host="127.0.0.1", port=server.port), unit)


async def test_a_busy_unit_of_ours_does_not_hold_the_shared_connection(hass: HomeAssistant, server: Server) -> None:
    other, unit = await other_holder(hass, server, 2)
    server.bus.units[1].busy = True
    server.bus.units[2].tables[Table.HOLDING][5] = 55
    await meter(hass, server, VOLTAGE)
    await until(lambda: any(seen.unit == 1 for seen in server.bus.log))
    read: list[list[int]] = []
    hass.async_create_task(_read_into(read, unit))
    await until(lambda: read == [[55]])
    await other._async_process_on_unload(hass)  # noqa: SLF001 - an entry that was never set up cannot be unloaded


async def _read_into(read: list[list[int]], unit: Any) -> None:
    read.append(await unit.read_holding_registers(5, 1))


async def test_the_connection_is_closed_after_a_poll_only_while_nobody_else_holds_it(
    hass: HomeAssistant, server: Server
) -> None:
    other, unit = await other_holder(hass, server, 2)
    channels = DeviceProfile(
        decoder=RegisterDecoder(
            registers={"100": Register(address=100, rate=RateClass.FAST)},
            device=ModbusDevice(intervals={RateClass.FAST: 3600.0}),
        ),
        channels=(VOLTAGE,),
    )
    where = {"transport": "tcp", "host": "127.0.0.1", "port": server.port, "close_after_poll": True}
    entry = modbus_entry(where, channels)
    await set_up(hass, entry)
    await until_state(hass, "sensor.meter_voltage", "2301")
    link = entry.runtime_data.link
    (device_id,) = link.sessions
    await link.poll_now(device_id)
    await hass.async_block_till_done()
    assert [info.connected for info in async_get_connection_info(hass)] == [True]
    assert unit.connected
    await other._async_process_on_unload(hass)  # noqa: SLF001 - as above
    await link.poll_now(device_id)
    await until(lambda: [info.connected for info in async_get_connection_info(hass)] == [False])
    await link.poll_now(device_id)
    assert getattr(hass.states.get("sensor.meter_voltage"), "state", None) == "2301"


@pytest.mark.parametrize(
    ("transport", "seconds"), [("tcp", 0.0), ("udp", 0.0), ("tls", 0.0), ("rtu", 0.03), ("rtu_over_tcp", 0.03)]
)
def test_messages_on_a_serial_line_keep_apart_unless_the_user_says_otherwise(transport: str, seconds: float) -> None:
    where = {"transport": transport, "host": "gateway", "device": "/dev/ttyUSB0"}
    assert options_of(where).message_spacing == seconds
    assert options_of({**where, "message_spacing": 0.5}).message_spacing == 0.5
