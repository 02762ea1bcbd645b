"""USB adapters that a profile names are discovered, and every adapter with a serial number is found where it went."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.components import usb
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.generated.usb import USB
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles
from custom_components.fieldbridge.connections.adapters import async_follow_adapter
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink
from tests.bridge.transports.modbus_servers import UNIT, pymodbus_rtu

from .flows import Flow
from .links import ROOM, device, serial_entry, set_up, until, until_state
from .modbus_links import HOW, LINE, TIMING

MATCHERS: list[Any] = json.loads(
    (Path(__file__).parents[2] / "custom_components" / DOMAIN / "manifest.json").read_text()
)["usb"]
CABLE = usb.USBDevice(
    device="/dev/serial/by-id/usb-VictronEnergy_BV_VE_Direct_cable_VE6GBH44-if00-port0",
    vid="0403",
    pid="6015",
    serial_number="VE6GBH44",
    manufacturer="VictronEnergy BV",
    description="VE Direct cable",
)
ANOTHER_CABLE = replace(CABLE, device="/dev/another", serial_number="VE3ZJQ53")
ADAPTER = usb.USBDevice(
    device="/dev/ttyUSB0",
    vid="0403",
    pid="6001",
    serial_number="A906XMRL",
    manufacturer="FTDI",
    description="FT232R USB UART",
)


@dataclass
class Sockets:
    """The USB sockets of the computer: what is in them is what a scan finds."""

    hass: HomeAssistant
    ports: list[usb.SerialDevice] = field(default_factory=list)
    noticed: asyncio.Event = field(default_factory=asyncio.Event)

    async def plug(self, *ports: usb.SerialDevice) -> None:
        """Let these ports be there, and no others, until Home Assistant has noticed."""
        self.ports[:] = ports
        self.noticed.clear()
        usb.async_notify_serial_ports_changed(self.hass)
        async_fire_time_changed(self.hass, dt_util.utcnow() + timedelta(seconds=usb.ADD_REMOVE_SCAN_COOLDOWN + 1))
        async with asyncio.timeout(8):
            await self.noticed.wait()
        await self.hass.async_block_till_done()


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Home Assistant waits before it looks for ports again."""
    return True


@pytest.fixture
async def sockets(hass: HomeAssistant) -> Sockets:
    assert await async_setup_component(hass, DOMAIN, {})
    sockets = Sockets(hass)
    usb.async_register_serial_port_scanner(hass, lambda _: sockets.ports)
    usb.async_register_port_event_callback(hass, lambda *_: sockets.noticed.set())
    return sockets


async def discovered(hass: HomeAssistant) -> Flow:
    """Open the one thing that was discovered."""
    await until(lambda: hass.config_entries.flow.async_progress_by_handler(DOMAIN))
    (progress,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return await Flow.of_result(hass, await hass.config_entries.flow.async_configure(progress["flow_id"]))


def serial_profiles() -> list[Profile]:
    return [file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "serial"]


def test_a_matcher_is_as_narrow_as_its_profile_and_nobody_elses() -> None:
    named = [adapter for profile in serial_profiles() for adapter in profile.link.get("usb", ())]
    ports = [replace(CABLE, **adapter) for adapter in named]
    assert all(any(usb.usb_device_matches_matcher(port, matcher) for matcher in MATCHERS) for port in ports)
    for matcher in MATCHERS:
        assert {"vid", "pid"} < set(matcher)
        assert any(usb.usb_device_matches_matcher(port, matcher) for port in ports)
    others: list[Any] = USB
    for other in others:
        assert not any(usb.usb_device_matches_matcher(port, other) for port in ports), other


async def test_an_adapter_that_a_profile_names_leads_straight_to_the_confirm_step(
    hass: HomeAssistant, pty_link: PtyLink, sockets: Sockets
) -> None:
    await sockets.plug(replace(CABLE, device=str(pty_link.path)))
    flow = await discovered(hass)
    assert flow.step == "usb_confirm"
    (progress,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert progress["context"]["title_placeholders"] == {"name": "VE Direct cable"}
    assert flow.text("model") == "Victron VE.Direct (solar charger, battery monitor)"

    await flow.submit({})
    await hass.async_block_till_done()

    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert (entry.state, entry.unique_id, entry.title) == (
        ConfigEntryState.LOADED,
        "0403:6015_VE6GBH44",
        "VE Direct cable",
    )
    assert entry.data["baudrate"] == 19200
    assert entry.data["framing"]["kind"] == "marks"
    (subentry,) = entry.subentries.values()
    assert subentry.data["origin"] == "victron_ve_direct@1"
    await until_state(hass, "binary_sensor.ve_direct_cable_connectivity", "on")
    block = b"\r\nV\t12800\r\nI\t-250\r\nChecksum\t"
    pty_link.write(2 * (block + bytes([-sum(block) % 256])))  # what comes first may be the rest of a frame
    await until_state(hass, "sensor.victron_ve_direct_solar_charger_battery_monitor_battery_voltage", "12.8")


async def test_a_port_that_cannot_be_opened_is_said_in_the_confirm_step(hass: HomeAssistant, sockets: Sockets) -> None:
    await sockets.plug(replace(CABLE, device="/dev/none"))
    flow = await discovered(hass)
    await flow.submit({})
    assert (flow.step, flow.errors) == ("usb_confirm", {"base": "cannot_open"})
    assert "/dev/none" in flow.text("error")


@pytest.mark.parametrize(
    "port",
    [
        replace(CABLE, description="FT230X Basic UART"),
        replace(CABLE, manufacturer="FTDI"),
        replace(CABLE, vid="10C4"),
        ADAPTER,
    ],
)
async def test_other_adapters_are_left_to_others(hass: HomeAssistant, sockets: Sockets, port: usb.USBDevice) -> None:
    await sockets.plug(port)
    await sockets.plug(port, ANOTHER_CABLE)
    assert (await discovered(hass)).text("device") == ANOTHER_CABLE.device


async def test_an_adapter_that_has_its_link_is_not_discovered_again(hass: HomeAssistant, sockets: Sockets) -> None:
    entry = serial_entry(CABLE.device)
    entry.add_to_hass(hass)
    await sockets.plug(CABLE)
    await sockets.plug(CABLE, ANOTHER_CABLE)
    assert (await discovered(hass)).text("device") == ANOTHER_CABLE.device


async def test_an_adapter_that_was_added_by_hand_is_offered_no_more(
    hass: HomeAssistant, pty_link: PtyLink, sockets: Sockets
) -> None:
    await sockets.plug(replace(CABLE, device=str(pty_link.path)))
    await discovered(hass)
    flow = await Flow.config(hass, "serial")
    port = {"bytesize": "8", "parity": "n", "stopbits": "1", "flow_control": "none"}
    form = {"device": str(pty_link.path), "baudrate": "19200", "port_settings": port}
    await flow.submit({**form, "framing": {"delimiter": "\\n", "max_length": 4096}})
    await flow.until("nothing_arrived")
    await flow.choose("without_device")
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.unique_id == "0403:6015_VE6GBH44"
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


type Move = Callable[[Sockets, PtyLink], Awaitable[None]]


async def while_it_runs(sockets: Sockets, there: PtyLink) -> None:
    await sockets.plug(replace(ADAPTER, device=str(there.path)))


async def while_it_is_not_loaded(sockets: Sockets, there: PtyLink) -> None:
    (entry,) = sockets.hass.config_entries.async_entries(DOMAIN)
    await sockets.hass.config_entries.async_unload(entry.entry_id)
    await sockets.plug(replace(ADAPTER, device=str(there.path)))
    await sockets.hass.config_entries.async_setup(entry.entry_id)


@pytest.mark.parametrize("move", [while_it_runs, while_it_is_not_loaded])
async def test_a_link_set_up_by_hand_follows_its_adapter_to_another_port(
    hass: HomeAssistant, pty_link: PtyLink, sockets: Sockets, tmp_path: Path, move: Move
) -> None:
    await sockets.plug(replace(ADAPTER, device=str(pty_link.path)))
    entry = serial_entry(pty_link.path, device("Room", ROOM))
    await set_up(hass, entry)
    assert entry.unique_id == "0403:6001_A906XMRL"
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")

    there = PtyLink(tmp_path / "elsewhere")
    try:
        pty_link.unplug()
        await move(sockets, there)
        await until(lambda: entry.data["device"] == str(there.path))
        await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
        there.write(b'\n{"temp": 21.5}\n')
        await until_state(hass, "sensor.room_temperature", "21.5")
        await hass.config_entries.async_unload(entry.entry_id)
    finally:
        there.close()


async def test_a_modbus_line_follows_its_adapter_to_another_port(
    hass: HomeAssistant, sockets: Sockets, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    async with pymodbus_rtu() as line:
        here.symlink_to(line.paths[0])
        await sockets.plug(replace(ADAPTER, device=str(here)))
        flow = await Flow.config(hass, "modbus")
        form = {"transport": "rtu", "device": str(here), "line": {**LINE, "baudrate": "115200"}, "timing": TIMING}
        await flow.submit({**form, "unit": UNIT})
        await flow.choose("modbus_register")
        await flow.submit({"name": "Level", "table": "holding", "address": 3, **HOW})
        await flow.choose("modbus_done")
        await hass.async_block_till_done()
        await until_state(hass, "sensor.maker_pc_1_level", "3")
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        assert entry.unique_id == "0403:6001_A906XMRL"
        here.unlink()
    async with pymodbus_rtu() as line:
        await until_state(hass, "sensor.maker_pc_1_level", "unavailable")
        there.symlink_to(line.paths[0])
        await sockets.plug(replace(ADAPTER, device=str(there)))

        await until(lambda: entry.data["device"] == str(there))
        await until_state(hass, "sensor.maker_pc_1_level", "3")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_modbus_line_that_is_given_another_port_forgets_its_adapter(
    hass: HomeAssistant, sockets: Sockets, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    await sockets.plug(replace(ADAPTER, device="/dev/gone"))
    data = {"kind": "modbus", "transport": "rtu", "device": "/dev/gone", "baudrate": 115200, **TIMING}
    entry = MockConfigEntry(domain=DOMAIN, title="Line", data=data)
    await set_up(hass, entry)
    assert entry.unique_id == "0403:6001_A906XMRL"
    async with pymodbus_rtu() as line:
        there.symlink_to(line.paths[0])
        flow = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
        form = {"transport": "rtu", "device": str(there), "line": {**LINE, "baudrate": "115200"}, "timing": TIMING}
        await flow.submit(form)
        assert flow.ended_by == "reconfigure_successful"
        await hass.async_block_till_done()
        assert [entry.data["device"], entry.unique_id] == [str(there), None]
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([replace(ADAPTER, device="/dev/ttyUSB5", serial_number="OTHER")], id="another adapter"),
        pytest.param([replace(ADAPTER, device=f"/dev/ttyUSB{number}") for number in (5, 6)], id="twins"),
        pytest.param([replace(ADAPTER, device="/dev/ttyUSB5", interface_num=1)], id="another port of it"),
        pytest.param([replace(ADAPTER, device="/dev/taken")], id="a port that another link has"),
    ],
)
async def test_a_link_never_follows_what_may_be_something_else(
    hass: HomeAssistant, pty_link: PtyLink, sockets: Sockets, others: list[usb.USBDevice]
) -> None:
    serial_entry("/dev/taken").add_to_hass(hass)
    await sockets.plug(replace(ADAPTER, device=str(pty_link.path)))
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    await sockets.plug(*others)
    await async_follow_adapter(hass, entry)
    assert entry.data["device"] == str(pty_link.path)


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param([replace(ADAPTER, serial_number=None)], id="without serial number"),
        pytest.param([replace(ADAPTER, serial_number="0001")], id="with the number of all of its kind"),
        pytest.param([ADAPTER, replace(ADAPTER, device="/dev/ttyUSB5")], id="one of twins"),
    ],
)
async def test_an_adapter_that_cannot_be_told_from_others_is_known_by_its_port_only(
    hass: HomeAssistant, pty_link: PtyLink, sockets: Sockets, ports: list[usb.USBDevice]
) -> None:
    await sockets.plug(replace(ports[0], device=str(pty_link.path)), *ports[1:])
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    assert entry.unique_id is None


async def test_a_link_that_is_given_another_port_forgets_its_adapter(
    hass: HomeAssistant, pty_link: PtyLink, sockets: Sockets, tmp_path: Path
) -> None:
    await sockets.plug(replace(ADAPTER, device=str(pty_link.path)))
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    there = PtyLink(tmp_path / "elsewhere")
    try:
        flow = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
        port = {"bytesize": "8", "parity": "n", "stopbits": "1", "flow_control": "none"}
        form = {"device": str(there.path), "baudrate": "9600", "port_settings": port}
        await flow.submit({**form, "framing": {"delimiter": "\\n", "max_length": 4096}})
        await hass.async_block_till_done()
        assert (entry.data["device"], entry.unique_id) == (str(there.path), None)
        await hass.config_entries.async_unload(entry.entry_id)
    finally:
        there.close()
