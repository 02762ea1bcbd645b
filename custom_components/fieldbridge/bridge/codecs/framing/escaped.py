"""Frames whose content is escaped, so that their marks never stand inside: SLIP, HDLC-like, DLE, COBS."""

from collections.abc import Callable
import re
from typing import override

from .delimiter import DelimiterFramer
from .framer import MAX_FRAME_LENGTH, Framer, end_of_garbage

type Unescape = Callable[[int], int | None]
"""The byte behind an escape to the byte that is meant; None for an escape that does not exist."""


def replacing(pairs: dict[int, int]) -> Unescape:
    """Return the unescape that looks bytes up, as SLIP has it."""
    return pairs.get


def inverting(mask: int) -> Unescape:
    """Return the unescape that inverts the bits of ``mask``, as HDLC has it; with 0 the next byte is meant as it is."""
    return lambda byte: byte ^ mask


class EscapedFramer(Framer):
    """Frames up to an end mark, with an optional start mark, whose content is escaped; empty ones are skipped.

    Marks are one byte, or two of which the first is the escape (DLE STX, DLE ETX). Where both are the same, one may
    end a frame and begin the next; what comes before the first is the rest of a frame.
    """

    def __init__(
        self,
        *,
        end: bytes,
        escape: int,
        unescape: Unescape,
        start: bytes = b"",
        max_length: int = MAX_FRAME_LENGTH,
    ) -> None:
        """``max_length`` counts escaped bytes between the marks. Raises ValueError for marks of another form."""
        super().__init__()
        mark, prefix = bytes([escape]), b"" if start == end else start
        for each in (end, prefix):
            if each not in (b"", mark) and not (len(each) == 1 or (len(each) == 2 and each.startswith(mark))):
                raise ValueError("a mark is one byte, or the escape and one byte")
        if end in (b"", mark) or prefix == mark:
            raise ValueError("the end mark must not be empty, and no mark the same as the escape")
        self._start = prefix
        self._end = end
        self._escape = mark
        self._unescape = unescape
        marks = b"|".join(re.escape(each) for each in (end, prefix) if each)
        self._token = re.compile(marks + b"|" + re.escape(mark) + b"(.)", re.DOTALL)
        self._escaped = re.compile(re.escape(mark) + b"(.)", re.DOTALL)
        self._max_length = max_length
        self._buffer = b""
        self._same = start == end
        self._discarding = self._same
        self._uncounted = self._same
        """Whether bytes before the first mark are still to be counted as the rest of a frame."""

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        buffer, position = self._buffer + data, 0
        frames: list[bytes] = []
        while True:
            if self._start:
                begin = end_of_garbage(buffer, self._start, position)
                self.counters.garbage += begin - position
                position = begin
                if not buffer.startswith(self._start, position):
                    break
            body = position + len(self._start)
            found = self._next_mark(buffer, body)
            if self._discarding:
                self._count_rest(len(buffer) if found is None else found.start())
                if found is None:
                    held = buffer.endswith(self._escape, body) and self._ends_in_escape(buffer, body)
                    position = len(buffer) - held
                    break
                self._discarding = False
                position = found.end()
            elif (found is None and len(buffer) >= body + self._max_length + 2) or (
                found is not None and found.start() > body + self._max_length
            ):
                self.counters.overlong += 1
                self._discarding = not self._start
                position = body if self._start else body + self._max_length
            elif found is None:
                break
            elif found[0] != self._end:
                self.counters.restarted += 1
                position = found.start()
            else:
                self._add(frames, buffer[body : found.start()])
                position = found.end()
        self._buffer = buffer[position:]
        return frames

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self.counters.partial += self._buffer != b"" and not self._discarding
        self._buffer = b""
        self._discarding = self._same or (mid_frame and not self._start)
        self._uncounted = self._same and not mid_frame
        self.counters.partial += self._discarding and not self._uncounted

    def _count_rest(self, length: int) -> None:
        if self._uncounted and length:
            self.counters.partial += 1
            self._uncounted = False

    def _next_mark(self, buffer: bytes, position: int) -> re.Match[bytes] | None:
        """Return the first mark that is not escaped."""
        for token in self._token.finditer(buffer, position):
            if token[1] is None:
                return token
        return None

    def _ends_in_escape(self, buffer: bytes, position: int) -> bool:
        """Return whether the last byte is an escape that still waits for its byte."""
        last = position
        for token in self._token.finditer(buffer, position):
            last = token.end()
        return last < len(buffer)

    def _add(self, frames: list[bytes], escaped: bytes) -> None:
        if not escaped:
            return
        if self._escape not in escaped:
            frames.append(escaped)
            return
        meant: dict[bytes, bytes] = {}
        for byte in set(self._escaped.findall(escaped)):
            if (plain := self._unescape(byte[0])) is None:
                self.counters.malformed += 1
                return
            meant[byte] = bytes([plain])
        if self._escape in self._escaped.sub(b"", escaped):
            self.counters.malformed += 1  # the last escape has no byte behind it
            return
        frames.append(self._escaped.sub(lambda match: meant[match[1]], escaped))


def unstuffed(data: bytes) -> bytes | None:
    """Return what consistent overhead byte stuffing made ``data`` of; None when it did not."""
    result, position = bytearray(), 0
    while position < len(data):
        code = data[position]
        block = data[position + 1 : position + code]
        if code == 0 or len(block) < code - 1:
            return None
        result += block
        position += code
        if code < 0xFF and position < len(data):
            result.append(0)
    return bytes(result)


class CobsFramer(Framer):
    """Frames with consistent overhead byte stuffing, each ended by a zero byte."""

    def __init__(self, *, max_length: int = MAX_FRAME_LENGTH) -> None:
        super().__init__()
        self._inner = DelimiterFramer(b"\0", max_length=max_length)
        self.counters = self._inner.counters

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        frames = []
        for stuffed in self._inner.feed(data, now):
            frame = unstuffed(stuffed)
            if frame is None:
                self.counters.malformed += 1
            elif frame:
                frames.append(frame)
        return frames

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self._inner.reset(mid_frame=mid_frame)
