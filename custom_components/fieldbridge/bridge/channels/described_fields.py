"""What a decoder that a person described finds in frames: also texts, and what no frame has shown yet."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..codecs.decoders import CheckedDecoder, Decoder, PatternDecoder, PlainDecoder, StructureDecoder
from ..codecs.decoders.sources import sources_of
from ..codecs.decoders.structure import REST
from ..codecs.decoders.texts import compiled
from .channel import ValueKind
from .recognised_fields import RecognisedField, fields_found, readable, text_field, try_parse, typed_field

_UNSEEN = "-"


def described_fields(
    decoder: Decoder, frames: Sequence[bytes], named: Iterable[tuple[str, str]] = ()
) -> list[RecognisedField]:
    """Return the fields that may become channels; what is neither a number nor asked for is not certain.

    ``named`` are sources with names that only the person knows, such as columns.
    """
    names = dict(named)
    found = [] if names else fields_found(decoder, frames)
    parsed = [fields for frame in frames if (fields := try_parse(decoder, frame)) is not None]
    declared = _declared(decoder)
    others = (
        [*names, *declared]
        if names or declared
        else [each for last in parsed[-1:] for each in sources_of(decoder, last)]
    )
    known = {field.source for field in found}
    rest = [
        replace(field, certain=source in names or source in declared)
        for source in dict.fromkeys(others)
        if source not in known and (field := _field(decoder, source, names.get(source) or _name(source), parsed))
    ]
    return [*found, *rest]


def _declared(decoder: Decoder) -> list[str]:
    """Return the sources that a decoder has whatever the frames are."""
    match decoder:
        case CheckedDecoder():
            return _declared(decoder.decoder)
        case StructureDecoder():
            return [source for source in decoder.places if REST not in source]
        case PatternDecoder():
            return list(compiled(decoder.pattern).groupindex)
        case PlainDecoder():
            return ["text", "hex", "length"]
        case _:
            return []


def _field(decoder: Decoder, source: str, name: str, parsed: Sequence[Any]) -> RecognisedField | None:
    """Return one field with what the frames have there; None for white space, which is no value."""
    get = decoder.getter(source)
    values = []
    for fields in parsed:
        try:
            values.append(get(fields))
        except LookupError, TypeError:
            continue
    seen = [value for value in values if value is not None]
    if not seen:
        return RecognisedField(source=source, name=name, kind=ValueKind.NUMBER, sample=_UNSEEN)
    if not all(isinstance(value, str) for value in seen):
        return typed_field(source, name, seen, None)
    if not any(str(value).strip() for value in seen):
        return None
    return text_field(source, name, seen, None) or typed_field(source, name, seen, None)


def _name(source: str) -> str:
    return f"Field {int(source) + 1}" if source.isdecimal() else readable(source)
