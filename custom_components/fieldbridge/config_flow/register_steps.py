"""Steps in which registers are found, described and made settable, whichever flow they are part of."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, override

from homeassistant.const import CONF_NAME
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..bridge.channels import Channel
from ..bridge.errors import LinkError, ProfileError
from ..bridge.modbus import Register, RegisterDecoder, Table
from ..const import DOMAIN
from ..presentable import printable
from .presentation import NOTHING
from .preview import PreviewedSteps, Send, async_setup_preview
from .register_browser import CONF_ADDRESSES, CONF_COUNT, CONF_START, RANGE_SCHEMA, pick_schema, shown_addresses
from .register_form import CONF_ADDRESS, CONF_TABLE, make_channel, make_register, register_form, register_schema
from .register_preview import async_values_text, start_register_preview
from .register_scan import SMALL, Read, Scan
from .register_write_form import check_still_set, register_write_form, settable_channel, write_schema

_CHANNEL: Final = "channel"
_AT_ONCE: Final = 3.0
"""Seconds for which a form waits for the registers."""
_LOOK: Final = 1.0
"""Seconds between two texts of a scan that takes longer."""
_MOST_LOOKS: Final = 20
"""Until a person is asked whether the scan is to go on."""


class RegisterSteps(PreviewedSteps):
    """Adds and changes registers of one device; where it is read from and what becomes of it is up to the flow."""

    _unit: int
    _registers: dict[str, Register]
    """All of the device, by name."""
    _drafts: dict[str, Channel]
    """All of the device, by key."""
    _touched: list[str]
    """Keys of the channels that were added or changed, the last one at the end."""
    _before: list[tuple[dict[str, Register], dict[str, Channel], list[str]]]
    """What was there before each change."""
    _draft_key: str | None = None
    """Of the channel in the form; None for a new one."""
    _scan: Scan
    _scan_task: asyncio.Task[None] | None = None
    _looks = 0

    def begin_registers(
        self, unit: int, registers: dict[str, Register] | None = None, channels: tuple[Channel, ...] = ()
    ) -> None:
        """Begin with what is known of the device with a unit id."""
        self._unit = unit
        self._registers, self._drafts = dict(registers or {}), {channel.key: channel for channel in channels}
        self._touched, self._before = [], []

    def reading(self) -> AbstractAsyncContextManager[Read]:
        """Return what gives a function that reads from the device; it raises LinkError."""
        raise NotImplementedError

    async def async_keep_registers(self) -> Any:
        """End the flow with the registers and channels as they are now."""
        raise NotImplementedError

    @staticmethod
    @override
    async def async_setup_preview(hass: HomeAssistant) -> None:
        """Register the preview's command."""
        await async_setup_preview(hass)

    # ---- the register browser ----

    async def async_step_modbus_browse(self, user_input: dict[str, Any] | None = None) -> Any:
        """Read a range of registers; a large one goes on in a step of its own."""
        errors: dict[str, str] = {}
        placeholders = {"error": "", "small": str(SMALL)}
        if user_input is not None:
            self._scan = Scan(Table(user_input[CONF_TABLE]), user_input[CONF_START], user_input[CONF_COUNT])
            await self._async_read_on(_AT_ONCE)
            if not self._scan.finished:
                return await self.async_step_modbus_scan()
            # Whoever has added registers already has to find the way back to them.
            if self._scan.words or self._touched:
                return await self.async_step_modbus_scanned()
            errors["base"], placeholders["error"] = "cannot_read", str(self._scan.refused)
        return self.async_show_form(
            step_id="modbus_browse",
            data_schema=self.add_suggested_values_to_schema(RANGE_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_modbus_scan(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show how far the scan is, until it is over or a person has to say whether it goes on."""
        if self._scan.finished or self._looks >= _MOST_LOOKS:
            self._looks = 0
            return self.async_show_progress_done(next_step_id="modbus_scanned")
        if self._scan_task is None or self._scan_task.done():
            self._looks += 1
            self._scan_task = self.hass.async_create_background_task(
                self._async_read_on(_LOOK), f"{DOMAIN} register scan"
            )
        return self.async_show_progress(
            step_id="modbus_scan",
            progress_action="scanning",
            progress_task=self._scan_task,
            description_placeholders=self._scan_placeholders,
        )

    async def async_step_modbus_scanned(self, user_input: dict[str, Any] | None = None) -> Any:
        """Go on, or be content with what was found."""
        if self._scan.finished and self._scan.words and not self._scan.is_incomplete:
            return await self.async_step_modbus_pick()
        return self.async_show_menu(
            step_id="modbus_scanned",
            menu_options=[
                *([] if self._scan.finished else ["modbus_scan"]),
                *(["modbus_pick"] if self._scan.words else []),
                "modbus_browse",
                *(["modbus_added"] if self._touched else []),
            ],
            description_placeholders=self._scan_placeholders,
        )

    async def async_step_modbus_pick(self, user_input: dict[str, Any] | None = None) -> Any:
        """Tick registers and say how they are read."""
        errors: dict[str, str] = {}
        placeholders = {
            "error": "",
            "found": str(len(self._scan.words)),
            "shown": str(len(shown_addresses(self._scan.words))),
        }
        if user_input is not None:
            try:
                registers, channels = self._picked(user_input)
            except ProfileError as err:
                errors["base"], placeholders["error"] = "bad_value", str(err)
            else:
                if channels:
                    self._take(registers, channels)
                    return await self.async_step_modbus_added()
                errors[CONF_ADDRESSES] = "no_registers"
        schema = pick_schema(self._scan.table, self._scan.words)
        return self.show_previewed("modbus_pick", schema, user_input, errors, placeholders, self.start_register_preview)

    # ---- one register ----

    async def async_step_modbus_register(self, user_input: dict[str, Any] | None = None) -> Any:
        """Begin to describe a register by hand."""
        self._draft_key = None
        return await self.async_step_modbus_describe()

    async def async_step_modbus_again(self, user_input: dict[str, Any] | None = None) -> Any:
        """Change the last register."""
        self._draft_key = self._touched[-1]
        return await self.async_step_modbus_describe()

    async def async_step_modbus_change(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose the register to change."""
        if user_input is not None:
            self._draft_key = user_input[_CHANNEL]
            return await self.async_step_modbus_describe()
        return self._show_choice("modbus_change", [each for each in self._drafts.values() if each.source])

    async def async_step_modbus_describe(self, user_input: dict[str, Any] | None = None) -> Any:
        """Say where a value is and how it is read."""
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            try:
                register, channel = self._described(user_input)
            except ProfileError as err:
                errors["base"], placeholders["error"] = "bad_value", str(err)
            else:
                self._take({channel.source: register}, [channel])
                return await self.async_step_modbus_added()
        stored = None
        if self._draft_key is not None:
            channel = self._drafts[self._draft_key]
            stored = register_form(self._registers[channel.source], channel)
        schema = register_schema(self._registers)
        return self.show_previewed(
            "modbus_describe", schema, user_input or stored, errors, placeholders, self.start_register_preview
        )

    # ---- how a value is set ----

    async def async_step_modbus_settable(self, user_input: dict[str, Any] | None = None) -> Any:
        """Let the last register be set."""
        self._draft_key = self._touched[-1]
        return await self.async_step_modbus_write()

    async def async_step_modbus_set(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose the value that can be set, or cannot any more."""
        if user_input is not None:
            self._draft_key = user_input[_CHANNEL]
            return await self.async_step_modbus_write()
        return self._show_choice("modbus_set", list(self._drafts.values()))

    async def async_step_modbus_write(self, user_input: dict[str, Any] | None = None) -> Any:
        """Say how a value is set and how that is confirmed."""
        channel, decoder = self._drafts[self._draft_key or ""], RegisterDecoder(registers=self._registers)
        errors: dict[str, str] = {}
        placeholders = {"error": "", "channel": printable(channel.name)}
        if user_input is not None:
            try:
                changed = settable_channel(user_input, channel, decoder)
            except ProfileError as err:
                errors["base"], placeholders["error"] = "bad_value", str(err)
            else:
                self._take({}, [changed])
                return await self.async_step_modbus_added()
        return self.async_show_form(
            step_id="modbus_write",
            data_schema=self.add_suggested_values_to_schema(
                write_schema(self._registers), user_input or register_write_form(channel, decoder)
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    # ---- what was added ----

    async def async_step_modbus_added(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what the chosen registers say now; add more or end."""
        has_source = bool(self._drafts[self._touched[-1]].source)
        return self.async_show_menu(
            step_id="modbus_added",
            menu_options=[
                "modbus_done",
                "modbus_settable",
                *(["modbus_again"] if has_source else []),
                "modbus_browse",
                "modbus_register",
                "modbus_undo",
            ],
            description_placeholders={"values": await self._async_values()},
        )

    async def async_step_modbus_undo(self, user_input: dict[str, Any] | None = None) -> Any:
        """Take the last change back."""
        self._registers, self._drafts, self._touched = self._before.pop()
        return await (self.async_step_modbus_added() if self._touched else self.async_step_modbus_begin())

    async def async_step_modbus_begin(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show the menu in which a device begins."""
        raise NotImplementedError

    async def async_step_modbus_done(self, user_input: dict[str, Any] | None = None) -> Any:
        """End with what was added and changed."""
        return await self.async_keep_registers()

    # ---- helpers ----

    @property
    def changeable(self) -> list[str]:
        """The steps that change what is there already."""
        are_read = any(channel.source for channel in self._drafts.values())
        return [*(["modbus_change"] if are_read else []), *(["modbus_set"] if self._drafts else [])]

    @callback
    def start_register_preview(self, form: dict[str, Any], send: Send) -> CALLBACK_TYPE:
        """Send what the registers of the form say; raises ProfileError, probatio.Invalid."""
        form = {CONF_NAME: NOTHING, **form}
        if self.cur_step and self.cur_step["step_id"] == "modbus_pick":
            registers, channels = self._picked(form)
        else:
            register, channel = self._described(form)
            registers, channels = {channel.source: register}, [channel]
        decoder = RegisterDecoder(registers={**self._registers, **registers})
        return start_register_preview(self.hass, self.reading, decoder, channels, send)

    def _picked(self, form: dict[str, Any]) -> tuple[dict[str, Register], list[Channel]]:
        """Return the registers that were ticked, and their channels; raises ProfileError, probatio.Invalid."""
        form = pick_schema(self._scan.table, self._scan.words)(form)
        addresses = sorted(map(int, form[CONF_ADDRESSES]))
        if len(addresses) > 1:
            form.pop(CONF_NAME, None)  # one name cannot be that of several
        registers: dict[str, Register] = {}
        channels: list[Channel] = []
        for address in addresses:
            register = make_register(form, self._scan.table, address)
            channel = make_channel(form, register, {*self._registers, *self._drafts, *registers})
            registers[channel.source] = register
            channels.append(channel)
        return registers, channels

    def _described(self, form: dict[str, Any]) -> tuple[Register, Channel]:
        """Return the register of the form and its channel; raises ProfileError, probatio.Invalid."""
        form = register_schema(self._registers)(form)
        register = make_register(form, Table(form[CONF_TABLE]), form[CONF_ADDRESS])
        taken = {*self._registers, *self._drafts}
        if self._draft_key is None:
            channel = make_channel(form, register, taken)
        else:
            stored = self._drafts[self._draft_key]
            channel = make_channel(form, register, taken, stored, self._registers[stored.source].type)
        decoder = RegisterDecoder(registers={**self._registers, channel.source: register})
        if self._draft_key is not None:
            check_still_set(stored, channel, self._drafts.values(), decoder)
        return register, channel

    @callback
    def _take(self, registers: dict[str, Register], channels: list[Channel]) -> None:
        self._before.append((self._registers, self._drafts, self._touched))
        self._registers = {**self._registers, **registers}
        self._drafts = {**self._drafts, **{channel.key: channel for channel in channels}}
        touched = [channel.key for channel in channels]
        self._touched = [*(key for key in self._touched if key not in touched), *touched]

    async def _async_read_on(self, seconds: float) -> None:
        try:
            async with self.reading() as read:
                await self._scan.run(read, seconds)
        except LinkError as err:
            self._scan.give_up(err)

    async def _async_values(self) -> str:
        """Return what the registers say that were added or changed, one per line."""
        decoder = RegisterDecoder(registers=self._registers)
        try:
            async with self.reading() as read:
                channels = [self._drafts[key] for key in self._touched]
                return await async_values_text(read, decoder, channels, with_words=True)
        except LinkError as err:
            return f"({err})"

    @property
    def _scan_placeholders(self) -> dict[str, str]:
        scan = self._scan
        # That some addresses are refused is no news.
        error = str(scan.refused) if scan.is_incomplete or not scan.words else ""
        return {"done": str(scan.done), "count": str(scan.count), "found": str(len(scan.words)), "error": error}

    @callback
    def _show_choice(self, step_id: str, channels: list[Channel]) -> Any:
        options = [SelectOptionDict(value=channel.key, label=channel.name) for channel in channels]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id=step_id, data_schema=probatio.Schema({probatio.Required(_CHANNEL): selector})
        )
