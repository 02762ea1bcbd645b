"""Counterparts for Modbus: pymodbus' server over TCP and over a serial line, and servers that are out of order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
import os
from pathlib import Path
import tty

from pymodbus import FramerType, ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.mosquitto import write_certificate

UNIT = 5
IDENTITY = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
    {0: "Maker", 1: "PC-1", 2: "1.2", 4: "Meter", 5: "Meter 3000"}  # the numbers are those of the specification
)


def a_device() -> SimDevice:
    """Return a unit whose registers hold their own address; 100 and above do not exist."""
    bits = [SimData(0, values=[False, True] * 8, datatype=DataType.BITS)]
    words = [SimData(0, values=list(range(100)), datatype=DataType.REGISTERS)]
    return SimDevice(UNIT, simdata=(bits, bits, words, words), identity=IDENTITY)


@asynccontextmanager
async def pymodbus_tcp(framer: FramerType = FramerType.SOCKET) -> AsyncIterator[int]:
    """Serve the device over TCP; yields the port."""
    server = ModbusTcpServer(a_device(), framer=framer, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbus_udp() -> AsyncIterator[int]:
    """Serve the device over UDP; yields the port."""
    server = ModbusUdpServer(a_device(), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.get_extra_info("sockname")[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbus_tls(folder: Path) -> AsyncIterator[int]:
    """Serve the device over TLS with a certificate of its own making; yields the port."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    write_certificate(certificate, key, "127.0.0.1")
    server = ModbusTlsServer(a_device(), address=("127.0.0.1", 0), certfile=str(certificate), keyfile=str(key))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


class SerialLine:
    """Two pseudo terminals with a cable between them; ``cut`` takes the far end away as an unplugged adapter does."""

    def __init__(self) -> None:
        self._ends = [os.openpty(), os.openpty()]
        self._open = {fd for end in self._ends for fd in end}
        for _, slave in self._ends:
            tty.setraw(slave)
        self.paths = [os.ttyname(slave) for _, slave in self._ends]
        loop = asyncio.get_running_loop()
        (first, _), (second, _) = self._ends
        for here, there in ((first, second), (second, first)):
            loop.add_reader(here, self._carry, here, there)

    def _carry(self, here: int, there: int) -> None:
        with suppress(OSError):
            os.write(there, os.read(here, 4096))

    def cut(self) -> None:
        """Close everything; idempotent."""
        for master, _ in self._ends:
            asyncio.get_running_loop().remove_reader(master)
        for fd in self._open:
            os.close(fd)
        self._open = set()


@asynccontextmanager
async def pymodbus_rtu() -> AsyncIterator[SerialLine]:
    """Serve the device on the second end of a serial line."""
    line = SerialLine()
    server = ModbusSerialServer(a_device(), port=line.paths[1], baudrate=115200)
    await server.serve_forever(background=True)
    try:
        yield line
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
        line.cut()


type Answer = Callable[[bytes], Awaitable[bytes | None]]
"""From a request with its header to what is sent; None closes the connection."""


@asynccontextmanager
async def odd_server(answer: Answer, *, clients: int = 100) -> AsyncIterator[int]:
    """Serve what ``answer`` makes of each request, to so many clients at once; yields the port."""
    connected = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        try:
            while connected <= clients:
                header = await reader.readexactly(6)
                request = header + await reader.readexactly(int.from_bytes(header[4:]))
                if (reply := await answer(request)) is None:
                    return
                writer.write(reply)
                await writer.drain()
        except asyncio.IncompleteReadError, ConnectionError:
            return
        finally:
            connected -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()


def reply(request: bytes, *words: int, transaction: int | None = None) -> bytes:
    """Return a good answer of these registers to a read request."""
    number = request[:2] if transaction is None else transaction.to_bytes(2)
    body = bytes([request[6], request[7], 2 * len(words)]) + b"".join(word.to_bytes(2) for word in words)
    return number + b"\0\0" + len(body).to_bytes(2) + body
