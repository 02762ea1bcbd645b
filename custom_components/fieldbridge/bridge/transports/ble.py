"""Bluetooth LE: what one peripheral notifies and what is read from it, as messages or as one byte stream."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..clock import SystemClock
from ..codecs.characteristics import ServiceInfo, message
from ..codecs.frame import Batch, Frame
from ..codecs.framing import Framer, FramingCounters
from ..errors import LinkError
from ..interfaces import ClockPort
from .ble_peripheral import Peripheral, PeripheralFinder, connect
from .counters import TransportCounters

_COLLECT = 10.0
"""Seconds that a short connection waits for a message of every subscribed characteristic."""
_REST = 5.0
"""Seconds between two connections to a device that sleeps: after the first it may be saying goodbye."""
_PATIENCE = 3
"""Connections in a row to a sleeping device that may fail: it may go back to sleep while it is connected."""
FRAME_PAUSE = 0.1
"""Seconds without a notification at the start, after which the first one begins a frame: the pieces of a frame come
at the connection interval, which is shorter with devices that stream."""


class Connecting(StrEnum):
    """When the connection, and with it a slot of the adapter or proxy, is held."""

    ALWAYS = "always"
    RATE = "rate"
    """Connect every ``interval`` seconds, take one value of everything, let go: for devices on batteries."""
    SEEN = "seen"
    """Connect whenever the device shows itself and stay until it goes: for scales and others that sleep."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BleSettings:
    """What is done with a peripheral; characteristics are named by reference (``2a37``)."""

    notify: Sequence[str] = ()
    read: Mapping[str, float] = field(default_factory=dict)
    """Reference to seconds between two readings."""
    send: str = ""
    """Where the bytes of a stream are written; empty: nowhere."""
    start: Sequence[tuple[str, bytes]] = ()
    """Written on every connection, in order, once the notifications are on."""
    pair: bool = False
    connecting: Connecting = Connecting.ALWAYS
    interval: float = 600.0
    """Seconds between two connections, for ``RATE``."""


class BleTransport:
    """Delivers the values of one peripheral.

    With a ``framer`` all notifications are one byte stream; without, each value is a message of its characteristic.
    """

    def __init__(
        self,
        finder: PeripheralFinder,
        settings: BleSettings,
        framer: Framer | None = None,
        *,
        clock: ClockPort | None = None,
    ) -> None:
        self.settings = settings
        self.counters = TransportCounters(framing=framer.counters if framer else FramingCounters())
        self._finder = finder
        self._framer = framer
        self._clock = clock or SystemClock()
        self._deliver: Callable[[Batch], None] = _discard
        self._on_bytes: Callable[[bytes], None] | None = None
        self._report_loss: Callable[[LinkError], None] = _discard
        self._peripheral: Peripheral | None = None
        self._work: asyncio.Task[None] | None = None
        self._was_cut = False
        self._silence: asyncio.TimerHandle | None = None
        """Ends a frame by silence, for framers to which a pause is an end."""
        self._awaited: set[str] = set()
        """Characteristics of which a short connection still waits for a message."""
        self._all_came = asyncio.Event()

    def register_callback(self, cb: Callable[[Batch], None]) -> None:
        """Deliver the frames of every value to ``cb``."""
        self._deliver = cb

    def register_bytes_callback(self, cb: Callable[[bytes], None]) -> None:
        """Show every value to ``cb`` as well, before framing."""
        self._on_bytes = cb

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """Call ``cb`` once with the reason when the open link is lost."""
        self._report_loss = cb

    async def open(self) -> None:
        """Connect, unless that waits until the device is seen. Raises LinkError that says why not."""
        if self.settings.connecting is not Connecting.SEEN:
            self._peripheral = await connect(self._finder, pair=self.settings.pair)

    async def start_scan(self) -> None:
        """Subscribe, write what starts the device, and begin to read. Raises LinkError."""
        match self.settings.connecting:
            case Connecting.ALWAYS if self._peripheral is not None:
                try:
                    await self._start(self._peripheral)
                except LinkError:
                    await self.close()
                    raise
                self._begin(self._stay_for_ever)
            case Connecting.RATE:
                self._begin(self._visit_for_ever)
            case Connecting.SEEN:
                self._begin(self._meet_for_ever)

    async def stop_scan(self) -> None:
        """Stop to deliver."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        work, self._work = self._work, None
        if work is not None and work is not asyncio.current_task():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def close(self) -> None:
        """Disconnect and wait until the slot is free; idempotent."""
        await self.stop_scan()
        if self._framer is not None:
            self._framer.reset(mid_frame=False)
        peripheral, self._peripheral = self._peripheral, None
        if peripheral is not None:
            await peripheral.disconnect()

    @property
    def services(self) -> tuple[ServiceInfo, ...]:
        """What the peripheral offers, empty while it is not connected."""
        return self._peripheral.services if self._peripheral else ()

    async def write(self, reference: str, data: bytes, *, response: bool | None = None) -> None:
        """Write a value; ``response`` None leaves it to the characteristic. Raises LinkError."""
        if self._peripheral is None:
            raise LinkError(f"{self._finder.name} is not connected now")
        await self._peripheral.write(reference, data, response=response)

    async def send(self, data: bytes) -> None:
        """Write the bytes of a stream. Raises LinkError."""
        if not self.settings.send:
            raise LinkError(f"{self._finder.name}: no characteristic takes what is sent")
        await self.write(self.settings.send, data)

    # ---- one connection ----

    async def _start(self, peripheral: Peripheral) -> None:
        """Subscribe and write what starts the device. Raises LinkError."""
        subscribed_at = self._clock.now()
        # The rest of a frame that a lost connection cut must not look like a whole one.
        may_be_cut = not self._was_cut
        if self._framer is not None:
            self._framer.reset(mid_frame=self._was_cut)
        self._was_cut = False

        def received(reference: str, data: bytes) -> None:
            nonlocal may_be_cut
            now = self._clock.now()
            if may_be_cut and self._framer is not None and now - subscribed_at < FRAME_PAUSE:
                self._framer.reset(mid_frame=True)
            may_be_cut = False
            self._received(reference, data, now)

        for reference in self.settings.notify:
            await peripheral.subscribe(reference, received)
        for reference, data in self.settings.start:
            await peripheral.write(reference, data)

    async def _stay(self, peripheral: Peripheral) -> None:
        """Read on the rates until the connection has ended. Raises LinkError."""
        due = dict.fromkeys(self.settings.read, self._clock.now())
        while not peripheral.gone.done():
            if not due:
                await asyncio.wait([peripheral.gone])
                continue
            reference = min(due, key=due.__getitem__)
            if not await self._sleep(due[reference] - self._clock.now(), peripheral.gone):
                self._received(reference, await peripheral.read(reference), self._clock.now())
                due[reference] = self._clock.now() + self.settings.read[reference]

    async def _visit(self, peripheral: Peripheral) -> None:
        """Take one value of everything. Raises LinkError, also when not one came."""
        frames = self.counters.frames
        self._awaited = set(self.settings.notify)
        self._all_came.clear()
        await self._start(peripheral)
        for reference in self.settings.read:
            self._received(reference, await peripheral.read(reference), self._clock.now())
        if self._awaited:
            all_came = asyncio.ensure_future(self._all_came.wait())
            try:
                await self._sleep(_COLLECT, peripheral.gone, all_came)
            finally:
                all_came.cancel()
        if self.counters.frames == frames:
            raise LinkError(f"{self._finder.name} sent nothing within {_COLLECT:g} s")

    # ---- the three ways to connect; each is one task that ends by LinkError ----

    async def _stay_for_ever(self) -> None:
        if self._peripheral is not None:
            await self._stay(self._peripheral)
        self._was_cut = True
        raise LinkError(f"{self._finder.name}: the connection was lost")

    async def _visit_for_ever(self) -> None:
        while True:
            visited_at = self._clock.now()
            # The first connection is the one that was opened.
            peripheral = self._peripheral = self._peripheral or await connect(self._finder, pair=self.settings.pair)
            await self._use(peripheral, self._visit)
            await self._clock.sleep(max(visited_at + self.settings.interval - self._clock.now(), 1.0))

    async def _meet_for_ever(self) -> None:
        failures = 0
        while True:
            await self._finder.wait_seen()
            try:
                peripheral = self._peripheral = await connect(self._finder, pair=self.settings.pair)
                await self._use(peripheral, self._listen)
                failures = 0
            except LinkError:
                failures += 1
                if failures >= _PATIENCE:
                    raise
            await self._clock.sleep(_REST)

    async def _listen(self, peripheral: Peripheral) -> None:
        await self._start(peripheral)
        await self._stay(peripheral)

    async def _use(self, peripheral: Peripheral, work: Callable[[Peripheral], Coroutine[Any, Any, None]]) -> None:
        """Do ``work`` and free the slot, whatever happens."""
        try:
            await work(peripheral)
        finally:
            self._peripheral = None
            await peripheral.disconnect()

    # ---- what they share ----

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def until_it_fails() -> None:
            try:
                await work()
            except LinkError as err:
                self._report_loss(err)

        self._work = asyncio.get_running_loop().create_task(until_it_fails(), name=f"ble {self._finder.name}")

    async def _sleep(self, seconds: float, *ends: asyncio.Future[Any]) -> bool:
        """Sleep by the clock, no longer than until one of ``ends`` is done; returns whether one was."""
        sleeping = asyncio.ensure_future(self._clock.sleep(max(seconds, 0.0)))
        try:
            await asyncio.wait([sleeping, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
        return any(end.done() for end in ends)

    def _received(self, reference: str, data: bytes, now: float) -> None:
        self.counters.bytes_received += len(data)
        if self._on_bytes is not None:
            self._on_bytes(data)
        if self._framer is None:
            self._hand_over(reference, [message(reference, data)], now)
            return
        self._hand_over(reference, self._framer.feed(data, now), now)
        if self._framer.gap is not None:
            if self._silence is not None:
                self._silence.cancel()
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(self._framer.gap, self._end_by_silence, self._framer, reference)

    def _end_by_silence(self, framer: Framer, reference: str) -> None:
        self._hand_over(reference, framer.flush(), self._clock.now())

    def _hand_over(self, reference: str, frames: list[bytes], now: float) -> None:
        if not frames:
            return
        self.counters.frames += len(frames)
        self._deliver([Frame(now, frame) for frame in frames])
        self._awaited.discard(reference)
        if not self._awaited:
            self._all_came.set()


def _discard(_: object) -> None:
    """Nobody listens yet."""
