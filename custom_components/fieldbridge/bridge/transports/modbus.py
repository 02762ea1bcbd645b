"""Modbus requests over a connection that others may share, each under a deadline of its own.

Why an own deadline: the connection is one queue for everybody, and its backend repeats a request that the device
answered with "busy" for a minute while the queue waits. The connection opens itself with the next request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
import importlib
from typing import Literal, Protocol

from modbus_connection import (
    ModbusConnection,
    ModbusConnectionError,
    ModbusError,
    ModbusExceptionError,
    ModbusSerialParams,
    ModbusTcpParams,
    ModbusTlsParams,
    ModbusUdpParams,
)

from ..errors import LinkError
from ..modbus import Table
from ..modbus.requests import Failure, RequestError

DEFAULT_TIMEOUT = 3.0
"""Seconds; cheap gateways need one, a sleeping device behind one two."""
_CONNECT_SECONDS = 10.0
_LINE_SPACING = 0.03
"""Seconds; many adapters and slaves turn around slower than the 3.5 characters of the specification."""
_LOOK_SECONDS = 0.05
"""Between two looks whether the connection is open."""
_MAX_WORDS_WRITTEN = 123
"""By the specification."""


class ModbusUnit(Protocol):
    """What is needed of a unit of modbus-connection, Home Assistant's or an own one."""

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        ...

    async def read_holding_registers(self, address: int, count: int) -> list[int]: ...  # noqa: D102
    async def read_input_registers(self, address: int, count: int) -> list[int]: ...  # noqa: D102
    async def read_coils(self, address: int, count: int) -> list[bool]: ...  # noqa: D102
    async def read_discrete_inputs(self, address: int, count: int) -> list[bool]: ...  # noqa: D102
    async def write_register(self, address: int, value: int) -> None: ...  # noqa: D102
    async def write_registers(self, address: int, values: list[int]) -> None: ...  # noqa: D102
    async def write_coil(self, address: int, value: bool) -> None: ...  # noqa: D102
    async def write_coils(self, address: int, values: list[bool]) -> None: ...  # noqa: D102
    async def read_device_identification(self) -> dict[int, bytes]: ...  # noqa: D102
    def set_message_spacing(self, seconds: float) -> None: ...  # noqa: D102
    def require_timeout(self, seconds: float | None) -> None: ...  # noqa: D102
    def require_connect_delay(self, seconds: float | None) -> None: ...  # noqa: D102
    async def disconnect(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True, slots=True)
class ModbusOptions:
    """What a user may have to say about a link; the defaults suit cheap gateways. All in seconds."""

    timeout: float = DEFAULT_TIMEOUT
    message_spacing: float = 0.0
    connect_delay: float = 0.0
    """Pause after the connection opened."""
    close_after_poll: bool = False
    """For gateways that take one client; only while nobody else holds the connection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identification:
    """What a device says of itself by function 43/14."""

    manufacturer: str | None = None
    model: str | None = None
    version: str | None = None


class ModbusTransport:
    """Requests to the units on one connection.

    ``get_unit`` returns the unit with an id; ``numbered`` says whether answers carry the number of their request, as
    they do on networks and never on serial lines; ``waits_out``: where they do not, silence is told only when no late
    answer can be taken for the next one; ``may_close`` says whether nobody else holds the connection; ``close`` ends it
    for good where it is ours.
    """

    def __init__(
        self,
        get_unit: Callable[[int], ModbusUnit],
        options: ModbusOptions | None = None,
        *,
        baudrate: int | None = None,
        numbered: bool = True,
        waits_out: bool = False,
        may_close: Callable[[], bool] = lambda: True,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.options = options or ModbusOptions()
        self.baudrate = baudrate
        """Of the serial line, None where it is not known."""
        self.numbered = numbered
        self._waits_out = waits_out and not numbered
        self._get_unit = get_unit
        self._may_close = may_close
        self._close = close
        self._units: dict[int, ModbusUnit] = {}
        self._closed = False

    async def read(self, unit_id: int, table: Table, address: int, count: int) -> list[int]:
        """Return ``count`` words or bits. Raises RequestError, LinkError."""
        unit = self._unit(unit_id)
        match table:
            case Table.HOLDING:
                reading: Callable[[int, int], Awaitable[Sequence[int]]] = unit.read_holding_registers
            case Table.INPUT:
                reading = unit.read_input_registers
            case Table.COIL:
                reading = unit.read_coils
            case Table.DISCRETE:
                reading = unit.read_discrete_inputs
        words = await self._ask(unit, reading(address, count))
        if len(words) != count:
            raise RequestError(Failure.GARBLED, f"{len(words)} values instead of {count}")
        return list(words)

    async def write(self, unit_id: int, table: Table, address: int, words: Sequence[int], *, multiple: bool) -> None:
        """Write words or bits, by the function for several ones if ``multiple``. Raises RequestError, LinkError."""
        unit = self._unit(unit_id)
        if not table.is_writable or not 1 <= len(words) <= (1 if not multiple else _MAX_WORDS_WRITTEN):
            raise ValueError(f"{len(words)} values cannot be written to the table {table}")
        if table is Table.COIL:
            bits = [bool(word) for word in words]
            writing = unit.write_coils(address, bits) if multiple else unit.write_coil(address, bits[0])
        else:
            writing = unit.write_registers(address, list(words)) if multiple else unit.write_register(address, words[0])
        await self._ask(unit, writing)

    async def identify(self, unit_id: int) -> Identification | None:
        """Return what the device says of itself, None when it does not know that function. Raises LinkError."""
        unit = self._unit(unit_id)
        try:
            objects = await self._ask(unit, unit.read_device_identification())
        except RequestError:
            return None
        texts = {number: _text(data) for number, data in objects.items()}
        model = texts.get(5) or texts.get(4) or texts.get(1)
        return Identification(manufacturer=texts.get(0), model=model, version=texts.get(2))

    async def give_free(self) -> None:
        """Close the connection until the next request, unless others hold it too."""
        if self._may_close():
            for unit in tuple(self._units.values())[:1]:
                await self._disconnect(unit)

    async def close(self) -> None:
        """End the connection where it is ours, and refuse what still waits to be asked; idempotent."""
        self._closed = True
        self._units.clear()
        if self._close is not None:
            try:
                await self._close()
            except ModbusError, OSError:
                return  # it is gone either way

    def _unit(self, unit_id: int) -> ModbusUnit:
        if self._closed:  # a unit of a shared connection that is taken now would never be given back
            raise LinkError("the link has ended")
        if (unit := self._units.get(unit_id)) is None:
            unit = self._units[unit_id] = self._get_unit(unit_id)
            unit.require_timeout(self.options.timeout)
            unit.set_message_spacing(self.options.message_spacing)
            unit.require_connect_delay(self.options.connect_delay or None)
        return unit

    async def _ask[T](self, unit: ModbusUnit, request: Awaitable[T]) -> T:
        """Wait for a request under the deadline; every foreign error becomes ours here."""
        was_connected, asked_to_stop = unit.connected, _cancellations()
        deadline = asyncio.timeout(self._answer_seconds)
        try:
            if was_connected:
                async with deadline:
                    return await request
            return await self._ask_first(unit, request)
        except (ModbusError, TimeoutError, OSError, ValueError) as err:
            if _cancellations() > asked_to_stop:  # pymodbus makes an error of its own of being cancelled
                raise asyncio.CancelledError from err
            if deadline.expired() and not unit.connected:  # pymodbus waits on for what cannot come any more
                raise LinkError("the connection was lost before the answer") from err
            translated = self._translated(err, connected=was_connected or unit.connected)
            if self._waits_out and isinstance(translated, RequestError) and translated.code is None:
                await asyncio.sleep(self.options.timeout)
            raise translated from err

    @property
    def _answer_seconds(self) -> float:
        """How long a request may take, with the pause that the connection keeps before it."""
        return self.options.timeout + self.options.message_spacing

    def _translated(self, err: Exception, *, connected: bool) -> RequestError | LinkError:
        """Return our error for a foreign one."""
        match err:
            case ModbusExceptionError():
                return RequestError.from_code(None if err.exception_code is None else int(err.exception_code))
            case TimeoutError() if connected:  # ours and the backend's
                return RequestError(Failure.SILENT, f"no answer within {self.options.timeout:g} s")
            case TimeoutError():
                return LinkError(str(err) or "could not connect in time")
            case ModbusConnectionError() | OSError() | ValueError():
                return LinkError(str(err))  # ValueError: the backend refuses a setting of the line
        return RequestError(Failure.GARBLED, str(err))

    async def _ask_first[T](self, unit: ModbusUnit, request: Awaitable[T]) -> T:
        """Wait for a request that has to open the connection first: its own deadline begins when that is open."""
        async with asyncio.timeout(_CONNECT_SECONDS + self.options.connect_delay + self._answer_seconds) as deadline:
            looking = asyncio.create_task(self._shorten_when_open(unit, deadline))
            try:
                return await request
            finally:
                looking.cancel()

    async def _shorten_when_open(self, unit: ModbusUnit, deadline: asyncio.Timeout) -> None:
        while not unit.connected:  # noqa: ASYNC110 - a unit has no event for it
            await asyncio.sleep(_LOOK_SECONDS)
        deadline.reschedule(asyncio.get_running_loop().time() + self._answer_seconds)

    async def _disconnect(self, unit: ModbusUnit) -> None:
        try:
            await unit.disconnect()
        except ModbusError, OSError:
            return  # it is gone either way


type ModbusParams = ModbusTcpParams | ModbusUdpParams | ModbusTlsParams | ModbusSerialParams


def modbus_params(
    transport: Literal["tcp", "udp", "tls", "rtu", "rtu_over_tcp"],
    *,
    host: str = "",
    port: int | None = None,
    device: str = "",
    baudrate: int = 9600,
    bytesize: Literal[7, 8] = 8,
    parity: Literal["N", "E", "O"] = "N",
    stopbits: Literal[1, 2] = 1,
    verify: bool = True,
) -> ModbusParams:
    """Return modbus-connection's description of a link; the same one that Home Assistant shares links by."""
    match transport:
        case "tcp":
            return ModbusTcpParams(host=host, port=port or 502)
        case "udp":
            return ModbusUdpParams(host=host, port=port or 502)
        case "tls":
            return ModbusTlsParams(host=host, port=port or 802, verify=verify, check_hostname=verify)
        case "rtu_over_tcp":
            name = ModbusTcpParams(host=host).host  # as others spell it who share the connection
            address = f"[{name}]" if ":" in name else name
            return ModbusSerialParams(device=f"socket://{address}:{port or 502}", baudrate=115200)
        case "rtu":
            return ModbusSerialParams(
                device=device, baudrate=baudrate, bytesize=bytesize, parity=parity, stopbits=stopbits
            )


def own_transport(
    params: ModbusParams, options: ModbusOptions | None = None, *, backend: Literal["pymodbus", "tmodbus"] = "pymodbus"
) -> ModbusTransport:
    """Return a transport over a connection of our own, for a bridge without Home Assistant. Slow at its first call."""
    module = importlib.import_module(f"modbus_connection.{backend}")
    connection: ModbusConnection = module.ModbusConnection(params)
    return ModbusTransport(
        connection.for_unit,
        options or ModbusOptions(message_spacing=default_spacing(params)),
        baudrate=line_speed(params),
        numbered=is_numbered(params),
        close=connection.close,
    )


def is_numbered(params: ModbusParams) -> bool:
    """Whether answers carry the number of their request; RTU has none, wherever it is sent over."""
    return not isinstance(params, ModbusSerialParams)


def default_spacing(params: ModbusParams) -> float:
    """Return the seconds between two messages that suit cheap adapters and gateways on a serial line."""
    return 0.0 if is_numbered(params) else _LINE_SPACING


def line_speed(params: ModbusParams) -> int | None:
    """Return the baud rate of a serial line, None for a network and what lies behind it."""
    if isinstance(params, ModbusSerialParams) and "://" not in params.device:
        return params.baudrate
    return None


def _cancellations() -> int:
    """Return how often the current task was asked to stop."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _text(data: bytes) -> str | None:
    return data.decode("utf-8", "replace").strip("\0 ") or None
