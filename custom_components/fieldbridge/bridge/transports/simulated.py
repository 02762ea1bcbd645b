"""A link that needs no hardware: signal generators that send JSON frames."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import json
import math
from typing import Literal

from ..clock import SystemClock
from ..codecs.frame import Batch, Frame
from ..errors import LinkError
from ..interfaces import ClockPort
from .counters import TransportCounters

type Waveform = Literal["sine", "sawtooth", "square", "counter", "wander"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One generated value, a pure function of time: two runs give the same curve."""

    key: str
    waveform: Waveform
    period: float = 60.0
    """Seconds of one cycle."""
    low: float = 0.0
    high: float = 1.0
    decimals: int = 2

    def at(self, seconds: float) -> float | bool:
        """Return the value ``seconds`` after the start."""
        phase = seconds / self.period
        match self.waveform:
            case "square":
                return phase % 1.0 < 0.5
            case "counter":
                return round(self.low + phase * (self.high - self.low), self.decimals)
            case "sine":
                share = 0.5 + 0.5 * math.sin(2 * math.pi * phase)
            case "sawtooth":
                share = phase % 1.0
            case "wander":
                # Three incommensurable sines look like drift and never repeat within a day.
                angle = 2 * math.pi * phase
                share = 0.5 + (math.sin(angle) + math.sin(angle * math.e / 2) + math.sin(angle * math.pi)) / 6
        return round(self.low + share * (self.high - self.low), self.decimals)


class SimulatedTransport:
    """Sends one JSON frame with all signals every ``interval`` seconds, on an absolute grid."""

    def __init__(self, signals: tuple[Signal, ...], *, interval: float, clock: ClockPort | None = None) -> None:
        if not interval > 0:
            raise ValueError(f"interval must be positive, got {interval}")
        self.counters = TransportCounters()
        self._signals = signals
        self._interval = interval
        self._clock = clock or SystemClock()
        self._deliver: Callable[[Batch], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None

    def register_callback(self, cb: Callable[[Batch], None]) -> None:
        """Deliver every frame to ``cb``."""
        self._deliver = cb

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """A simulated link is never lost."""

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is to be closed."""

    async def start_scan(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send(), name="simulated link")

    async def stop_scan(self) -> None:
        """Stop sending."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _send(self) -> None:
        start = self._clock.now()
        slot = 0
        while True:
            elapsed = slot * self._interval
            data = json.dumps({signal.key: signal.at(elapsed) for signal in self._signals}).encode()
            self.counters.frames += 1
            self.counters.bytes_received += len(data)
            self._deliver([Frame(self._clock.now(), data)])
            now = self._clock.now()
            # Slots that a busy machine missed are skipped, not sent in a burst.
            slot = max(slot + 1, math.ceil((now - start) / self._interval))
            await self._clock.sleep(start + slot * self._interval - now)
