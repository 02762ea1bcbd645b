"""Registers as a person looks for a value in them: every usual way to read each one, side by side."""

from collections.abc import Mapping, Sequence
from typing import Final

from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..bridge.modbus import Register, RegisterType, Table
from ..presentable import printable
from .presentation import NOTHING
from .register_form import CONF_TABLE, HOW_FIELDS, TABLE_SELECTOR, whole

CONF_START: Final = "start"
CONF_COUNT: Final = "count"
CONF_ADDRESSES: Final = "addresses"
MOST_SHOWN: Final = 300
"""Lines; nobody looks through more."""

RANGE_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_TABLE, default="holding"): TABLE_SELECTOR,
        probatio.Required(CONF_START, default=0): whole(0, 65535),
        probatio.Required(CONF_COUNT, default=50): whole(1, 65536),
    }
)


def shown_addresses(words: Mapping[int, int]) -> list[int]:
    """Return the addresses that are worth a line: of many, those that hold something."""
    addresses = sorted(words)
    if len(addresses) > MOST_SHOWN:
        addresses = [address for address in addresses if words[address]] or addresses
    return addresses[:MOST_SHOWN]


def pick_schema(table: Table, words: Mapping[int, int]) -> probatio.Schema:
    """Return the form in which registers are ticked; each shows what it may mean."""
    options = [
        SelectOptionDict(value=str(address), label=describe(table, address, [words[address], words.get(address + 1)]))
        for address in shown_addresses(words)
    ]
    ticks = SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST))
    how = {} if table.is_bits else HOW_FIELDS
    return probatio.Schema(
        {probatio.Required(CONF_ADDRESSES, default=[]): ticks, probatio.Optional(CONF_NAME): TextSelector(), **how}
    )


def describe(table: Table, address: int, words: Sequence[int | None]) -> str:
    """Return one register in every usual reading: ``100: 0x00E6 · u16 230 · u32 … · f32 …``.

    A signed number is shown where it differs from the unsigned one; ``↔`` stands for the other order of two words.
    """
    word = words[0]
    if word is None:
        return f"{address}: {NOTHING}"
    if table.is_bits:
        return f"{address}: {word}"
    parts = [f"{address}: 0x{word:04X}", *_integers("16", [word])]
    if len(words) > 1 and (following := words[1]) is not None:
        pair = [word, following]
        for order, sign in (("big", ""), ("little", "↔")):
            parts += _integers(f"32{sign}", pair, order)
        for order, sign in (("big", ""), ("little", "↔")):
            parts.append(f"f32{sign} {_read(RegisterType.FLOAT32, pair, order)}")
    letters = word.to_bytes(2).decode("latin-1")
    if letters.isascii() and letters.isprintable() and letters.strip():
        parts.append(f"“{printable(letters)}”")
    return " · ".join(parts)


def _integers(size: str, words: Sequence[int], order: str = "big") -> list[str]:
    kinds = (RegisterType.UINT16, RegisterType.INT16) if len(words) == 1 else (RegisterType.UINT32, RegisterType.INT32)
    unsigned, signed = (_read(kind, words, order) for kind in kinds)
    return [f"u{size} {unsigned}", *([f"i{size} {signed}"] if signed != unsigned else [])]


def _read(kind: RegisterType, words: Sequence[int], order: str) -> str:
    value = Register(type=kind, word_order=order).decode(words)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
