"""Actions on Modbus devices: read and write registers as they are, and poll at once."""

from collections.abc import Awaitable
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_device_and_config_entry, async_register_admin_service
import probatio

from .bridge.errors import BridgeError
from .bridge.modbus import Table
from .connections.modbus import is_modbus
from .const import DOMAIN

SERVICE_READ: Final = "read_registers"
SERVICE_WRITE: Final = "write_registers"
SERVICE_POLL: Final = "poll_now"
ATTR_TABLE: Final = "table"
ATTR_ADDRESS: Final = "address"
ATTR_COUNT: Final = "count"
ATTR_VALUES: Final = "values"

_ADDRESS: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=0, max=0xFFFF))
_WORD: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=-0x8000, max=0xFFFF))
READ_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_DEVICE_ID): cv.string,
        probatio.Optional(ATTR_TABLE, default=Table.HOLDING): probatio.Coerce(Table),
        probatio.Required(ATTR_ADDRESS): _ADDRESS,
        probatio.Optional(ATTR_COUNT, default=1): probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=2000)),
    }
)
WRITE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_DEVICE_ID): cv.string,
        probatio.Optional(ATTR_TABLE, default=Table.HOLDING): probatio.All(
            probatio.Coerce(Table), probatio.In([Table.HOLDING, Table.COIL])
        ),
        probatio.Required(ATTR_ADDRESS): _ADDRESS,
        probatio.Required(ATTR_VALUES): probatio.All(cv.ensure_list, [_WORD], probatio.Length(min=1, max=123)),
    }
)
POLL_SCHEMA: Final = probatio.Schema({probatio.Required(ATTR_DEVICE_ID): cv.string})


@callback
def async_setup_modbus_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    async_register_admin_service(
        hass, DOMAIN, SERVICE_READ, _async_read, schema=READ_SCHEMA, supports_response=SupportsResponse.ONLY
    )
    async_register_admin_service(
        hass, DOMAIN, SERVICE_WRITE, _async_write, schema=WRITE_SCHEMA, supports_response=SupportsResponse.OPTIONAL
    )
    hass.services.async_register(DOMAIN, SERVICE_POLL, _async_poll, schema=POLL_SCHEMA)


async def _async_read(call: ServiceCall) -> ServiceResponse:
    """Answer the words or bits of a range. Raises HomeAssistantError."""
    link, device_id, name = _device(call)
    unit = link.sessions[device_id].profile.decoder.device.unit
    data = call.data
    reading = link.read_registers(unit, data[ATTR_TABLE], data[ATTR_ADDRESS], data[ATTR_COUNT])
    words = await _async_told(name, reading)
    return {"registers": [int(word) for word in words]}


async def _async_write(call: ServiceCall) -> ServiceResponse:
    """Write words or bits, and answer what is there then to whoever asks. Raises HomeAssistantError."""
    link, device_id, name = _device(call)
    data = call.data
    words = [value & 0xFFFF for value in data[ATTR_VALUES]]
    await _async_told(name, link.write_registers(device_id, data[ATTR_TABLE], data[ATTR_ADDRESS], words))
    if not call.return_response:
        return None
    unit = link.sessions[device_id].profile.decoder.device.unit
    found = await _async_told(name, link.read_registers(unit, data[ATTR_TABLE], data[ATTR_ADDRESS], len(words)))
    return {"registers": [int(word) for word in found]}


async def _async_poll(call: ServiceCall) -> None:
    """Read all values of a device now. Raises HomeAssistantError."""
    link, device_id, name = _device(call)
    await _async_told(name, link.poll_now(device_id))


def _device(call: ServiceCall) -> tuple[Any, str, str]:
    """Return the link, the id of the device on it, and its name. Raises ServiceValidationError for any other device."""
    device, entry = async_get_device_and_config_entry(call.hass, DOMAIN, call.data[ATTR_DEVICE_ID])
    ids = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    name = device.name_by_user or device.name or ""
    if not is_modbus(entry) or not (ids := ids & entry.runtime_data.devices.keys()):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_modbus_device", translation_placeholders={"device": name}
        )
    return entry.runtime_data.link, ids.pop(), name


async def _async_told[T](name: str, request: Awaitable[T]) -> T:
    """Wait for a request; what the device or the link says against it becomes an error for people."""
    try:
        return await request
    except (BridgeError, ValueError) as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="modbus_failed",
            translation_placeholders={"device": name, "error": str(err)},
        ) from err
