"""Texts without separators: patterns, columns, numbers between words, and the text as it is."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from operator import itemgetter
import re
from typing import Any

import regex  # type: ignore[import-untyped]

from ...errors import DecodeError, ProfileError
from .decoder import (
    COMMA_NUMBER,
    NUMBER,
    Fields,
    Getter,
    number_reader,
    require_encoding,
    require_flag,
    require_text,
    short_text_of,
    text_of,
)

FRAME_TIMEOUT = 0.005
"""Seconds that a pattern may search in one frame."""
TRIAL_TIMEOUT = 0.05
"""Seconds that a pattern may search while somebody tries it."""
_MAX_PATTERN = 1000
"""Characters."""
_MAX_REPEATS = 4096
"""Product of all counted repeats; ``((a{1000}){1000}){1000}`` would be a thousand million nodes."""
_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")
_SLICE = re.compile(r"(\d{1,4}):(\d{0,4})")


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """Return the compiled pattern; raises ValueError when it is wrong, or too large to be compiled safely."""
    repeats = (max(int(number or 1) for number in limits) for limits in _REPEAT.findall(pattern))
    if len(pattern) > _MAX_PATTERN or prod(max(count, 1) for count in repeats) > _MAX_REPEATS:
        raise ValueError("the pattern is too large")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as err:
        raise ValueError(str(err) or "the pattern is nested too deeply") from err


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternDecoder:
    """A regular expression whose named groups are the fields; a source is the name of a group."""

    pattern: str
    encoding: str = "utf-8"
    decimal_comma: bool = False
    leading_number: bool = False
    timeout: float = FRAME_TIMEOUT

    def parse(self, data: bytes) -> dict[str, str | None]:
        """Return the groups by name. Reasons: ``too_long``, ``encoding``, ``timeout``, ``pattern``."""
        text = short_text_of(data, self.encoding)
        try:
            match: re.Match[str] | None = compiled(self.pattern).search(text, timeout=self.timeout)
        except TimeoutError as err:
            raise DecodeError("timeout", "the pattern takes too long") from err
        if match is None:
            raise DecodeError("pattern", "does not match")
        return match.groupdict()

    def getter(self, source: str) -> Getter:
        """Return the picker of one group; a group that took no part is not in the frame."""
        if source not in compiled(self.pattern).groupindex:
            raise ValueError(f"the pattern has no group {source!r}")
        read = number_reader(decimal_comma=self.decimal_comma, leading_number=self.leading_number)

        def pick(fields: Fields) -> str:
            text: str | None = fields[source]
            if text is None:
                raise LookupError(source)
            return text if read is None else read(text)

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": "pattern",
            "pattern": self.pattern,
            "encoding": self.encoding,
            "decimal_comma": self.decimal_comma,
            "leading_number": self.leading_number,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> PatternDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        pattern = require_text(data, "pattern", path)
        try:
            groups = compiled(pattern).groupindex
        except ValueError as err:
            raise ProfileError(f"{path}.pattern", str(err)) from err
        if not groups:
            raise ProfileError(f"{path}.pattern", "needs a named group: (?P<name>...)")
        return cls(
            pattern=pattern,
            encoding=require_encoding(data, path),
            decimal_comma=require_flag(data, "decimal_comma", path),
            leading_number=require_flag(data, "leading_number", path),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnsDecoder:
    """Fields at fixed columns of a text; a source is the first column and the one behind the last: ``4:10``."""

    encoding: str = "utf-8"
    decimal_comma: bool = False
    leading_number: bool = False

    def parse(self, data: bytes) -> str:
        """Return the text. Reason: ``encoding``."""
        return text_of(data, self.encoding)

    def getter(self, source: str) -> Getter:
        """Return the picker of some columns."""
        match = _SLICE.fullmatch(source)
        if match is None:
            raise ValueError(f"columns are written as 4:10, not {source!r}")
        first, behind = int(match[1]), int(match[2]) if match[2] else None
        if behind is not None and behind <= first:
            raise ValueError(f"{source} has no column")
        read = number_reader(decimal_comma=self.decimal_comma, leading_number=self.leading_number)

        def pick(fields: Fields) -> str:
            field: str = fields[first:behind].strip()
            if not field:
                raise LookupError(source)
            return field if read is None else read(field)

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": "columns",
            "encoding": self.encoding,
            "decimal_comma": self.decimal_comma,
            "leading_number": self.leading_number,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> ColumnsDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        return cls(
            encoding=require_encoding(data, path),
            decimal_comma=require_flag(data, "decimal_comma", path),
            leading_number=require_flag(data, "leading_number", path),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class NumbersDecoder:
    """The numbers of a free text in their order; a source is the position, counted from 0."""

    encoding: str = "utf-8"
    decimal_comma: bool = False

    def parse(self, data: bytes) -> list[str]:
        """Return the texts of the numbers. Reasons: ``too_long``, ``encoding``, ``no_number``."""
        text = short_text_of(data, self.encoding)
        numbers = (COMMA_NUMBER if self.decimal_comma else NUMBER).findall(text)
        if not numbers:
            raise DecodeError("no_number")
        return [number.replace(",", ".") for number in numbers] if self.decimal_comma else numbers

    def getter(self, source: str) -> Getter:
        """Return the picker of one number."""
        position = int(source)
        if position < 0:
            raise ValueError(f"a position counts from 0, got {source}")
        return itemgetter(position)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "numbers", "encoding": self.encoding, "decimal_comma": self.decimal_comma}

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> NumbersDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        return cls(encoding=require_encoding(data, path), decimal_comma=require_flag(data, "decimal_comma", path))


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainDecoder:
    """A frame as it is; a source is ``text``, ``hex`` or ``length``."""

    encoding: str = "utf-8"

    def parse(self, data: bytes) -> bytes:
        """Return the frame."""
        return data

    def getter(self, source: str) -> Getter:
        """Return the picker of the form that is wanted."""
        match source:
            case "text":
                return self._text
            case "hex":
                return bytes.hex
            case "length":
                return len
            case _:
                raise ValueError(f"a frame is text, hex or length, not {source!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": "plain", "encoding": self.encoding}

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str) -> PlainDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        return cls(encoding=require_encoding(data, path))

    def _text(self, data: Fields) -> str | None:
        """Return the text; None, which is no text, for bytes that are none."""
        try:
            return text_of(data, self.encoding)
        except DecodeError:
            return None
