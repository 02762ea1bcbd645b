"""What every decoder has in common.

A decoder parses a whole frame once (``parse``) and hands out one function per field (``getter``), so that the work
per frame is one parse and one call per channel that somebody wants.
"""

from collections.abc import Callable
import re
from typing import Any, Protocol

from ...errors import DecodeError, ProfileError

type Fields = Any
"""What ``parse`` returns: a list of texts, or decoded JSON. Only the decoder's own getters look into it."""
type Getter = Callable[[Fields], object]
"""Returns the raw field; raises LookupError or TypeError when the frame does not have it."""

MAX_TEXT_FRAME = 4096
"""Bytes; longer frames are not searched by patterns, whose time grows faster than the text."""
ENCODINGS = ("utf-8", "latin-1")
"""How text may be written; with latin-1 every byte is a character."""

# What stands before it is looked at last, since few numbers begin with 0x.
_HEXADECIMAL = r"0[xX](?<![A-Za-z_]..)[0-9a-fA-F]{1,8}(?!\w|[.,]\d)"
NUMBER = re.compile(rf"(?:(?<!\d)[-+])?(?:{_HEXADECIMAL}|\d+(?:\.\d+)?(?:[eE][-+]?\d{{1,3}}(?!\d))?)")
"""A sign between digits is none: ``2026-11-21`` are three numbers without one."""
COMMA_NUMBER = re.compile(rf"(?:(?<!\d)[-+])?(?:{_HEXADECIMAL}|\d+(?:,\d+)?(?:[eE][-+]?\d{{1,3}}(?!\d))?)")
_WHOLE_COMMA_NUMBER = re.compile(r"\s*([-+]?)\s*(\d{1,3}(?:\.\d{3})+|\d+),(\d+)\s*")
_LEADING = re.compile(r"\s*([-+]?)\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)(?![\d.]|x[0-9a-fA-F])")


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


def text_of(data: bytes, encoding: str) -> str:
    """Return the text of a frame. Raises DecodeError (``encoding``)."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as err:
        raise DecodeError("encoding", f"byte {err.start} is 0x{data[err.start]:02X}") from err


def short_text_of(data: bytes, encoding: str) -> str:
    """Return the text of a frame that a pattern may search. Raises DecodeError (``encoding``, ``too_long``)."""
    if len(data) > MAX_TEXT_FRAME:
        raise DecodeError("too_long", f"{len(data)} bytes")
    return text_of(data, encoding)


def number_reader(*, decimal_comma: bool, leading_number: bool) -> Callable[[str], str] | None:
    """Return what makes a text that Python reads as a number of one that people do; None where nothing is to be done.

    ``decimal_comma``: ``1.234,5`` is ``1234.5``. ``leading_number``: of ``+ 12.5 g`` only the number counts.
    Other texts stay what they are.
    """

    def with_point(text: str) -> str:
        match = _WHOLE_COMMA_NUMBER.match(text)
        if match is None:
            return text
        sign, whole, decimals = match.groups()
        return f"{sign}{whole.replace('.', '')}.{decimals}{text[match.end() :]}"

    def alone(text: str) -> str:
        match = _LEADING.match(text)
        return text if match is None else match[1] + match[2]

    match decimal_comma, leading_number:
        case True, True:
            return lambda text: alone(with_point(text))
        case True, False:
            return with_point
        case False, True:
            return alone
        case _:
            return None


def require_flag(data: dict[str, Any], name: str, path: str) -> bool:
    """Return the flag ``name``, false when it is missing; raises ProfileError."""
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise ProfileError(f"{path}.{name}", "must be true or false")
    return value


def require_text(data: dict[str, Any], name: str, path: str, default: str = "") -> str:
    """Return the text ``name``, of at least one character; raises ProfileError."""
    value = data.get(name, default)
    if not isinstance(value, str) or not value:
        raise ProfileError(f"{path}.{name}", "must be a text of at least one character")
    return value


def require_encoding(data: dict[str, Any], path: str) -> str:
    """Return the encoding, UTF-8 when it is missing; raises ProfileError."""
    encoding = data.get("encoding", "utf-8")
    if encoding not in ENCODINGS:
        raise ProfileError(f"{path}.encoding", f"must be one of {', '.join(ENCODINGS)}")
    return str(encoding)
