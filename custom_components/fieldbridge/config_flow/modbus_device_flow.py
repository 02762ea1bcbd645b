"""The flow of one Modbus device on a running link: added by its unit id, changed in its settings and registers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
)
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.errors import LinkError
from ..bridge.modbus import RateClass, Table
from ..bridge.modbus.model import MAX_WORDS
from ..bridge.modbus.requests import Failure, RequestError
from .device_edit_flow import DeviceEditFlow
from .modbus_device_steps import ModbusDeviceSteps
from .modbus_form import CONF_UNIT, UNIT_SELECTOR
from .register_scan import Read
from .stored_registers import registers_of, with_registers

_INTERVALS: Final = {RateClass.FAST: "fast", RateClass.NORMAL: "normal", RateClass.SLOW: "slow"}
_MAX_REGISTERS: Final = "max_registers"
_MAX_GAP: Final = "max_gap"
_TOLERANCE: Final = "tolerance"
_ALL_OR_NOTHING: Final = "all_or_nothing"


def _number(minimum: float, maximum: float, step: float, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=minimum, max=maximum, step=step, mode=NumberSelectorMode.BOX)
    if unit:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _whole(minimum: int, maximum: int) -> probatio.All[Any]:
    return probatio.All(_number(minimum, maximum, 1), probatio.Coerce(int))


_SETTINGS_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_UNIT): UNIT_SELECTOR,
        **{probatio.Required(name): _number(0.05, 86400, 0.05, "s") for name in _INTERVALS.values()},
        probatio.Required(_TOLERANCE): _whole(0, 1000),
        probatio.Required(_MAX_REGISTERS): _whole(1, MAX_WORDS),
        probatio.Optional(_MAX_GAP): _whole(0, MAX_WORDS),
        probatio.Required(_ALL_OR_NOTHING): BooleanSelector(),
    }
)


class ModbusDeviceFlow(DeviceEditFlow, ModbusDeviceSteps):
    """Adds a device to a Modbus link, and changes one."""

    _name = ""
    _silent: int | None = None
    """The unit that did not answer."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose a unit on the link that runs; it is asked what it is."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            self.begin_device(user_input[CONF_UNIT])
            self._name = (user_input.get(CONF_NAME) or "").strip()
            try:
                await self._async_ask()
            except LinkError as err:
                errors["base"], placeholders["error"] = "cannot_connect", str(err)
            except RequestError as err:
                errors["base"], placeholders["error"] = "unit_silent", str(err)
            else:
                result: SubentryFlowResult = await self.async_step_modbus_source()
                return result
        taken = {subentry.data["decoder"]["device"][CONF_UNIT] for subentry in entry.subentries.values()}
        free = next((unit for unit in range(1, 248) if unit not in taken), 1)
        schema = probatio.Schema(
            {probatio.Required(CONF_UNIT, default=free): UNIT_SELECTOR, probatio.Optional(CONF_NAME): TextSelector()}
        )
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    @override
    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose what to change."""
        if (wrong := self.abort_if_wrong()) is not None:
            return wrong
        self.begin_registers(*registers_of(self._device))
        has_channels = ["edit_channel", "remove_channels"] if self._device["channels"] else []
        options = [
            "general",
            "modbus_settings",
            "modbus_browse",
            "modbus_register",
            *self.changeable,
            *has_channels,
            *self._filter_choices,
            *self._profile_choices,
        ]
        return self.async_show_menu(step_id="reconfigure", menu_options=options)

    async def async_step_modbus_settings(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change the unit id, the pace and what silence means."""
        decoder = self._device["decoder"]
        stored = decoder["device"]
        if user_input is not None:
            device = {
                **stored,
                **{key: user_input[key] for key in (CONF_UNIT, _TOLERANCE, _MAX_REGISTERS, _ALL_OR_NOTHING)},
                _MAX_GAP: user_input.get(_MAX_GAP),
                "intervals": {rate.value: user_input[name] for rate, name in _INTERVALS.items()},
            }
            return self._store({"decoder": {**decoder, "device": device}})
        form = {key: value for key, value in stored.items() if key != "intervals" and value is not None}
        return self.async_show_form(
            step_id="modbus_settings",
            data_schema=self.add_suggested_values_to_schema(_SETTINGS_SCHEMA, {**form, **stored["intervals"]}),
        )

    @override
    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Read]:
        """Give what reads through the running link. Raises LinkError."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            raise LinkError("the link is not loaded")
        yield partial(entry.runtime_data.link.read_registers, self._unit)

    @override
    async def async_finish(self, devices: list[tuple[str, DeviceProfile]]) -> SubentryFlowResult:
        """Add the device."""
        ((title, profile),) = devices
        return self.async_create_entry(title=self._name or title, data=profile.to_dict())

    @override
    async def async_keep_registers(self) -> SubentryFlowResult:
        """Add the device of these registers, or store them in the one that is changed."""
        if self.source == SOURCE_RECONFIGURE:
            return self._store(with_registers(self._device, self._registers, self._drafts.values()))
        result: SubentryFlowResult = await super().async_keep_registers()
        return result

    @override
    async def async_step_modbus_begin(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show the first menu again."""
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_reconfigure()
        result: SubentryFlowResult = await super().async_step_modbus_begin()
        return result

    async def _async_ask(self) -> None:
        """Ask the unit for anything; raises LinkError, and RequestError when it stays silent."""
        link = self._get_entry().runtime_data.link
        if (identity := await link.identify(self._unit)) is not None:
            self._identified = identity
            return
        try:
            await link.read_registers(self._unit, Table.HOLDING, 0, 1)
        except RequestError as err:
            if err.failure is Failure.SILENT and self._silent != self._unit:
                self._silent = self._unit  # whoever submits it again goes on: it may answer for its own registers only
                raise
