"""Propose values from the messages of Bluetooth LE characteristics that no profile knows."""

from collections.abc import Mapping, Sequence

from ..codecs.characteristics import CharacteristicsDecoder
from ..codecs.decoders import Decoder
from ..codecs.gatt import GattDecoder
from ..codecs.raw_bytes import BytesDecoder, byte_sources
from ..errors import DecodeError
from .channel import ValueKind
from .recognise import RecognisedField, Recognition, recognise

_LEAST_TEXT = 4
"""Characters; shorter values are numbers that happen to look like letters."""


def recognise_messages(messages: Mapping[str, Sequence[bytes]], names: Mapping[str, str]) -> Recognition:
    """Return a decoder per characteristic with what can be read from its values; the last value is the sample.

    ``messages`` are the values by reference. Texts are recognised as frames of a serial port are; of other values every
    number that may be one is offered, named by ``names`` and its place.
    """
    decoders: dict[str, Decoder] = {}
    fields: list[RecognisedField] = []
    for reference, values in messages.items():
        name = names.get(reference, reference)
        understood = recognise(list(values)) if values and all(map(_is_text, values)) else None
        if understood is not None:
            decoders[reference] = understood.decoder
            fields += [
                _of_text(field, reference, name, alone=len(understood.fields) == 1) for field in understood.fields
            ]
            continue
        decoders[reference] = BytesDecoder()
        if values and _is_text(values[-1]):
            fields.append(
                RecognisedField(
                    source=f"{reference}:text", name=name, kind=ValueKind.TEXT, sample=values[-1].decode()[:60]
                )
            )
        if values:
            fields += [
                RecognisedField(
                    source=f"{reference}:{source}",
                    name=f"{name} {source.replace(':', ' ')}",
                    kind=ValueKind.NUMBER,
                    sample=f"{number:.6g}" if isinstance(number, float) else str(number),
                )
                for source, number in byte_sources(values[-1])
            ]
    return Recognition(decoder=CharacteristicsDecoder(characteristics=decoders), fields=tuple(fields))


def message_fields(decoder: CharacteristicsDecoder, messages: Mapping[str, Sequence[bytes]]) -> list[RecognisedField]:
    """Return what a device's decoder finds in the last value of each characteristic."""
    found: list[RecognisedField] = []
    for reference, values in messages.items():
        part = decoder.characteristics.get(reference)
        if part is None or not values:
            continue
        if isinstance(part, BytesDecoder):
            sources: Sequence[tuple[str, object]] = byte_sources(values[-1])
        elif isinstance(part, GattDecoder):
            sources = [(name, value) for name, value in _parsed(part, values[-1]).items() if value is not None]
        else:
            understood = recognise(list(values))
            fields = understood.fields if understood else ()
            found += [_of_text(field, reference, field.name, alone=False) for field in fields]
            continue
        found += [
            RecognisedField(
                source=f"{reference}:{source}", name=f"{reference} {source}", kind=ValueKind.NUMBER, sample=str(value)
            )
            for source, value in sources
        ]
    return found


def _parsed(decoder: GattDecoder, value: bytes) -> Mapping[str, object]:
    try:
        return decoder.parse(value)
    except DecodeError:
        return {}


def is_certain(field: RecognisedField) -> bool:
    """Whether a field is more than one of many ways to read the same bytes."""
    return not any(f":{kind}" in field.source for kind in ("uint", "sint", "float"))


def _of_text(field: RecognisedField, reference: str, name: str, *, alone: bool) -> RecognisedField:
    return RecognisedField(
        source=f"{reference}:{field.source}",
        name=name if alone else field.name,
        kind=field.kind,
        sample=field.sample,
        unit=field.unit,
        precision=field.precision,
    )


def _is_text(value: bytes) -> bool:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return len(text) >= _LEAST_TEXT and all(character.isprintable() or character in "\r\n\t" for character in text)
