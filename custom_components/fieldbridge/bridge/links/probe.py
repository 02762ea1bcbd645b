"""A look at a link that nobody runs yet: is it there, what does it send, can it be understood."""

from collections import deque
from collections.abc import Callable
import time
from typing import Protocol

from ..channels.listeners import Listeners
from ..codecs.frame import Batch, Frame
from ..codecs.recognise_framing import Chunk
from ..errors import LinkError
from .frame_link import FrameTransport

_KEPT_FRAMES = 20
"""Enough to see what changes from frame to frame, few enough to be analysed twice a second."""
_KEPT_BYTES = 256
_KEPT_CHUNKS = 8192
"""Bytes that are kept with their times, as many as framing is recognised from."""


class ProbedTransport(FrameTransport, Protocol):
    """A transport that also shows its bytes before framing."""

    def register_bytes_callback(self, cb: Callable[[bytes], None]) -> None:
        """Show every chunk of raw bytes to ``cb``."""
        ...


class Capture:
    """The last frames and raw bytes that were seen, and how many there were in all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.chunks: deque[Chunk] = deque()
        """The last raw bytes as they came."""
        self.frames: deque[bytes] = deque(maxlen=_KEPT_FRAMES)
        self.recent: deque[Frame] = deque(maxlen=_KEPT_FRAMES)
        """The same with their times."""
        self.listeners: Listeners[Batch] = Listeners()
        """Who sees each batch as it comes."""
        self.frame_count = 0
        self.tail = b""
        """The last raw bytes, whole frames or not."""
        self.byte_count = 0
        self._clock = clock
        self._chunk_bytes = 0

    def add_frames(self, batch: Batch) -> None:
        """Keep the frames of one read."""
        self.frames.extend(frame.data for frame in batch)
        self.recent.extend(batch)
        self.listeners.tell(batch)
        self.frame_count += len(batch)

    def add_bytes(self, data: bytes) -> None:
        """Keep the end of what arrived."""
        self.tail = (self.tail + data)[-_KEPT_BYTES:]
        self.byte_count += len(data)
        self.chunks.append(Chunk(self._clock(), data))
        self._chunk_bytes += len(data)
        while self._chunk_bytes - len(self.chunks[0].data) >= _KEPT_CHUNKS:
            self._chunk_bytes -= len(self.chunks.popleft().data)


class LinkProbe:
    """Opens a transport for a while and captures what it sends."""

    def __init__(self, transport: ProbedTransport) -> None:
        self.capture = Capture()
        self.lost: LinkError | None = None
        """Why the open link went away."""
        self._transport = transport
        self._closed = False
        transport.register_callback(self.capture.add_frames)
        transport.register_bytes_callback(self.capture.add_bytes)
        transport.register_loss_callback(self._set_lost)

    async def open(self) -> None:
        """Open the link and begin to capture. Raises LinkError."""
        await self._transport.open()
        if self._closed:
            # Whoever waited for the port has gone meanwhile; nobody else would close it.
            await self._transport.close()
            raise LinkError("closed while it was being opened")
        await self._transport.start_scan()

    async def close(self) -> None:
        """Free the link; idempotent, and also good while ``open`` is still under way."""
        self._closed = True
        await self._transport.close()

    def _set_lost(self, error: LinkError) -> None:
        self.lost = error
