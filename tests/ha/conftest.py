"""Home Assistant in process: every test here may load the integration."""

from collections.abc import AsyncIterator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fieldbridge.bridge.modbus import Table
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink
from tests.bluez import MockBlueZ
from tests.bridge.links.modbus_bus import Bus, tcp_server

from .modbus_links import Meter, Server


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
