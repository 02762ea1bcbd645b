"""Frames between a start mark and an end mark, or up to an end mark with bytes behind it."""

from typing import override

from .framer import MAX_FRAME_LENGTH, Framer, end_of_garbage


class MarksFramer(Framer):
    """A frame goes from the start mark to the end mark; another start mark inside begins it anew."""

    def __init__(
        self,
        *,
        start: bytes,
        end: bytes,
        after: int = 0,
        keep_marks: bool = True,
        max_length: int = MAX_FRAME_LENGTH,
    ) -> None:
        """``after``: bytes behind the end mark that belong to the frame, such as its check.

        ``max_length`` counts the marks. Raises ValueError for marks that cannot be told apart.
        """
        super().__init__()
        if not start or not end or start == end:
            raise ValueError("both marks must be there and differ from each other")
        _require_room(max_length, len(start) + len(end) + after)
        self._start = start
        self._end = end
        self._after = after
        self._keep_marks = keep_marks
        self._searched = max_length - after
        """Bytes from the start mark within which the end mark has to be."""
        self._buffer = b""

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        buffer, position = self._buffer + data, 0
        frames: list[bytes] = []
        while True:
            begin = end_of_garbage(buffer, self._start, position)
            self.counters.garbage += begin - position
            position = begin
            if not buffer.startswith(self._start, position):
                break
            body, limit = position + len(self._start), position + self._searched
            end = buffer.find(self._end, body, limit)
            # Which mark is complete first counts, so that the bytes may as well come one by one.
            second = buffer.find(self._start, body, limit if end < 0 else end + len(self._end) - 1)
            if second >= 0:
                self.counters.restarted += 1
                position = second
            elif end < 0 and len(buffer) >= limit:
                self.counters.overlong += 1
                position = body
            elif end < 0 or len(buffer) < end + len(self._end) + self._after:
                break
            else:
                whole = end + len(self._end) + self._after
                _add(frames, buffer, (position, body), (end, end + len(self._end), whole), keep=self._keep_marks)
                position = whole
        self._buffer = buffer[position:]
        return frames

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self.counters.partial += self._buffer != b""
        self._buffer = b""


class EndMarkFramer(Framer):
    """A frame goes from the end of the one before it to its end mark and a number of bytes behind it."""

    def __init__(
        self, *, end: bytes, after: int = 0, keep_marks: bool = True, max_length: int = MAX_FRAME_LENGTH
    ) -> None:
        """Raises ValueError without an end mark."""
        super().__init__()
        if not end:
            raise ValueError("the end mark must not be empty")
        _require_room(max_length, len(end) + after)
        self._end = end
        self._after = after
        self._keep_marks = keep_marks
        self._searched = max_length - after
        self._buffer = b""
        self._discarding = False

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        buffer, position = self._buffer + data, 0
        frames: list[bytes] = []
        while True:
            limit = len(buffer) if self._discarding else position + self._searched
            end = buffer.find(self._end, position, limit)
            whole = end + len(self._end) + self._after
            if end < 0 and self._discarding:
                position = max(position, len(buffer) - len(self._end) + 1)
                break
            if end < 0 and len(buffer) >= limit:
                self.counters.overlong += 1
                self._discarding = True
                position = limit
            elif end < 0 or len(buffer) < whole:
                break
            else:
                if not self._discarding:
                    _add(
                        frames, buffer, (position, position), (end, end + len(self._end), whole), keep=self._keep_marks
                    )
                self._discarding = False
                position = whole
        self._buffer = buffer[position:]
        return frames

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self.counters.partial += (self._buffer != b"" and not self._discarding) + mid_frame
        self._buffer = b""
        self._discarding = mid_frame


def _require_room(max_length: int, marks: int) -> None:
    if max_length <= marks:
        raise ValueError("the maximum length must leave room for the marks")


def _add(frames: list[bytes], buffer: bytes, start: tuple[int, int], end: tuple[int, int, int], *, keep: bool) -> None:
    """Add the frame between the borders: of the start mark, of the end mark, and behind what follows it."""
    frame = buffer[start[0] : end[2]] if keep else buffer[start[1] : end[0]] + buffer[end[1] : end[2]]
    if frame:
        frames.append(frame)
