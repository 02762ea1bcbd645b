r"""Frames to send, written as text with places for values and checks: ``S1{value:04d}\r\n``.

A template is text with escapes, or hexadecimal bytes when it begins with ``0x``. In braces stand a name and a format:
``{value:.1f}`` and ``{value:x}`` write text, ``{value:u16}`` and ``{value:i16le}`` binary numbers, and the name of a
check (``{crc-16/modbus:little}``, ``{xor8:hex,start=1,skip=1}``) the check of all bytes before it. Doubled braces are
braces. Nothing is ever evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
import math
import re
import struct

from ..errors import WriteError
from .catalogue import ALGORITHMS
from .escapes import parse_bytes
from .frame_check import ENCODINGS, FrameCheck

_MAX_TEMPLATE = 2000
"""Characters."""
_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_TEXT_FORMAT = re.compile(r"\+?0?\d{0,2}(?:[dxX]|(?:\.\d)?f)")
_BINARY = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "u64": "Q", "i64": "q"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is written."""

    name: str
    form: str


type _Part = bytes | _Place | FrameCheck


@dataclass(frozen=True)
class FrameTemplate:
    """A frame with places for values; made once, filled in for every frame that is sent."""

    text: str

    def __post_init__(self) -> None:
        """Raise ValueError that says what is wrong with the text."""
        if not self.text or len(self.text) > _MAX_TEMPLATE:
            raise ValueError(f"a frame of 1 to {_MAX_TEMPLATE} characters is needed")
        _ = self._parts

    @property
    def names(self) -> frozenset[str]:
        """The names of the values that it needs."""
        return frozenset(part.name for part in self._parts if isinstance(part, _Place))

    @cached_property
    def _parts(self) -> list[_Part]:
        return self._split(self.text)

    @property
    def _is_hex(self) -> bool:
        return self.text[:2].lower() == "0x"

    def fill(self, values: Mapping[str, object]) -> bytes:
        """Return the frame with ``values``; raises WriteError for one that is missing or does not fit."""
        frame = b""
        for part in self._parts:
            match part:
                case bytes():
                    frame += part
                case FrameCheck():
                    frame += part.signed(frame[: len(frame) - part.skip])
                case _Place(name=name, form=form):
                    value = values.get(name)
                    if value is None:
                        raise WriteError(f"{name} is not known yet")
                    frame += _written(name, form, value)
        return frame

    def _split(self, text: str) -> list[_Part]:
        parts: list[_Part] = []
        literal, position = "", 0
        for match in _PLACE.finditer(text):
            literal += text[position : match.start()]
            position = match.end()
            if match[0] in ("{{", "}}"):
                literal += match[0][0]
                continue
            if match[1] is None:
                raise ValueError(f"a brace without its other half in {text!r}")
            parts += [self._literal(literal), _place(match[1])]
            literal = ""
        parts.append(self._literal(literal + text[position:]))
        return [part for part in parts if part != b""]

    def _literal(self, text: str) -> bytes:
        if not self._is_hex:
            return parse_bytes(text) if text else b""
        digits = re.sub(r"0[xX]|[\s,]", "", text)
        try:
            return bytes.fromhex(digits)
        except ValueError as err:
            raise ValueError(f"{text.strip()!r} is no row of hexadecimal bytes") from err


def _place(text: str) -> _Place | FrameCheck:
    name, _, form = text.partition(":")
    if name in ALGORITHMS:
        return _check(name, form)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is neither a value nor a check")
    if form not in ("", "s") and not _TEXT_FORMAT.fullmatch(form) and form.removesuffix("le") not in _BINARY:
        raise ValueError(f"{form!r} is no format: d, .1f, 04X, s or u16, i16le, f32 ...")
    return _Place(name, form)


def _check(algorithm: str, options: str) -> FrameCheck:
    encoding, numbers = "big", {"start": 0, "skip": 0}
    for option in filter(None, options.split(",")):
        name, equals, number = option.partition("=")
        if option in ENCODINGS:
            encoding = option
        elif equals and name in numbers and number.isdecimal() and len(number) < 4:
            numbers[name] = int(number)
        else:
            raise ValueError(f"{option!r} is no option of a check: {', '.join(ENCODINGS)}, start=N or skip=N")
    return FrameCheck(algorithm=algorithm, encoding=encoding, start=numbers["start"], skip=numbers["skip"])


def _written(name: str, form: str, value: object) -> bytes:
    """Return one value as bytes; raises WriteError."""
    if form in ("", "s"):
        text = f"{value:g}" if isinstance(value, float) else str(int(value) if isinstance(value, bool) else value)
        if not text.isprintable():
            raise WriteError(f"{name} must not have control characters")
        return text.encode()
    number = _number(name, value)
    code = _BINARY.get(form.removesuffix("le"))
    if code is None:
        if form[-1] == "f":
            return format(float(number), form).encode()
        return format(_whole(name, number), form).encode()
    try:
        order = "<" if form.endswith("le") else ">"
        return struct.pack(order + code, float(number) if code == "f" else _whole(name, number))
    except (struct.error, OverflowError) as err:
        raise WriteError(f"{name} = {number:g} does not fit into {form}") from err


def _number(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError) as err:
        raise WriteError(f"{name} must be a number") from err
    if not math.isfinite(number):
        raise WriteError(f"{name} must be a number")
    return value if isinstance(value, int) else number


def _whole(name: str, number: float) -> int:
    if number != int(number):
        raise WriteError(f"{name} = {number:g} must be a whole number")
    return int(number)
