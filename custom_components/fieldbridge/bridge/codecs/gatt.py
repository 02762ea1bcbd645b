"""Values of Bluetooth LE characteristics: little-endian fields, many of them present only when a flag says so.

Types and rules are those of the Bluetooth SIG's GATT Specification Supplement.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from operator import itemgetter
from typing import Any

from ..errors import DecodeError, ProfileError

type _Reader = Callable[[bytes], float | int]

_FLAGS = "flags"
_MAX_FIELDS = 64


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _float_of(mantissa: int, exponent: int, bits: int) -> float:
    """Return the value of an IEEE 11073 number whose mantissa has so many bits; NaN for its five special values."""
    if abs(mantissa) >= 2 ** (bits - 1) - 2:
        return math.nan
    return mantissa * 10.0**exponent


def _medfloat16(data: bytes) -> float:
    raw = _unsigned(data)
    return _float_of(_two_complement(raw & 0xFFF, 12), _two_complement(raw >> 12, 4), 12)


def _medfloat32(data: bytes) -> float:
    raw = _unsigned(data)
    return _float_of(_two_complement(raw & 0xFFFFFF, 24), _two_complement(raw >> 24, 8), 24)


def _two_complement(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


TYPES: dict[str, tuple[int, _Reader]] = {
    **{f"uint{8 * size}": (size, _unsigned) for size in (1, 2, 3, 4, 6, 8)},
    **{f"sint{8 * size}": (size, _signed) for size in (1, 2, 3, 4, 6, 8)},
    "medfloat16": (2, _medfloat16),
    "medfloat32": (4, _medfloat32),
}
"""Name to (size in bytes, reader)."""
WRITE_TYPES = (*(name for name in TYPES if not name.startswith("medfloat")), "text", "hex")
"""What ``encode`` can write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GattField:
    """One field of a characteristic's value."""

    name: str
    """What a source names it by; two fields may share a name when flags let only one of them be there."""
    type: str
    size: int | None = None
    """Bytes of a field that is only skipped (type ``skip``)."""
    scale: float = 1.0
    unknown: int | None = None
    """Raw value that means: the value is not known."""
    when: int | None = None
    """Bit of the flags with which the field is there."""
    unless: int | None = None
    """Bit of the flags without which the field is there."""
    repeat: bool = False
    """The field fills the rest of the value; the last one counts."""

    def is_there(self, flags: int) -> bool:
        """Whether a value with these flags has the field."""
        has = self.when is None or flags >> self.when & 1
        lacks = self.unless is None or not flags >> self.unless & 1
        return bool(has and lacks)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Any, path: str) -> GattField:
        """Return the field described by ``data``; raises ProfileError."""
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        if unknown := sorted(set(data) - set(cls.__slots__)):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        if not isinstance(data.get("name"), str) or not data["name"] or "." in data["name"]:
            raise ProfileError(f"{path}.name", "must be a text without a dot")
        kind, size = data.get("type"), data.get("size")
        if kind == "skip":
            if type(size) is not int or not 1 <= size <= 512:
                raise ProfileError(f"{path}.size", "must be a whole number from 1 to 512")
        elif kind not in TYPES:
            raise ProfileError(f"{path}.type", f"must be one of {', '.join(TYPES)}, skip")
        scale = data.get("scale", 1.0)
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not math.isfinite(scale) or not scale:
            raise ProfileError(f"{path}.scale", "must be a number that is not 0")
        for name in ("unknown", "when", "unless"):
            value = data.get(name)
            if value is not None and type(value) is not int:
                raise ProfileError(f"{path}.{name}", "must be a whole number")
        for name in ("when", "unless"):
            if data.get(name) is not None and not 0 <= data[name] < 32:
                raise ProfileError(f"{path}.{name}", "must be a bit from 0 to 31")
        return cls(**{**data, "repeat": bool(data.get("repeat", False))})


@dataclass(frozen=True, kw_only=True, slots=True)
class GattDecoder:
    """The value of one characteristic; a source is a field's name, or ``flags.N`` for bit N of the flags."""

    fields: tuple[GattField, ...]
    flags: str | None = None
    """Type of the flags that begin the value; None: there are none."""

    def parse(self, data: bytes) -> dict[str, float | int | None]:
        """Return the fields that are there, None for a value that is not known. Reason: ``too_short``."""
        found: dict[str, float | int | None] = {}
        position = flags = 0
        if self.flags is not None:
            position, read = TYPES[self.flags]
            flags = int(read(_cut(data, 0, position)))
            found[_FLAGS] = flags
        for field in self.fields:
            if not field.is_there(flags):
                continue
            if field.type == "skip":
                position += len(_cut(data, position, field.size or 0))
                continue
            size, read = TYPES[field.type]
            if field.repeat:
                position += max((len(data) - position) // size - 1, 0) * size
            raw = read(_cut(data, position, size))
            position += size
            found[field.name] = None if raw == field.unknown or math.isnan(raw) else _scaled(raw, field.scale)
        return found

    def getter(self, source: str) -> Callable[[Any], object]:
        """Return the picker of one field, or of one bit of the flags."""
        name, dot, bit = source.partition(".")
        if dot and name == _FLAGS and self.flags is not None:
            number = int(bit)
            if not 0 <= number < 32:
                raise ValueError(f"no bit {bit}")
            return lambda fields: bool(fields[_FLAGS] >> number & 1)
        if source not in self.names:
            raise ValueError(f"{source!r} is none of {', '.join(self.names)}")
        return itemgetter(source)

    @property
    def names(self) -> list[str]:
        """What can be picked, in order."""
        named = [field.name for field in self.fields if field.type != "skip"]
        return list(dict.fromkeys([*([_FLAGS] if self.flags else []), *named]))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "gatt", "flags": self.flags, "fields": [field.to_dict() for field in self.fields]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], path: str) -> GattDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        flags, fields = data.get("flags"), data.get("fields")
        if flags is not None and (flags not in TYPES or not flags.startswith("uint")):
            raise ProfileError(f"{path}.flags", "must be an unsigned type")
        if not isinstance(fields, list) or not 0 < len(fields) <= _MAX_FIELDS:
            raise ProfileError(f"{path}.fields", f"must be a list of 1 to {_MAX_FIELDS} fields")
        parsed = tuple(GattField.from_dict(field, f"{path}.fields[{index}]") for index, field in enumerate(fields))
        for index, field in enumerate(parsed):
            if field.repeat and index + 1 < len(parsed):
                raise ProfileError(f"{path}.fields[{index}].repeat", "only the last field may fill the rest")
        return cls(fields=parsed, flags=flags)


def encode(value: object, kind: str) -> bytes:
    """Return ``value`` as a whole number of ``kind``, as ``text`` or from ``hex``; raises ValueError, OverflowError."""
    if kind == "text":
        return str(value).encode()
    if kind == "hex":
        text = str(value)
        return bytes.fromhex(f"0{text}" if len(text) == 1 else text)
    if kind not in WRITE_TYPES:
        raise ValueError(f"{kind!r} cannot be written")
    if not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value).to_bytes(TYPES[kind][0], "little", signed=kind.startswith("sint"))


def _cut(data: bytes, position: int, size: int) -> bytes:
    cut = data[position : position + size]
    if len(cut) < size:
        raise DecodeError("too_short", f"{len(data)} bytes, {position + size} needed")
    return cut


def _scaled(raw: float, scale: float) -> float | int:
    # 23.45 is meant by 2345 hundredths, not 23.450000000000003.
    return raw if scale == 1 else float(f"{raw * scale:.12g}")
