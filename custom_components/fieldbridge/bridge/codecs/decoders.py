"""Frames to fields: separated texts and JSON.

A decoder parses a whole frame once (``parse``) and hands out one function per field (``getter``), so that the work
per frame is one parse and one call per channel that somebody wants.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
from operator import itemgetter
from typing import Any, Protocol

from ..errors import DecodeError, ProfileError
from ..modbus import RegisterDecoder
from .characteristics import CharacteristicsDecoder
from .checks import FieldCheck
from .gatt import GattDecoder
from .raw_bytes import BytesDecoder

type Fields = Any
"""What ``parse`` returns: a list of texts, or decoded JSON. Only the decoder's own getters look into it."""
type Getter = Callable[[Fields], object]
"""Returns the raw field; raises LookupError or TypeError when the frame does not have it."""


class Decoder(Protocol):
    """Bytes of one frame to fields."""

    def parse(self, data: bytes) -> Fields:
        """Return the fields; raises DecodeError with the reason under which the frame is counted."""
        ...

    def getter(self, source: str) -> Getter:
        """Return the function that picks ``source`` from parsed fields; raises ValueError for a bad source."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that ``decoder_from_dict`` reads."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparatedDecoder:
    """Fields by position between separators; a source is the position, counted from 0."""

    separator: str = ";"
    fields: int | None = None
    """Fields that every frame has; a frame with another number is cut or garbled."""
    check: FieldCheck | None = None

    def parse(self, data: bytes) -> list[str]:
        """Return the texts between the separators. Reasons: ``checksum``, ``encoding``, ``field_count``."""
        if self.check is not None:
            self.check.verify(data, self.separator.encode())
        try:
            text = data.decode()
        except UnicodeDecodeError as err:
            raise _not_text(data, err) from err
        # A blank separator stands for any run of white space, as people see columns.
        fields = text.split() if self.separator == " " else text.split(self.separator)
        if self.fields is not None and len(fields) != self.fields:
            raise DecodeError("field_count", f"{len(fields)} instead of {self.fields}")
        return fields

    def getter(self, source: str) -> Getter:
        """Return the picker of one position."""
        position = int(source)
        if position < 0:
            raise ValueError(f"a position counts from 0, got {source}")
        return itemgetter(position)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        check = self.check.to_dict() if self.check else None
        return {"kind": "separated", "separator": self.separator, "fields": self.fields, "check": check}


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonDecoder:
    """One JSON object per frame; a source is a dotted path (``air.pm25``, ``cells.0``)."""

    def parse(self, data: bytes) -> dict[str, Any]:
        """Return the object. Reasons: ``encoding``, ``json``."""
        try:
            fields = json.loads(data.decode(), parse_constant=_refuse_constant)
        except UnicodeDecodeError as err:
            raise _not_text(data, err) from err
        except RecursionError as err:
            raise DecodeError("json", "nested too deeply") from err
        except DecodeError:
            raise
        except ValueError as err:
            raise DecodeError("json", str(err)) from err
        if not isinstance(fields, dict):
            raise DecodeError("json", f"an object is expected, not {type(fields).__name__}")
        return fields

    def getter(self, source: str) -> Getter:
        """Return the picker of one path."""
        if not source:
            raise ValueError("a path must not be empty")
        first, *names = source.split(".")
        if not names:
            return itemgetter(first)
        # A number is a position in a list, but may as well be a key (``cells.01``); None is no position: TypeError.
        rest: list[tuple[str, Any]] = [(name, int(name) if name.isdecimal() else None) for name in names]

        def walk(fields: Fields) -> object:
            value = fields[first]
            for name, position in rest:
                value = value[position] if isinstance(value, list) else value[name]
            return value

        return walk

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "json"}


def decoder_from_dict(data: dict[str, Any], path: str = "decoder") -> Decoder:
    """Return the decoder described by ``data``; raises ProfileError."""
    match data.get("kind"):
        case "json":
            return JsonDecoder()
        case "topics":
            from .topics import TopicDecoder  # it reads its leaves by the decoder above

            return TopicDecoder.from_dict(data, path)
        case "bytes":
            return BytesDecoder()
        case "gatt":
            return GattDecoder.from_dict(data, path)
        case "characteristics":
            return CharacteristicsDecoder.from_dict(data, path, decoder_from_dict)
        case "separated":
            separator, fields, check = data.get("separator"), data.get("fields"), data.get("check")
            if not isinstance(separator, str) or not separator:
                raise ProfileError(f"{path}.separator", "must be a text of at least one character")
            if fields is not None and (type(fields) is not int or fields < 1):
                raise ProfileError(f"{path}.fields", "must be a whole number from 1")
            return SeparatedDecoder(
                separator=separator,
                fields=fields,
                check=None if check is None else FieldCheck.from_dict(check, f"{path}.check"),
            )
        case "modbus":
            return RegisterDecoder.from_dict(data, path)
        case kind:
            raise ProfileError(f"{path}.kind", f"must be a known decoder, not {kind!r}")


def _not_text(data: bytes, error: UnicodeDecodeError) -> DecodeError:
    return DecodeError("encoding", f"byte {error.start} is 0x{data[error.start]:02X}")


def _refuse_constant(name: str) -> float:
    raise DecodeError("json", f"{name} is not a JSON value")
