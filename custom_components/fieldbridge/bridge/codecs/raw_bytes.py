"""Values of unknown layout: a source says itself where a number lies and how it is written."""

from collections.abc import Callable
from dataclasses import dataclass
import re
import struct
from typing import Any

_FORMATS = {
    "uint8": "B",
    "sint8": "b",
    "uint16": "H",
    "sint16": "h",
    "uint32": "I",
    "sint32": "i",
    "uint64": "Q",
    "sint64": "q",
    "float32": "f",
    "float64": "d",
}
_SOURCE = re.compile(rf"(\d{{1,4}}):({'|'.join(_FORMATS)})(be)?(?:\.(\d{{1,2}}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class BytesDecoder:
    """Numbers by offset and type; a source is ``4:uint16`` (little endian), ``4:uint16be``, ``4:uint8.3`` (bit 3).

    ``text`` and ``hex`` are the whole value as a text.
    """

    def parse(self, data: bytes) -> bytes:
        """Return the bytes as they are."""
        return data

    def getter(self, source: str) -> Callable[[Any], object]:
        """Return the picker of one number, bit or text; it raises LookupError where the value is too short."""
        if source == "hex":
            return bytes.hex
        if source == "text":
            return lambda data: data.decode("utf-8", "replace")
        if (match := _SOURCE.fullmatch(source)) is None:
            raise ValueError(f"{source!r} is neither text, hex nor like 4:uint16, 4:uint16be, 4:uint8.3")
        offset, kind, big_endian, bit = match.groups()
        unpack = struct.Struct((">" if big_endian else "<") + _FORMATS[kind]).unpack_from
        start, mask = int(offset), 1 << int(bit) if bit else 0
        if mask and (kind.startswith("float") or int(bit) >= struct.calcsize(_FORMATS[kind]) * 8):
            raise ValueError(f"{kind} has no bit {bit}")

        def pick(data: bytes) -> object:
            try:
                (number,) = unpack(data, start)
            except struct.error as err:
                raise LookupError(f"{len(data)} bytes are too short for {source}") from err
            return bool(number & mask) if mask else number

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "bytes"}


def byte_sources(data: bytes) -> list[tuple[str, object]]:
    """Return every little-endian reading of ``data`` that may be a measurement: (source, number), by offset."""
    decoder = BytesDecoder()
    found: list[tuple[str, object]] = []
    for offset in range(min(len(data), 32)):
        for kind in ("uint8", "sint16", "uint16", "uint32", "float32"):
            source = f"{offset}:{kind}"
            try:
                number = decoder.getter(source)(data)
            except LookupError:
                continue
            if not isinstance(number, float) or 1e-4 < abs(number) < 1e7:
                found.append((source, number))
    return found
