"""The form of how a register is set: by which control, where it is written, and how that is confirmed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from homeassistant.data_entry_flow import Required
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..bridge.channels import Channel, ValueKind, WriteControl
from ..bridge.errors import ProfileError
from ..bridge.modbus import Register, RegisterDecoder, RegisterType, Table, WriteMethod, WriteTarget
from .register_form import select, whole
from .write_form import CONF_CONTROL, write_fields, write_form, write_of_form

_SETTABLE: Final = "settable"
_TABLE: Final = "write_table"
_ADDRESS: Final = "write_address"
_METHOD: Final = "method"
_CONFIRM_AFTER: Final = "confirm_after"
_VERIFY: Final = "verify"
_KEEP_BITS: Final = "read_modify_write"
_WORDS: Final[FieldCondition] = {"field": _TABLE, "operator": ConditionOperator.EQ, "value": Table.HOLDING.value}


def write_schema(registers: Iterable[str]) -> probatio.Schema:
    """Return the form; ``registers`` are the names of the device's registers."""
    names = SelectSelector(SelectSelectorConfig(options=sorted(registers), mode=SelectSelectorMode.DROPDOWN))
    seconds = NumberSelectorConfig(min=0, max=60, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
    return probatio.Schema(
        {
            probatio.Required(_SETTABLE, default=True): BooleanSelector(),
            **write_fields(),
            probatio.Required(_TABLE): select([Table.HOLDING.value, Table.COIL.value], "register_table"),
            probatio.Required(_ADDRESS): whole(0, 65535),
            Required(_METHOD, default=WriteMethod.AUTO.value, visible=_WORDS): select(
                [method.value for method in WriteMethod], "write_method"
            ),
            Required(_KEEP_BITS, default=True, visible=_WORDS): BooleanSelector(),
            probatio.Required(_CONFIRM_AFTER, default=0): NumberSelector(seconds),
            probatio.Optional(_VERIFY): names,
        }
    )


def register_write_form(channel: Channel, decoder: RegisterDecoder) -> dict[str, Any]:
    """Return the form filled with how a channel is set, or with what suits its register."""
    if channel.write is not None:
        target = WriteTarget.from_dict(channel.write.target, decoder.registers)
    else:
        register = decoder.registers[channel.source]
        target = WriteTarget(register=_register_at(register, _writable(register.table), register.address))
    form = {
        **write_form(channel.to_dict()),
        _SETTABLE: True,
        _TABLE: target.register.table.value,
        _ADDRESS: target.register.address,
        _METHOD: target.method.value,
        _KEEP_BITS: target.read_modify_write,
        _CONFIRM_AFTER: target.confirm_after,
    }
    return {**form, _VERIFY: target.verify} if target.verify else form


def settable_channel(form: Mapping[str, Any], channel: Channel, decoder: RegisterDecoder) -> Channel:
    """Return the channel as the form says that it is set; raises ProfileError that names the wrong value."""
    if not form[_SETTABLE]:
        if not channel.source:
            raise ProfileError(_SETTABLE, "it has no register that could be read")
        return replace(channel, write=None)
    if channel.write is not None and not channel.source:
        register = WriteTarget.from_dict(channel.write.target, decoder.registers).register
    else:
        register = decoder.registers[channel.source]
    table = Table(form[_TABLE])
    is_same = bool(channel.source) and (table, form[_ADDRESS]) == (register.table, register.address)
    target = {
        "register": channel.source if is_same else _register_at(register, table, form[_ADDRESS]).to_dict(),
        _METHOD: form.get(_METHOD, WriteMethod.AUTO.value),
        _KEEP_BITS: form.get(_KEEP_BITS, True),
        _CONFIRM_AFTER: float(form[_CONFIRM_AFTER]),
        _VERIFY: form.get(_VERIFY),
    }
    WriteTarget.from_dict(target, decoder.registers)
    write = write_of_form(form, target)
    return Channel.from_dict({**channel.to_dict(), **_shown(channel, write), "write": write}, "channel")


def check_still_set(stored: Channel, changed: Channel, channels: Iterable[Channel], decoder: RegisterDecoder) -> None:
    """Raise ProfileError when the changed register of a channel cannot be set any more as it, or another one, is."""
    if changed.write is not None and changed.kind is not stored.kind:
        raise ProfileError("type", f"it is set as a {changed.write.control}; change that first")
    for channel in channels:
        target = channel.write.target if channel.write is not None else {}
        if changed.source in (target.get("register"), target.get(_VERIFY)):
            WriteTarget.from_dict(target, decoder.registers, f"setting {channel.name}")


def _shown(channel: Channel, write: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the channel has to show, so that its control finds its own states in it."""
    match WriteControl(write[CONF_CONTROL]):
        case WriteControl.NUMBER:
            return {"kind": ValueKind.NUMBER, "texts": None}
        case WriteControl.SELECT:
            return _no_number(ValueKind.TEXT) | {
                "texts": {_as_read(raw): shown for shown, raw in write["options"].items()}
            }
        case WriteControl.SWITCH:
            return _no_number(ValueKind.BINARY) | {
                "texts": {_as_read(write["on"]): "on", _as_read(write["off"]): "off"}
                if channel.kind is not ValueKind.BINARY
                else channel.texts
            }
        case WriteControl.BUTTON:
            return {"source": ""}  # nothing is shown of it
        case WriteControl.TEXT:
            return _no_number(ValueKind.TEXT) | {"texts": None}


def _as_read(raw: object) -> str:
    """Return a raw value as the text that a register gives for it."""
    return str(int(raw)) if isinstance(raw, bool) else str(raw)


def _no_number(kind: ValueKind) -> dict[str, Any]:
    nothing = dict.fromkeys(("unit", "state_class", "device_class", "precision", "minimum", "maximum", "publish"))
    return {**nothing, "kind": kind, "scale": 1.0, "offset": 0.0, "filters": [], "live": False}


def _writable(table: Table) -> Table:
    return Table.COIL if table.is_bits else Table.HOLDING


def _register_at(register: Register, table: Table, address: int) -> Register:
    """Return the register that is written when it is another one than the one that is read."""
    if table.is_bits:
        return Register(table=table, address=address, type=RegisterType.BIT)
    if register.table.is_bits:
        return Register(table=table, address=address)
    return replace(register, table=table, address=address)
