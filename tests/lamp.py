"""A device that speaks when it is asked, at the other end of a pseudo-terminal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from demo.pty_link import PtyLink


class Lamp:
    """A projector as people have them: asked for its hours, told its brightness; it says nothing by itself."""

    def __init__(self, port: PtyLink) -> None:
        self.port = port
        self.heard: list[bytes] = []
        self.brightness = 50
        self.silent = False
        self._buffer = b""

    async def serve(self) -> None:
        """Answer for ever."""
        while True:
            self._buffer += self.port.read()
            *lines, self._buffer = self._buffer.split(b"\r")
            for line in lines:
                self.heard.append(line)
                if not self.silent:
                    self.port.write(self._answer(line))
            await asyncio.sleep(0.001)

    def _answer(self, line: bytes) -> bytes:
        if line.startswith(b"B=") and line[2:].isdigit():
            self.brightness = min(int(line[2:]), 90)
            return b"OK\r\n"
        if line == b"B?":
            return b"B;%d\r\n" % self.brightness
        return b"L;120\r\n" if line == b"L?" else b""


@asynccontextmanager
async def serving(lamp: Lamp) -> AsyncIterator[None]:
    task = asyncio.create_task(lamp.serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
