"""Which sources a parsed frame has, so that a person can choose among them."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..raw_bytes import BytesDecoder
from .decoder import Decoder, Fields
from .json_object import JsonDecoder
from .mixed import CheckedDecoder, MixedDecoder
from .separated import KeyValueDecoder, SeparatedDecoder
from .structure import REST, StructureDecoder
from .telegrams import NmeaDecoder, ObisDecoder
from .texts import NumbersDecoder, PatternDecoder

_MAX_DEPTH = 8
"""Levels of JSON that are looked into; what lies deeper is no measurement, and recursion must end."""
_MAX_REPEATS = 64


def sources_of(decoder: Decoder, fields: Fields) -> list[str]:  # noqa: PLR0911 - one per kind of decoder
    """Return the sources that ``fields``, parsed by ``decoder``, have; empty where only the person can know."""
    match decoder:
        case JsonDecoder():
            return list(_paths(fields))
        case SeparatedDecoder() | NumbersDecoder():
            return [str(position) for position in range(len(fields))]
        case KeyValueDecoder() | PatternDecoder() | NmeaDecoder():
            return [name for name, value in fields.items() if value is not None]
        case ObisDecoder():
            return _groups(fields)
        case StructureDecoder():
            return list(_places(decoder, fields))
        case BytesDecoder():
            return [f"{offset}:uint16be" for offset in range(0, min(len(fields), 256) - 1, 2)]
        case CheckedDecoder():
            return sources_of(decoder.decoder, fields)
        case MixedDecoder():
            inner = next(case.decoder for case in decoder.cases if case.name == fields.kind)
            return [f"{fields.kind}.{source}" for source in sources_of(inner, fields.fields)]
        case _:
            return []


def _paths(value: object, path: str = "", depth: int = 0) -> Iterable[str]:
    pairs: Iterable[tuple[object, object]]
    match value:
        case dict():
            pairs = value.items()
        case list():
            pairs = enumerate(value)
        case _:
            yield path
            return
    if depth == _MAX_DEPTH:
        return
    for key, child in pairs:
        # An empty name, or one with a dot, cannot be told from a path.
        if str(key) and "." not in str(key):
            yield from _paths(child, f"{path}.{key}" if path else str(key), depth + 1)


def _groups(fields: Mapping[str, list[str]]) -> list[str]:
    """Return every code; of several groups in brackets the last one is the value behind its time."""
    return [code if len(groups) == 1 else f"{code}#{min(len(groups), 9)}" for code, groups in fields.items()]


def _places(decoder: StructureDecoder, data: Any) -> Iterable[str]:
    for source, place in decoder.places.items():
        if not place.stride:
            yield source
            continue
        room = (len(data) - place.offset - place.size) // place.stride + 1
        for index in range(min(room if place.count is None else place.count, _MAX_REPEATS)):
            yield source.replace(REST, str(index), 1)
