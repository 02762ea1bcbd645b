"""Options that change a device: which one, and what happens when it cannot be changed or is gone meanwhile."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryData
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, Write, WriteControl
from custom_components.fieldbridge.bridge.codecs.decoders import SeparatedDecoder
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, Register, RegisterDecoder
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink

from .flows import Flow
from .links import device, serial_entry, set_up
from .modbus_links import TIMING, Server
from .test_registers import by_hand


def probe(field: str) -> DeviceProfile:
    """Return a device that reads one field of a line."""
    channels = (Channel(key="temp", name="Temperature", source=field, unit="°C"),)
    return DeviceProfile(decoder=SeparatedDecoder(separator=";"), channels=channels)


def unit(number: int, *channels: Channel) -> DeviceProfile:
    """Return the device with a unit id; a channel's source is an address."""
    registers = {channel.source: Register(address=int(channel.source)) for channel in channels if channel.source}
    return DeviceProfile(
        decoder=RegisterDecoder(registers=registers, device=ModbusDevice(unit=number)), channels=channels
    )


def broken(title: str, profile: DeviceProfile) -> ConfigSubentryData:
    """Return a device with what only a later version understands."""
    stored = device(title, profile)
    channels = [{**channel, "later": 1} for channel in stored["data"]["channels"]]
    return {**stored, "data": {**stored["data"], "channels": channels}}


def bus_entry(server: Server, *devices: ConfigSubentryData) -> MockConfigEntry:
    """Return the entry of a Modbus link."""
    data = {"kind": "modbus", "transport": "tcp", "host": "127.0.0.1", "port": server.port, **TIMING}
    return MockConfigEntry(domain=DOMAIN, title="Bus", data=data, subentries_data=devices)


def stored(entry: MockConfigEntry) -> dict[str, dict[str, Any]]:
    """Return the data of the entry's devices by title."""
    return {subentry.title: dict(subentry.data) for subentry in entry.subentries.values()}


def id_of(entry: MockConfigEntry, title: str) -> str:
    """Return the id of a device."""
    return next(each.subentry_id for each in entry.subentries.values() if each.title == title)


VOLTAGE = Channel(key="voltage", name="Voltage", source="100", min_interval=0)
RESET = Write(control=WriteControl.BUTTON, press=5, target={"register": {"address": 7}})
COMMAND = Channel(key="reset", name="Reset", source="", write=RESET)


async def test_messages_of_one_of_several_devices_are_described_anew(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path, device("Left", probe("0")), device("Right", probe("1")))
    await set_up(hass, entry)
    flow = await Flow.options(hass, entry, "messages")
    assert [option["label"] for option in flow.options_of("device")] == ["Left", "Right"]
    await flow.submit({"device": id_of(entry, "Right")})
    await flow.submit({"kind": "separated"})
    await flow.submit({"separator": ",", "encoding": "utf-8", "pasted": "1.5,2.5"})
    assert "Field 2 = 2.5" in flow.text("values")
    await flow.choose("save_decoder")
    await hass.async_block_till_done()
    assert stored(entry)["Left"]["decoder"]["separator"] == ";"
    assert stored(entry)["Right"]["decoder"]["separator"] == ","


async def test_registers_of_one_of_several_devices_are_changed(hass: HomeAssistant, server: Server) -> None:
    entry = bus_entry(server, device("First", unit(1, VOLTAGE)), device("Second", unit(2, VOLTAGE)))
    await set_up(hass, entry)
    flow = await Flow.options(hass, entry, "registers")
    assert [option["label"] for option in flow.options_of("device")] == ["First", "Second"]
    await flow.submit({"device": id_of(entry, "Second")})
    await flow.choose("modbus_register")
    await flow.submit(by_hand("Mode", 7))
    assert "Mode = 0" in flow.text("values")  # what the second unit says, not the first
    await flow.choose("modbus_done")
    await hass.async_block_till_done()
    assert len(stored(entry)["First"]["channels"]) == 1
    assert [channel["name"] for channel in stored(entry)["Second"]["channels"]] == ["Voltage", "Mode"]


@pytest.mark.parametrize("step", ["messages", "filters"])
async def test_a_link_that_does_not_run_says_so(hass: HomeAssistant, pty_link: PtyLink, step: str) -> None:
    entry = serial_entry(pty_link.path, device("Left", probe("0")))
    entry.add_to_hass(hass)
    assert (await Flow.options(hass, entry, step)).ended_by == "link_not_loaded"


async def test_registers_of_a_link_that_does_not_run_are_not_changed(hass: HomeAssistant, server: Server) -> None:
    entry = bus_entry(server, device("First", unit(1, VOLTAGE)))
    entry.add_to_hass(hass)
    assert (await Flow.options(hass, entry, "registers")).ended_by == "link_not_loaded"


async def test_a_link_without_a_device_says_so(hass: HomeAssistant, pty_link: PtyLink, server: Server) -> None:
    entries = {"messages": serial_entry(pty_link.path), "registers": bus_entry(server)}
    for step, entry in entries.items():
        await set_up(hass, entry)
        assert (await Flow.options(hass, entry, step)).ended_by in ("no_devices", "no_modbus_devices")


async def test_a_device_that_cannot_be_read_is_told_and_the_others_can_be_changed(
    hass: HomeAssistant, pty_link: PtyLink, server: Server
) -> None:
    serial = serial_entry(pty_link.path, broken("Left", probe("0")), device("Right", probe("1")))
    bus = bus_entry(server, broken("Left", unit(1, VOLTAGE)), device("Right", unit(2, VOLTAGE)))
    for step, entry in (("messages", serial), ("registers", bus)):
        await set_up(hass, entry)
        assert entry.state is ConfigEntryState.LOADED
        flow = await Flow.options(hass, entry, step)
        await flow.submit({"device": id_of(entry, "Left")})
        assert flow.ended_by == "bad_profile"
        assert "later" in flow.text("error")
        flow = await Flow.options(hass, entry, step)
        await flow.submit({"device": id_of(entry, "Right")})
        assert flow.step in ("decoder", "modbus_begin")
        flow.close()


async def test_a_device_that_is_deleted_meanwhile_ends_the_flow(
    hass: HomeAssistant, pty_link: PtyLink, server: Server
) -> None:
    serial = serial_entry(pty_link.path, device("Left", probe("0")))
    await set_up(hass, serial)
    flow = await Flow.options(hass, serial, "messages")
    await flow.submit({"kind": "separated"})
    await flow.submit({"separator": ",", "encoding": "utf-8", "pasted": "1.5,2.5"})
    hass.config_entries.async_remove_subentry(serial, id_of(serial, "Left"))
    await hass.async_block_till_done()
    await flow.choose("save_decoder")
    assert flow.ended_by == "device_gone"


async def test_only_values_that_are_read_have_a_register_to_change(hass: HomeAssistant, server: Server) -> None:
    entry = bus_entry(server, device("First", unit(1, COMMAND)))
    await set_up(hass, entry)
    flow = await Flow.options(hass, entry, "registers")
    assert flow.shown["menu_options"] == ["modbus_browse", "modbus_register", "modbus_set"]
    flow.close()
    flow = await Flow.change_device(hass, entry)
    assert "modbus_change" not in flow.shown["menu_options"]
    assert "modbus_set" in flow.shown["menu_options"]


async def test_what_was_added_is_not_lost_where_nothing_can_be_read(hass: HomeAssistant, server: Server) -> None:
    entry = bus_entry(server, device("First", unit(1, VOLTAGE)))
    await set_up(hass, entry)
    server.bus.units[1].bad = set(range(200, 300))
    flow = await Flow.options(hass, entry, "registers", "modbus_register")
    await flow.submit(by_hand("Mode", 7))
    await flow.choose("modbus_browse")
    await flow.submit({"table": "holding", "start": 200, "count": 2})
    assert flow.step == "modbus_scanned", flow.shown
    assert flow.text("error")
    await flow.choose("modbus_added", "modbus_done")
    await hass.async_block_till_done()
    assert [channel["name"] for channel in stored(entry)["First"]["channels"]] == ["Voltage", "Mode"]


@pytest.mark.parametrize("where", ["options", "device"])
async def test_filters_are_kept_although_the_link_stops_while_they_are_described(
    hass: HomeAssistant, pty_link: PtyLink, where: str
) -> None:
    entry = serial_entry(pty_link.path, device("Left", probe("0")))
    await set_up(hass, entry)
    begin = Flow.options if where == "options" else Flow.change_device
    flow = await begin(hass, entry, "filters")
    await flow.submit({"channel": f"{id_of(entry, 'Left')}/temp"})
    await flow.choose("add_filter")
    await hass.config_entries.async_unload(entry.entry_id)
    await flow.submit({"kind": "clamp"})
    await flow.submit({"low": 1})
    await flow.choose("save_filters")
    await hass.async_block_till_done()
    (channel,) = stored(entry)["Left"]["channels"]
    assert [item["kind"] for item in channel["filters"]] == ["clamp"]


async def test_filters_of_a_device_that_is_deleted_meanwhile_end_the_flow(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = serial_entry(pty_link.path, device("Left", probe("0")), device("Right", probe("1")))
    await set_up(hass, entry)
    flow, other = await Flow.options(hass, entry, "filters"), await Flow.options(hass, entry, "filters")
    chosen = {"channel": f"{id_of(entry, 'Left')}/temp"}
    await other.submit(chosen)
    hass.config_entries.async_remove_subentry(entry, id_of(entry, "Left"))
    await hass.async_block_till_done()
    assert (await flow.submit(chosen)).ended_by == "device_gone"
    assert (await other.choose("save_filters")).ended_by == "device_gone"


async def test_listening_again_on_a_link_that_has_stopped_says_so(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    flow = await Flow.device(hass, entry, "listen_again")
    await flow.until("nothing_arrived")
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await flow.choose("listen_again")).ended_by == "link_not_loaded"


async def test_what_was_typed_is_there_again_after_a_look_at_another_kind(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = serial_entry(pty_link.path, device("Left", probe("0")))
    await set_up(hass, entry)
    flow = await Flow.options(hass, entry, "messages")
    await flow.submit({"kind": "pattern"})
    await flow.submit({"pattern": "(?P<a>.+)", "pasted": "1.5"})
    assert flow.errors == {"base": "bad_value"}  # the channel is of the first field, and there is a named one only
    other = await Flow.options(hass, entry, "messages")
    await other.submit({"kind": "separated"})
    assert other.suggested("separator") == ";"
    await other.submit({"separator": ",", "pasted": "1.5,2.5"})
    await other.choose("decoder")
    await other.submit({"kind": "json"})
    await other.submit({"pasted": "[1.5]"})
    await other.choose("decoder")
    assert other.suggested("kind") == "json"
    await other.submit({"kind": "separated"})
    assert (other.suggested("separator"), other.suggested("pasted")) == (",", "1.5,2.5")
