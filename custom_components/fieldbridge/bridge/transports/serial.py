"""Serial ports and TCP streams by URL (device path, socket://, rfc2217://, esphome-hass://), opened by serialx."""

import asyncio
from collections import deque
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import logging
import os
import re
from typing import Any, Literal, override

import serialx
from serialx.common import redact_uri
from serialx.descriptor_transport import DescriptorTransport

from ..clock import SystemClock
from ..codecs.frame import Batch, Frame
from ..codecs.framing import Framer
from ..errors import LinkClosedError, LinkError
from ..interfaces import ClockPort
from .counters import TransportCounters

_LOGGER = logging.getLogger(__name__)

_OPEN_TIMEOUT = 15.0
"""Seconds; rfc2217 servers negotiate for up to 5 s, an ESPHome proxy connects first."""
_CLOSE_TIMEOUT = 2.0
_SLICE = 1024
"""Bytes framed and decoded per turn of the loop; a socket hands over 256 KiB at once. Hundreds of the shortest lines
for several devices take milliseconds, and it must stay under 10."""
_MOST_UNSENT = 16384
"""Bytes that may wait until the line takes them."""
_FAST = 200
"""Frames per second above which reads are put together: most of the cost is then in waking up."""
_TOO_FAST = 100_000
"""Bytes per second above which nothing waits, since the buffer of a port holds 4 KiB."""
_MOST_GATHERED = 4096
"""Bytes; what the kernel holds for a port."""
_TOGETHER = 0.01
"""Seconds for which bytes may wait to be read together."""
_LONGEST_BURST = 0.05
"""Seconds between two bursts of an adapter; FTDI chips hand over what came every 16 ms."""
_VAIN_RESTS = 3
"""Rests in a row with nothing to gather, after which none is taken for a while."""
_AT_ONCE = 0.001
"""Seconds within which bytes that were there already are handed over."""
_PACE_WINDOW = 0.5
"""Seconds over which the rate is measured."""
_FRAME_PAUSE = 0.05
"""Seconds without a byte at the start, after which the first byte is taken for the beginning of a frame."""


_CREDENTIALS = re.compile(r"(?<=://)[^/?#]*@")


def shown_url(url: str) -> str:
    """Return a URL without keys, user and password, fit for logs and messages."""
    return _CREDENTIALS.sub("REDACTED@", redact_uri(url))


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialSettings:
    """How a serial port is opened; everything but ``url`` is ignored by sockets."""

    url: str
    baudrate: int = 9600
    bytesize: int = 8
    parity: Literal["N", "E", "O", "M", "S"] = "N"
    stopbits: float = 1
    xonxoff: bool = False
    rtscts: bool = False

    @property
    def display_url(self) -> str:
        """The URL without secrets, fit for logs and messages."""
        return shown_url(self.url)

    @property
    def is_network(self) -> bool:
        """Whether the link is a byte stream that begins with its connection."""
        return self.url.startswith(("socket://", "tcp://"))


class SerialTransport:
    """Delivers the frames of one serial port or TCP stream."""

    def __init__(self, settings: SerialSettings, framer: Framer, *, clock: ClockPort | None = None) -> None:
        self.settings = settings
        self.counters = TransportCounters(framing=framer.counters)
        self._framer = framer
        self._clock = clock or SystemClock()
        self._deliver: Callable[[Batch], None] = _discard
        self._on_bytes: Callable[[bytes], None] | None = None
        self._report_loss: Callable[[LinkError], None] = _discard
        self._scanning = False
        self._connection: _Connection | None = None
        self._pace = _Pace()
        self._silence: asyncio.TimerHandle | None = None

    def register_callback(self, cb: Callable[[Batch], None]) -> None:
        """Deliver the frames of every read to ``cb``."""
        self._deliver = cb

    def register_bytes_callback(self, cb: Callable[[bytes], None]) -> None:
        """Show every chunk of raw bytes to ``cb`` as well, before framing."""
        self._on_bytes = cb

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """Call ``cb`` once with the reason when the open link is lost."""
        self._report_loss = cb

    async def open(self) -> None:
        """Open the port. Raises LinkError that names the port without its secrets."""
        settings = self.settings
        self._scanning = False
        connection = _Connection(self._received, self._lost, self._clock.now)
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT):
                await serialx.create_serial_connection(
                    asyncio.get_running_loop(),
                    lambda: connection,
                    settings.url,
                    settings.baudrate,
                    byte_size=settings.bytesize,
                    parity=serialx.Parity(settings.parity),
                    stopbits=serialx.StopBits(settings.stopbits),
                    xonxoff=settings.xonxoff,
                    rtscts=settings.rtscts,
                )
        except TimeoutError as err:
            raise LinkError(f"{settings.display_url}: no answer in time") from err
        except (OSError, serialx.SerialException, ValueError) as err:
            raise LinkError(self._describe(err)) from err
        self._connection = connection

    async def close(self) -> None:
        """Close the port and wait until it is free; idempotent."""
        connection, self._connection = self._connection, None
        if self._silence is not None:
            self._silence.cancel()
        self._framer.reset(mid_frame=False)
        if connection is not None:
            try:
                await connection.close()
            except TimeoutError:
                _LOGGER.warning("%s did not confirm that it is closed", self.settings.display_url)

    async def start_scan(self) -> None:
        """Begin to deliver frames, with what arrived since the port was opened."""
        self._scanning = True
        if self._connection is not None:
            self._connection.release(self._clock.now())

    async def send(self, data: bytes) -> None:
        """Put ``data`` on the line. Raises LinkError when the port is not open."""
        if self._connection is None:
            raise LinkError(f"{self.settings.display_url}: not open")
        if self._connection.unsent > _MOST_UNSENT:
            raise LinkError(f"{self.settings.display_url}: takes no bytes")
        try:
            self._connection.write(data)
        except (OSError, serialx.SerialException) as err:
            raise LinkError(self._describe(err)) from err

    async def stop_scan(self) -> None:
        """Stop delivering frames; what arrives is discarded."""
        self._scanning = False

    def _received(self, connection: _Connection, data: bytes) -> None:
        if connection is not self._connection:
            return  # closed by us
        now = self._clock.now()
        if connection.resumed_at is not None:
            connection.judge_rest(connection.resumed_at, now)
        if connection.first_bytes:
            self._align(connection, now)
        self.counters.bytes_received += len(data)
        if self._on_bytes is not None:
            self._on_bytes(data)
        frames = self._framer.feed(data, now)
        self._give(frames, now)
        if self._framer.gap is not None:
            self._await_silence(self._framer.gap)
        elif self._pace.is_fast(now, len(frames), len(data)) and now >= connection.awake_until:
            connection.rest()

    def _give(self, frames: list[bytes], now: float) -> None:
        if self._scanning and frames:
            self.counters.frames += len(frames)
            self._deliver([Frame(now, frame) for frame in frames])

    def _await_silence(self, gap: float) -> None:
        """Take what arrived for a frame when nothing comes for ``gap`` seconds."""
        if self._silence is not None:
            self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(gap, self._fell_silent)

    def _fell_silent(self) -> None:
        self._silence = None
        self._give(self._framer.flush(), self._clock.now())

    def _align(self, connection: _Connection, now: float) -> None:
        """A port opened in the middle of a frame must not show the rest of that frame as a whole one.

        What a server says as soon as somebody connects is whole, unless only a pause could tell where it begins.
        """
        connection.first_bytes = False
        begins = self.settings.is_network and self._framer.gap is None
        if not begins and now - connection.released_at < _FRAME_PAUSE:
            self._framer.reset(mid_frame=True)

    def _lost(self, connection: _Connection, error: Exception | None) -> None:
        if connection is not self._connection:
            return  # closed by us, or never handed out by open()
        if error is None:
            self._report_loss(LinkClosedError(f"{self.settings.display_url}: closed by the other side"))
        else:
            loss = LinkError(self._describe(error))
            loss.__cause__ = error
            self._report_loss(loss)

    def _describe(self, error: Exception) -> str:
        """Return what went wrong with which port; an error may quote the URL with its secrets."""
        reason = str(error).replace(self.settings.url, self.settings.display_url)
        return f"{self.settings.display_url}: {reason or type(error).__name__}"


class _Pace:
    """Knows whether frames come so fast that reading them together saves more than it delays."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._frames = 0
        self._bytes = 0
        self._is_fast = False

    def is_fast(self, now: float, frames: int, size: int) -> bool:
        """Count one read and return whether the next one may wait."""
        self._frames += frames
        self._bytes += size
        elapsed = now - self._since
        if elapsed >= _PACE_WINDOW:
            self._is_fast = self._frames > _FAST * elapsed and self._bytes < _TOO_FAST * elapsed
            self._since, self._frames, self._bytes = now, 0, 0
        return self._is_fast


class _Connection(asyncio.Protocol):
    """One opening of the port; holds back what arrives until it is released."""

    def __init__(
        self,
        received: Callable[[_Connection, bytes], None],
        lost: Callable[[_Connection, Exception | None], None],
        now: Callable[[], float],
    ) -> None:
        self._received = received
        self._lost = lost
        self._now = now
        self._transport: Any = None
        self._port: Any = None
        """The port itself where its bytes are those of the device: a real one or a pseudo-terminal."""
        self._backlog: deque[bytes] = deque()
        self._held = True
        self._is_reading = True
        """Whether the transport may hand over bytes by itself."""
        self._is_over = False
        self._ended = asyncio.Event()
        self._error: Exception | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._vain_rests = 0
        self.resumed_at: float | None = None
        """Monotonic seconds at which a rest ended with nothing at hand."""
        self.awake_until = 0.0
        """Monotonic seconds until which no rest is worth while."""
        self.first_bytes = True
        self.released_at = float("-inf")

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if isinstance(transport, DescriptorTransport):
            self._port = transport.get_extra_info("serial")
        self._pause()

    def release(self, now: float) -> None:
        """Hand over what arrived and what will arrive."""
        self.released_at = now
        self._work_off()

    @override
    def data_received(self, data: bytes) -> None:
        if not self._held and len(data) <= _SLICE:
            self._received(self, data)
            return
        self._backlog.extend(data[start : start + _SLICE] for start in range(0, len(data), _SLICE))
        if not self._held:
            self._held = True
            self._pause()
            self._work_off()

    def _work_off(self) -> None:
        """Hand over one slice and give the loop a turn before the next; then the end, if it came meanwhile."""
        if self._backlog:
            asyncio.get_running_loop().call_soon(self._work_off)
            self._received(self, self._backlog.popleft())
            return
        self._held = False
        if self._is_over:
            self._lost(self, self._error)
        else:
            self._resume()

    @property
    def unsent(self) -> int:
        """Bytes that wait, for flow control above all."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def write(self, data: bytes) -> None:
        """Hand bytes to the port, which sends them as fast as the line takes them. Raises OSError when it is gone."""
        self._transport.write(data)
        if self._transport.is_closing():  # it says so itself in its next turn only, and what was written is lost
            raise ConnectionResetError("the port is gone")

    def _pause(self) -> None:
        """Let the bytes wait with the sender. An ESPHome proxy cannot; its serial line bounds what piles up here."""
        if self._is_reading:
            with contextlib.suppress(NotImplementedError):
                self._transport.pause_reading()
                self._is_reading = False

    def _resume(self) -> None:
        if not self._is_reading:
            self._transport.resume_reading()
            self._is_reading = True

    def rest(self) -> None:
        """Let bytes gather for a moment, so that one wake-up reads them all; where reading can be paused."""
        if self._held or self._resting is not None or self._is_over:
            return
        if self._is_reading:  # else it has rested before, and nobody resumed
            self._pause()
        if not self._is_reading:
            self._resting = asyncio.get_running_loop().call_later(_TOGETHER, self._rested)

    def _rested(self) -> None:
        """Take what has gathered. Where that is possible without the selector: asking it costs as much as decoding."""
        self._resting = None
        if self._held or self._is_over or self._transport.is_closing():
            return
        if data := self._gathered():
            self._vain_rests = 0
            self.data_received(data)
        if not any((self._held, self._resting)):  # what came may have made it pause again
            self.resumed_at = self._now()
            self._resume()

    def judge_rest(self, resumed_at: float, now: float) -> None:
        """Where bytes come only after the rest, since an adapter hands them over in bursts, it saves nothing."""
        self.resumed_at = None
        waited = now - resumed_at
        if waited < _LONGEST_BURST:  # after a longer silence nobody can tell
            self._vain_rests = self._vain_rests + 1 if waited > _AT_ONCE else 0
        if self._vain_rests >= _VAIN_RESTS:
            self._vain_rests, self.awake_until = 0, now + _PACE_WINDOW

    def _gathered(self) -> bytes:
        """Return what a paused port holds; nothing where only its transport can tell, errors and the end included."""
        if self._port is None:
            return b""
        try:
            return os.read(self._port.fileno(), _MOST_GATHERED)
        except OSError:
            return b""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._error = exc
        self._is_over = True
        self._ended.set()
        if not self._held:
            self._lost(self, exc)

    async def close(self) -> None:
        """Close and wait for the end. Raises TimeoutError: a dead USB adapter may never confirm."""
        if self._resting is not None:
            self._resting.cancel()
        self._transport.close()
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await self._ended.wait()


def _discard(_: object) -> None:
    """Nobody listens yet."""
