"""Modbus units on the connections that Home Assistant shares between integrations."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError, HomeAssistantError

from ..bridge.errors import LinkError
from ..const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CLOSE_AFTER_POLL,
    CONF_CONNECT_DELAY,
    CONF_KIND,
    CONF_MESSAGE_SPACING,
    CONF_PARITY,
    CONF_STOPBITS,
    CONF_TIMEOUT,
    CONF_TRANSPORT,
    CONF_VERIFY,
    DOMAIN,
    KIND_MODBUS,
)

if TYPE_CHECKING:
    # Heavy, and of no use to those without Modbus: imported in a thread when a link is made.
    from ..bridge.links.modbus_link import ModbusLink
    from ..bridge.transports.modbus import ModbusOptions, ModbusParams, ModbusTransport, ModbusUnit


class LinkInUseError(LinkError):
    """Others speak to the device with other settings of the line, and it cannot be spoken to in two ways."""

    def __init__(self, holders: str) -> None:
        super().__init__(f"{holders}: other settings")
        self.holders = holders
        """Titles of their entries."""


@callback
def is_modbus(entry: ConfigEntry[Any]) -> bool:
    """Whether the entry is a Modbus link."""
    return entry.data.get(CONF_KIND) == KIND_MODBUS


async def async_import_modbus(hass: HomeAssistant) -> None:
    """Import what Modbus needs in a thread; the imports in the functions below cost nothing afterwards."""
    for name in ("homeassistant.components.modbus", f"{__package__.rpartition('.')[0]}.bridge.links.modbus_link"):
        await hass.async_add_import_executor_job(import_module, name)


def params_of(data: Mapping[str, Any]) -> ModbusParams:
    """Return the description of the link by which connections are shared."""
    from ..bridge.transports.modbus import modbus_params

    return modbus_params(
        data[CONF_TRANSPORT],
        host=data.get(CONF_HOST, ""),
        port=data.get(CONF_PORT),
        device=data.get(CONF_DEVICE, ""),
        baudrate=data.get(CONF_BAUDRATE, 9600),
        bytesize=data.get(CONF_BYTESIZE, 8),
        parity=data.get(CONF_PARITY, "N"),
        stopbits=data.get(CONF_STOPBITS, 1),
        verify=data.get(CONF_VERIFY, True),
    )


def options_of(data: Mapping[str, Any]) -> ModbusOptions:
    """Return what the user said about time on the link."""
    from ..bridge.transports.modbus import ModbusOptions, default_spacing

    names = (CONF_TIMEOUT, CONF_MESSAGE_SPACING, CONF_CONNECT_DELAY, CONF_CLOSE_AFTER_POLL)
    said = {name: data[name] for name in names if name in data}
    return ModbusOptions(**{CONF_MESSAGE_SPACING: default_spacing(params_of(data)), **said})


async def async_make_modbus(hass: HomeAssistant, entry: ConfigEntry[Any]) -> ModbusLink:
    """Return the link of an entry. Raises ConfigEntryError when others use the device with other settings."""
    await async_import_modbus(hass)
    from homeassistant.components.modbus import async_get_unit
    from homeassistant.components.modbus.connection import async_get_connection_info

    from ..bridge.links.modbus_link import ModbusLink
    from ..bridge.transports.modbus import ModbusTransport, is_numbered, line_speed

    params = params_of(entry.data)

    def get_unit(unit_id: int) -> ModbusUnit:
        try:
            return async_get_unit(hass, entry, params, unit_id)
        except HomeAssistantError as err:
            raise LinkInUseError(_holders(hass, params)) from err

    def is_ours_alone() -> bool:
        holders = [info.units for info in async_get_connection_info(hass) if info.endpoint == params.endpoint]
        return all(units.keys() == {entry.entry_id} for units in holders)

    for subentry in entry.subentries.values():
        try:
            get_unit(subentry.data["decoder"]["device"]["unit"])
        except LinkInUseError as err:
            raise ConfigEntryError(
                translation_domain=DOMAIN,
                translation_key="modbus_in_use",
                translation_placeholders={"holders": err.holders},
            ) from err
    transport = ModbusTransport(
        get_unit,
        options_of(entry.data),
        baudrate=line_speed(params),
        numbered=is_numbered(params),
        may_close=is_ours_alone,
    )
    return ModbusLink(entry.title, transport)


@asynccontextmanager
async def async_temporary_transport(
    hass: HomeAssistant, data: Mapping[str, Any], unit_id: int
) -> AsyncIterator[ModbusTransport]:
    """Hold a unit for the length of a step of a flow; raises LinkInUseError when others have other settings."""
    await async_import_modbus(hass)
    from homeassistant.components.modbus import async_get_temporary_unit

    from ..bridge.transports.modbus import ModbusTransport, is_numbered

    params = params_of(data)
    try:
        async with async_get_temporary_unit(hass, params, unit_id) as unit:
            yield ModbusTransport(lambda _: unit, options_of(data), numbered=is_numbered(params), waits_out=True)
    except HomeAssistantError as err:
        raise LinkInUseError(_holders(hass, params)) from err


@callback
def _holders(hass: HomeAssistant, params: ModbusParams) -> str:
    """Return the titles of the entries that hold the connection, its address where a flow does."""
    from homeassistant.components.modbus.connection import async_get_connection_info

    infos = (info for info in async_get_connection_info(hass) if info.endpoint == params.endpoint)
    holders = {entry_id for info in infos for entry_id in info.units}
    titles = [entry.title for entry_id in holders if (entry := hass.config_entries.async_get_entry(entry_id))]
    return ", ".join(sorted(titles)) or ":".join(str(part) for part in params.endpoint[1:])
