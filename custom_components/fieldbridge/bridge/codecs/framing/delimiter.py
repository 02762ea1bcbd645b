"""Frames that end with a delimiter: lines above all."""

from typing import override

from .framer import MAX_FRAME_LENGTH, Framer


class DelimiterFramer(Framer):
    """Frames end with ``delimiter``; empty frames are skipped.

    With the delimiter LF a CR before it belongs to the border.
    """

    def __init__(self, delimiter: bytes = b"\n", *, max_length: int = MAX_FRAME_LENGTH) -> None:
        super().__init__()
        if not delimiter:
            raise ValueError("delimiter must not be empty")
        if max_length < 1:
            raise ValueError(f"max_length must be positive, got {max_length}")
        self._delimiter = delimiter
        self._border = b"\r\n" if delimiter == b"\n" else delimiter
        """The longest form of the border."""
        self._max_length = max_length
        self._tail = b""
        self._discarding = False

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        data = self._tail + data
        if self._border != self._delimiter:
            data = data.replace(self._border, self._delimiter)
        *whole, tail = data.split(self._delimiter)
        if whole and self._discarding:
            self._discarding = False
            del whole[0]
        self._tail = tail
        if tail:
            self._bound_tail()
        if whole and len(max(whole, key=len)) > self._max_length:
            fitting = [frame for frame in whole if len(frame) <= self._max_length]
            self.counters.overlong += len(whole) - len(fitting)
            whole = fitting
        return list(filter(None, whole))

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self._tail = b""
        self._discarding = mid_frame
        if mid_frame:
            self.counters.partial += 1

    def _bound_tail(self) -> None:
        """Keep what may become a frame; of what is discarded only a possible beginning of the border."""
        border = len(self._delimiter) - 1
        if not self._discarding and len(self._tail) > self._max_length + len(self._border) - 1:
            self.counters.overlong += 1
            self._discarding = True
        if self._discarding:
            self._tail = self._tail[-border:] if border else b""
