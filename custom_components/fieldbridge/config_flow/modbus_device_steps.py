"""Steps that describe the device with one unit id: from itself, a profile, a definition, or its registers."""

from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.errors import LinkError, ProfileError
from ..bridge.modbus import ModbusDevice, RegisterDecoder, Table
from ..bridge.modbus.importers.result import Import
from ..bridge.modbus.model import MAX_WORDS
from ..bridge.modbus.requests import RequestError
from ..bridge.modbus.sunspec import NotSunSpecError, discover
from ..bridge.profiles import Profile
from ..presentable import printable
from .filter_form import FieldError
from .modbus_definition import (
    CONF_FILE,
    DEFINITION_SCHEMA,
    given_text,
    mistakes_text,
    own_and_shipped,
    read_definition,
    remarks_text,
    with_unit,
)
from .register_preview import async_values_text
from .register_scan import Read
from .register_steps import RegisterSteps

if TYPE_CHECKING:
    from ..bridge.transports.modbus import Identification

_PROFILE: Final = "profile"
_SHOWN_VALUES: Final = 6
"""Of a model; more would keep a slow device busy."""
_DEVICES: Final = "devices"


class ModbusDeviceSteps(RegisterSteps):
    """Describes one device; where it is read from and what becomes of it is up to the flow."""

    _identified: Identification | None = None
    """What the device says of itself."""
    _imported: Import
    _device_model: Profile

    def begin_device(self, unit: int) -> None:
        """Begin to describe the device with a unit id; nothing is known of it but what it says itself."""
        self._identified = None
        self.begin_registers(unit)

    @property
    def _identity(self) -> str:
        """Manufacturer and model as one line."""
        found = self._identified
        return printable(" ".join(text for text in (found.manufacturer, found.model) if text)) if found else ""

    async def async_finish(self, devices: list[tuple[str, DeviceProfile]]) -> Any:
        """End the flow with these devices; a flow of one device gets one."""
        raise NotImplementedError

    takes_several = False
    """Whether ``async_finish`` takes more than one device."""
    source_options: tuple[str, ...] = (
        "modbus_sunspec",
        "modbus_profile",
        "modbus_definition",
        "modbus_browse",
        "modbus_register",
    )

    async def async_step_modbus_source(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose where the registers are known from."""
        return self.async_show_menu(
            step_id="modbus_source",
            menu_options=list(self.source_options),
            description_placeholders={"unit": str(self._unit), "identity": self._identity},
        )

    @override
    async def async_step_modbus_begin(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose again where the registers are known from."""
        return await self.async_step_modbus_source()

    @override
    async def async_keep_registers(self) -> Any:
        """End with a device of the registers that were added."""
        decoder = RegisterDecoder(registers=self._registers, device=ModbusDevice(unit=self._unit))
        name = self._identity or f"Unit {self._unit}"
        profile = DeviceProfile(
            decoder=decoder,
            channels=tuple(self._drafts.values()),
            manufacturer=self._identified.manufacturer if self._identified else None,
            model=self._identified.model if self._identified else None,
        )
        return await self.async_finish([(name, profile)])

    # ---- the device's own description ----

    async def async_step_modbus_sunspec(self, user_input: dict[str, Any] | None = None) -> Any:
        """Let the device describe itself, as inverters and meters with SunSpec do."""
        try:
            async with self.reading() as read:
                found = await discover(partial(_read_long, read, Table.HOLDING), self._unit)
        except (NotSunSpecError, RequestError, LinkError) as err:
            return self.async_show_menu(
                step_id="modbus_sunspec",
                menu_options=["modbus_source"],
                description_placeholders={"error": str(err)},
            )
        texts = (found.profile.manufacturer, found.profile.model)
        title = " ".join(text for text in texts if text) or self._identity or "SunSpec"
        return await self.async_finish([(title, found.profile)])

    # ---- a profile ----

    async def async_step_modbus_profile(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose a device model."""
        good, bad = await self.hass.async_add_executor_job(own_and_shipped, self.hass.config.config_dir)
        profiles = {file.profile.id: file.profile for file in good if file.profile}
        # A file that was changed since the form was shown may have lost its profile: then it is chosen anew.
        if user_input is not None and (chosen := profiles.get(user_input[_PROFILE])) is not None:
            self._device_model = chosen
            return await self.async_step_modbus_model()
        options = [SelectOptionDict(value=profile.id, label=profile.name) for profile in profiles.values()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, sort=True))
        return self.async_show_form(
            step_id="modbus_profile",
            data_schema=probatio.Schema({probatio.Required(_PROFILE): selector}),
            description_placeholders={"mistakes": mistakes_text(bad)},
        )

    async def async_step_modbus_model(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what some values of the model say now, so that a wrong one is noticed."""
        return self.async_show_menu(
            step_id="modbus_model",
            menu_options=["modbus_add_model", "modbus_profile"],
            description_placeholders={
                "model": printable(self._device_model.name),
                "values": await self._async_values_of(with_unit(self._device_model.device, self._unit)),
            },
        )

    async def async_step_modbus_add_model(self, user_input: dict[str, Any] | None = None) -> Any:
        """End with a device of the model."""
        return await self.async_finish([(self._device_model.name, with_unit(self._device_model.device, self._unit))])

    async def _async_values_of(self, profile: DeviceProfile) -> str:
        """Return what the first values say, one per line."""
        decoder: Any = profile.decoder
        shown = [channel for channel in profile.channels if channel.source and channel.enabled][:_SHOWN_VALUES]
        try:
            async with self.reading() as read:
                return await async_values_text(read, decoder, shown)
        except LinkError as err:
            return f"({err})"

    # ---- a definition ----

    async def async_step_modbus_definition(self, user_input: dict[str, Any] | None = None) -> Any:
        """Paste or upload a definition of the registers."""
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            try:
                self._imported = await self.hass.async_add_executor_job(_read, self.hass, user_input)
            except FieldError as err:
                errors[err.field] = err.error
            except ProfileError as err:
                errors["base"], placeholders["error"] = "bad_definition", str(err)
            else:
                return await self.async_step_modbus_imported()
            # An upload is read once; the form must not offer it again.
            user_input = {name: value for name, value in user_input.items() if name != CONF_FILE}
        return self.async_show_form(
            step_id="modbus_definition",
            data_schema=self.add_suggested_values_to_schema(DEFINITION_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_modbus_imported(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what was found and what did not come along; choose the devices."""
        devices = self._imported.devices
        errors: dict[str, str] = {}
        if user_input is not None and not user_input[_DEVICES]:
            errors[_DEVICES] = "no_devices"
        elif user_input is not None:
            chosen = user_input[_DEVICES]
            picked = [devices[int(number)] for number in ([chosen] if isinstance(chosen, str) else chosen)]
            if len(devices) == 1 or not self.takes_several:
                # What a definition says about the unit is often a leftover of somebody else's set-up.
                return await self.async_finish([(each.name, with_unit(each.profile, self._unit)) for each in picked])
            return await self.async_finish([(each.name, each.profile) for each in picked])
        options = [
            SelectOptionDict(value=str(number), label=f"{device.name} ({len(device.profile.channels)})")
            for number, device in enumerate(devices)
        ]
        several = self.takes_several
        default: Any = [each["value"] for each in options] if several else options[0]["value"]
        selector = SelectSelector(SelectSelectorConfig(options=options, multiple=several, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="modbus_imported",
            data_schema=probatio.Schema({probatio.Required(_DEVICES, default=default): selector}),
            errors=errors,
            description_placeholders={
                "channels": str(sum(len(device.profile.channels) for device in devices)),
                "remarks": remarks_text(self._imported),
            },
        )


async def _read_long(read: Read, table: Table, address: int, count: int) -> list[int]:
    """Read a range in as many requests as it takes."""
    words: list[int] = []
    for start in range(address, address + count, MAX_WORDS):
        words += await read(table, start, min(MAX_WORDS, address + count - start))
    return words


def _read(hass: HomeAssistant, form: dict[str, Any]) -> Import:
    """Return what a filled form describes; blocking. Raises FieldError and ProfileError."""
    return read_definition(given_text(hass, form))
