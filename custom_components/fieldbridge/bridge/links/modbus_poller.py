"""Polls the devices on one Modbus connection: what is due, one request at a time, and writes go first."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..clock import SystemClock
from ..codecs.frame import Batch
from ..errors import LinkError
from ..interfaces import ClockPort
from ..modbus import Table
from ..modbus.device import Image
from ..modbus.planner import Request
from ..modbus.requests import Failure, RequestError
from ..modbus.timing import LineTiming
from ..transports.modbus import ModbusTransport
from .modbus_device import PolledDevice
from .turns import Turns

_KEPT_LATENCY = 0.9
"""What the average latency still counts after one more request."""


@dataclass(slots=True)
class ModbusCounters:
    """Totals since the link was set up; kept over reconnects."""

    requests: int = 0
    values: int = 0
    """Register values that were read."""
    writes: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    exceptions: Counter[int] = field(default_factory=Counter)
    """Refusals by exception code."""
    latency: float = 0.0
    """Seconds from request to answer, a moving average."""

    def as_dict(self) -> dict[str, Any]:
        """Return all counters in one flat dict."""
        return {
            "requests": self.requests,
            "values": self.values,
            "writes": self.writes,
            **{str(failure): self.failures[failure] for failure in Failure},
            "exceptions": {str(code): count for code, count in sorted(self.exceptions.items())},
            "latency_ms": round(self.latency * 1000, 1),
        }

    def failed(self, error: RequestError) -> None:
        """Count a request that gave no values."""
        self.failures[error.failure] += 1
        if error.code is not None:
            self.exceptions[error.code] += 1


class _Read(NamedTuple):
    """What became of a request."""

    whole: bool
    """All of it was read at once or in halves, none of which was refused."""
    answered: bool
    """The device answered at all."""


class ModbusPoller:
    """The port of a Modbus link: open, it polls until the link is lost. The stream runner opens it again.

    ``on_image`` sees what every request read.
    """

    def __init__(self, transport: ModbusTransport, on_image: Callable[[float, Image], None]) -> None:
        self.counters = ModbusCounters()
        self.devices: dict[str, PolledDevice] = {}
        self._turns = Turns()
        self.clock: ClockPort = SystemClock()
        self.timing = LineTiming(transport.baudrate)
        self._transport = transport
        self._on_image = on_image
        self._on_loss: Callable[[LinkError], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._polled: dict[PolledDevice, list[asyncio.Future[None]]] = {}
        self._settled_at: dict[int, float] = {}
        """By unit: until when, monotonic seconds, a late answer to its last request may come."""
        self._all_silent = False
        """No device answered its last two polls."""

    async def open(self) -> None:
        """Ask every device once. Raises LinkError; a device that does not answer is no lost link."""
        for device in tuple(self.devices.values()):
            device.reconnected()
            device.ask_now(self.clock.now())
            await self._poll(device)

    async def start_scan(self) -> None:
        """Begin to poll."""
        self._task = asyncio.create_task(self._run())

    async def stop_scan(self) -> None:
        """End polling; a request that is under way is given up."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def close(self) -> None:
        """Do nothing: a Modbus connection is left to whoever else uses it, and opens itself again."""

    def register_callback(self, cb: Callable[[Batch], None]) -> None:
        """Ignore ``cb``: values go to their sessions at the end of a poll, images to ``on_image``."""

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """Call ``cb`` when a request finds the link down."""
        self._on_loss = cb

    def remove(self, device_id: str) -> None:
        """Forget a device; unknown ids are ignored."""
        if (device := self.devices.pop(device_id, None)) is not None:
            self._tell_polled(device, LinkError("the device was changed or removed"))

    def wake(self) -> None:
        """Look again what is due."""
        self._wake.set()

    @asynccontextmanager
    async def turn(self, unit: int, *, urgent: bool = False) -> AsyncIterator[None]:
        """Take a turn on the link for requests to a unit; what a person waits for is urgent.

        Where answers have no numbers, a late one of the unit has to pass before; others are not kept waiting by that.
        """
        while True:
            if (seconds := self._settled_at.get(unit, 0.0) - self.clock.now()) > 0:
                await self.clock.sleep(seconds)
            async with self._turns.urgent() if urgent else self._turns.patient():
                if self._settled_at.get(unit, 0.0) <= self.clock.now():
                    yield
                    return

    def failed(self, unit: int, error: RequestError) -> None:
        """Count a request without values; where answers have no numbers, a late one has to pass before the next."""
        self.counters.failed(error)
        if not self._transport.numbered and error.code is None:
            self._settled_at[unit] = self.clock.now() + self._transport.options.timeout

    async def poll_now(self, device: PolledDevice) -> None:
        """Read everything of a device as soon as possible. Raises RequestError for no answer, LinkError if down."""
        if self._task is None or self._task.done():
            raise LinkError("the link is down")
        if not any(device.by_rate.values()):
            return  # nobody wants anything of it
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._polled.setdefault(device, []).append(done)
        device.ask_now(self.clock.now())
        self._wake.set()
        await done

    async def read_long(self, unit: int, table: Table, address: int, count: int) -> list[int]:
        """Read what may be longer than one request; writes get in between. Raises RequestError, LinkError."""
        words: list[int] = []
        while len(words) < count:
            part = min(count - len(words), table.max_count)
            async with self.turn(unit, urgent=True):
                words += await self.read(unit, table, address + len(words), part)
        return words

    async def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                device = min(self.devices.values(), key=self._next_poll, default=None)
                seconds = self._next_poll(device) - self.clock.now() if device else float("inf")
                if device is None or seconds > 0:
                    await self._rest()
                    await self._pause(seconds)
                    continue
                await self._poll(device)
        except LinkError as err:
            self._on_loss(err)
        finally:
            for device in tuple(self._polled):
                self._tell_polled(device, LinkError("the link is down"))

    def _next_poll(self, device: PolledDevice) -> float:
        return max(device.next_poll, self._settled_at.get(device.settings.unit, 0.0))

    def _tell_polled(
        self, device: PolledDevice, error: LinkError | RequestError | None = None, *, count: int | None = None
    ) -> None:
        """Tell those who asked for a poll of a device, or the first ``count`` of them."""
        waiting = self._polled.pop(device, [])
        if count is not None and waiting[count:]:
            self._polled[device] = waiting[count:]
        for done in waiting[:count]:
            if done.done():
                continue  # whoever waited has gone
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    async def _rest(self) -> None:
        """Give the connection free until something is due, where that is wanted or it may be dead without saying so."""
        if self._transport.options.close_after_poll or self._all_silent:
            self._all_silent = False
            async with self._turns.patient():
                await self._transport.give_free()

    async def _pause(self, seconds: float) -> None:
        """Wait until something is due, or ``wake``."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wake.wait())]
        if seconds < float("inf"):
            waits.append(asyncio.ensure_future(self.clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _poll(self, device: PolledDevice) -> None:
        """Read what is due of one device. Raises LinkError; whatever was read before is told."""
        asked = len(self._polled.get(device, ()))  # who asks from now on wants what is read from now on
        due, requests = device.begin(self.clock.now())
        answered, failure = False, None
        try:
            if (knock := device.knock(requests)) is not None:
                answered = (await self._try(device, knock, alive=False)).answered
            for request in requests:
                answered |= (await self._read(device, request, alive=answered)).answered
        except RequestError as err:  # another request would only cost another time-out, or get the answer to this one
            failure = err
        except LinkError:
            device.finish(due, self.clock.now(), answered=answered, failed=False)
            raise
        read = device.finish(due, self.clock.now(), answered=answered, failed=failure is not None)
        self.counters.values += read
        self._all_silent = failure is not None and all(each.failures > 1 for each in self.devices.values())
        if answered or not requests:
            self._tell_polled(device, count=asked)
        else:
            self._tell_polled(device, failure or RequestError(Failure.GARBLED, "no answer could be read"))

    async def _read(self, device: PolledDevice, request: Request, *, alive: bool) -> _Read:
        """Read a request, or its halves where it is never answered as a whole; ``alive``: the device is there."""
        halves = device.planner.halves(request) if device.is_suspicious(request) else []
        if not halves:
            return await self._try(device, request, alive=alive)
        result = await self._read_halves(device, halves, alive=alive)
        if not result.whole:
            return result
        try:  # the device may only have been away
            return await self._try(device, request, alive=True)
        except RequestError as err:
            if err.failure is not Failure.BUSY:
                device.unanswered.pop(request)
                device.planner.never_answered(request, halves)
            raise

    async def _try(self, device: PolledDevice, request: Request, *, alive: bool) -> _Read:
        try:
            async with self.turn(device.settings.unit):
                before = self.clock.now()
                words = await self.read(device.settings.unit, request.table, request.address, request.count)
                device.store(request, words)
            device.planner.succeeded(request, self.clock.now() - before)
        except RequestError as err:
            match err.failure:
                case Failure.REFUSED:
                    halves = device.planner.refused(request, self.clock.now(), err.code)
                    if (await self._read_halves(device, halves, alive=True)).whole:
                        device.planner.both_halves_answered(request, halves, err.code)
                    return _Read(whole=False, answered=True)
                case Failure.GARBLED if self._transport.numbered:
                    return _Read(whole=False, answered=False)
                case Failure.BUSY:
                    raise
            device.unanswered[request] += 1
            if alive and not device.planner.halves(request):
                device.planner.refused(request, self.clock.now())
            raise
        return _Read(whole=True, answered=True)

    async def _read_halves(self, device: PolledDevice, halves: Sequence[Request], *, alive: bool) -> _Read:
        whole, answered = bool(halves), False
        for half in sorted(halves, key=device.unanswered.__getitem__):
            result = await self._read(device, half, alive=alive or answered)
            whole, answered = whole and result.whole, answered or result.answered
        return _Read(whole, answered)

    async def read(self, unit: int, table: Table, address: int, count: int) -> list[int]:
        """Read with one request, counted and shown. The caller has the turn. Raises RequestError, LinkError."""
        counters, before = self.counters, self.clock.now()
        counters.requests += 1
        try:
            words = await self._transport.read(unit, table, address, count)
        except RequestError as err:
            self.failed(unit, err)
            raise
        now = self.clock.now()
        counters.latency += (now - before - counters.latency) * (1 - _KEPT_LATENCY if counters.latency else 1)
        self._on_image(now, Image(unit, table, address, words))
        return words
