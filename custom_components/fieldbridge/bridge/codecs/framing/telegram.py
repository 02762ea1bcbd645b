"""Messages over several lines, from a start line to an end line."""

from typing import override

from .framer import MAX_FRAME_LENGTH, Framer


class TelegramFramer(Framer):
    """A telegram goes from the line that begins with ``start`` to the one that begins with ``end``, both included.

    Without ``end`` the next start line ends it. The bytes between are kept as they are, since checks cover line ends;
    the line end behind the last line is left out.
    """

    def __init__(self, *, start: bytes, end: bytes = b"", max_length: int = MAX_FRAME_LENGTH) -> None:
        """Raises ValueError without a start, or for one that would be its own end."""
        super().__init__()
        if not start or start == end:
            raise ValueError("the start of the first line must not be empty, nor the same as that of the last line")
        self._start = start
        self._end = end
        self._max_length = max_length
        self._line = b""
        self._telegram = b""

    @override
    def feed(self, data: bytes, now: float = 0.0) -> list[bytes]:
        *lines, self._line = (self._line + data).split(b"\n")
        frames: list[bytes] = []
        for line in lines:
            self._add(line, frames)
        longest = self._max_length + len(self._start)
        if len(self._line) > longest:
            # Only its beginning can matter still: an overlong line is no part of a telegram.
            self._line = self._line[: longest + 1]
        return frames

    @override
    def reset(self, *, mid_frame: bool) -> None:
        if self._telegram or self._line.startswith(self._start):
            self.counters.partial += 1
        else:
            self.counters.garbage += len(self._line)
        self._line = self._telegram = b""

    def _add(self, line: bytes, frames: list[bytes]) -> None:
        if line.startswith(self._start):
            if self._telegram and self._end:
                self.counters.restarted += 1
            elif self._telegram:
                frames.append(_without_line_end(self._telegram))
            self._telegram = b""
        elif not self._telegram:
            self.counters.garbage += min(len(line), self._max_length) + 1
            return
        self._telegram += line + b"\n"
        if len(self._telegram) > self._max_length:
            self.counters.overlong += 1
            self._telegram = b""
        elif self._end and line.startswith(self._end):
            frames.append(_without_line_end(self._telegram))
            self._telegram = b""


def _without_line_end(text: bytes) -> bytes:
    return text.removesuffix(b"\n").removesuffix(b"\r")
