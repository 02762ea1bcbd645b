"""Steps of the config flow that add and change a Modbus link: the connection is tried before it is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import callback

from ..bridge.channels import DeviceProfile
from ..bridge.errors import LinkError
from ..bridge.modbus import Table
from ..bridge.modbus.requests import Failure, RequestError
from ..connections.modbus import LinkInUseError, async_temporary_transport
from ..const import CONF_MIGRATION, SUBENTRY_DEVICE
from .migration_steps import MigrationSteps
from .modbus_device_steps import ModbusDeviceSteps
from .modbus_form import CONF_UNIT, MODBUS_SCHEMA, RECONFIGURE_SCHEMA, async_modbus_data, modbus_form, modbus_title
from .register_scan import Read


class ModbusSteps(MigrationSteps, ModbusDeviceSteps):
    """Adds and changes a Modbus link."""

    takes_several = True
    has_preview = True
    _silent: tuple[dict[str, Any], int] | None = None
    """The connection and unit that did not answer."""
    source_options = (*ModbusDeviceSteps.source_options, "modbus_without_device")

    async def async_step_modbus(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Describe the connection and one unit on it; both are tried."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._data, errors = await async_modbus_data(self.hass, user_input)
            self.begin_device(user_input[CONF_UNIT])
            if not errors:
                self._abort_if_there_already()
                if CONF_DEVICE in self._data:
                    await self._async_take_adapter()
                self._title = modbus_title(self._data)
                errors = await self._async_try()
            if not errors:
                result: ConfigFlowResult = await self.async_step_modbus_source()
                return result
        return self.async_show_form(
            step_id="modbus",
            data_schema=self.add_suggested_values_to_schema(MODBUS_SCHEMA, user_input),
            errors=errors,
            description_placeholders={"error": "", **self._placeholders},
        )

    async def async_step_modbus_without_device(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link alone; devices can be added to it later."""
        return await self.async_finish([])

    async def async_step_reconfigure_modbus(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the connection; the new one is tried with the first unit, while the link rests."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            self._data, errors = await async_modbus_data(self.hass, user_input)
            if not errors:
                self._abort_if_there_already()
                units = [subentry.data["decoder"]["device"][CONF_UNIT] for subentry in entry.subentries.values()]
                self.begin_device(min(units, default=1))
                if entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY):
                    await self.hass.config_entries.async_unload(entry.entry_id)
                errors = await self._async_try()
                if errors:
                    self.hass.config_entries.async_schedule_reload(entry.entry_id)
                else:
                    was_given = entry.title != modbus_title(entry.data)
                    title = entry.title if was_given else modbus_title(self._data)
                    waiting = {CONF_MIGRATION: entry.data[CONF_MIGRATION]} if CONF_MIGRATION in entry.data else {}
                    changes = {"data": self._data | waiting, "title": title, **self._without_adapter(entry)}
                    return self._update_link(entry, **changes)
        return self.async_show_form(
            step_id="reconfigure_modbus",
            data_schema=self.add_suggested_values_to_schema(RECONFIGURE_SCHEMA, user_input or modbus_form(entry.data)),
            errors=errors,
            description_placeholders={"error": "", **self._placeholders},
        )

    @override
    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Read]:
        """Give what reads over a connection that is held so long. Raises LinkError."""
        async with async_temporary_transport(self.hass, self._data, self._unit) as transport:
            yield partial(transport.read, self._unit)

    @override
    async def async_finish(self, devices: list[tuple[str, DeviceProfile]]) -> ConfigFlowResult:
        """Make the link with the devices."""
        self._abort_if_there_already()  # another flow may have been faster
        subentries = [
            ConfigSubentryData(subentry_type=SUBENTRY_DEVICE, title=title, data=profile.to_dict(), unique_id=None)
            for title, profile in devices
        ]
        return self.async_create_entry(title=self._title, data=self._data, subentries=subentries)

    async def _async_try(self) -> dict[str, str]:
        """Ask the unit for anything; any answer will do, also a refusal. Returns form errors."""
        self._placeholders = {}
        try:
            async with async_temporary_transport(self.hass, self._data, self._unit) as transport:
                if (identity := await transport.identify(self._unit)) is not None:
                    self._identified = identity
                    return {}
                await transport.read(self._unit, Table.HOLDING, 0, 1)
        except LinkInUseError as err:
            self._placeholders = {"error": err.holders}
            return {"base": "line_in_use"}
        except LinkError as err:
            self._placeholders = {"error": str(err)}
            return {"base": "cannot_connect"}
        except RequestError as err:
            asked = (self._data, self._unit)
            if err.failure is Failure.SILENT and self._silent != asked:
                # Whoever submits it again goes on: it may be asleep, or answer for its own registers only.
                self._silent, self._placeholders = asked, {"error": str(err)}
                return {"base": "unit_silent"}
        return {}

    @callback
    def _abort_if_there_already(self) -> None:
        keys = (CONF_DEVICE,) if CONF_DEVICE in self._data else (CONF_HOST, CONF_PORT)
        self._async_abort_entries_match({key: self._data[key] for key in keys})
