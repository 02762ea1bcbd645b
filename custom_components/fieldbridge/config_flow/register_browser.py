"""Registers as a person looks for a value in them: every usual way to read each one, side by side."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from homeassistant.const import CONF_NAME, CONF_UNIT_OF_MEASUREMENT
from homeassistant.data_entry_flow import Optional
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..bridge.channels import Channel, ValueKind
from ..bridge.channels.channel import MAX_PRECISION
from ..bridge.channels.profile import unique_key
from ..bridge.errors import ProfileError
from ..bridge.modbus import RateClass, Register, RegisterType, Table
from ..presentable import printable
from .presentation import NOTHING

CONF_TABLE: Final = "table"
CONF_START: Final = "start"
CONF_COUNT: Final = "count"
CONF_ADDRESSES: Final = "addresses"
CONF_ADDRESS: Final = "address"
CONF_TYPE: Final = "type"
CONF_WORD_ORDER: Final = "word_order"
CONF_BYTE_ORDER: Final = "byte_order"
CONF_RATE: Final = "rate"
CONF_SCALE: Final = "scale"
CONF_LENGTH: Final = "length"
MAX_BROWSED: Final = 500
"""Addresses that are read for a look; what nobody asked for is never read."""

_TYPES: Final = [
    *("uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"),
    *("bcd16", "bcd32", "string", "timestamp", "bit"),
]
_FLOATS: Final = {RegisterType.FLOAT16, RegisterType.FLOAT32, RegisterType.FLOAT64}
_ORDERS: Final = ["big", "little"]
_STRING_ONLY: Final[FieldCondition] = {"field": CONF_TYPE, "operator": ConditionOperator.EQ, "value": "string"}
_BIT_ONLY: Final[FieldCondition] = {"field": CONF_TYPE, "operator": ConditionOperator.EQ, "value": "bit"}


def _select(options: list[str], translation_key: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=options, translation_key=translation_key, mode=SelectSelectorMode.DROPDOWN)
    )


def _whole(minimum: int, maximum: int) -> probatio.All[Any]:
    return probatio.All(
        NumberSelector(NumberSelectorConfig(min=minimum, max=maximum, step=1, mode=NumberSelectorMode.BOX)),
        probatio.Coerce(int),
    )


_TABLE: Final = _select([table.value for table in Table], "register_table")
RANGE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_TABLE, default="holding"): _TABLE,
        probatio.Required(CONF_START, default=0): _whole(0, 65535),
        probatio.Required(CONF_COUNT, default=50): _whole(1, MAX_BROWSED),
    }
)
_HOW: Final[dict[Any, Any]] = {
    probatio.Required(CONF_TYPE, default="uint16"): _select(_TYPES, "register_type"),
    probatio.Required(CONF_WORD_ORDER, default="big"): _select(_ORDERS, "register_order"),
    probatio.Required(CONF_BYTE_ORDER, default="big"): _select(_ORDERS, "register_order"),
    Optional(CONF_LENGTH, default=8, visible=_STRING_ONLY): _whole(1, 125),
    Optional("bit", default=0, visible=_BIT_ONLY): _whole(0, 15),
    probatio.Required(CONF_SCALE, default=1): NumberSelector(
        NumberSelectorConfig(step="any", mode=NumberSelectorMode.BOX)
    ),
    probatio.Optional(CONF_UNIT_OF_MEASUREMENT): TextSelector(),
    probatio.Required(CONF_RATE, default="normal"): _select([rate.value for rate in RateClass], "register_rate"),
}


def register_schema() -> probatio.Schema:
    """Return the form of one register that is described by hand."""
    return probatio.Schema(
        {
            probatio.Required(CONF_NAME): TextSelector(),
            probatio.Required(CONF_TABLE, default="holding"): _select(
                [table.value for table in Table], "register_table"
            ),
            probatio.Required(CONF_ADDRESS, default=0): _whole(0, 65535),
            **_HOW,
        }
    )


def pick_schema(table: Table, start: int, words: Sequence[int | None]) -> probatio.Schema:
    """Return the form in which registers are ticked; each shows what it may mean."""
    options = [
        SelectOptionDict(value=str(start + offset), label=describe(table, start + offset, words[offset:]))
        for offset, word in enumerate(words)
        if word is not None
    ]
    ticks = SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST))
    how = {} if table.is_bits else _HOW
    return probatio.Schema(
        {probatio.Required(CONF_ADDRESSES, default=[]): ticks, probatio.Optional(CONF_NAME): TextSelector(), **how}
    )


def describe(table: Table, address: int, words: Sequence[int | None]) -> str:
    """Return one register in every usual reading: ``100: 0x00E6 · u16 230 · i16 230 · f32 …``."""
    word = words[0]
    if word is None:
        return f"{address}: {NOTHING}"
    if table.is_bits:
        return f"{address}: {word}"
    parts = [f"{address}: 0x{word:04X}", f"u16 {word}"]
    if word & 0x8000:
        parts.append(f"i16 {word - 0x10000}")
    if len(words) > 1 and (following := words[1]) is not None:
        pair = [word, following]
        parts += [f"{name} {_read(kind, pair, order)}" for name, kind, order in _PAIRS]
    letters = word.to_bytes(2).decode("latin-1")
    if letters.isascii() and letters.isprintable() and letters.strip():
        parts.append(f"“{printable(letters)}”")
    return " · ".join(parts)


_PAIRS: Final = [
    ("u32", RegisterType.UINT32, "big"),
    ("u32↔", RegisterType.UINT32, "little"),
    ("i32", RegisterType.INT32, "big"),
    ("f32", RegisterType.FLOAT32, "big"),
    ("f32↔", RegisterType.FLOAT32, "little"),
]


def _read(kind: RegisterType, words: Sequence[int], order: str) -> str:
    value = Register(type=kind, word_order=order).decode(words)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def make_register(form: Mapping[str, Any], table: Table, address: int) -> Register:
    """Return the register that a filled form describes; raises ProfileError that names the wrong field."""
    if table.is_bits:
        return Register(
            address=address, table=table, type=RegisterType.BIT, rate=RateClass(form.get(CONF_RATE, "normal"))
        )
    kind = RegisterType(form[CONF_TYPE])
    return Register(
        address=address,
        table=table,
        type=kind,
        word_order=form[CONF_WORD_ORDER],
        byte_order=form[CONF_BYTE_ORDER],
        count=form[CONF_LENGTH] if kind is RegisterType.STRING else None,
        bit=form["bit"] if kind is RegisterType.BIT else None,
        rate=RateClass(form[CONF_RATE]),
    )


def make_channel(form: Mapping[str, Any], register: Register, taken: set[str]) -> Channel:
    """Return the channel that shows ``register``; raises ProfileError for a scale of 0."""
    name = (form.get(CONF_NAME) or "").strip() or f"{register.table.value.capitalize()} {register.address}"
    key = unique_key(name, taken)
    scale = form.get(CONF_SCALE, 1.0)
    if scale == 0:
        raise ProfileError(CONF_SCALE, "must not be 0")
    kind = ValueKind.NUMBER
    if register.table.is_bits or register.type is RegisterType.BIT:
        kind = ValueKind.BINARY
    elif register.type in {RegisterType.STRING, RegisterType.TIMESTAMP}:
        kind = ValueKind.TEXT
    is_number = kind is ValueKind.NUMBER
    return Channel(
        key=key,
        name=name,
        source=key,
        kind=kind,
        scale=float(scale) if is_number else 1.0,
        precision=_decimals(scale) if is_number and register.type not in _FLOATS else None,
        unit=form.get(CONF_UNIT_OF_MEASUREMENT) or None if is_number else None,
        state_class="measurement" if is_number else None,
    )


def _decimals(scale: float) -> int:
    """Return the decimals that a whole number of steps of ``scale`` has."""
    return min(MAX_PRECISION, max(0, -int(Decimal(str(scale)).normalize().as_tuple().exponent)))
