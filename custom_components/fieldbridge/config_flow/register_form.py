"""The form of one register: where it is, how its words are read, and what the value means."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from homeassistant.const import CONF_NAME, CONF_UNIT_OF_MEASUREMENT
from homeassistant.data_entry_flow import Optional, Required, section
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels import Channel, ValueKind
from ..bridge.channels.channel import MAX_PRECISION
from ..bridge.channels.profile import unique_key
from ..bridge.errors import ProfileError
from ..bridge.filters import default_filters
from ..bridge.modbus import RateClass, Register, RegisterType, Table
from ..bridge.yaml_text import fits_json
from ..units import suggest_classes, usual_unit

CONF_TABLE: Final = "table"
CONF_ADDRESS: Final = "address"
CONF_TYPE: Final = "type"
CONF_LENGTH: Final = "length"
CONF_SCALE: Final = "scale"
CONF_RATE: Final = "rate"
SECTION_MORE: Final = "more"
_WORD_ORDER: Final = "word_order"
_BYTE_ORDER: Final = "byte_order"
_BIT: Final = "bit"
_STRUCTURE: Final = "structure"
_SUM_OF: Final = "sum_of"
_OFFSET: Final = "offset"
_LIMITS: Final = ("minimum", "maximum")
_TEXTS: Final = "texts"
_NAN: Final = "nan"
_MASK: Final = "mask"
_SHIFT: Final = "shift"
_FLAGS: Final = "flags"
_SCALE_REGISTER: Final = "scale_register"

_FLOATS: Final = {RegisterType.FLOAT16, RegisterType.FLOAT32, RegisterType.FLOAT64}
_TEXT_TYPES: Final = {
    RegisterType.STRING,
    RegisterType.DATETIME,
    RegisterType.DATETIME_BYTES,
    RegisterType.DATETIME_IEC,
    RegisterType.TIMESTAMP,
    RegisterType.TIME,
}
_COUNTED: Final = (RegisterType.STRING, RegisterType.STRUCT)
_BROWSED: Final = [kind.value for kind in RegisterType if kind not in {RegisterType.STRUCT, RegisterType.SUM}]
_ORDERS: Final = ["big", "little"]


def _where(field: str, *values: str) -> FieldCondition:
    return {"field": field, "operator": ConditionOperator.IN, "value": list(values)}


_WORDS: Final = _where(CONF_TABLE, Table.HOLDING, Table.INPUT)


def select(options: Iterable[str], translation_key: str) -> SelectSelector:
    """Return a selector of named choices."""
    return SelectSelector(
        SelectSelectorConfig(options=list(options), translation_key=translation_key, mode=SelectSelectorMode.DROPDOWN)
    )


def whole(minimum: int, maximum: int) -> probatio.All[Any]:
    """Return a selector of whole numbers."""
    return probatio.All(
        NumberSelector(NumberSelectorConfig(min=minimum, max=maximum, step=1, mode=NumberSelectorMode.BOX)),
        probatio.Coerce(int),
    )


TABLE_SELECTOR: Final = select([table.value for table in Table], "register_table")
_ANY_NUMBER: Final = NumberSelector(NumberSelectorConfig(step="any", mode=NumberSelectorMode.BOX))
_LINES: Final = TextSelector(TextSelectorConfig(multiple=True))


def _how_fields(types: list[str], *where: FieldCondition) -> dict[Any, Any]:
    """Return the fields of how words are read; all of them only ``where`` there are words."""
    return {
        Required(CONF_TYPE, default="uint16", visible=[*where]): select(types, "register_type"),
        Required(_WORD_ORDER, default="big", visible=[*where]): select(_ORDERS, "register_order"),
        Required(_BYTE_ORDER, default="big", visible=[*where]): select(_ORDERS, "register_order"),
        Optional(CONF_LENGTH, default=8, visible=[*where, _where(CONF_TYPE, *_COUNTED)]): whole(1, 125),
        Optional(_BIT, default=0, visible=[*where, _where(CONF_TYPE, RegisterType.BIT)]): whole(0, 15),
    }


def _meaning_fields(*where: FieldCondition) -> dict[Any, Any]:
    return {
        Required(CONF_SCALE, default=1, visible=[*where]): _ANY_NUMBER,
        Optional(CONF_UNIT_OF_MEASUREMENT, visible=[*where]): TextSelector(),
        probatio.Required(CONF_RATE, default="normal"): select([rate.value for rate in RateClass], "register_rate"),
    }


HOW_FIELDS: Final[dict[Any, Any]] = {**_how_fields(_BROWSED), **_meaning_fields()}
"""For registers that were ticked."""


def register_schema(registers: Iterable[str] = ()) -> probatio.Schema:
    """Return the form of one register; ``registers`` are the names of the device's others."""
    others = SelectSelector(SelectSelectorConfig(options=sorted(registers), mode=SelectSelectorMode.DROPDOWN))
    more = {
        probatio.Optional(_OFFSET): _ANY_NUMBER,
        **{probatio.Optional(name): _ANY_NUMBER for name in _LIMITS},
        **{probatio.Optional(name): _LINES for name in (_TEXTS, _FLAGS, _NAN)},
        probatio.Optional(_MASK): TextSelector(),
        probatio.Optional(_SHIFT): whole(0, 63),
        probatio.Optional(_SCALE_REGISTER): others,
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_NAME): TextSelector(),
            probatio.Required(CONF_TABLE, default="holding"): TABLE_SELECTOR,
            probatio.Required(CONF_ADDRESS, default=0): whole(0, 65535),
            **_how_fields([kind.value for kind in RegisterType], _WORDS),
            Optional(_STRUCTURE, visible=[_WORDS, _where(CONF_TYPE, RegisterType.STRUCT)]): TextSelector(),
            Optional(_SUM_OF, visible=[_WORDS, _where(CONF_TYPE, RegisterType.SUM)]): _LINES,
            **_meaning_fields(_WORDS),
            probatio.Required(SECTION_MORE, default={}): section(probatio.Schema(more), {"collapsed": True}),
        }
    )


def make_register(form: Mapping[str, Any], table: Table, address: int) -> Register:
    """Return the register that a filled form describes; raises ProfileError that names the wrong field."""
    rate = RateClass(form.get(CONF_RATE, RateClass.NORMAL))
    if table.is_bits:
        return Register(address=address, table=table, type=RegisterType.BIT, rate=rate)
    kind = RegisterType(form[CONF_TYPE])
    more = form.get(SECTION_MORE) or {}
    flags = _pairs(more, _FLAGS)
    try:
        weights = {name: float(weight or 1) for name, weight in _pairs(form, _SUM_OF).items()}
    except ValueError as err:
        raise ProfileError(_SUM_OF, str(err)) from err
    if not all(map(fits_json, weights.values())):
        raise ProfileError(_SUM_OF, "a weight must be finite")
    return Register(
        # A sum has no place of its own.
        address=0 if kind is RegisterType.SUM else address,
        table=table,
        type=kind,
        word_order=form[_WORD_ORDER],
        byte_order=form[_BYTE_ORDER],
        count=form.get(CONF_LENGTH, 8) if kind in _COUNTED else None,
        structure=(form.get(_STRUCTURE) or "").strip() or None if kind is RegisterType.STRUCT else None,
        bit=form.get(_BIT, 0) if kind is RegisterType.BIT else None,
        sum_of=weights if kind is RegisterType.SUM else {},
        mask=_integer(more[_MASK], _MASK) if more.get(_MASK) else None,
        shift=more.get(_SHIFT) or 0,
        flags={_integer(bit, _FLAGS): text for bit, text in flags.items()} or None,
        nan=tuple(_integer(text, _NAN) for text in more.get(_NAN) or ()),
        scale_register=more.get(_SCALE_REGISTER) or None,
        rate=rate,
    )


def make_channel(
    form: Mapping[str, Any],
    register: Register,
    taken: set[str],
    stored: Channel | None = None,
    stored_type: RegisterType | None = None,
) -> Channel:
    """Return the channel that shows ``register``; raises ProfileError that names the wrong field.

    What the form does not ask for stays as it was ``stored`` for a register of ``stored_type``.
    """
    name = (form.get(CONF_NAME) or "").strip() or f"{register.table.value.capitalize()} {register.address}"
    if stored is None:
        key = unique_key(name, taken)
        stored = Channel(key=key, name=name, source=key)
    more = form.get(SECTION_MORE) or {}
    texts = _pairs(more, _TEXTS)
    kind = _kind(register, texts)
    changes: dict[str, Any] = {"name": name, "kind": kind, _TEXTS: texts or None}
    if kind is ValueKind.NUMBER:
        scale = float(form.get(CONF_SCALE, 1.0))
        if scale == 0:
            raise ProfileError(CONF_SCALE, "must not be 0")
        unit = usual_unit(form.get(CONF_UNIT_OF_MEASUREMENT) or None)
        changes |= {CONF_SCALE: scale, _OFFSET: float(more.get(_OFFSET) or 0), "unit": unit}
        changes |= {limit: more.get(limit) for limit in _LIMITS}
        if (scale, register.type) != (stored.scale, stored_type):
            exact = register.type not in _FLOATS and register.scale_register is None and not register.sum_of
            changes["precision"] = _decimals(scale) if exact else None
        if unit != stored.unit or stored.state_class is None:
            changes["device_class"], changes["state_class"] = suggest_classes(unit)
            if not stored.filters and changes["state_class"] != stored.state_class:
                changes["filters"] = default_filters(changes["state_class"])
    elif stored.kind is ValueKind.NUMBER:
        nothing = dict.fromkeys(("unit", "device_class", "state_class", "precision", "publish", *_LIMITS))
        changes |= {**nothing, CONF_SCALE: 1.0, _OFFSET: 0.0, "filters": (), "live": False}
    channel = replace(stored, **changes)
    return Channel.from_dict(channel.to_dict(), "channel")


def register_form(register: Register, channel: Channel) -> dict[str, Any]:
    """Return the form filled with a register and the channel that shows it."""
    more = {
        _OFFSET: channel.offset or None,
        **{limit: getattr(channel, limit) for limit in _LIMITS},
        _TEXTS: _lines(channel.texts),
        _FLAGS: _lines(register.flags),
        _NAN: [hex(pattern) for pattern in register.nan],
        _MASK: hex(register.mask) if register.mask is not None else None,
        _SHIFT: register.shift or None,
        _SCALE_REGISTER: register.scale_register,
    }
    form = {
        CONF_NAME: channel.name,
        CONF_TABLE: register.table.value,
        CONF_ADDRESS: register.address,
        CONF_TYPE: register.type.value,
        _WORD_ORDER: register.word_order,
        _BYTE_ORDER: register.byte_order,
        CONF_LENGTH: register.count,
        _BIT: register.bit,
        _STRUCTURE: register.structure,
        _SUM_OF: _lines(register.sum_of),
        CONF_SCALE: channel.scale,
        CONF_UNIT_OF_MEASUREMENT: channel.unit,
        CONF_RATE: register.rate.value,
    }
    return {
        **{name: value for name, value in form.items() if value not in (None, [])},
        SECTION_MORE: {name: value for name, value in more.items() if value not in (None, [])},
    }


def _kind(register: Register, texts: Mapping[str, str]) -> ValueKind:
    if register.table.is_bits or register.type is RegisterType.BIT:
        return ValueKind.BINARY
    if texts or register.type in _TEXT_TYPES or register.flags is not None:
        return ValueKind.TEXT
    return ValueKind.NUMBER


def _pairs(form: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return what lines such as ``1 = Automatic`` say."""
    pairs = (line.partition("=") for line in form.get(name) or () if line.strip())
    return {left.strip(): right.strip() for left, _, right in pairs}


def _lines(pairs: Mapping[Any, Any] | None) -> list[str]:
    return [f"{left} = {right}" for left, right in (pairs or {}).items()]


def _integer(text: str, field: str) -> int:
    try:
        number = int(text.strip(), 0)
    except ValueError as err:
        raise ProfileError(field, f"{text!r} is no whole number") from err
    if not fits_json(number):
        raise ProfileError(field, f"{text!r} is more than a register holds")
    return number


def _decimals(scale: float) -> int:
    """Return the decimals that a whole number of steps of ``scale`` has."""
    return min(MAX_PRECISION, max(0, -int(Decimal(str(scale)).normalize().as_tuple().exponent)))
