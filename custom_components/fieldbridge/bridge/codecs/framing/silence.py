"""Frames that end when the line falls silent."""

from typing import override

from .framer import MAX_FRAME_LENGTH, Framer


class SilenceFramer(Framer):
    """What arrives without a pause of ``gap`` seconds is one frame."""

    def __init__(self, gap: float, *, max_length: int = MAX_FRAME_LENGTH) -> None:
        """Raises ValueError for a pause that nobody could measure."""
        super().__init__()
        if not 0.001 <= gap <= 60:
            raise ValueError("the pause must last from 1 ms to 60 s")
        self.gap = gap
        self._gap = gap
        self._max_length = max_length
        self._last = 0.0
        self._buffer = b""
        self._discarding = False

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        frames = self.flush() if now - self._last >= self._gap else []
        self._last = now
        if not self._discarding:
            self._buffer += data
            if len(self._buffer) > self._max_length:
                self.counters.overlong += 1
                self._buffer = b""
                self._discarding = True
        return frames

    @override
    def flush(self) -> list[bytes]:
        frame, self._buffer, self._discarding = self._buffer, b"", False
        return [frame] if frame else []

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self.counters.partial += (self._buffer != b"") + mid_frame
        self._buffer = b""
        self._discarding = mid_frame
