"""Frames to fields: separated texts, JSON, patterns, binary structures and standard telegrams."""

from collections.abc import Callable
from typing import Any

from ...errors import ProfileError
from ...modbus import RegisterDecoder
from ..characteristics import CharacteristicsDecoder
from ..frame_check import FrameCheck
from ..gatt import GattDecoder
from ..raw_bytes import BytesDecoder
from .decoder import Decoder, Fields, Getter
from .json_object import JsonDecoder
from .mixed import CheckedDecoder, MixedDecoder, case_of
from .separated import KeyValueDecoder, SeparatedDecoder
from .structure import StructureDecoder
from .telegrams import NmeaDecoder, ObisDecoder
from .texts import ColumnsDecoder, NumbersDecoder, PatternDecoder, PlainDecoder

__all__ = [
    "KINDS",
    "CheckedDecoder",
    "ColumnsDecoder",
    "Decoder",
    "Fields",
    "Getter",
    "JsonDecoder",
    "KeyValueDecoder",
    "MixedDecoder",
    "NmeaDecoder",
    "NumbersDecoder",
    "ObisDecoder",
    "PatternDecoder",
    "PlainDecoder",
    "SeparatedDecoder",
    "StructureDecoder",
    "decoder_from_dict",
]

_MAX_CASES = 32


def decoder_from_dict(data: dict[str, Any], path: str = "decoder") -> Decoder:
    """Return the decoder described by ``data``; raises ProfileError."""
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ProfileError(f"{path}.kind", f"must be one of {', '.join(KINDS)}, not {kind!r}")
    decoder = KINDS[kind](data, path)
    if data.get("frame_check") is None:
        return decoder
    return CheckedDecoder(decoder=decoder, check=FrameCheck.from_dict(data["frame_check"], f"{path}.frame_check"))


def _json(data: dict[str, Any], path: str) -> Decoder:
    return JsonDecoder()


def _nmea(data: dict[str, Any], path: str) -> Decoder:
    return NmeaDecoder()


def _obis(data: dict[str, Any], path: str) -> Decoder:
    return ObisDecoder()


def _topics(data: dict[str, Any], path: str) -> Decoder:
    from ..topics import TopicDecoder

    return TopicDecoder.from_dict(data, path)


def _bytes(data: dict[str, Any], path: str) -> Decoder:
    return BytesDecoder()


def _characteristics(data: dict[str, Any], path: str) -> Decoder:
    return CharacteristicsDecoder.from_dict(data, path, decoder_from_dict)


def _mixed(data: dict[str, Any], path: str) -> Decoder:
    forms = data.get("cases")
    if not isinstance(forms, list) or not 1 <= len(forms) <= _MAX_CASES:
        raise ProfileError(f"{path}.cases", f"must be a list of 1 to {_MAX_CASES} cases")
    cases = []
    for index, form in enumerate(forms):
        where = f"{path}.cases[{index}]"
        inner = form.get("decoder") if isinstance(form, dict) else None
        if not isinstance(inner, dict) or inner.get("kind") == "mixed":
            raise ProfileError(f"{where}.decoder", "must be a decoder of one kind of message")
        cases.append(case_of(form, decoder_from_dict(inner, f"{where}.decoder"), where))
    if len({case.name for case in cases}) != len(cases):
        raise ProfileError(f"{path}.cases", "every name must be used only once")
    return MixedDecoder(cases=tuple(cases))


KINDS: dict[str, Callable[[dict[str, Any], str], Decoder]] = {
    "json": _json,
    "separated": SeparatedDecoder.from_dict,
    "key_value": KeyValueDecoder.from_dict,
    "pattern": PatternDecoder.from_dict,
    "columns": ColumnsDecoder.from_dict,
    "structure": StructureDecoder.from_dict,
    "nmea": _nmea,
    "obis": _obis,
    "numbers": NumbersDecoder.from_dict,
    "plain": PlainDecoder.from_dict,
    "mixed": _mixed,
    "modbus": RegisterDecoder.from_dict,
    "topics": _topics,
    "bytes": _bytes,
    "gatt": GattDecoder.from_dict,
    "characteristics": _characteristics,
}
"""Kind to what makes the decoder of its JSON form."""
