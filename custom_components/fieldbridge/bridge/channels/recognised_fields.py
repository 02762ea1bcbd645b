"""What a decoder finds in captured frames: names, units, kinds and precision of its fields."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import re
import struct
from typing import Any

from ..codecs.decoders import (
    CheckedDecoder,
    Decoder,
    JsonDecoder,
    KeyValueDecoder,
    NmeaDecoder,
    ObisDecoder,
    SeparatedDecoder,
    StructureDecoder,
)
from ..codecs.decoders.decoder import number_reader
from ..codecs.decoders.sources import sources_of
from ..codecs.raw_bytes import BytesDecoder
from ..errors import DecodeError
from .channel import MAX_PRECISION, ValueKind, parse_number

UNITS = frozenset(
    "% °C °F K V mV kV A mA W kW MW VA kVA var Wh kWh MWh Hz kHz rpm g kg mg t lb oz m mm cm km l L ml mL m³ m3 ft³ "
    "Pa hPa kPa bar mbar psi ppm ppb lx dB dBm s ms min h d deg ° m/s km/h l/min m³/h µg/m³ pH GJ kvar kvarh "
    "degC degF VDC VAC".split()
)
"""Texts behind a number that are taken for its unit."""
_NMEA = {
    "lat": ("Latitude", "°"),
    "lon": ("Longitude", "°"),
    "alt": ("Altitude", "m"),
    "spd": ("Speed", "kn"),
    "cog": ("Course", "°"),
    "numSV": ("Satellites", None),
    "HDOP": ("HDOP", None),
    "quality": ("Fix quality", None),
}
"""What people want of a GPS receiver; a sentence has much more."""
_OBIS = {
    "1.8.0": "Energy",
    "2.8.0": "Energy returned",
    "1.8.1": "Energy tariff 1",
    "1.8.2": "Energy tariff 2",
    "2.8.1": "Energy returned tariff 1",
    "2.8.2": "Energy returned tariff 2",
    "1.7.0": "Power",
    "2.7.0": "Power returned",
    "16.7.0": "Power",
    "32.7.0": "Voltage L1",
    "52.7.0": "Voltage L2",
    "72.7.0": "Voltage L3",
    "31.7.0": "Current L1",
    "51.7.0": "Current L2",
    "71.7.0": "Current L3",
}
_LONGEST_WORD = 32
"""Characters of a text that may be a state."""
_GREATEST_FLOAT32 = 3.4e38
_HEAD = re.compile(r"([^\W\d_][^()\[\];,]*?)\s*(?:[(\[]([^()\[\]]+)[)\]])?")
"""A name, and its unit in brackets."""
_TAIL = re.compile(r"\s*[-+]?\s*\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?\s*(\S{1,8})\s*")


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
    certain: bool = True
    """False for one of many ways to read the same bytes, and for words that may be none of the device's values."""


def fields_found(decoder: Decoder, frames: Sequence[bytes]) -> list[RecognisedField]:
    """Return the fields that ``decoder`` finds in most of the frames that it can read."""
    plain = decoder.decoder if isinstance(decoder, CheckedDecoder) else decoder
    parsed = [fields for frame in frames if (fields := try_parse(decoder, frame)) is not None]
    match plain:
        case JsonDecoder():
            return json_fields(parsed)
        case SeparatedDecoder() if plain.fields is not None:
            return separated_fields(parsed, plain)
        case _:
            return _plain_fields(plain, parsed)


def try_parse(decoder: Decoder, frame: bytes) -> Any:
    """Return the fields of a frame, None when it cannot be read."""
    try:
        return decoder.parse(frame)
    except DecodeError:
        return None


def separated_fields(rows: list[list[str]], decoder: SeparatedDecoder) -> list[RecognisedField]:
    """Return the columns that hold numbers, named by the constant words before them."""
    columns = [[text.strip() for text in column] for column in zip(*rows, strict=True)]
    if decoder.check is not None:
        filled = [position for position, column in enumerate(columns) if any(column)]
        columns = columns[: filled[-1]]  # a checksum of decimal digits only is no measurement
    read = number_reader(decimal_comma=decoder.decimal_comma, leading_number=decoder.leading_number) or str
    head = _head(rows)
    found: list[RecognisedField] = []
    for position, column in enumerate(columns):
        numbers = [number for text in column if is_number(number := read(text))]
        if len(numbers) * 2 <= len(column):
            continue
        found.append(
            RecognisedField(
                source=str(position),
                name=head[position][0] if head else _label(columns, position) or f"Field {position + 1}",
                kind=ValueKind.NUMBER,
                sample=numbers[-1],
                unit=(head[position][1] if head else None) or _unit_behind(columns, position) or unit_within(column),
                precision=_precision(numbers),
            )
        )
    return found


def json_fields(documents: Sequence[dict[str, Any] | list[Any]]) -> list[RecognisedField]:
    """Return the leaves of JSON objects and lists; one that is null now and then is found as well."""
    decoder, seen = JsonDecoder(), dict[str, list[object]]()
    are_lists = all(isinstance(fields, list) for fields in documents)
    for fields in documents:
        for path in sources_of(decoder, fields):
            if (value := decoder.getter(path)(fields)) is not None:
                seen.setdefault(path, []).append(value)
    return [
        typed_field(path, _position_name(path) if are_lists else readable(path), values, None)
        for path, values in seen.items()
    ]


def is_number(text: str) -> bool:
    """Return whether a text is a measurement."""
    # A serial number with leading zeros is none.
    if re.fullmatch(r"0\d+", text):
        return False
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def unit_within(texts: Iterable[str]) -> str | None:
    """Return the unit that most texts have behind their number."""
    units = [match[1] for text in texts if (match := _TAIL.fullmatch(text))]
    word = _usual(units) if units else None
    return word if word in UNITS else None


def _plain_fields(decoder: Decoder, parsed: list[Any]) -> list[RecognisedField]:
    """Return what other decoders find, each field seen in any frame; a mixed stream has them in turn."""
    seen: dict[str, list[object]] = {}
    for fields in parsed:
        for source in sources_of(decoder, fields):
            try:
                value = decoder.getter(source)(fields)
            except LookupError, TypeError:
                continue
            seen.setdefault(source, []).append(value)
    match decoder:
        case NmeaDecoder():
            return [typed_field(each, name, seen[each], unit) for each, (name, unit) in _NMEA.items() if each in seen]
        case ObisDecoder():
            units = {code: unit for fields in parsed for code, unit in _obis_units(fields)}
            described = (
                text_field(source, _obis_name(source), values, units.get(source.partition("#")[0]))
                for source, values in seen.items()
            )
        case KeyValueDecoder():
            raws = {name: [fields[name] for fields in parsed if name in fields] for name in seen}
            described = (
                text_field(source, readable(source), values, unit_within(raws[source]))
                or _word_field(source, raws[source])
                for source, values in seen.items()
            )
        case BytesDecoder():
            described = (
                typed_field(source, _bytes_name(source), values, None)
                for source, values in seen.items()
                if len(set(values)) > 1 or len(values) == 1
            )
        case StructureDecoder():
            described = (
                typed_field(source, readable(source), list(map(_shortest, values)), None)
                for source, values in seen.items()
            )
        case _:
            described = (
                text_field(source, f"Field {int(source) + 1}" if source.isdecimal() else readable(source), values, None)
                for source, values in seen.items()
            )
    return [field for field in described if field is not None]


def text_field(source: str, name: str, values: list[object], unit: str | None) -> RecognisedField | None:
    """Return the field whose texts are mostly numbers, None for another."""
    texts = [str(value).strip() for value in values]
    # Meters write leading zeros, and a decimal point behind them.
    numbers = [text for text in texts if is_number(text)]
    if len(numbers) * 2 <= len(texts):
        return None
    return RecognisedField(
        source=source,
        name=name,
        kind=ValueKind.NUMBER,
        sample=numbers[-1],
        unit=unit,
        precision=_precision(numbers),
    )


def _word_field(name: str, texts: list[str]) -> RecognisedField | None:
    """Return the named field whose texts are words, such as ``door=open``; None where they are long or missing."""
    if not all(0 < len(text) <= _LONGEST_WORD and text.isprintable() for text in texts):
        return None
    return RecognisedField(
        source=name,
        name=readable(name),
        kind=ValueKind.TEXT,
        sample=texts[-1],
        unit=None,
        precision=None,
        certain=False,
    )


def typed_field(source: str, name: str, values: list[object], unit: str | None) -> RecognisedField:
    """Return the field whose values have the types that they have, by the newest one."""
    kind = _kind_of(values[-1])
    floats = [repr(value) for value in values if isinstance(value, float)]
    return RecognisedField(
        source=source,
        name=name,
        kind=kind,
        sample=str(values[-1])[:60],
        unit=unit,
        precision=_precision(floats) if kind is ValueKind.NUMBER else None,
    )


def _shortest(value: object) -> object:
    """Return a number of 32 bits with the digits that it has, anything else as it is: 199.953, not 199.95299."""
    if isinstance(value, float) and abs(value) < _GREATEST_FLOAT32:
        (single,) = struct.unpack("f", struct.pack("f", value))
        return float(f"{value:.7g}") if single == value else value
    return value


def _kind_of(value: object) -> ValueKind:
    match value:
        case bool():
            return ValueKind.BINARY
        case int() | float():
            return ValueKind.NUMBER
        case _:
            return ValueKind.TEXT


def _head(rows: Sequence[Sequence[str]]) -> list[tuple[str, str | None]] | None:
    """Return names and units of the columns where a device has begun with the head of its table."""
    first, *others = rows or [[]]
    words = [match for text in first if (match := _HEAD.fullmatch(text.strip()))]
    is_head = len(words) == len(first) > 1 and len({match[1] for match in words}) == len(first)
    if not is_head or not any(is_number(text.strip()) for other in others for text in other):
        return None
    return [(match[1].strip(), match[2]) for match in words]


def _label(columns: list[list[str]], position: int) -> str | None:
    """Return the constant word before a number: devices write ``Oxygen;20.379``, some with a filler between."""
    for column in columns[max(position - 2, 0) : position][::-1]:
        word = _usual(column)
        if word is None or is_number(word):
            return None
        if re.fullmatch(r"[^\W\d_][\w .-]{0,30}", word) and word not in UNITS:
            return word
    return None


def _unit_behind(columns: list[list[str]], position: int) -> str | None:
    """Return the constant unit in the field behind a number."""
    word = _usual(columns[position + 1]) if position + 1 < len(columns) else None
    return word if word in UNITS else None


def _usual(column: list[str]) -> str | None:
    """Return the text that most rows have."""
    word, count = Counter(column).most_common(1)[0]
    return word if count * 2 > len(column) else None


def _precision(numbers: Iterable[str]) -> int | None:
    return min(max(map(_decimals, numbers), default=0), MAX_PRECISION) or None


def _decimals(number: str) -> int:
    if "x" in number.lower():
        return 0
    mantissa, _, exponent = number.lower().partition("e")
    return max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))


def _obis_units(fields: dict[str, list[str]]) -> Iterable[tuple[str, str]]:
    for code, groups in fields.items():
        _, star, unit = groups[-1].partition("*")
        if star and unit in UNITS:
            yield code, unit.replace("m3", "m³")


def _obis_name(source: str) -> str:
    code = source.partition("#")[0]
    return _OBIS.get(code.partition(":")[2] or code, code)


def _position_name(path: str) -> str:
    position, _, rest = path.partition(".")
    return f"Field {int(position) + 1} {readable(rest)}".strip()


def _bytes_name(source: str) -> str:
    offset = int(source.partition(":")[0])
    return f"Bytes {offset}-{offset + 1}"


def readable(path: str) -> str:
    """Return a readable name: ``air.pm25_raw`` gives ``Air pm25 raw``."""
    words = re.sub(r"[._\s]+", " ", path).strip()
    return words[:1].upper() + words[1:]
