"""Steps that describe the device with one unit id: from itself, a profile, a definition, or its registers."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels import Channel, DeviceProfile
from ..bridge.errors import LinkError, ProfileError
from ..bridge.modbus import ModbusDevice, Register, RegisterDecoder, Table
from ..bridge.modbus.importers.result import Import
from ..bridge.modbus.model import MAX_WORDS
from ..bridge.modbus.requests import RequestError
from ..bridge.modbus.sunspec import NotSunSpecError, discover
from ..presentable import printable
from .modbus_definition import MAX_DEFINITION, mistakes_text, own_and_shipped, read_definition, remarks_text, with_unit
from .presentation import NOTHING
from .register_browser import (
    CONF_ADDRESS,
    CONF_ADDRESSES,
    CONF_COUNT,
    CONF_START,
    CONF_TABLE,
    RANGE_SCHEMA,
    describe,
    make_channel,
    make_register,
    pick_schema,
    register_schema,
)

if TYPE_CHECKING:
    from ..bridge.transports.modbus import Identification

type Read = Callable[[Table, int, int], Awaitable[list[int]]]
"""Reads a range of a table of the device."""

_PROFILE: Final = "profile"
_DEFINITION: Final = "definition"
_FILE: Final = "file"
_DEVICES: Final = "devices"
_CHUNK: Final = 50
"""Registers in one request of a look; some devices take no more."""
_DEFINITION_SCHEMA = probatio.Schema(
    {
        probatio.Optional(_DEFINITION): TextSelector(TextSelectorConfig(multiline=True)),
        probatio.Optional(_FILE): FileSelector(FileSelectorConfig(accept=".yaml,.yml,.csv,.txt")),
    }
)


class ModbusDeviceSteps(FlowHandler[Any, Any, Any]):
    """Describes one device; where it is read from and what becomes of it is up to the flow."""

    _unit: int
    _identity: str
    """What the device says of itself."""
    _registers: dict[str, Register]
    _added: list[Channel]
    _imported: Import
    _table: Table
    _start: int
    _words: list[int | None]

    def begin_device(self, unit: int, identity: str = "") -> None:
        """Begin to describe the device with a unit id; nothing is known of it but what it says itself."""
        self._unit, self._identity = unit, identity
        self._registers, self._added = {}, []

    def reading(self) -> AbstractAsyncContextManager[Read]:
        """Return what gives a function that reads from the device; it raises RequestError, LinkError."""
        raise NotImplementedError

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
        if user_input is not None:
            profile = profiles[user_input[_PROFILE]]
            return await self.async_finish([(profile.name, with_unit(profile.device, self._unit))])
        options = [SelectOptionDict(value=profile.id, label=profile.name) for profile in profiles.values()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, sort=True))
        return self.async_show_form(
            step_id="modbus_profile",
            data_schema=probatio.Schema({probatio.Required(_PROFILE): selector}),
            description_placeholders={"mistakes": mistakes_text(bad)},
        )

    # ---- a definition ----

    async def async_step_modbus_definition(self, user_input: dict[str, Any] | None = None) -> Any:
        """Paste or upload a definition of the registers."""
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            try:
                self._imported = await self.hass.async_add_executor_job(_read, self.hass, user_input)
            except ProfileError as err:
                errors["base"], placeholders["error"] = "bad_definition", str(err)
            else:
                return await self.async_step_modbus_imported()
        return self.async_show_form(
            step_id="modbus_definition",
            data_schema=self.add_suggested_values_to_schema(_DEFINITION_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_modbus_imported(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what was found and what did not come along; choose the devices."""
        devices = self._imported.devices
        if user_input is not None:
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
            description_placeholders={
                "channels": str(sum(len(device.profile.channels) for device in devices)),
                "remarks": remarks_text(self._imported),
            },
        )

    # ---- the register browser ----

    async def async_step_modbus_browse(self, user_input: dict[str, Any] | None = None) -> Any:
        """Read a range of registers once."""
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            self._table, self._start = Table(user_input[CONF_TABLE]), user_input[CONF_START]
            try:
                async with self.reading() as read:
                    self._words = await self._async_look(read, user_input[CONF_COUNT])
            except (RequestError, LinkError) as err:
                errors["base"], placeholders["error"] = "cannot_read", str(err)
            else:
                return await self.async_step_modbus_pick()
        return self.async_show_form(
            step_id="modbus_browse",
            data_schema=self.add_suggested_values_to_schema(RANGE_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_modbus_pick(self, user_input: dict[str, Any] | None = None) -> Any:
        """Tick registers and say how they are read."""
        errors: dict[str, str] = {}
        if user_input is not None:
            addresses = sorted(int(address) for address in user_input[CONF_ADDRESSES])
            form = dict(user_input)
            if len(addresses) > 1:
                form.pop(CONF_NAME, None)  # one name cannot be that of several
            try:
                for address in addresses:
                    self._add(form, self._table, address)
            except ProfileError as err:
                errors[err.path] = "bad_value"
            else:
                if addresses:
                    return await self.async_step_modbus_added()
                errors[CONF_ADDRESSES] = "no_registers"
        schema = pick_schema(self._table, self._start, self._words)
        return self.async_show_form(
            step_id="modbus_pick",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
        )

    async def async_step_modbus_register(self, user_input: dict[str, Any] | None = None) -> Any:
        """Describe one register by hand; it is read once, so that the value can be checked."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                self._add(user_input, Table(user_input[CONF_TABLE]), user_input[CONF_ADDRESS])
            except ProfileError as err:
                errors[err.path] = "bad_value"
            else:
                return await self.async_step_modbus_added()
        return self.async_show_form(
            step_id="modbus_register",
            data_schema=self.add_suggested_values_to_schema(register_schema(), user_input),
            errors=errors,
        )

    async def async_step_modbus_added(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what the chosen registers say now; add more or end."""
        return self.async_show_menu(
            step_id="modbus_added",
            menu_options=["modbus_done", "modbus_browse", "modbus_register", "modbus_undo"],
            description_placeholders={"values": await self._async_values()},
        )

    async def async_step_modbus_undo(self, user_input: dict[str, Any] | None = None) -> Any:
        """Take the last register back."""
        self._registers.pop(self._added.pop().source)
        if self._added:
            return await self.async_step_modbus_added()
        return await self.async_step_modbus_source()

    async def async_step_modbus_done(self, user_input: dict[str, Any] | None = None) -> Any:
        """End with the registers that were added."""
        decoder = RegisterDecoder(registers=self._registers, device=ModbusDevice(unit=self._unit))
        name = self._identity or f"Unit {self._unit}"
        return await self.async_finish([(name, DeviceProfile(decoder=decoder, channels=tuple(self._added)))])

    def _add(self, form: dict[str, Any], table: Table, address: int) -> None:
        register = make_register(form, table, address)
        if register.end > 0x10000:
            raise ProfileError(CONF_ADDRESS, "ends behind the last register")
        channel = make_channel(form, register, set(self._registers))
        self._registers[channel.source] = register
        self._added.append(channel)

    async def _async_look(self, read: Read, count: int) -> list[int | None]:
        """Return what a range holds, None where the device refuses; raises when it refuses or misses everything."""
        words: list[int | None] = []
        refused: RequestError | None = None
        for address in range(self._start, min(self._start + count, 0x10000), _CHUNK):
            size = min(_CHUNK, self._start + count - address, 0x10000 - address)
            try:
                words += await read(self._table, address, size)
            except RequestError as err:
                refused = err
                words += [None] * size
        if refused is not None and all(word is None for word in words):
            raise refused
        return words

    async def _async_values(self) -> str:
        """Return what the added registers say, one per line."""
        try:
            async with self.reading() as read:
                return "\n".join([await self._async_value(read, channel) for channel in self._added])
        except LinkError as err:
            return f"({err})"

    async def _async_value(self, read: Read, channel: Channel) -> str:
        register = self._registers[channel.source]
        try:
            words = await read(register.table, register.address, register.size)
            raw = register.decode(words)
            value = NOTHING if raw is None else str(channel.converter()(raw))
        except (RequestError, ValueError) as err:
            return f"- {channel.name}: ({err})"
        unit = f" {channel.unit}" if channel.unit else ""
        return f"- {channel.name} = {value}{unit}   ({describe(register.table, register.address, words[:2])})"


async def _read_long(read: Read, table: Table, address: int, count: int) -> list[int]:
    """Read a range in as many requests as it takes."""
    words: list[int] = []
    for start in range(address, address + count, MAX_WORDS):
        words += await read(table, start, min(MAX_WORDS, address + count - start))
    return words


def identity_text(identity: Identification) -> str:
    """Return what a device says of itself as one line."""
    return printable(" ".join(text for text in (identity.manufacturer, identity.model) if text))


def _read(hass: HomeAssistant, form: dict[str, Any]) -> Import:
    """Return what a pasted text, or else an uploaded file, describes; blocking. Raises ProfileError."""
    text = form.get(_DEFINITION) or ""
    if not text.strip() and _FILE in form:
        with process_uploaded_file(hass, form[_FILE]) as path, path.open("rb") as file:
            text = file.read(4 * MAX_DEFINITION).decode("utf-8", "replace")
    if not text.strip():
        raise ProfileError("", "nothing was pasted or uploaded")
    return read_definition(text)
