"""Binary frames whose length is fixed, or stands in a field of theirs."""

from dataclasses import dataclass
from typing import Literal, override

from ..frame_check import FrameCheck
from .framer import MAX_FRAME_LENGTH, Framer, end_of_garbage

_MAX_WORK = 16384
"""Bytes that may be checked in vain before a whole frame is skipped: it bounds the time that garbage can cost."""
_PAUSE = 1.0
"""Seconds without a byte after which an incomplete frame is given up: its beginning was no beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthField:
    """A number in the frame that tells its length."""

    offset: int
    """Bytes from the beginning of the frame."""
    size: int = 1
    byteorder: Literal["big", "little"] = "big"
    extra: int = 0
    """Bytes of the whole frame that the number does not count."""

    @property
    def end(self) -> int:
        """Bytes that have to be there before the length is known."""
        return self.offset + self.size

    def total(self, buffer: bytes, position: int) -> int | None:
        """Return the bytes of the frame that begins at ``position``; None when too few of them are there."""
        field = buffer[position + self.offset : position + self.end]
        return int.from_bytes(field, self.byteorder) + self.extra if len(field) == self.size else None


class HeadedFramer(Framer):
    """Frames of known length; a wrong end or check shows that the beginning was none, and the search goes on."""

    def __init__(
        self,
        length: int | LengthField,
        *,
        start: bytes = b"",
        end: bytes = b"",
        check: FrameCheck | None = None,
        unique_start: bool = False,
        max_length: int = MAX_FRAME_LENGTH,
    ) -> None:
        """``unique_start``: the start mark never stands inside a frame, so that a second one rejects it.

        Raises ValueError when no frame could be found like that.
        """
        super().__init__()
        if not (start or end or check):
            raise ValueError("a start mark, an end mark or a check is needed to find the beginning of a frame")
        self._least = max(length.end if isinstance(length, LengthField) else length, len(start) + len(end), 1)
        if isinstance(length, int) and not len(start) + len(end) < length <= max_length:
            raise ValueError("the length must leave room for the marks and not exceed the maximum")
        self._length = length
        self._start = start
        self._end = end
        self._check = check
        self._unique_start = unique_start and bool(start)
        self._max_length = max_length
        self._buffer = b""
        self._last = 0.0
        self._rejected_until = 0
        """Buffer position up to which everything belongs to a frame that was counted as rejected."""
        self._work = 0

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        if now - self._last > _PAUSE:
            self._give_up()
        self._last = now
        buffer, position = self._buffer + data, 0
        frames: list[bytes] = []
        while True:
            begin = end_of_garbage(buffer, self._start, position) if self._start else position
            self.counters.garbage += begin - position
            position = begin
            if not buffer.startswith(self._start, position):
                break
            total = self._total(buffer, position)
            if total is None:
                break
            rejected = "overlong" if total > self._max_length else "malformed" if total < self._least else ""
            if not rejected and position + total > len(buffer):
                break
            frame = buffer[position : position + total]
            rejected = rejected or self._fault(frame)
            if rejected:
                step = self._step_over(rejected, position, total, frame)
                self.counters.garbage += step
                position += step
            else:
                strip = self._check is not None and self._check.strip
                frames.append(self._check.apply(frame) if self._check is not None and strip else frame)
                position += total
                self._rejected_until = self._work = 0
        self._buffer = buffer[position:]
        self._rejected_until = max(self._rejected_until - position, 0)
        return frames

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self._give_up()

    def _give_up(self) -> None:
        self.counters.partial += self._buffer != b""
        self._buffer = b""
        self._rejected_until = self._work = 0

    def _total(self, buffer: bytes, position: int) -> int | None:
        if isinstance(self._length, LengthField):
            return self._length.total(buffer, position)
        return self._length if len(buffer) > position else None

    def _fault(self, frame: bytes) -> str:
        """Return the counter under which a whole frame is rejected, empty for a good one."""
        if self._unique_start and self._start in frame[1:]:
            return "restarted"
        if not frame.endswith(self._end):
            return "malformed"
        if self._check is not None and not self._check.holds(frame):
            return "checksum"
        return ""

    def _step_over(self, reason: str, position: int, total: int, frame: bytes) -> int:
        """Count a rejected frame, and return how far the search for the next one moves."""
        # Two bytes are hardly a start mark by chance; fewer are, so that what lies inside is the same broken frame.
        if position >= self._rejected_until or len(self._start) > 1:
            setattr(self.counters, reason, getattr(self.counters, reason) + 1)
        if position >= self._rejected_until:
            self._rejected_until = position + min(max(total, 1), self._max_length)
            self._work = 0
        self._work += len(frame) if reason == "checksum" else 0
        if self._work <= _MAX_WORK:
            return 1
        self._work = 0
        return total
