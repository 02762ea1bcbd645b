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
        self._strip = b"\r" if delimiter == b"\n" else b""
        self._max_length = max_length
        self._tail = b""
        self._discarding = False

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
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

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self.counters.partial += (self._tail != b"" and not self._discarding) + mid_frame
        self._tail = b""
        self._discarding = mid_frame

    def _bound_tail(self) -> None:
        """Keep what may become a frame; of what is discarded only a possible beginning of the border."""
        border = len(self._delimiter) - 1
        if not self._discarding and len(self._tail) > self._max_length + border + len(self._strip):
            self.counters.overlong += 1
            self._discarding = True
        if self._discarding:
            self._tail = self._tail[-border:] if border else b""
