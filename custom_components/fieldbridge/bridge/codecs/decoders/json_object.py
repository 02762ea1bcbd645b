"""JSON objects and lists, nested as they come."""

from dataclasses import dataclass
import json
from operator import itemgetter
from typing import Any

from ...errors import DecodeError
from .decoder import Fields, Getter, text_of


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonDecoder:
    """One JSON object or list per frame; a source is a dotted path (``air.pm25``, ``cells.0``, ``0``)."""

    def parse(self, data: bytes) -> dict[str, Any] | list[Any]:
        """Return the object or list. Reasons: ``encoding``, ``json``."""
        try:
            fields = json.loads(text_of(data, "utf-8"), parse_constant=_refuse_constant)
        except RecursionError as err:
            raise DecodeError("json", "nested too deeply") from err
        except DecodeError:
            raise
        except ValueError as err:
            raise DecodeError("json", str(err)) from err
        if not isinstance(fields, dict | list):
            raise DecodeError("json", f"an object or a list is expected, not {type(fields).__name__}")
        return fields

    def getter(self, source: str) -> Getter:
        """Return the picker of one path."""
        if not source:
            raise ValueError("a path must not be empty")
        names = source.split(".")
        if len(names) == 1 and not source.isdecimal():
            return itemgetter(source)
        # A number is a position in a list, but may as well be a key (``cells.01``); None is no position: TypeError.
        steps: list[tuple[str, Any]] = [(name, int(name) if name.isdecimal() else None) for name in names]

        def walk(fields: Fields) -> object:
            value = fields
            for name, position in steps:
                value = value[position] if isinstance(value, list) else value[name]
            return value

        return walk

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "json"}


def _refuse_constant(name: str) -> float:
    raise DecodeError("json", f"{name} is not a JSON value")
