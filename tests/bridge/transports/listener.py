"""Somebody who listens to a transport and can wait for what it says."""

import asyncio

from custom_components.fieldbridge.bridge.codecs.frame import Batch, Frame
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer, Framer
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.testing import FakeClock
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport
from demo.pty_link import PtyLink

PATIENCE = 10.0
"""Seconds until a test gives up; reached only when something is broken."""


async def send(port: PtyLink, data: bytes) -> None:
    """Write all of ``data``, as fast as the reader takes it."""
    while data:
        data = data[port.write(data) :]
        await asyncio.sleep(0)


class Listener:
    """Collects frames and losses of one transport."""

    def __init__(self, url: object, framer: Framer | None = None) -> None:
        self.clock = FakeClock()
        self.transport = SerialTransport(SerialSettings(url=str(url)), framer or DelimiterFramer(), clock=self.clock)
        self.transport.register_callback(self.add)
        self.transport.register_loss_callback(self._loss)
        self.frames: list[Frame] = []
        self.losses: list[LinkError] = []
        self._news = asyncio.Event()

    @property
    def data(self) -> list[bytes]:
        """The bytes of all frames so far."""
        return [frame.data for frame in self.frames]

    async def start(self, *, silence: float = 1.0) -> None:
        """Open and start; the device is silent for ``silence`` seconds before its next byte."""
        await self.transport.open()
        await self.transport.start_scan()
        self.clock.advance(silence)

    async def until(self, *, frames: int = 0, losses: int = 0) -> None:
        """Wait for so many frames and losses in all. Raises TimeoutError when they do not come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.frames) < frames or len(self.losses) < losses:
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        """Stop and close as a runner does."""
        await self.transport.stop_scan()
        await self.transport.close()

    async def shows_bytes(self) -> None:
        """Wait for the next raw bytes."""
        seen = asyncio.Event()
        self.transport.register_bytes_callback(lambda _: seen.set())
        async with asyncio.timeout(PATIENCE):
            await seen.wait()

    def add(self, batch: Batch) -> None:
        """Keep the frames of one read."""
        self.frames.extend(batch)
        self._news.set()

    def _loss(self, error: LinkError) -> None:
        self.losses.append(error)
        self._news.set()
