"""One value in the registers of a Modbus device: where it lies and how its words are read and written.

Orders mean the same for reading and writing and for every type: ``word_order="little"`` puts the least significant
register first, ``byte_order="little"`` swaps the two bytes within each register.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import partial
import struct
from typing import Any

from ..errors import ProfileError
from . import json_values
from .datetimes import DATETIME_WORDS, decode_datetime, encode_datetime

type Raw = int | float | bool | str
"""A value before scale and offset of its channel."""

MAX_ADDRESS = 0xFFFF
MAX_WORDS = 125
"""Registers in one read request, by the specification."""
MAX_BITS = 2000
"""Coils or discrete inputs in one read request, by the specification."""


class Table(StrEnum):
    """The four tables of a Modbus device."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"

    @property
    def is_bits(self) -> bool:
        """Whether the table holds single bits instead of 16 bit words."""
        return self in {Table.COIL, Table.DISCRETE}

    @property
    def is_writable(self) -> bool:
        """Whether the specification has a function that writes to the table."""
        return self in {Table.HOLDING, Table.COIL}

    @property
    def max_count(self) -> int:
        """Addresses in one read request, by the specification."""
        return MAX_BITS if self.is_bits else MAX_WORDS


class RegisterType(StrEnum):
    """How the words of a value are understood."""

    UINT8 = "uint8"
    INT8 = "int8"
    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    BIT = "bit"
    """One coil or discrete input, or the bit ``bit`` of a register (0 is the least significant)."""
    STRING = "string"
    """``count`` registers of two characters each."""
    STRUCT = "struct"
    """``count`` registers read by ``structure``, a format of Python's struct; several values become a text."""
    DATETIME = "datetime"
    """Six registers: year, month, day, hour, minute, second."""
    DATETIME_BYTES = "datetime_bytes"
    """Three registers of two bytes: year since 2000 and month, day and hour, minute and second."""
    DATETIME_IEC = "datetime_iec"
    """Four registers after IEC 60870-5 type 4: year, month and day, hour and minute, milliseconds."""
    TIMESTAMP = "timestamp"
    """Two registers: seconds since 1970, UTC."""
    TIME = "time"
    """One register: hour * 100 + minute."""
    SUM = "sum"
    """No words of its own: the weighted sum of other registers, see ``sum_of``."""


class RateClass(StrEnum):
    """How often a value is asked for; the device says what that is in seconds."""

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"
    ONCE = "once"
    """After every (re)connect."""


_UNSIGNED = {RegisterType.UINT16: ">H", RegisterType.UINT32: ">I", RegisterType.UINT64: ">Q"}
_FORMATS = {
    **_UNSIGNED,
    RegisterType.INT16: ">h",
    RegisterType.INT32: ">i",
    RegisterType.INT64: ">q",
    RegisterType.FLOAT16: ">e",
    RegisterType.FLOAT32: ">f",
    RegisterType.FLOAT64: ">d",
}
_FLOATS = {RegisterType.FLOAT16, RegisterType.FLOAT32, RegisterType.FLOAT64}
_BCD_DIGITS = {RegisterType.BCD16: 4, RegisterType.BCD32: 8}
_BYTES = {RegisterType.UINT8, RegisterType.INT8}
_COUNTED = {RegisterType.STRING, RegisterType.STRUCT}
_DATETIMES = {RegisterType(name): count for name, count in DATETIME_WORDS.items()}
_ORDERS = ("big", "little")


@dataclass(frozen=True, kw_only=True, slots=True)
class Register:
    """Where one value lies in a device and how its words are read and written."""

    address: int = 0
    """From 0, as on the wire (not 40001)."""
    table: Table = Table.HOLDING
    type: RegisterType = RegisterType.UINT16
    count: int | None = None
    """Registers of a string or struct; every other type knows its own."""
    word_order: str = "big"
    byte_order: str = "big"
    bit: int | None = None
    """For ``bit`` in a register: which one, from 0."""
    mask: int | None = None
    """For unsigned integers: the bits that belong to the value."""
    shift: int = 0
    """Bits to the right of the value; for 8 bit types 8 means the high byte."""
    flags: Mapping[int, str] | None = None
    """For unsigned integers: names of bits; the value is a text of those that are set."""
    structure: str | None = None
    nan: tuple[int, ...] = ()
    """Bit patterns of the whole register that mean "no value"; negative ones as two's complement."""
    scale_register: str | None = None
    """Name of the register whose value is the exponent: value = raw * 10 ** exponent (SunSpec's scale factors)."""
    sum_of: Mapping[str, float] = field(default_factory=dict)
    """For ``sum``: weights by name of register."""
    rate: RateClass = RateClass.NORMAL

    def __post_init__(self) -> None:
        self._validate()

    @property
    def size(self) -> int:
        """Addresses that the value takes; 0 for a sum."""
        if self.type is RegisterType.SUM:
            return 0
        if self.type in _COUNTED:
            return self.count or 1
        if self.type in _DATETIMES:
            return _DATETIMES[self.type]
        if self.type in _FORMATS:
            return struct.calcsize(_FORMATS[self.type]) // 2
        return 2 if self.type is RegisterType.BCD32 else 1

    @property
    def end(self) -> int:
        """The first address behind the value."""
        return self.address + self.size

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the other registers that the value is made of."""
        return (*self.sum_of, *((self.scale_register,) if self.scale_register else ()))

    @property
    def is_part_of_word(self) -> bool:
        """Whether other bits of its registers belong to something else, so that a write has to keep them."""
        if self.table.is_bits:
            return False
        return self.type is RegisterType.BIT or self.type in _BYTES or self.mask is not None

    def decode(self, words: Sequence[int | bool]) -> Raw | None:
        """Return the value of ``size`` words (or bits), None for "no value"; raises ValueError for what is no value."""
        if len(words) != self.size:
            raise ValueError(f"{len(words)} registers instead of {self.size}")
        if self.table.is_bits:
            return bool(words[0])
        data = self._to_bytes(words)
        if self.nan and int.from_bytes(data) in self._nan_patterns():
            return None
        if (form := _FORMATS.get(self.type)) and self.type not in _UNSIGNED:
            number: int | float = struct.unpack(form, data)[0]
            return None if number != number else number  # noqa: PLR0124 - NaN is the only value that differs from itself
        if self.type is RegisterType.STRING:
            return data.rstrip(b"\0 ").split(b"\0", 1)[0].decode("utf-8", "replace").strip()
        if self.type is RegisterType.STRUCT:
            values = struct.unpack(self.structure or "", data)
            return _struct_value(values[0]) if len(values) == 1 else ",".join(str(_struct_value(v)) for v in values)
        if self.type in _BCD_DIGITS:
            return int(data.hex())  # a digit above 9 is no number: ValueError
        if self.type in _DATETIMES:
            return decode_datetime(self.type, struct.unpack(f">{self.size}H", data))
        return self._from_bits(int.from_bytes(data))

    def encode(self, value: Raw, current: Sequence[int] = ()) -> list[int]:
        """Return the words that mean ``value``; raises ValueError when it does not fit.

        ``current`` holds the words as they are now: a value that is part of a word keeps the other bits of them.
        """
        if self.table.is_bits:
            return [int(_whole(value, 0, 1))]
        if self.type in _FLOATS:
            return self._to_words(_pack(_FORMATS[self.type], float(value)))
        if self.type in _FORMATS and self.type not in _UNSIGNED:
            bits = 16 * self.size
            whole = _whole(value, -(1 << bits - 1), (1 << bits - 1) - 1)
            return self._to_words(struct.pack(_FORMATS[self.type], whole))
        if self.type is RegisterType.STRING:
            return self._to_words(_padded(str(value).encode(), 2 * self.size))
        if self.type is RegisterType.STRUCT:
            return self._to_words(_pack_struct(self.structure or "", value))
        if self.type in _BCD_DIGITS:
            digits = _BCD_DIGITS[self.type]
            return self._to_words(bytes.fromhex(f"{_whole(value, 0, 10**digits - 1):0{digits}d}"))
        if self.type in _DATETIMES:
            return self._to_words(_pack(f">{self.size}H", *encode_datetime(self.type, str(value))))
        if self.type is RegisterType.SUM:
            raise ValueError("a sum of registers cannot be written")
        before = int.from_bytes(self._to_bytes(current)) if current else 0
        return self._to_words(self._to_bits(value, before).to_bytes(2 * self.size))

    def _to_bytes(self, words: Sequence[int]) -> bytes:
        ordered = words if self.word_order == "big" else words[::-1]
        return struct.pack(f"{'>' if self.byte_order == 'big' else '<'}{len(words)}H", *ordered)

    def _to_words(self, data: bytes) -> list[int]:
        words = list(struct.unpack(f"{'>' if self.byte_order == 'big' else '<'}{len(data) // 2}H", data))
        return words if self.word_order == "big" else words[::-1]

    def _nan_patterns(self) -> set[int]:
        return {pattern % (1 << 16 * self.size) for pattern in self.nan}

    def _from_bits(self, bits: int) -> Raw:
        if self.type is RegisterType.BIT:
            return bool(bits >> (self.bit or 0) & 1)
        if self.type in _BYTES:
            byte = bits >> self.shift & 0xFF
            return byte - 256 if self.type is RegisterType.INT8 and byte > 127 else byte
        value = (bits if self.mask is None else bits & self.mask) >> self.shift
        if self.flags is not None:
            return ", ".join(text for bit, text in sorted(self.flags.items()) if value >> bit & 1)
        return value

    def _to_bits(self, value: Raw, before: int) -> int:
        """Return the whole register with ``value`` in it."""
        if self.type is RegisterType.BIT:
            mask, shift = 1 << (self.bit or 0), self.bit or 0
            part = _whole(value, 0, 1)
        elif self.type in _BYTES:
            mask, shift = 0xFF << self.shift, self.shift
            part = _whole(value, -128, 127) & 0xFF if self.type is RegisterType.INT8 else _whole(value, 0, 255)
        else:
            everything = (1 << 16 * self.size) - 1
            mask, shift = everything if self.mask is None else self.mask, self.shift
            part = self._flag_bits(value) if self.flags is not None else _whole(value, 0, everything)
        if part << shift & ~mask:
            raise ValueError(f"{value!r} does not fit into the register")
        return before & ~mask | part << shift

    def _flag_bits(self, value: Raw) -> int:
        by_text = {text: 1 << bit for bit, text in (self.flags or {}).items()}
        try:
            return sum({by_text[text] for part in str(value).split(",") if (text := part.strip())})
        except KeyError as err:
            raise ValueError(f"no such flag: {err.args[0]}") from err

    def _validate(self) -> None:
        _require(0 <= self.address <= MAX_ADDRESS, "address", f"must be from 0 to {MAX_ADDRESS}")
        _require(self.word_order in _ORDERS, "word_order", "must be big or little")
        _require(self.byte_order in _ORDERS, "byte_order", "must be big or little")
        if self.table.is_bits:
            _require(self.type is RegisterType.BIT, "type", "must be bit in a table of bits")
            _require(self.bit is None, "bit", "a coil has no bits")
        elif self.type is RegisterType.BIT:
            _require(self.bit is not None and 0 <= self.bit < 16, "bit", "must be from 0 to 15")
        else:
            _require(self.bit is None, "bit", "is for the type bit")
        _require((self.count is not None) == (self.type in _COUNTED), "count", "is for strings and structs")
        _require(self.count is None or 1 <= self.count <= MAX_WORDS, "count", f"must be from 1 to {MAX_WORDS}")
        unsigned = self.type in _UNSIGNED
        _require(self.mask is None or (unsigned and 0 < self.mask < 1 << 16 * self.size), "mask", "does not fit")
        _require(self.flags is None or unsigned, "flags", "are for unsigned integers")
        _require(
            all(0 <= bit < 16 * self.size for bit in self.flags or ()), "flags", "a bit is outside of the register"
        )
        shifts = {0, 8} if self.type in _BYTES else range(16 * self.size if unsigned else 1)
        _require(self.shift in shifts, "shift", "does not fit")
        _require(bool(self.sum_of) == (self.type is RegisterType.SUM), "sum_of", "is for the type sum, which needs it")
        _require(self.end <= MAX_ADDRESS + 1, "address", "the value ends behind the last address")
        _require(not (self.nan and self.table.is_bits), "nan", "a bit is always a value")
        self._validate_structure()

    def _validate_structure(self) -> None:
        _require((self.structure is not None) == (self.type is RegisterType.STRUCT), "structure", "is for structs")
        if self.structure is None:
            return
        try:
            size = struct.calcsize(self.structure)
        except struct.error as err:
            raise ProfileError("structure", str(err)) from err
        _require(size == 2 * self.size, "structure", f"takes {size} bytes, {self.count} registers have {2 * self.size}")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the address and what differs from the defaults."""
        data = {name: getattr(self, name) for name, default in _DEFAULTS.items() if getattr(self, name) != default}
        if self.nan:
            data["nan"] = list(self.nan)
        if self.flags is not None:
            data["flags"] = {str(bit): text for bit, text in self.flags.items()}
        return {"address": self.address, **data}

    @classmethod
    def from_dict(cls, data: Any, path: str = "register") -> Register:
        """Return the register described by ``data``; raises ProfileError that names the wrong value."""
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        if unknown := {str(name) for name in data} - set(_DEFAULTS):
            raise ProfileError(path, f"unknown: {', '.join(sorted(unknown))}")
        values = {name: _FROM_JSON[name](value, f"{path}.{name}") for name, value in data.items() if value is not None}
        try:
            return cls(**values)
        except ProfileError as err:
            raise ProfileError(f"{path}.{err.path}", str(err).removeprefix(f"{err.path}: ")) from err


_DEFAULTS: dict[str, Any] = {**{each.name: each.default for each in fields(Register)}, "sum_of": {}}
_FROM_JSON: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("address", "count", "bit", "mask", "shift"), json_values.integer),
    **dict.fromkeys(("word_order", "byte_order", "structure", "scale_register"), json_values.text),
    "table": partial(json_values.choice, Table),
    "type": partial(json_values.choice, RegisterType),
    "rate": partial(json_values.choice, RateClass),
    "nan": json_values.integers,
    "flags": json_values.flags,
    "sum_of": json_values.weights,
}


def scaled(raw: Raw | None, exponent: Raw | None) -> Raw | None:
    """Return raw * 10 ** exponent without the noise of binary fractions; None when one of them is missing."""
    if raw is None or isinstance(raw, str) or not isinstance(exponent, int) or abs(exponent) > 30:
        return None
    factor: int = 10 ** abs(exponent)
    return raw * factor if exponent >= 0 else raw / factor


def unscaled(value: Raw, exponent: Raw | None) -> Raw:
    """Return what has to be written so that ``scaled`` gives ``value``; raises ValueError without an exponent."""
    if isinstance(value, str) or not isinstance(exponent, int) or abs(exponent) > 30:
        raise ValueError("the scale factor is not known")
    factor: int = 10 ** abs(exponent)
    return value / factor if exponent >= 0 else value * factor


def _require(condition: bool, path: str, message: str) -> None:
    if not condition:
        raise ProfileError(path, message)


def _whole(value: Raw, low: int, high: int) -> int:
    """Return the nearest whole number; raises ValueError outside of the limits. Nothing is clamped or wrapped."""
    try:
        whole = round(float(value)) if isinstance(value, float | str) else int(value)
    except OverflowError as err:
        raise ValueError(f"{value!r} is no number") from err
    if not low <= whole <= high:
        raise ValueError(f"{value!r} is not from {low} to {high}")
    return whole


def _padded(text: bytes, size: int) -> bytes:
    if len(text) > size:
        raise ValueError(f"the text has {len(text)} bytes, the registers {size}")
    return text.ljust(size, b"\0")


def _pack(form: str, *values: Any) -> bytes:
    try:
        return struct.pack(form, *values)
    except (struct.error, OverflowError) as err:
        raise ValueError(str(err)) from err


def _pack_struct(structure: str, value: Raw) -> bytes:
    parts = str(value).split(",") if isinstance(value, str) else [str(value)]
    kinds = struct.unpack(structure, bytes(struct.calcsize(structure)))
    if len(parts) != len(kinds):
        raise ValueError(f"{len(parts)} values instead of {len(kinds)}")
    pairs = zip(parts, kinds, strict=True)
    return _pack(structure, *(p.encode() if isinstance(k, bytes) else type(k)(float(p)) for p, k in pairs))


def _struct_value(value: Any) -> Raw | None:
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", "replace")
    return None if value != value else value  # noqa: PLR0124 - NaN
