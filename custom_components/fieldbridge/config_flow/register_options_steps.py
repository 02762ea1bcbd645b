"""Steps of the options flow that add and change registers of a device on the running link, with a live row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..bridge.errors import LinkError
from ..const import SUBENTRY_DEVICE
from .register_scan import Read
from .register_steps import RegisterSteps
from .still_there import stored_device
from .stored_registers import registers_of, with_registers

_DEVICE: Final = "device"


class RegisterOptionsSteps(OptionsFlow, RegisterSteps):
    """Changes the registers of a device that is there."""

    has_preview = True
    _changed_device: str

    async def async_step_registers(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the device, where there are several."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        devices = {each.subentry_id: each.title for each in self.config_entry.get_subentries_of_type(SUBENTRY_DEVICE)}
        if not devices:
            return self.async_abort(reason="no_modbus_devices")
        if user_input is not None or len(devices) == 1:
            self._changed_device = next(iter(devices)) if user_input is None else user_input[_DEVICE]
            self.begin_registers(*registers_of(stored_device(self.config_entry, self._changed_device).data))
            return await self.async_step_modbus_begin()
        options = [SelectOptionDict(value=device_id, label=title) for device_id, title in devices.items()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="registers", data_schema=probatio.Schema({probatio.Required(_DEVICE): selector})
        )

    @override
    async def async_step_modbus_begin(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose what to do with the registers of the device."""
        options = ["modbus_browse", "modbus_register", *self.changeable]
        return self.async_show_menu(step_id="modbus_begin", menu_options=options)

    @override
    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Read]:
        """Give what reads through the running link. Raises LinkError."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            raise LinkError("the link is not loaded")
        yield partial(self.config_entry.runtime_data.link.read_registers, self._unit)

    @override
    async def async_keep_registers(self) -> ConfigFlowResult:
        """Store the registers in their device; the link notices and rebuilds that device alone."""
        device = stored_device(self.config_entry, self._changed_device)
        changed = with_registers(device.data, self._registers, self._drafts.values())
        self.hass.config_entries.async_update_subentry(self.config_entry, device, data={**device.data, **changed})
        return self.async_create_entry(data=dict(self.config_entry.options))
