"""A Modbus server with two units, the flows to a link on it, and links that are there already."""

from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tmodbus.exceptions import SuppressResponseError, error_code_to_exception_map
from tmodbus.pdu import ReadDeviceIdentificationPDU
from tmodbus.pdu.device import ConformityLevel, ReadDeviceIdentificationResponse

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, RateClass, Register, RegisterDecoder
from custom_components.fieldbridge.const import DOMAIN
from tests.bridge.links.modbus_bus import Bus

from .flows import Flow
from .links import device, set_up

TIMING = {"timeout": 0.5, "message_spacing": 0, "connect_delay": 0, "close_after_poll": False}
LINE = {"baudrate": "9600", "bytesize": "8", "parity": "n", "stopbits": "1"}
HOW = {"type": "uint16", "word_order": "big", "byte_order": "big", "scale": 1, "rate": "fast"}


class Meter:
    """A bus whose units say what they are, or do not know that function."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.identity: dict[int, bytes] = {}

    async def __call__(self, unit_id: int, request: Any) -> Any:
        """Answer as tmodbus' server asks."""
        if not isinstance(request, ReadDeviceIdentificationPDU):
            return await self.bus(unit_id, request)
        if self.bus.units[unit_id].silent:
            raise SuppressResponseError
        if not self.identity:
            raise error_code_to_exception_map[1](request.function_code)
        return ReadDeviceIdentificationResponse(
            device_id_code=request.read_device_id_code,
            conformity_level=ConformityLevel.BASIC,
            more=False,
            next_object_id=0,
            number_of_objects=len(self.identity),
            objects=self.identity,
        )


@dataclass
class Server:
    """A Modbus server with two units."""

    meter: Meter
    bus: Bus
    port: int

    @property
    def form(self) -> dict[str, Any]:
        """The form that describes the connection."""
        return {"transport": "tcp", "host": "127.0.0.1", "port": self.port, "line": LINE, "timing": TIMING}


async def begin(hass: HomeAssistant, server: Server, **changes: Any) -> Flow:
    """Fill the form of the link."""
    flow = await Flow.config(hass, "modbus")
    return await flow.submit({**server.form, "unit": 1, **changes})


async def only_entry(hass: HomeAssistant) -> ConfigEntry[Any]:
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    return entry


async def meter(hass: HomeAssistant, server: Server, *channels: Channel, **device_options: Any) -> MockConfigEntry:
    """Set up a link with one device that has these channels, each with the register at its source."""
    sources = [channel.source for channel in channels if channel.source]
    registers = {source: Register(address=int(source), rate=RateClass.FAST) for source in sources}
    decoder = RegisterDecoder(registers=registers, device=ModbusDevice(**device_options))
    data = {"kind": "modbus", "transport": "tcp", "host": "127.0.0.1", "port": server.port, **TIMING}
    profile = DeviceProfile(decoder=decoder, channels=channels)
    entry = MockConfigEntry(domain=DOMAIN, title="Bus", data=data, subentries_data=[device("Meter", profile)])
    await set_up(hass, entry)
    return entry
