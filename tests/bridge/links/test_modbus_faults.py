"""What a Modbus link makes of devices and lines that misbehave: it learns what is so, and nothing that is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tmodbus.exceptions import ServerDeviceBusyError, SuppressResponseError
from tmodbus.server import RequestContext
from tmodbus.utils.crc import calculate_crc16

from custom_components.fieldbridge.bridge.errors import LinkError, WriteError
from custom_components.fieldbridge.bridge.health.link_status import LinkState
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, RateClass, Table
from custom_components.fieldbridge.bridge.modbus.requests import Failure, RequestError
from custom_components.fieldbridge.bridge.transports.modbus import (
    ModbusOptions,
    ModbusTransport,
    modbus_params,
    own_transport,
)

from ..transports.modbus_servers import UNIT, odd_server, pymodbus_rtu, reply
from .modbus_bus import (
    PATIENCE,
    Bus,
    Running,
    Silences,
    asking,
    impatient_transport,
    number,
    profile,
    running,
    tcp_server,
    within,
    words,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")


class Moody:
    """A bus with one unit that ignores some reads, or has no time for them."""

    def __init__(self) -> None:
        self.bus = Bus(1)
        self.bus.units[1].tables[Table.HOLDING] = {address: address for address in range(300)}
        self.ignored: set[int] = set()
        self.longest = 125
        self.busy = False

    async def __call__(self, unit: int, request: Any) -> Any:
        """Answer as tmodbus' server asks."""
        answer = await self.bus(unit, request)
        if (count := getattr(request, "quantity", None)) is None:
            return answer
        if self.busy:
            raise ServerDeviceBusyError(request.function_code)
        if count > self.longest or self.ignored & set(range(request.start_address, request.start_address + count)):
            raise SuppressResponseError
        return answer

    async def asked(self, run: Running) -> list[tuple[int, int]]:
        """Return what one poll asks for."""
        self.bus.log.clear()
        await run.poll("a")
        return [(seen.address, seen.count) for seen in self.bus.log]


async def test_a_register_that_is_never_answered_is_found_and_left_out() -> None:
    device = Moody()
    device.ignored = {7}
    async with asking(device) as run:
        session = run.add("a", profile(words(*range(10))))
        await run.until(lambda: run.link.status.state is LinkState.UP)
        for _ in range(24):
            await run.poll("a")
        assert session.values == {f"w{address}": None if address == 7 else address for address in range(10)}
        assert run.link.knowledge("a") == {"tables": {}, "refused": {"w7": None}}
        assert await device.asked(run) == [(0, 7), (8, 2)]
        device.bus.log.clear()
        await run.clock.advance(61.0)
        await run.poll("a")
        assert 7 in {seen.address for seen in device.bus.log}


async def test_the_longest_request_that_is_answered_is_learned_from_silence() -> None:
    device = Moody()
    device.longest = 20
    async with asking(device) as run:
        session = run.add("a", profile(words(*range(0, 60, 3))))
        await run.until(lambda: run.link.status.state is LinkState.UP)
        for _ in range(40):
            await run.poll("a")
        assert session.values == {f"w{address}": address for address in range(0, 60, 3)}
        assert max(count for _, count in await device.asked(run)) <= 20


async def test_nothing_is_learned_from_a_device_that_was_away() -> None:
    device = Moody()
    async with asking(device) as run:
        session = run.add("a", profile(words(0, 30, 60, 200)))
        await run.until(lambda: session.available)
        for _ in range(3):
            device.ignored = set(range(300))
            for _ in range(6):
                await run.poll("a")
            assert not session.available
            device.ignored = set()
            await run.poll("a")
            assert session.available
        assert run.link.knowledge("a") == {"tables": {}, "refused": {}}
        assert await device.asked(run) == [(0, 61), (200, 1)]


async def test_a_device_that_is_away_is_asked_for_one_register_at_a_time() -> None:
    device = Moody()
    async with asking(device) as run:
        session = run.add("a", profile(words(0, 30, 60, 200)))
        await run.until(lambda: session.available)
        device.ignored = set(range(300))
        asked = [await device.asked(run) for _ in range(6)]
        assert asked == [[(0, 61)], [(200, 1)], [(60, 1)], [(200, 1)], [(0, 1)], [(30, 1)]]


async def test_a_poll_that_was_asked_for_says_when_nobody_answered() -> None:
    device = Moody()
    async with asking(device) as run:
        session = run.add("a", profile(words(0, 30)))
        await run.until(lambda: session.available)
        device.ignored = {0}
        with pytest.raises(RequestError, match="no answer"):
            await within(run.link.poll_now("a"))


async def test_a_poll_that_was_asked_for_says_when_no_answer_could_be_read() -> None:
    garbles = False

    async def answer(request: bytes) -> bytes:
        count = int.from_bytes(request[10:12])
        return reply(request, *range(count + garbles))

    async with odd_server(answer) as port, running(port) as run:
        session = run.add("a", profile(words(0, 30), device=ModbusDevice(max_gap=0)))
        await run.until(lambda: session.available)
        await within(run.link.poll_now("a"))
        garbles = True
        with pytest.raises(RequestError) as raised:
            await within(run.link.poll_now("a"))
        assert raised.value.failure is Failure.GARBLED
        assert run.link.statistics()["garbled"] == 2


async def test_a_device_that_is_busy_when_it_is_back_is_blamed_for_nothing() -> None:
    device = Moody()

    async def back_but_busy(unit: int, request: Any) -> Any:
        if device.busy and getattr(request, "quantity", 0) > 1:
            raise ServerDeviceBusyError(request.function_code)
        return await device.bus(unit, request) if device.busy else await device(unit, request)

    async with asking(back_but_busy) as run:
        session = run.add("a", profile(words(0, 30)))
        await run.until(lambda: session.available)
        device.ignored = set(range(300))
        for _ in range(3):
            await run.poll("a")
        device.ignored, device.busy = set(), True
        await run.poll("a")
        assert run.link.statistics()["busy"] == 1
        assert run.link.knowledge("a") == {"tables": {}, "refused": {}}


async def test_a_busy_device_is_blamed_for_nothing() -> None:
    device = Moody()
    async with asking(device) as run:
        session = run.add("a", profile(words(0, 30)))
        await run.until(lambda: session.available)
        device.busy = True
        for _ in range(5):
            await run.poll("a")
        device.busy = False
        await run.poll("a")
        assert session.available
        assert run.link.knowledge("a") == {"tables": {}, "refused": {}}


async def test_who_waits_for_a_poll_of_a_device_that_is_changed_is_told() -> None:
    device = Moody()
    async with asking(device) as run:
        session = run.add("a", profile(words(0)))
        await run.until(lambda: session.available)
        polling = asyncio.create_task(run.link.poll_now("a"))
        await asyncio.sleep(0)
        run.add("a", profile(words(1)))
        with pytest.raises(LinkError, match="changed"):
            await within(polling)


async def test_a_connection_that_is_dead_without_saying_so_is_opened_anew() -> None:
    device = Moody()

    class HalfOpen:
        """A gateway that forgot the first connection."""

        forgotten: object = None

        async def __call__(self, unit: int, request: Any, context: RequestContext) -> Any:
            if context.peer_addr == self.forgotten:
                raise SuppressResponseError
            self.last = context.peer_addr
            return await device(unit, request)

    gateway = HalfOpen()
    async with asking(gateway) as run:
        session = run.add("a", profile(words(1, rate=RateClass.FAST), device=ModbusDevice(tolerance=0)))
        await run.until(lambda: session.available)
        gateway.forgotten = gateway.last
        await while_time_passes(run, lambda: not session.available)
        await while_time_passes(run, lambda: session.available)
        assert gateway.last != gateway.forgotten


async def test_a_write_gets_in_between_the_requests_of_a_long_reading() -> None:
    device = Moody()
    gate = device.bus.units[1].gate = asyncio.Event()
    async with tcp_server(device) as port, running(port, options=ModbusOptions(timeout=PATIENCE)) as run:
        session = run.add("a", profile(words(1), writes={"w1": number(register="w1")}))
        run.link.want("a", [])
        reading = asyncio.create_task(run.link.read_registers(1, Table.HOLDING, 0, 300))
        await within(device.bus.seen.wait())
        writing = asyncio.create_task(session.write("w1", 7))
        await asyncio.sleep(0)
        gate.set()
        await within(writing)
        assert len(await within(reading)) == 300
        assert [seen.what for seen in device.bus.log[:2]] == ["read holding", "write one holding"]


@dataclass
class LateLine:
    """A device behind a gateway that passes RTU on; its answers wait until they are released."""

    asked: list[int] = field(default_factory=list)
    """Addresses that were asked for."""
    held: list[bytes] | None = None
    silences: Silences = field(default_factory=Silences)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: asyncio.StreamWriter | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve; yields the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            server.close_clients()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        try:
            while True:
                request = await reader.readexactly(8)
                address = int.from_bytes(request[2:4])
                self.asked.append(address)
                body = request[:2] + b"\2" + address.to_bytes(2)
                answer = body + calculate_crc16(body)
                if self.held is None:
                    writer.write(answer)
                else:
                    self.held.append(answer)
                    self.silences.tell()
                self.news.set()
        except asyncio.IncompleteReadError, ConnectionError:
            writer.close()

    def release(self) -> None:
        """Send what was held."""
        assert self._writer is not None
        for answer in self.held or ():
            self._writer.write(answer)
        self.held = None

    async def until_asked(self, count: int) -> None:
        """Wait until so many requests came."""
        while len(self.asked) < count:
            self.news.clear()
            await within(self.news.wait())


async def test_a_late_answer_is_not_taken_for_the_next_one_where_answers_have_no_numbers() -> None:
    line = LateLine()
    async with line.serving() as port:
        params = modbus_params("rtu_over_tcp", host="127.0.0.1", port=port)
        transport = impatient_transport(params, line.silences, backend="tmodbus")
        async with running(port, transport=transport) as run:
            device = ModbusDevice(max_gap=0)
            session = run.add("a", profile(words(10, 20), device=device, writes={"w10": number(register="w10")}))
            await run.until(lambda: session.available)
            line.held = []
            await run.poll("a")
            assert line.asked == [10, 20, 10]
            polling = asyncio.create_task(run.link.poll_now("a"))
            reading = asyncio.create_task(run.link.read_registers(1, Table.HOLDING, 30, 1))
            await run.clock.advance(transport.options.timeout / 2)
            assert line.asked == [10, 20, 10]
            line.release()
            await run.clock.settle()
            await run.clock.advance(transport.options.timeout)
            assert await within(reading) == [30]
            await within(polling)
            assert session.values == {"w10": 10, "w20": 20}
            assert run.link.statistics()["silent"] == 1


async def test_a_write_that_was_not_answered_is_an_error_and_holds_up_its_unit_only() -> None:
    line = LateLine()
    async with line.serving() as port:
        params = modbus_params("rtu_over_tcp", host="127.0.0.1", port=port)
        transport = impatient_transport(params, line.silences, backend="tmodbus")
        async with running(port, transport=transport) as run:
            session = run.add("a", profile(words(10), writes={"w10": number(register="w10")}))
            await run.until(lambda: session.available)
            line.held = []
            with pytest.raises(WriteError, match="no answer"):
                await within(session.write("w10", 5))
            line.held = None
            assert await within(run.link.read_registers(2, Table.HOLDING, 40, 1)) == [40]


async def while_time_passes(run: Running, done: Callable[[], bool]) -> None:
    """Advance the clock until ``done()``."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            await run.clock.advance(5.0)
            await asyncio.sleep(0.01)  # what comes from the server takes real time


async def test_a_server_that_comes_back_is_polled_again() -> None:
    device = Moody()
    fast = words(1, rate=RateClass.FAST)
    async with tcp_server(device) as port:
        pass
    async with running(port) as run:
        session = run.add("a", profile(fast, device=ModbusDevice(tolerance=0)))
        await run.until(lambda: run.link.status.state is LinkState.DOWN)
        async with tcp_server(device, port):
            await while_time_passes(run, lambda: session.available)
            assert session.value("w1") == 1
        await while_time_passes(run, lambda: not session.available)
        assert run.link.status.state is LinkState.DOWN


@pytest.mark.parametrize("backend", ["pymodbus", "tmodbus"])
async def test_a_serial_port_that_vanishes_and_returns_is_polled_again(backend: Any, tmp_path: Path) -> None:
    port = tmp_path / "adapter"
    options = ModbusOptions(timeout=0.5)
    transport = own_transport(modbus_params("rtu", device=str(port), baudrate=115200), options, backend=backend)
    device = ModbusDevice(unit=UNIT, tolerance=0)
    async with running(0, transport=transport) as run:
        session = run.add("a", profile(words(3, rate=RateClass.FAST), device=device))
        await run.until(lambda: run.link.status.state is LinkState.DOWN)
        for _ in range(2):
            async with pymodbus_rtu() as line:
                port.symlink_to(line.paths[0])
                await while_time_passes(run, lambda: session.available)
                assert session.value("w3") == 3
            port.unlink()
            await while_time_passes(run, lambda: not session.available and run.link.status.state is LinkState.DOWN)


async def test_a_gateway_that_takes_one_client_serves_others_between_our_polls() -> None:
    async def address(request: bytes) -> bytes:
        return reply(request, int.from_bytes(request[8:10]))

    options = ModbusOptions(timeout=1.0, close_after_poll=True)
    async with odd_server(address, clients=1) as port, running(port, options=options) as run:
        session = run.add("a", profile(words(7)))
        await run.until(lambda: session.available)
        for address_of_other in (20, 21):
            other = own_transport(modbus_params("tcp", host="127.0.0.1", port=port), ModbusOptions(timeout=0.5))
            await within(read_until_served(other, address_of_other))
            await other.close()
            before = run.link.statistics()["values"]
            await while_time_passes(run, lambda: run.link.statistics()["values"] > before)  # noqa: B023
        assert session.value("w7") == 7


async def read_until_served(other: ModbusTransport, address: int) -> None:
    """Read as another client does that has to wait until the gateway is free."""
    while True:
        with suppress(LinkError, RequestError):
            assert await other.read(1, Table.HOLDING, address, 1) == [address]
            return
