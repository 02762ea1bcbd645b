"""Propose a decoder and its fields from captured frames, so that a person only has to tick."""

from dataclasses import dataclass, replace
import re
from typing import Any

from ..codecs.checks import recognise_check
from ..codecs.decoders import Decoder, JsonDecoder, SeparatedDecoder
from ..errors import DecodeError
from .channel import ValueKind, parse_number

_SEPARATORS = (";", ",", "\t", "|", " ")
"""In order of preference: what splits into the most fields in every frame wins, the earlier one in a tie."""

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
    """Most decimals seen; None for texts."""


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
            found = _json_fields(parsed) if isinstance(decoder, JsonDecoder) else _separated_fields(parsed)
            if found:
                return Recognition(decoder=decoder, fields=tuple(found))
    return None


def _candidates(frames: list[bytes]) -> list[Decoder]:
    return [JsonDecoder(), *([separated] if (separated := _separated(frames)) else [])]


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


def _separated_fields(rows: list[list[str]]) -> list[RecognisedField]:
    columns = list(zip(*rows, strict=True))
    found: list[RecognisedField] = []
    for position, column in enumerate(columns):
        if not all(_is_number(text) for text in column):
            continue
        decimals = max(_decimals(text) for text in column)
        found.append(
            RecognisedField(
                source=str(position),
                name=_label(columns, position) or f"Field {position + 1}",
                kind=ValueKind.NUMBER,
                sample=column[-1].strip(),
                unit=_unit(columns, position),
                precision=decimals,
            )
        )
    return found


def _label(columns: list[tuple[str, ...]], position: int) -> str | None:
    """Return the constant word right before a number: devices write ``Oxygen;20.379``."""
    if position == 0:
        return None
    words = {text.strip() for text in columns[position - 1]}
    word = words.pop()
    return word if not words and re.fullmatch(r"[^\W\d_][\w .-]{0,30}", word) and word not in _UNITS else None


def _unit(columns: list[tuple[str, ...]], position: int) -> str | None:
    """Return the constant unit right behind a number."""
    if position + 1 == len(columns):
        return None
    words = {text.strip() for text in columns[position + 1]}
    word = words.pop()
    return word if not words and word in _UNITS else None


def _is_number(text: str) -> bool:
    # A four-digit checksum or a serial number with leading zeros is no measurement.
    bare = text.strip()
    if re.fullmatch(r"0\d+", bare):
        return False
    try:
        parse_number(bare)
    except ValueError:
        return False
    return True


def _decimals(text: str) -> int:
    mantissa = re.split("[eE]", text.strip())[0]
    return len(mantissa.partition(".")[2])


def _json_fields(objects: list[dict[str, Any]]) -> list[RecognisedField]:
    latest: dict[str, object] = {}
    decimals: dict[str, int] = {}
    for fields in objects:
        for path, value in _leaves(fields):
            latest[path] = value
            if isinstance(value, float):
                decimals[path] = max(decimals.get(path, 0), _decimals(repr(value)))
    found = []
    for path, value in latest.items():
        kind = _json_kind(value)
        if kind is not None:
            precision = decimals.get(path, 0) if kind is ValueKind.NUMBER else None
            found.append(
                RecognisedField(
                    source=path, name=_words(path), kind=kind, sample=str(value)[:60], precision=precision
                )
            )
    return found


def _leaves(value: object, path: str = "") -> list[tuple[str, object]]:
    match value:
        case dict():
            pairs = value.items()
        case list():
            pairs = enumerate(value)  # type: ignore[assignment]  # keys of either kind become path parts
        case _:
            return [(path, value)]
    return [
        leaf
        for key, child in pairs
        if "." not in str(key)
        for leaf in _leaves(child, f"{path}.{key}" if path else str(key))
    ]


def _json_kind(value: object) -> ValueKind | None:
    match value:
        case bool():
            return ValueKind.BINARY
        case int() | float():
            return ValueKind.NUMBER
        case str():
            return ValueKind.TEXT
        case _:
            return None


def _words(path: str) -> str:
    """Return a readable name: ``air.pm25_raw`` gives ``Air pm25 raw``."""
    words = re.sub(r"[._\s]+", " ", path).strip()
    return words[:1].upper() + words[1:]
