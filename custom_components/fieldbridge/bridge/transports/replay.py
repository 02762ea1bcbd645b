"""A link that sends again what was recorded: at the pace it had, at another one, or as fast as possible."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice

from ..clock import SystemClock
from ..codecs.frame import Batch, Frame
from ..errors import BridgeError, LinkClosedError, LinkError
from ..interfaces import ClockPort
from .counters import TransportCounters

_UNREADABLE = (OSError, ValueError, BridgeError)
_READ_AHEAD = 512
"""Frames that are read at once, in a thread."""
_PER_TURN = 64
"""Frames that are sent before the loop gets a turn."""
_LONGEST_PAUSE = 3600.0
"""Seconds; a longer gap in a recording is shortened to this."""


class ReplayTransport:
    """Sends the frames that ``read`` yields, every time it is called anew.

    ``speed`` 1 keeps the pace that they had, 0 sends as fast as the loop allows. They are sent ``repeats`` times
    (0: for ever), then the link is reported as lost in good order; ``pause`` seconds lie between two passes.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Frame]],
        *,
        speed: float = 1.0,
        repeats: int = 0,
        pause: float = 1.0,
        clock: ClockPort | None = None,
    ) -> None:
        if not 0 <= speed <= 1e6:
            raise ValueError(f"speed must be between 0 and 1000000, got {speed!r}")
        if repeats < 0:
            raise ValueError(f"repeats must not be negative, got {repeats!r}")
        self.counters = TransportCounters()
        self.finished = False
        """Whether everything was sent as often as wanted."""
        self._read = read
        self._speed = speed
        self._repeats = repeats
        self._pause = pause
        self._clock = clock or SystemClock()
        self._frames: Iterator[Frame] = iter(())
        self._first: list[Frame] = []
        self._deliver: Callable[[Batch], None] = lambda _: None
        self._report_loss: Callable[[LinkError], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None

    def register_callback(self, cb: Callable[[Batch], None]) -> None:
        """Deliver every batch of frames to ``cb``."""
        self._deliver = cb

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """Call ``cb`` when all was sent, or when the file cannot be read any more."""
        self._report_loss = cb

    async def open(self) -> None:
        """Read the first frames. Raises LinkError when that fails, or when all was sent already."""
        if self.finished:
            raise LinkError("everything was replayed")
        self._frames = self._read()
        try:
            self._first = await self._next()
        except _UNREADABLE as err:
            raise LinkError(f"the recording cannot be read: {err}") from err
        if not self._first:
            raise LinkError("the recording holds nothing to replay")

    async def close(self) -> None:
        """Let go of the file; idempotent."""
        self._frames = iter(())

    async def start_scan(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_all(), name="replay")

    async def stop_scan(self) -> None:
        """Stop sending."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _send_all(self) -> None:
        sent = 0
        frames = self._first
        try:
            while True:
                await self._send_once(frames)
                sent += 1
                if sent == self._repeats:
                    break
                await self._clock.sleep(self._pause)
                self._frames = self._read()
                frames = await self._next()
        except _UNREADABLE as err:
            self._report_loss(LinkError(f"the recording cannot be read: {err}"))
            return
        self.finished = True
        self._report_loss(LinkClosedError("everything was replayed"))

    async def _send_once(self, frames: list[Frame]) -> None:
        if not frames:
            return
        begun, offset = self._clock.now(), frames[0].time
        shown = 0.0
        while frames:
            following = asyncio.create_task(self._next())
            try:
                for start in range(0, len(frames), _PER_TURN):
                    for frame in frames[start : start + _PER_TURN]:
                        if self._speed:
                            due = (frame.time - offset) / self._speed
                            if due - shown > _LONGEST_PAUSE:
                                offset += (due - shown - _LONGEST_PAUSE) * self._speed
                                due = shown + _LONGEST_PAUSE
                            shown = max(shown, due)
                            if (wait := begun + shown - self._clock.now()) > 0:
                                await self._clock.sleep(wait)
                        self._send(frame)
                    await asyncio.sleep(0)
            finally:
                frames = await following

    def _send(self, frame: Frame) -> None:
        self.counters.frames += 1
        self.counters.bytes_received += len(frame.data)
        self._deliver([Frame(self._clock.now(), frame.data)])

    async def _next(self) -> list[Frame]:
        frames = self._frames
        return await asyncio.to_thread(lambda: list(islice(frames, _READ_AHEAD)))
