"""An MQTT broker that lets everybody in and nobody listen, as brokers with access lists do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

_CONNACK, _PONG = bytes([0x20, 2, 0, 0]), bytes([0xD0, 0])
_REFUSED = 0x80


class Address(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            kind, length = await reader.readexactly(2)  # all packets here are shorter than 128 bytes
            packet = await reader.readexactly(length)
            match kind:
                case 0x10:  # CONNECT
                    writer.write(_CONNACK)
                case 0x82:  # SUBSCRIBE
                    writer.write(bytes([0x90, 3, *packet[:2], _REFUSED]))
                case 0xC0:  # PINGREQ
                    writer.write(_PONG)
                case 0xE0:  # DISCONNECT
                    return
    except asyncio.IncompleteReadError, ConnectionError:
        return
    finally:
        writer.close()


@asynccontextmanager
async def refusing_broker() -> AsyncIterator[Address]:
    """Run it; yields where."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield Address(host, port)
    finally:
        server.close()
        await server.wait_closed()
