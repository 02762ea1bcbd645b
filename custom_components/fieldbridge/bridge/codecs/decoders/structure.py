"""Binary frames: numbers of every usual type at fixed places, repeated groups and bit fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
import struct
from types import MappingProxyType
from typing import Any, override

from ...errors import DecodeError, ProfileError
from .decoder import Getter, require_flag

type _Read = Callable[[bytes, int], Any]
"""Reads one value at an offset; raises struct.error or IndexError where the frame ends before it."""

_STRUCT_CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q"}
_STRUCT_CODES |= {"f16": "e", "f32": "f", "f64": "d"}
_SIZES = {name: struct.calcsize(f"<{code}") for name, code in _STRUCT_CODES.items()} | {"u24": 3, "i24": 3}
_SIZED_TYPES = ("text", "hex", "bcd", "pad")
TYPES = (*_SIZES, *_SIZED_TYPES)
_MAX_OFFSET = 65536
_MAX_FIELDS = 512
REST = "*"
"""A repeat that goes on to the end of the frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a value is: its first offset, and for repeated ones the distance to the next and how many there are."""

    offset: int
    size: int
    read: _Read
    stride: int = 0
    count: int | None = None
    """None goes on to the end of the frame."""


class StructureDecoder:
    """Numbers at fixed places; a source is a name, ``cell.2`` of a repeated one, ``flags.alarm`` of a bit field.

    ``fields`` is a list of objects: ``name``, ``type`` (``u16``, ``i24``, ``f32``, ``text``, ``hex``, ``bcd``, ``pad``
    ...; the last four with ``size``), optional ``offset`` (else right behind the one before), ``little_endian``,
    ``bits`` (name to first bit and number of bits, the least significant is 0), ``invalid`` (numbers that mean
    nothing), ``repeat`` (how often, or ``*`` to the end for the last field) and, for groups, ``fields``.
    """

    def __init__(
        self, fields: list[Any], *, little_endian: bool = False, length: int | None = None, path: str = "decoder"
    ) -> None:
        """``length``: bytes that every frame has. Raises ProfileError that names the wrong field."""
        self._form = {"kind": "structure", "fields": fields, "little_endian": little_endian, "length": length}
        self._length = length
        self._places: dict[str, _Place] = {}
        self._end = self._place(fields, f"{path}.fields", prefix="", start=0, little=little_endian)

    @property
    def places(self) -> Mapping[str, _Place]:
        """Where every source is; a repeated one has ``*`` in place of its position."""
        return MappingProxyType(self._places)

    def parse(self, data: bytes) -> bytes:
        """Return the frame. Reason: ``length``."""
        if self._length is not None and len(data) != self._length:
            raise DecodeError("length", f"{len(data)} bytes instead of {self._length}")
        if len(data) < self._end:
            raise DecodeError("length", f"{len(data)} bytes, at least {self._end} are needed")
        return data

    def getter(self, source: str) -> Getter:
        """Return the reader of one value."""
        place = self._places.get(source)
        if place is not None and not place.stride:
            read, offset = place.read, place.offset
            return lambda data: read(data, offset)
        names = source.split(".")
        for index, name in enumerate(names):
            place = self._places.get(".".join([*names[:index], REST, *names[index + 1 :]]))
            if place is not None and name.isdecimal() and len(name) <= 5:
                return self._repeated(place, int(name))
        raise ValueError(f"there is no field {source!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dict(self._form)

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> StructureDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        fields, length = data.get("fields"), data.get("length")
        if not isinstance(fields, list) or not 1 <= len(fields) <= _MAX_FIELDS:
            raise ProfileError(f"{path}.fields", f"must be a list of 1 to {_MAX_FIELDS} fields")
        if length is not None and (type(length) is not int or length < 1):
            raise ProfileError(f"{path}.length", "must be a whole number from 1")
        return cls(fields, little_endian=require_flag(data, "little_endian", path), length=length, path=path)

    @override
    def __eq__(self, other: object) -> bool:
        """Return whether both read the same."""
        return isinstance(other, StructureDecoder) and self._form == other._form

    @override
    def __hash__(self) -> int:
        """Return a number that is the same for equal decoders."""
        return hash(tuple(self._places))

    @staticmethod
    def _repeated(place: _Place, index: int) -> Getter:
        offset, size, read, count = place.offset + index * place.stride, place.size, place.read, place.count
        if count is not None and index >= count:
            raise ValueError(f"there are only {count}, counted from 0")

        def pick(data: bytes) -> object:
            if offset + size > len(data):
                raise IndexError("behind the end of the frame")
            return read(data, offset)

        return pick

    def _place(self, fields: list[Any], path: str, *, prefix: str, start: int, little: bool) -> int:
        """Note where the fields are and return the offset behind them; a repeat to the end counts nothing."""
        offset = start
        for index, field in enumerate(fields):
            where = f"{path}[{index}]"
            if not isinstance(field, dict):
                raise ProfileError(where, "must be an object")
            first = _number(field, "offset", where, offset - start, 0, _MAX_OFFSET) + start
            name, is_pad = field.get("name"), field.get("type") == "pad"
            if not is_pad and (not isinstance(name, str) or not name or set(name) & {".", REST}):
                raise ProfileError(f"{where}.name", "must be a text")
            size = self._place_one(field, where, f"{prefix}{name}", first, little)
            repeat = field.get("repeat", 1)
            if repeat == REST:
                if index != len(fields) - 1 or prefix:
                    raise ProfileError(f"{where}.repeat", "only the last field can go on to the end")
                return first
            offset = first + size * _number(field, "repeat", where, 1, 1, _MAX_OFFSET)
            if offset > _MAX_OFFSET or len(self._places) > _MAX_FIELDS:
                raise ProfileError(where, "the structure is too large")
        return offset

    def _place_one(self, field: dict[str, Any], where: str, name: str, offset: int, little: bool) -> int:
        """Note one field, or group of fields, and return its size in bytes."""
        repeat = field.get("repeat")
        key = name if repeat is None else f"{name}.{REST}"
        group = field.get("fields")
        if group is not None:
            if not isinstance(group, list) or not group or f"{REST}." in name or repeat is None:
                raise ProfileError(f"{where}.fields", "must be a list of fields that repeat")
            before = set(self._places)
            size = self._place(group, f"{where}.fields", prefix=f"{key}.", start=offset, little=little) - offset
            added = [each for each in self._places if each not in before]
        else:
            read, size = _reader(field, where, little)
            added = self._add(field, where, key, offset, size, read)
        if repeat is not None:
            count = None if repeat == REST else _number(field, "repeat", where, 1, 1, _MAX_OFFSET)
            if size == 0:
                raise ProfileError(where, "nothing to repeat")
            for each in added:
                place = self._places[each]
                self._places[each] = _Place(
                    offset=place.offset, size=place.size, read=place.read, stride=size, count=count
                )
        return size

    def _add(
        self, field: dict[str, Any], where: str, key: str, offset: int, size: int, read: _Read | None
    ) -> list[str]:
        if read is None:
            return []
        readers = {key: read}
        bits = field.get("bits", {})
        if not isinstance(bits, dict):
            raise ProfileError(f"{where}.bits", "must map names to first bit and number of bits")
        for name, span in bits.items():
            readers[f"{key}.{name}"] = _bits(read, span, size * 8, f"{where}.bits.{name}")
        for each, reader in readers.items():
            if each in self._places:
                raise ProfileError(f"{where}.name", "every name must be used only once")
            self._places[each] = _Place(offset=offset, size=size, read=reader)
        return list(readers)


def _reader(field: dict[str, Any], where: str, little: bool) -> tuple[_Read | None, int]:
    """Return how a field is read, None for padding, and its size."""
    kind = field.get("type")
    if kind not in TYPES:
        raise ProfileError(f"{where}.type", f"must be one of {', '.join(TYPES)}")
    if "little_endian" in field:
        little = require_flag(field, "little_endian", where)
    size = _SIZES.get(kind) or _number(field, "size", where, None, 1, 4096)
    if kind == "pad":
        return None, size
    read = _plain_reader(kind, size, "little" if little else "big")
    invalid = field.get("invalid")
    if invalid is None:
        return read, size
    # Infinity and NaN have no form in JSON, in which descriptions are stored; no value equals NaN anyway.
    if not isinstance(invalid, list) or not all(isinstance(each, int | float) and isfinite(each) for each in invalid):
        raise ProfileError(f"{where}.invalid", "must be a list of numbers")
    meaningless = frozenset(invalid)

    def read_valid(data: bytes, offset: int) -> object:
        value = read(data, offset)
        return None if value in meaningless else value

    return read_valid, size


def _plain_reader(kind: str, size: int, order: Any) -> _Read:
    code = _STRUCT_CODES.get(kind)
    if code is not None:
        unpack = struct.Struct(("<" if order == "little" else ">") + code).unpack_from
        return lambda data, offset: unpack(data, offset)[0]
    match kind:
        case "u24" | "i24":
            signed = kind == "i24"
            return lambda data, offset: int.from_bytes(data[offset : offset + 3], order, signed=signed)
        case "text":
            return lambda data, offset: data[offset : offset + size].partition(b"\0")[0].decode("latin-1").strip()
        case "bcd":
            step = -1 if order == "little" else 1
            return lambda data, offset: _bcd(data[offset : offset + size][::step])
        case _:
            return lambda data, offset: data[offset : offset + size].hex()


def _bcd(data: bytes) -> int | None:
    """Return the number written with a decimal digit in every half byte; None when one is no digit."""
    digits = data.hex()
    return int(digits) if digits.isdecimal() else None


def _bits(read: _Read, span: Any, width: int, where: str) -> _Read:
    if not isinstance(span, list) or len(span) != 2 or not all(type(number) is int for number in span):
        raise ProfileError(where, "must be the first bit and the number of bits")
    first, count = span
    if first < 0 or count < 1 or first + count > width:
        raise ProfileError(where, f"must lie within {width} bits")
    mask = (1 << count) - 1

    def read_bits(data: bytes, offset: int) -> int | None:
        value = read(data, offset)
        return value >> first & mask if isinstance(value, int) else None

    return read_bits


def _number(data: dict[str, Any], name: str, where: str, default: int | None, least: int, most: int) -> int:
    value = data.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise ProfileError(f"{where}.{name}", f"must be a whole number from {least} to {most}")
    return value
