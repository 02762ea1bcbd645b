"""Simulated units behind tmodbus' server, with the faults of real ones, and a running link to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import wraps
import importlib
from typing import Any, Literal, cast

from tmodbus.exceptions import ServerDeviceBusyError, SuppressResponseError, error_code_to_exception_map
from tmodbus.pdu import (
    ReadCoilsPDU,
    ReadDiscreteInputsPDU,
    ReadHoldingRegistersPDU,
    ReadInputRegistersPDU,
    WriteMultipleCoilsPDU,
    WriteSingleCoilPDU,
    WriteSingleRegisterPDU,
)
from tmodbus.server import AsyncTcpServer

from custom_components.fieldbridge.bridge.channels import (
    Channel,
    DeviceProfile,
    DeviceSession,
    ValueKind,
    Write,
    WriteControl,
)
from custom_components.fieldbridge.bridge.links.modbus_link import ModbusLink
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, Register, RegisterDecoder, RegisterType, Table
from custom_components.fieldbridge.bridge.modbus.requests import RequestError
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.modbus import (
    ModbusOptions,
    ModbusParams,
    ModbusTransport,
    ModbusUnit,
    is_numbered,
    modbus_params,
    own_transport,
)

PATIENCE = 10.0
"""Seconds until a test gives up; reached only when something is broken."""

_READS: dict[type, Table] = {
    ReadDiscreteInputsPDU: Table.DISCRETE,
    ReadCoilsPDU: Table.COIL,
    ReadInputRegistersPDU: Table.INPUT,
    ReadHoldingRegistersPDU: Table.HOLDING,
}


@dataclass(frozen=True)
class Seen:
    """One request that reached the bus."""

    unit: int
    what: str
    address: int
    count: int


@dataclass
class Unit:
    """What a unit holds, and how it misbehaves."""

    tables: dict[Table, dict[int, int]] = field(default_factory=lambda: {table: {} for table in Table})
    bad: set[int] = field(default_factory=set)
    silent: bool = False
    busy: bool = False
    limit: int = 125
    gate: asyncio.Event | None = None
    """Reads wait for it."""


class Bus:
    """Handles requests as tmodbus' server hands them over."""

    def __init__(self, *units: int) -> None:
        self.units = {number: Unit() for number in units}
        self.log: list[Seen] = []
        self.seen = asyncio.Event()

    async def __call__(self, unit_id: int, request: Any) -> Any:
        """Answer, or raise what makes the server answer with an exception or not at all."""
        unit = self.units[unit_id]
        if (table := _READS.get(type(request))) is not None:
            return await self._read(unit_id, unit, table, request.start_address, request)
        return self._write(unit_id, unit, request)

    async def _read(self, unit_id: int, unit: Unit, table: Table, address: int, request: Any) -> list[int]:
        self._note(unit_id, f"read {table}", address, request.quantity)
        if unit.gate is not None:
            await unit.gate.wait()
        self._misbehave(unit, request, address, request.quantity)
        held = unit.tables[table]
        values = [held.get(each, 0) for each in range(address, address + request.quantity)]
        return [bool(value) for value in values] if table.is_bits else values

    def reads(self) -> list[Seen]:
        """Return the reads so far."""
        return [seen for seen in self.log if seen.what.startswith("read")]

    def _write(self, unit_id: int, unit: Unit, request: Any) -> Any:
        single = isinstance(request, WriteSingleRegisterPDU | WriteSingleCoilPDU)
        table = Table.COIL if isinstance(request, WriteSingleCoilPDU | WriteMultipleCoilsPDU) else Table.HOLDING
        address = request.address if single else request.start_address
        values = [request.value] if single else list(request.values)
        self._note(unit_id, f"write {'one' if single else 'several'} {table}", address, len(values))
        self._misbehave(unit, request, address, len(values))
        unit.tables[table].update({address + index: int(value) for index, value in enumerate(values)})
        return values[0] if single else len(values)

    def _misbehave(self, unit: Unit, request: Any, address: int, count: int) -> None:
        if unit.silent:
            raise SuppressResponseError
        if unit.busy:
            raise ServerDeviceBusyError(request.function_code)
        if count > unit.limit:
            raise error_code_to_exception_map[3](request.function_code)
        if unit.bad & set(range(address, address + count)):
            raise error_code_to_exception_map[2](request.function_code)

    def _note(self, *seen: Any) -> None:
        self.log.append(Seen(*seen))
        self.seen.set()


@asynccontextmanager
async def tcp_server(handler: Any, port: int = 0) -> AsyncIterator[int]:
    """Serve a bus; yields the port."""
    server = await asyncio.start_server(AsyncTcpServer("127.0.0.1", handler).handle_client, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()


def words(*addresses: int, **more: Any) -> dict[str, Register]:
    """Return holding registers called w and their address."""
    return {f"w{address}": Register(address=address, **more) for address in addresses}


def number(**target: object) -> Write:
    """Return how a register is set to a number."""
    return Write(control=WriteControl.NUMBER, maximum=65535, target=target)


def profile(
    registers: Mapping[str, Register],
    *,
    device: ModbusDevice | None = None,
    writes: Mapping[str, Write] | None = None,
    **channel: Any,
) -> DeviceProfile:
    """Return a profile with one channel per register."""
    decoder = RegisterDecoder(registers=registers, device=device or ModbusDevice())
    channels = tuple(
        Channel(
            key=name,
            name=name,
            source=name,
            kind=ValueKind.BINARY if register.type is RegisterType.BIT else ValueKind.NUMBER,
            write=(writes or {}).get(name),
            **channel,
        )
        for name, register in registers.items()
    )
    return DeviceProfile(decoder=decoder, channels=channels)


class Running:
    """A running link by the clock of the test, and what happens to it."""

    def __init__(self, link: ModbusLink, clock: ManualClock) -> None:
        self.link = link
        self.clock = clock
        self._news = asyncio.Event()
        link.on_frames(lambda _: self._news.set())
        link.on_status(lambda _: self._news.set())

    def add(self, name: str, description: DeviceProfile) -> DeviceSession:
        """Begin a device."""
        session = self.link.set_device(name, description)
        session.on_availability(self._news.set)
        for channel in description.channels:
            session.on_value(channel.key, lambda _: self._news.set())
        return session

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until ``done()`` after anything that happens. Raises TimeoutError when it never is."""
        async with asyncio.timeout(PATIENCE):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def poll(self, name: str) -> None:
        """Read everything of a device now, or try to."""
        async with asyncio.timeout(PATIENCE):
            with suppress(RequestError):
                await self.link.poll_now(name)


@asynccontextmanager
async def running(
    port: int, *, options: ModbusOptions | None = None, transport: ModbusTransport | None = None
) -> AsyncIterator[Running]:
    """Run a link to a server on this machine."""
    link = ModbusLink("bus", transport or own_transport(modbus_params("tcp", host="127.0.0.1", port=port), options))
    clock, shutdown = ManualClock(), asyncio.Event()
    run = Running(link, clock)
    task = asyncio.create_task(link.run(shutdown, clock=clock))
    try:
        yield run
    finally:
        shutdown.set()
        async with asyncio.timeout(PATIENCE):
            await task


class Silences:
    """Tells a client at once that a server will not answer: a time-out short enough to wait for fails busy machines."""

    def __init__(self) -> None:
        self._asking: set[asyncio.Future[None]] = set()

    def seen_by(self, handler: Any) -> Any:
        """Return the handler of a server whose silences are told."""

        @wraps(handler)
        async def handle(*request: Any) -> Any:
            try:
                return await handler(*request)
            except SuppressResponseError:
                self.tell()
                raise

        return handle

    def tell(self) -> None:
        """Nobody who is asking now gets an answer in time."""
        for asking in self._asking:
            asking.set_result(None)
        self._asking.clear()

    async def told[T](self, answer: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer. Raises TimeoutError when there will be none."""
        asking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking.add(asking)
        answering = asyncio.ensure_future(answer)
        try:
            await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
            raise TimeoutError
        finally:
            self._asking.discard(asking)
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)  # pymodbus makes an error of being cancelled


class _ImpatientUnit:
    """A unit of a real connection; waits for no answer that will not come."""

    def __init__(self, unit: ModbusUnit, silences: Silences) -> None:
        self._unit = unit
        self._silences = silences

    def __getattr__(self, name: str) -> Any:
        """Return what the unit has; its requests end when the server lets them go unanswered."""
        of_unit = getattr(self._unit, name)
        if not name.startswith(("read_", "write_")):
            return of_unit
        return lambda *request: self._silences.told(of_unit(*request))


def impatient_transport(
    params: ModbusParams, silences: Silences, *, backend: Literal["pymodbus", "tmodbus"] = "pymodbus"
) -> ModbusTransport:
    """Return a transport whose requests end as after a time-out, but at once, when a silence is told."""
    connection = importlib.import_module(f"modbus_connection.{backend}").ModbusConnection(params)
    return ModbusTransport(
        lambda unit: cast(ModbusUnit, _ImpatientUnit(connection.for_unit(unit), silences)),
        ModbusOptions(timeout=PATIENCE),
        numbered=is_numbered(params),
        close=connection.close,
    )


@asynccontextmanager
async def asking(handler: Any) -> AsyncIterator[Running]:
    """Run a link to a server on this machine that may leave requests without an answer."""
    silences = Silences()
    async with tcp_server(silences.seen_by(handler)) as port:
        transport = impatient_transport(modbus_params("tcp", host="127.0.0.1", port=port), silences)
        async with running(port, transport=transport) as run:
            yield run


async def within[T](awaitable: Awaitable[T]) -> T:
    """Wait, but not for ever."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable
