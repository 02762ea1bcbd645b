"""Cut a byte stream into frames. Any split of the bytes gives the same frames."""

from dataclasses import dataclass
import re
from typing import Protocol

MAX_FRAME_LENGTH = 4096
"""Bytes; a text line of a field device is rarely over 1 KiB, and unbounded input is never buffered."""


@dataclass(slots=True)
class FramingCounters:
    """What framing lost, by cause."""

    overlong: int = 0
    """Frames over the maximum length, discarded up to the next border."""
    partial: int = 0
    """Beginnings of frames that were cut off by opening the link in the middle of one."""


class Framer(Protocol):
    """Sans-io cutter; one per opened link."""

    counters: FramingCounters

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that ``data`` completes."""
        ...

    def reset(self, *, mid_frame: bool) -> None:
        """Forget the incomplete frame; with ``mid_frame`` also discard up to the next border."""
        ...


class DelimiterFramer:
    """Frames end with ``delimiter``; empty frames are skipped.

    With the delimiter LF a CR before it belongs to the border.
    """

    def __init__(self, delimiter: bytes = b"\n", *, max_length: int = MAX_FRAME_LENGTH) -> None:
        if not delimiter:
            raise ValueError("delimiter must not be empty")
        if max_length < 1:
            raise ValueError(f"max_length must be positive, got {max_length}")
        self.counters = FramingCounters()
        self._delimiter = delimiter
        self._strip = b"\r" if delimiter == b"\n" else b""
        self._max_length = max_length
        self._tail = b""
        self._discarding = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that ``data`` completes."""
        *whole, tail = (self._tail + data).split(self._delimiter)
        if whole and self._discarding:
            self._discarding = False
            del whole[0]
        self._tail = tail
        if tail:
            self._bound_tail()
        frames = []
        for frame in whole:
            stripped = frame.removesuffix(self._strip)
            if len(stripped) > self._max_length:
                self.counters.overlong += 1
            elif stripped:
                frames.append(stripped)
        return frames

    def reset(self, *, mid_frame: bool) -> None:
        """Forget the incomplete frame; with ``mid_frame`` also discard up to the next border."""
        self._tail = b""
        self._discarding = mid_frame
        if mid_frame:
            self.counters.partial += 1

    def _bound_tail(self) -> None:
        """Keep what may become a frame; of what is discarded only a possible beginning of the border."""
        border = len(self._delimiter) - 1
        if not self._discarding and len(self._tail) > self._max_length + border + len(self._strip):
            self.counters.overlong += 1
            self._discarding = True
        if self._discarding:
            self._tail = self._tail[-border:] if border else b""


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.)|$)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}


def parse_delimiter(text: str) -> bytes:
    r"""Return the bytes that a person wrote as text with escapes (``\n``, ``\r``, ``\t``, ``\0``, ``\x03``).

    Raises ValueError when the text is empty or an escape is malformed.
    """

    def unescape(match: re.Match[str]) -> str:
        code, letter = match.groups()
        if code is None and letter not in _ESCAPED:
            raise ValueError(f"unknown escape {match[0]} in the delimiter {text!r}")
        return chr(int(code, 16)) if code else _ESCAPED[letter]

    if not text:
        raise ValueError("the delimiter is empty")
    # Every escape is one byte, and so is every other character that a delimiter has.
    return _ESCAPE.sub(unescape, text).encode("latin-1")
