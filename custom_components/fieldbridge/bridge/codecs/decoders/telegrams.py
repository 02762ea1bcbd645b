"""Texts that follow a standard: NMEA 0183 sentences, and OBIS telegrams of meters (P1, IEC 62056-21)."""

from dataclasses import dataclass
import re
from typing import Any

from ...errors import DecodeError
from .decoder import Fields, Getter, short_text_of

_NAME = re.compile(r"(?:([A-Z0-9]{3,5})\.)?([A-Za-z_][A-Za-z0-9_]*)")
_CODE = r"(?:\d{1,3}-\d{1,3}:)?[0-9A-FC]{1,3}\.\d{1,3}(?:\.\d{1,3})?(?:\*\d{1,3})?"
_OBIS = re.compile(rf"({_CODE})((?:\([^()\r\n]*\))+)")
_OBIS_SOURCE = re.compile(rf"{_CODE}(?:#([1-9]))?(?: (\S+))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class NmeaDecoder:
    """NMEA 0183 sentences; a source is a name of pynmeagps (``lat``), or one of one sentence only (``GGA.alt``).

    ``sentence`` and ``talker`` are fields as well, fit for conditions.
    """

    def parse(self, data: bytes) -> dict[str, Any]:
        """Return the fields by name. Reasons: ``nmea`` for what is no sentence, ``checksum``."""
        # Imported when first needed: most links have no use for its tables.
        import pynmeagps  # type: ignore[import-untyped]

        sentence = data.strip()
        if not sentence.startswith((b"$", b"!")) or not sentence.isascii():
            raise DecodeError("nmea", "a sentence begins with $")
        try:
            message: Any = pynmeagps.NMEAReader.parse(sentence)
        except pynmeagps.NMEAParseError as err:
            raise DecodeError("checksum" if "checksum" in str(err) else "nmea", str(err)) from err
        except Exception as err:  # a third party's parser on bytes from anywhere
            raise DecodeError("nmea", type(err).__name__) from err
        if message is None:
            raise DecodeError("nmea", "unknown sentence")
        fields = {name: value for name, value in vars(message).items() if name[0] != "_" and value != ""}
        return {**fields, "sentence": message.msgID, "talker": message.talker}

    def getter(self, source: str) -> Getter:
        """Return the picker of one name."""
        match = _NAME.fullmatch(source)
        if match is None:
            raise ValueError(f"a source is written as lat or GGA.lat, not {source!r}")
        sentence, name = match.groups()

        def pick(fields: Fields) -> object:
            if sentence is not None and fields["sentence"] != sentence:
                raise LookupError(source)
            value = fields[name]
            return value if isinstance(value, int | float) else str(value)

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "nmea"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ObisDecoder:
    """Lines of ``code(value*unit)``; a source is the code (``1-0:1.8.1``), with ``#2`` the second group in brackets.

    With a unit behind a blank (``1-0:1.8.1 kWh``) values in another unit are not taken.
    """

    def parse(self, data: bytes) -> dict[str, list[str]]:
        """Return the groups in brackets by code. Reasons: ``too_long``, ``encoding``, ``obis``."""
        text = short_text_of(data, "latin-1")
        fields: dict[str, list[str]] = {}
        for line in text.splitlines():
            match = _OBIS.fullmatch(line.strip())
            if match is not None:
                fields.setdefault(match[1], match[2][1:-1].split(")("))
        if not fields:
            raise DecodeError("obis", "no line with a code")
        return fields

    def getter(self, source: str) -> Getter:
        """Return the picker of one code's value, without its unit."""
        match = _OBIS_SOURCE.fullmatch(source)
        if match is None:
            raise ValueError(f"a source is a code such as 1-0:1.8.1, not {source!r}")
        group, unit = int(match[1] or 1) - 1, match[2]
        code = source.partition(" ")[0].partition("#")[0]

        def pick(fields: Fields) -> str:
            value, _, found = fields[code][group].partition("*")
            if unit not in (None, found):
                raise LookupError(source)
            return str(value)

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "obis"}
