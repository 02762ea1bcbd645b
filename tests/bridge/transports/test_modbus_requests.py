"""Requests to real servers, and to servers that are out of order: a value is right, or the reason is named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
import importlib
from itertools import pairwise
from pathlib import Path
import time
from typing import Literal

from modbus_connection import ModbusConnection
from pymodbus import FramerType
import pytest
from tmodbus.utils.crc import calculate_crc16

from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.modbus import Table
from custom_components.fieldbridge.bridge.modbus.requests import Failure, RequestError
from custom_components.fieldbridge.bridge.transports.modbus import (
    Identification,
    ModbusOptions,
    ModbusParams,
    ModbusTransport,
    modbus_params,
    own_transport,
)

from .modbus_servers import (
    UNIT,
    SerialLine,
    odd_server,
    pymodbus_rtu,
    pymodbus_tcp,
    pymodbus_tls,
    pymodbus_udp,
    reply,
)

type Backend = Literal["pymodbus", "tmodbus"]

PATIENT = ModbusOptions(timeout=5.0)
QUICK = ModbusOptions(timeout=0.15)

pytestmark = [
    pytest.mark.parametrize("backend", ["pymodbus", "tmodbus"]),
    pytest.mark.usefixtures("socket_enabled"),
]


@asynccontextmanager
async def transport(
    params: ModbusParams, backend: Backend, options: ModbusOptions = PATIENT
) -> AsyncIterator[ModbusTransport]:
    made = own_transport(params, options, backend=backend)
    try:
        yield made
    finally:
        await made.close()


def own_connection(params: ModbusParams, backend: Backend) -> ModbusConnection:
    module = importlib.import_module(f"modbus_connection.{backend}")
    connection: ModbusConnection = module.ModbusConnection(params)
    return connection


def tcp(port: int) -> ModbusParams:
    return modbus_params("tcp", host="127.0.0.1", port=port)


def rtu(line: SerialLine) -> ModbusParams:
    return modbus_params("rtu", device=line.paths[0], baudrate=115200)


async def read_everything(modbus: ModbusTransport) -> None:
    assert await modbus.read(UNIT, Table.HOLDING, 10, 3) == [10, 11, 12]
    assert await modbus.read(UNIT, Table.INPUT, 0, 100) == list(range(100))
    assert await modbus.read(UNIT, Table.COIL, 0, 4) == [False, True, False, True]
    assert await modbus.read(UNIT, Table.DISCRETE, 1, 1) == [True]
    await modbus.write(UNIT, Table.HOLDING, 20, [555], multiple=False)
    await modbus.write(UNIT, Table.HOLDING, 21, [1, 2], multiple=True)
    assert await modbus.read(UNIT, Table.HOLDING, 20, 3) == [555, 1, 2]
    await modbus.write(UNIT, Table.COIL, 0, [1], multiple=False)
    assert await modbus.read(UNIT, Table.COIL, 0, 2) == [True, True]
    with pytest.raises(RequestError) as raised:
        await modbus.read(UNIT, Table.HOLDING, 90, 20)
    assert (raised.value.failure, raised.value.code) == (Failure.REFUSED, 2)


async def test_every_table_is_read_and_written_over_tcp(backend: Backend) -> None:
    async with pymodbus_tcp() as port, transport(tcp(port), backend) as modbus:
        await read_everything(modbus)


async def test_every_table_is_read_and_written_on_a_serial_line(backend: Backend) -> None:
    async with pymodbus_rtu() as line, transport(rtu(line), backend) as modbus:
        await read_everything(modbus)


async def test_every_table_is_read_and_written_through_a_gateway_that_passes_rtu_on(backend: Backend) -> None:
    async with pymodbus_tcp(FramerType.RTU) as port:
        params = modbus_params("rtu_over_tcp", host="127.0.0.1", port=port)
        async with transport(params, backend) as modbus:
            await read_everything(modbus)


async def test_every_table_is_read_and_written_over_udp(backend: Backend) -> None:
    async with pymodbus_udp() as port, transport(modbus_params("udp", host="127.0.0.1", port=port), backend) as modbus:
        await read_everything(modbus)


async def test_every_table_is_read_and_written_over_tls(backend: Backend, tmp_path: Path) -> None:
    async with pymodbus_tls(tmp_path) as port:
        params = modbus_params("tls", host="127.0.0.1", port=port, verify=False)
        async with transport(params, backend) as modbus:
            await read_everything(modbus)
        with pytest.raises(LinkError):
            async with transport(modbus_params("tls", host="127.0.0.1", port=port), backend) as modbus:
                await modbus.read(UNIT, Table.HOLDING, 0, 1)


async def test_a_pause_between_requests_is_kept_and_does_not_eat_up_the_time_for_the_answer(backend: Backend) -> None:
    async def at_once(request: bytes) -> bytes:
        came.append(time.monotonic())
        return reply(request, 1)

    came: list[float] = []
    spaced = ModbusOptions(timeout=0.15, message_spacing=0.3)
    async with odd_server(at_once) as port, transport(tcp(port), backend, spaced) as modbus:
        for _ in range(3):
            assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [1]
    assert all(later - earlier >= 0.3 for earlier, later in pairwise(came))


async def test_a_pause_after_connecting_is_kept(backend: Backend) -> None:
    async def at_once(request: bytes) -> bytes:
        came.append(time.monotonic())
        return reply(request, 1)

    came: list[float] = []
    delayed = ModbusOptions(timeout=0.15, connect_delay=0.3)
    async with odd_server(at_once) as port, transport(tcp(port), backend, delayed) as modbus:
        before = time.monotonic()
        assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [1]
    assert came[0] - before >= 0.3


async def test_a_request_under_way_is_given_up_when_its_task_is_stopped(backend: Backend) -> None:
    async def never(request: bytes) -> bytes:
        asked.set()
        return b""

    asked = asyncio.Event()
    async with odd_server(never) as port, transport(tcp(port), backend, ModbusOptions(timeout=60)) as modbus:
        reading = asyncio.create_task(modbus.read(UNIT, Table.HOLDING, 0, 1))
        await asked.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_a_device_says_what_it_is(backend: Backend) -> None:
    async with pymodbus_tcp() as port, transport(tcp(port), backend) as modbus:
        found = await modbus.identify(UNIT)
        assert isinstance(found, Identification)
        assert found.manufacturer == "Maker"


async def test_nobody_there_is_a_link_that_is_down(backend: Backend) -> None:
    async with pymodbus_tcp() as port:
        pass
    async with transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises(LinkError):
            await modbus.read(UNIT, Table.HOLDING, 0, 1)
    with pytest.raises(LinkError):
        async with transport(modbus_params("rtu", device="/dev/nowhere"), backend, QUICK) as modbus:
            await modbus.read(UNIT, Table.HOLDING, 0, 1)


async def test_silence_ends_with_the_deadline_and_the_next_answer_is_the_right_one(backend: Backend) -> None:
    async def every_second(request: bytes) -> bytes:
        asked.append(request)
        return b"" if len(asked) == 1 else reply(request, len(asked))

    asked: list[bytes] = []
    async with odd_server(every_second) as port, transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises(RequestError) as raised:
            await modbus.read(UNIT, Table.HOLDING, 0, 1)
        assert raised.value.failure is Failure.SILENT
        assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [2]


async def test_an_answer_of_another_transaction_is_not_taken(backend: Backend) -> None:
    async def foreign(request: bytes) -> bytes:
        return reply(request, 666, transaction=0x7777)

    async with odd_server(foreign) as port, transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises((RequestError, LinkError)):
            await modbus.read(UNIT, Table.HOLDING, 0, 1)


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(backend: Backend) -> None:
    async def one_behind(request: bytes) -> bytes:
        asked.append(request)
        return b"" if len(asked) == 1 else reply(asked[-2], 111) + reply(request, 222)

    asked: list[bytes] = []
    async with odd_server(one_behind) as port, transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises(RequestError):
            await modbus.read(UNIT, Table.HOLDING, 0, 1)
        try:
            assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [222]
        except RequestError, LinkError:
            assert backend == "pymodbus"  # it gives up the answer; what matters is that it is no wrong one


async def test_a_late_answer_on_a_line_without_numbers_is_waited_out_where_that_is_wanted(backend: Backend) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readexactly(8):
                asked.append(request)
                if len(asked) == 1:
                    await asyncio.sleep(0.6)
                body = request[:2] + b"\2" + request[2:4]
                writer.write(body + calculate_crc16(body))
        writer.close()

    asked: list[bytes] = []
    server = await asyncio.start_server(serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    connection = own_connection(modbus_params("rtu_over_tcp", host="127.0.0.1", port=port), backend)
    options = ModbusOptions(timeout=0.4)
    patient = ModbusTransport(connection.for_unit, options, numbered=False, waits_out=True, close=connection.close)
    with pytest.raises(RequestError):
        await patient.read(1, Table.HOLDING, 10, 1)
    assert await patient.read(1, Table.HOLDING, 20, 1) == [20]
    await patient.close()
    server.close()
    await server.wait_closed()


async def test_a_truncated_answer_is_no_value(backend: Backend) -> None:
    async def cut(request: bytes) -> bytes:
        return reply(request, 1, 2, 3)[:-3]

    async with odd_server(cut) as port, transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises((RequestError, LinkError)):
            await modbus.read(UNIT, Table.HOLDING, 0, 3)


async def test_an_answer_with_too_few_registers_is_no_value(backend: Backend) -> None:
    async def short(request: bytes) -> bytes:
        return reply(request, 1, 2)

    async with odd_server(short) as port, transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises(RequestError) as raised:
            await modbus.read(UNIT, Table.HOLDING, 0, 3)
        assert raised.value.failure in {Failure.GARBLED, Failure.SILENT}


async def test_a_busy_answer_comes_back_within_the_deadline(backend: Backend) -> None:
    async def busy(request: bytes) -> bytes:
        return request[:4] + b"\0\3" + bytes([request[6], request[7] | 0x80, 6])

    async with odd_server(busy) as port, transport(tcp(port), backend, QUICK) as modbus:
        async with asyncio.timeout(5):
            with pytest.raises(RequestError) as raised:
                await modbus.read(UNIT, Table.HOLDING, 0, 1)
        assert raised.value.failure in {Failure.BUSY, Failure.SILENT}


async def test_a_gateway_that_takes_one_client_serves_us_when_the_other_one_is_gone(backend: Backend) -> None:
    async def good(request: bytes) -> bytes:
        return reply(request, 1)

    async with odd_server(good, clients=1) as port, transport(tcp(port), backend, QUICK) as modbus:
        _, other = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0)
        with pytest.raises((LinkError, RequestError)):
            await modbus.read(UNIT, Table.HOLDING, 0, 1)
        other.close()
        await other.wait_closed()
        async with asyncio.timeout(5):
            while True:
                try:
                    assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [1]
                    break
                except LinkError, RequestError:
                    continue


async def test_a_connection_that_is_closed_opens_again_with_the_next_request(backend: Backend) -> None:
    async def hang_up_once(request: bytes) -> bytes | None:
        asked.append(request)
        return None if len(asked) == 1 else reply(request, 9)

    asked: list[bytes] = []
    async with odd_server(hang_up_once) as port, transport(tcp(port), backend, QUICK) as modbus:
        with pytest.raises((LinkError, RequestError)):
            await modbus.read(UNIT, Table.HOLDING, 0, 1)
        assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [9]


async def test_a_connection_that_is_lost_before_the_answer_is_a_link_that_is_down(backend: Backend) -> None:
    is_gone = False

    async def answer(request: bytes) -> bytes | None:
        return None if is_gone else reply(request, 7)

    async with odd_server(answer) as port, transport(tcp(port), backend, QUICK) as modbus:
        assert await modbus.read(UNIT, Table.HOLDING, 0, 1) == [7]
        is_gone = True
        with pytest.raises(LinkError, match="lost"):
            await modbus.read(UNIT, Table.HOLDING, 0, 1)


async def test_a_serial_port_that_vanishes_is_a_link_that_is_down(backend: Backend) -> None:
    async def read_until_it_is_noticed() -> None:
        for _ in range(5):
            with suppress(RequestError):  # it may take a time-out until the port is found to be gone
                await modbus.read(UNIT, Table.HOLDING, 3, 1)

    async with pymodbus_rtu() as line, transport(rtu(line), backend, ModbusOptions(timeout=1.0)) as modbus:
        assert await modbus.read(UNIT, Table.HOLDING, 3, 1) == [3]
        line.cut()
        with pytest.raises(LinkError):
            await read_until_it_is_noticed()
