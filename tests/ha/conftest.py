"""Home Assistant in process: every test here may load the integration."""

from collections.abc import AsyncIterator
from pathlib import Path

from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.modbus import Table
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.recordings import DATA_RECORDINGS
from demo.pty_link import PtyLink
from tests.bluez import MockBlueZ
from tests.bridge.links.modbus_bus import Bus, tcp_server

from .links import GAS_ANALYSER, ROOM, device, serial_entry, set_up, until_state
from .modbus_links import Meter, Server
from .recordings import act


@pytest.fixture(autouse=True)
def load_custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant find custom_components/."""
    if "recorder_mock" in request.fixturenames:
        # The recorder has to be there before `hass`, which the other fixture asks for.
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
async def pty_link(pty_link: PtyLink, hass: HomeAssistant) -> AsyncIterator[PtyLink]:
    """A serial port that goes only after Home Assistant has let go of it."""
    yield pty_link
    await let_go(hass, DOMAIN)


@pytest.fixture
async def bluez(bluez: MockBlueZ, hass: HomeAssistant) -> AsyncIterator[MockBlueZ]:
    """Bluetooth that goes only after Home Assistant has let go of it."""
    yield bluez
    await let_go(hass, DOMAIN, "bluetooth")


@pytest.fixture
async def server(loopback_sockets: None, hass: HomeAssistant) -> AsyncIterator[Server]:
    """A Modbus server with two units that goes only after Home Assistant has let go of it."""
    bus = Bus(1, 2)
    bus.units[1].tables[Table.HOLDING] = {100: 2301, 101: 0, 102: 0x449A, 103: 0x4000, 7: 3}
    bus.units[1].tables[Table.COIL] = {4: 1}
    meter = Meter(bus)
    async with tcp_server(meter) as port:
        yield Server(meter, bus, port)
        await let_go(hass, DOMAIN)


async def let_go(hass: HomeAssistant, *domains: str) -> None:
    """End the flows and unload the entries of some integrations."""
    for domain in domains:
        for flow in hass.config_entries.flow.async_progress_by_handler(domain):
            hass.config_entries.flow.async_abort(flow["flow_id"])
        for entry in hass.config_entries.async_loaded_entries(domain):
            await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


@pytest.fixture
async def folder(hass: HomeAssistant, tmp_path: Path) -> AsyncIterator[Path]:
    """Where this Home Assistant keeps recordings; all end with the test."""
    hass.config.config_dir = str(tmp_path)
    yield tmp_path / "fieldbridge" / "recordings"
    if DATA_RECORDINGS in hass.data:
        await act(hass, "stop_recording")


@pytest.fixture
async def room(hass: HomeAssistant, folder: Path, pty_link: PtyLink) -> MockConfigEntry:
    """A link with two devices that run, a room and a gas analyser."""
    entry = serial_entry(pty_link.path, device("Room", ROOM), device("Gas analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n")
    return entry
