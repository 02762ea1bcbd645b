"""Cut a byte stream into frames. Any split of the bytes gives the same frames."""

from collections.abc import Callable
from typing import Any

from ...errors import ProfileError
from ..escapes import parse_bytes
from ..frame_check import FrameCheck
from .delimiter import DelimiterFramer
from .escaped import CobsFramer, EscapedFramer, inverting, replacing
from .framer import MAX_FRAME_LENGTH, CheckedFramer, Framer, FramingCounters
from .headed import HeadedFramer, LengthField
from .marks import EndMarkFramer, MarksFramer
from .silence import SilenceFramer
from .telegram import TelegramFramer

__all__ = [
    "KINDS",
    "MAX_FRAME_LENGTH",
    "CheckedFramer",
    "DelimiterFramer",
    "Framer",
    "FramingCounters",
    "framer_from_dict",
    "parse_delimiter",
]

_LONGEST = 65536
"""Bytes; the largest maximum that may be asked for."""


def parse_delimiter(text: str) -> bytes:
    """Return the bytes that a person wrote as text with escapes. Raises ValueError, also for an empty text."""
    if not text:
        raise ValueError("the delimiter is empty")
    return parse_bytes(text)


def framer_from_dict(data: Any, path: str = "framing") -> Framer:
    """Return a new framer as ``data`` describes it; raises ProfileError."""
    if not isinstance(data, dict):
        raise ProfileError(path, "must be an object")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ProfileError(f"{path}.kind", f"must be one of {', '.join(KINDS)}, not {kind!r}")
    names, make = KINDS[kind]
    if unknown := sorted(set(data) - {"kind", "check", "max_length", *names}):
        raise ProfileError(path, f"unknown: {', '.join(unknown)}")
    form = _Form(data, path)
    check = None if data.get("check") is None else FrameCheck.from_dict(data["check"], f"{path}.check")
    try:
        framer = make(form, form.number("max_length", MAX_FRAME_LENGTH, 1, _LONGEST), check)
    except ProfileError:
        raise
    except ValueError as err:
        raise ProfileError(path, str(err)) from err
    return framer if check is None or isinstance(framer, HeadedFramer) else CheckedFramer(framer, check)


class _Form:
    """Reads the values of one description; every method raises ProfileError that names the wrong one."""

    def __init__(self, data: dict[str, Any], path: str) -> None:
        self._data = data
        self._path = path

    def mark(self, name: str, default: str = "", *, needed: bool = False) -> bytes:
        """Return the bytes of a mark written as text with escapes."""
        text = self._data.get(name, default)
        try:
            mark = parse_bytes(text) if isinstance(text, str) else None
        except ValueError as err:
            raise ProfileError(f"{self._path}.{name}", str(err)) from err
        if mark is None or (needed and not mark):
            raise ProfileError(f"{self._path}.{name}", "must be a text of at least one byte")
        return mark

    def has(self, name: str) -> bool:
        """Return whether the description has a value of this name."""
        return self._data.get(name) is not None

    def byte(self, name: str) -> int:
        """Return the one byte that ``name`` has to be."""
        mark = self.mark(name)
        if len(mark) != 1:
            raise ProfileError(f"{self._path}.{name}", "must be one byte")
        return mark[0]

    def number(self, name: str, default: int | None, least: int, most: int) -> int:
        """Return a whole number between two limits; one without a default must be there."""
        value = self._data.get(name, default)
        if type(value) is not int or not least <= value <= most:
            raise ProfileError(f"{self._path}.{name}", f"must be a whole number from {least} to {most}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._data.get(name, default)
        if not isinstance(value, bool):
            raise ProfileError(f"{self._path}.{name}", "must be true or false")
        return value

    def seconds(self, name: str) -> float:
        """Return a duration."""
        value = self._data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ProfileError(f"{self._path}.{name}", "must be a number of seconds")
        return float(value)

    def pairs(self, name: str) -> dict[int, int]:
        """Return which byte stands for which."""
        value = self._data.get(name)
        if not isinstance(value, dict):
            raise ProfileError(f"{self._path}.{name}", "must map bytes to bytes")
        inner = _Form({str(key): text for key, text in value.items()}, f"{self._path}.{name}")
        return {_Form({"byte": key}, f"{self._path}.{name}").byte("byte"): inner.byte(str(key)) for key in value}


type _Make = Callable[[_Form, int, FrameCheck | None], Framer]


def _line(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return DelimiterFramer(max_length=max_length)


def _delimiter(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return DelimiterFramer(form.mark("delimiter", needed=True), max_length=max_length)


def _fixed(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return HeadedFramer(
        form.number("length", None, 1, max_length),
        start=form.mark("start"),
        end=form.mark("end"),
        check=check,
        unique_start=form.flag("unique_start", default=False),
        max_length=max_length,
    )


def _length(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    little = form.flag("little_endian", default=False)
    field = LengthField(
        offset=form.number("offset", None, 0, max_length),
        size=form.number("size", 1, 1, 4),
        byteorder="little" if little else "big",
        extra=form.number("extra", 0, -max_length, max_length),
    )
    return HeadedFramer(
        field,
        start=form.mark("start"),
        end=form.mark("end"),
        check=check,
        unique_start=form.flag("unique_start", default=False),
        max_length=max_length,
    )


def _marks(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    start, end, after = form.mark("start"), form.mark("end", needed=True), form.number("after", 0, 0, 64)
    keep = form.flag("keep_marks", default=True)
    if start:
        return MarksFramer(start=start, end=end, after=after, keep_marks=keep, max_length=max_length)
    return EndMarkFramer(end=end, after=after, keep_marks=keep, max_length=max_length)


def _silence(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return SilenceFramer(form.seconds("gap"), max_length=max_length)


def _telegram(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return TelegramFramer(start=form.mark("start", needed=True), end=form.mark("end"), max_length=max_length)


def _slip(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    unescape = replacing({0xDC: 0xC0, 0xDD: 0xDB})
    return EscapedFramer(end=b"\xc0", escape=0xDB, unescape=unescape, max_length=max_length)


def _cobs(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return CobsFramer(max_length=max_length)


def _dle(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    return EscapedFramer(
        start=b"\x10" + form.mark("start", "\\x02"),
        end=b"\x10" + form.mark("end", "\\x03"),
        escape=0x10,
        unescape=replacing({0x10: 0x10}),
        max_length=max_length,
    )


def _escaped(form: _Form, max_length: int, check: FrameCheck | None) -> Framer:
    pairs = form.pairs("replace") if form.has("replace") else None
    return EscapedFramer(
        start=form.mark("start"),
        end=form.mark("end", needed=True),
        escape=form.byte("escape"),
        unescape=inverting(form.number("invert", 0, 0, 255)) if pairs is None else replacing(pairs),
        max_length=max_length,
    )


KINDS: dict[str, tuple[tuple[str, ...], _Make]] = {
    "line": ((), _line),
    "delimiter": (("delimiter",), _delimiter),
    "fixed": (("length", "start", "end", "unique_start"), _fixed),
    "length": (("offset", "size", "little_endian", "extra", "start", "end", "unique_start"), _length),
    "marks": (("start", "end", "after", "keep_marks"), _marks),
    "silence": (("gap",), _silence),
    "telegram": (("start", "end"), _telegram),
    "slip": ((), _slip),
    "cobs": ((), _cobs),
    "dle": (("start", "end"), _dle),
    "escaped": (("start", "end", "escape", "invert", "replace"), _escaped),
}
"""Kind to the names that its description may have beside ``max_length`` and ``check``, and how it is made."""
