"""What every kind of framing has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import override

from ...errors import DecodeError
from ..frame_check import FrameCheck

MAX_FRAME_LENGTH = 4096
"""Bytes; a message of a field device is rarely over 1 KiB, and unbounded input is never buffered."""


@dataclass(slots=True)
class FramingCounters:
    """What framing lost, by cause; everything counts frames but ``garbage``."""

    overlong: int = 0
    """Frames over the maximum length, discarded up to the next border."""
    partial: int = 0
    """Frames of which only a part came: the link was opened or lost in the middle, or there was a pause inside."""
    garbage: int = 0
    """Bytes outside of frames."""
    restarted: int = 0
    """Frames given up since another one began inside."""
    checksum: int = 0
    """Frames whose check did not hold."""
    malformed: int = 0
    """Frames with an impossible length, a wrong end or a broken escape."""


class Framer(ABC):
    """Sans-io cutter of one opened link: any split of the bytes gives the same frames and counters."""

    gap: float | None = None
    """Seconds without a byte after which ``flush`` has to be called; None where a pause ends no frame."""

    def __init__(self) -> None:
        self.counters = FramingCounters()

    @abstractmethod
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        """Return the frames that ``data``, arrived at ``now`` (monotonic seconds), completes. Never raises."""

    @abstractmethod
    def reset(self, *, mid_frame: bool) -> None:
        """Count and forget the incomplete frame; with ``mid_frame`` what comes first is the rest of another one."""

    def flush(self) -> list[bytes]:
        """Return the frame that silence completes."""
        return []


class CheckedFramer(Framer):
    """The frames of another framer whose check holds."""

    def __init__(self, inner: Framer, check: FrameCheck) -> None:
        super().__init__()
        self._inner = inner
        self._check = check
        self.counters = inner.counters
        self.gap = inner.gap

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        return self._checked(self._inner.feed(data, now))

    @override
    def flush(self) -> list[bytes]:
        return self._checked(self._inner.flush())

    @override
    def reset(self, *, mid_frame: bool) -> None:
        self._inner.reset(mid_frame=mid_frame)

    def _checked(self, frames: list[bytes]) -> list[bytes]:
        good = []
        for frame in frames:
            try:
                good.append(self._check.apply(frame))
            except DecodeError:
                self.counters.checksum += 1
        return good


def end_of_garbage(buffer: bytes, mark: bytes, position: int) -> int:
    """Return where ``mark``, or what may become it when more bytes come, begins at or after ``position``."""
    found = buffer.find(mark, position)
    if found >= 0:
        return found
    for length in range(min(len(mark) - 1, len(buffer) - position), 0, -1):
        if buffer.endswith(mark[:length]):
            return len(buffer) - length
    return len(buffer)
