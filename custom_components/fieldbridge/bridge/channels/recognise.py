"""Propose a decoder and its fields from captured frames, so that a person only has to tick."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
import re
from typing import Any

from ..codecs.checks import recognise_check
from ..codecs.decoders import Decoder, JsonDecoder, SeparatedDecoder
from ..errors import DecodeError
from .channel import MAX_PRECISION, ValueKind, parse_number

_SEPARATORS = (";", ",", "\t", "|", " ")
"""In order of preference: what splits into the most fields in every frame wins, the earlier one in a tie."""

_MAX_DEPTH = 8
"""Levels of JSON that are looked into; what lies deeper is no measurement, and recursion must end."""

_UNITS = frozenset(
    "% °C °F K V mV kV A mA W kW MW VA kVA var Wh kWh MWh Hz kHz rpm g kg mg t lb oz m mm cm km l L ml mL m³ ft³ "
    "Pa hPa kPa bar mbar psi ppm ppb lx dB dBm s ms min h d deg ° m/s km/h l/min m³/h µg/m³ pH".split()
)
"""Texts behind a number that are taken for its unit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecognisedField:
    """One value that was found in every captured frame."""

    source: str
    name: str
    kind: ValueKind
    sample: str
    """The latest raw text."""
    unit: str | None = None
    precision: int | None = None
    """Most decimals seen; None for texts, and where only whole numbers were seen, which proves nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognition:
    """A decoder that understands the captured frames, and what it finds in them."""

    decoder: Decoder
    fields: tuple[RecognisedField, ...]


def recognise(frames: list[bytes]) -> Recognition | None:
    """Return a decoder that reads most of ``frames``, or None when nothing is recognised.

    A frame that was cut by opening the link, or garbled, does not spoil the proposal: the majority decides.
    """
    for decoder in _candidates(frames):
        parsed = [fields for frame in frames if (fields := _try_parse(decoder, frame)) is not None]
        if parsed and len(parsed) * 2 > len(frames):
            found = _json_fields(parsed) if isinstance(decoder, JsonDecoder) else _separated_fields(parsed, decoder)
            if found:
                return Recognition(decoder=decoder, fields=tuple(found))
    return None


def _candidates(frames: list[bytes]) -> list[JsonDecoder | SeparatedDecoder]:
    separated = _separated(frames)
    return [JsonDecoder(), separated] if separated else [JsonDecoder()]


def _try_parse(decoder: Decoder, frame: bytes) -> Any:
    try:
        return decoder.parse(frame)
    except DecodeError:
        return None


def _separated(frames: list[bytes]) -> SeparatedDecoder | None:
    """Return the separator that cuts most frames into the same, largest number of fields."""
    best: SeparatedDecoder | None = None
    for separator in _SEPARATORS:
        decoder = SeparatedDecoder(separator=separator)
        counts = [len(fields) for frame in frames if (fields := _try_parse(decoder, frame)) is not None]
        if not counts:
            continue
        usual = max(set(counts), key=counts.count)
        if counts.count(usual) * 2 > len(frames) and (best is None or best.fields is None or usual > best.fields):
            best = replace(decoder, fields=usual)
    if best is None:
        return None
    whole = [frame for frame in frames if _try_parse(best, frame) is not None]
    return replace(best, check=recognise_check(whole, best.separator.encode()))


def _separated_fields(rows: list[list[str]], decoder: SeparatedDecoder) -> list[RecognisedField]:
    columns = [[text.strip() for text in column] for column in zip(*rows, strict=True)]
    if decoder.check is not None:
        filled = [position for position, column in enumerate(columns) if any(column)]
        columns = columns[: filled[-1]]  # a checksum of decimal digits only is no measurement
    found: list[RecognisedField] = []
    for position, column in enumerate(columns):
        numbers = [text for text in column if _is_number(text)]
        if len(numbers) * 2 <= len(column):
            continue
        found.append(
            RecognisedField(
                source=str(position),
                name=_label(columns, position) or f"Field {position + 1}",
                kind=ValueKind.NUMBER,
                sample=numbers[-1],
                unit=_unit(columns, position),
                precision=_precision(numbers),
            )
        )
    return found


def _label(columns: list[list[str]], position: int) -> str | None:
    """Return the constant word before a number: devices write ``Oxygen;20.379``, some with a filler between."""
    for column in columns[max(position - 2, 0) : position][::-1]:
        word = _usual(column)
        if word is None or _is_number(word):
            return None
        if re.fullmatch(r"[^\W\d_][\w .-]{0,30}", word) and word not in _UNITS:
            return word
    return None


def _unit(columns: list[list[str]], position: int) -> str | None:
    """Return the constant unit right behind a number."""
    word = _usual(columns[position + 1]) if position + 1 < len(columns) else None
    return word if word in _UNITS else None


def _usual(column: list[str]) -> str | None:
    """Return the text that most rows have."""
    word, count = Counter(column).most_common(1)[0]
    return word if count * 2 > len(column) else None


def _is_number(text: str) -> bool:
    # A serial number with leading zeros is no measurement.
    if re.fullmatch(r"0\d+", text):
        return False
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def _precision(numbers: Iterable[str]) -> int | None:
    return min(max(map(_decimals, numbers), default=0), MAX_PRECISION) or None


def _decimals(number: str) -> int:
    mantissa, _, exponent = number.lower().partition("e")
    return max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))


def _json_fields(objects: list[dict[str, Any]]) -> list[RecognisedField]:
    seen: dict[str, list[object]] = {}
    for fields in objects:
        for path, value in _leaves(fields):
            if value is not None:
                seen.setdefault(path, []).append(value)
    found = []
    for path, values in seen.items():
        kind = _json_kind(values[-1])
        found.append(
            RecognisedField(
                source=path,
                name=_words(path),
                kind=kind,
                sample=str(values[-1])[:60],
                precision=_precision(repr(value) for value in values if isinstance(value, float))
                if kind is ValueKind.NUMBER
                else None,
            )
        )
    return found


def _leaves(value: object, path: str = "", depth: int = 0) -> list[tuple[str, object]]:
    pairs: Iterable[tuple[object, object]]
    match value:
        case dict():
            pairs = value.items()
        case list():
            pairs = enumerate(value)
        case _:
            return [(path, value)]
    if depth == _MAX_DEPTH:
        return []
    return [
        leaf
        for key, child in pairs
        if "." not in str(key)
        for leaf in _leaves(child, f"{path}.{key}" if path else str(key), depth + 1)
    ]


def _json_kind(value: object) -> ValueKind:
    match value:
        case bool():
            return ValueKind.BINARY
        case int() | float():
            return ValueKind.NUMBER
        case _:
            return ValueKind.TEXT


def _words(path: str) -> str:
    """Return a readable name: ``air.pm25_raw`` gives ``Air pm25 raw``."""
    words = re.sub(r"[._\s]+", " ", path).strip()
    return words[:1].upper() + words[1:]
