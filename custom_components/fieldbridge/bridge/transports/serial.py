"""Serial ports and TCP streams by URL (device path, socket://, rfc2217://, esphome-hass://), opened by serialx."""

import asyncio
from collections import deque
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import logging
from typing import Any, Literal, override

import serialx
from serialx.common import redact_uri

from ..clock import SystemClock
from ..codecs.frame import Frame
from ..codecs.framing import Framer
from ..errors import LinkClosedError, LinkError
from ..interfaces import ClockPort
from .counters import TransportCounters

_LOGGER = logging.getLogger(__name__)

_OPEN_TIMEOUT = 15.0
"""Seconds; rfc2217 servers negotiate for up to 5 s, an ESPHome proxy connects first."""
_CLOSE_TIMEOUT = 2.0
_SLICE = 8192
"""Bytes framed per turn of the loop; a socket hands over 256 KiB at once, which would hold the loop for long."""
_FRAME_PAUSE = 0.05
"""Seconds without a byte after opening, after which the first byte is taken for the beginning of a frame."""


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
        return redact_uri(self.url)

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
        self._deliver: Callable[[Frame], None] = _discard
        self._on_bytes: Callable[[bytes], None] | None = None
        self._report_loss: Callable[[LinkError], None] = _discard
        self._scanning = False
        self._connection: _Connection | None = None

    def register_callback(self, cb: Callable[[Frame], None]) -> None:
        """Deliver every frame to ``cb``."""
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
        connection = _Connection(self)
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
            raise LinkError(f"{settings.display_url}: no answer within {_OPEN_TIMEOUT:.0f} s") from err
        except (OSError, serialx.SerialException, ValueError) as err:
            raise LinkError(f"{settings.display_url}: {err}") from err
        self._connection = connection
        self._framer.reset(mid_frame=False)
        connection.opened_at = self._clock.now()

    async def close(self) -> None:
        """Close the port and wait until it is free; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def start_scan(self) -> None:
        """Begin to deliver frames."""
        self._scanning = True

    async def stop_scan(self) -> None:
        """Stop delivering frames; what arrives is discarded."""
        self._scanning = False

    def _received(self, connection: _Connection, data: bytes) -> None:
        now = self._clock.now()
        if connection.first_bytes:
            self._align(connection, now)
        self.counters.bytes_received += len(data)
        if self._on_bytes is not None:
            self._on_bytes(data)
        frames = self._framer.feed(data)
        if not self._scanning:
            return
        self.counters.frames += len(frames)
        for frame in frames:
            self._deliver(Frame(now, frame))

    def _align(self, connection: _Connection, now: float) -> None:
        """A port opened in the middle of a frame must not show the rest of that frame as a whole one."""
        connection.first_bytes = False
        if not self.settings.is_network and now - connection.opened_at < _FRAME_PAUSE:
            self._framer.reset(mid_frame=True)

    def _lost(self, connection: _Connection, error: Exception | None) -> None:
        if connection is not self._connection:
            return  # closed by us, or never handed out by open()
        name = self.settings.display_url
        if error is None:
            self._report_loss(LinkClosedError(f"{name}: closed by the other side"))
        else:
            loss = LinkError(f"{name}: {error}")
            loss.__cause__ = error
            self._report_loss(loss)


class _Connection(asyncio.Protocol):
    """One opening of the port."""

    def __init__(self, owner: SerialTransport) -> None:
        self._owner = owner
        self._transport: Any = None
        self._ended = asyncio.Event()
        self._backlog: deque[bytes] = deque()
        self.first_bytes = True
        self.opened_at = float("-inf")

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        if len(data) <= _SLICE and not self._backlog:
            self._owner._received(self, data)
            return
        self._backlog.extend(data[start : start + _SLICE] for start in range(0, len(data), _SLICE))
        self._transport.pause_reading()
        self._work_off()

    def _work_off(self) -> None:
        """Frame one slice and give the loop a turn before the next."""
        if self._backlog:
            self._owner._received(self, self._backlog.popleft())
        if self._backlog:
            asyncio.get_running_loop().call_soon(self._work_off)
        elif not self._ended.is_set():
            self._transport.resume_reading()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()
        self._owner._lost(self, exc)

    async def close(self) -> None:
        """Close and wait for the end, for a bounded time: a dead USB adapter may never confirm."""
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _CLOSE_TIMEOUT)


def _discard(_: object) -> None:
    """Nobody listens yet."""
