"""Swinging-door compression: the points from which the signal can be drawn again within a deviation."""

from collections.abc import Callable
import time
from typing import ClassVar, override

from .checks import positive
from .kinds import SKIP, ClockedGate


class SwingingDoor(ClockedGate):
    """Keeps the corners of a signal: straight lines between them miss no sample by more than ``deviation``.

    A corner is known when the sample after it leaves the door, so what comes out is the sample before the last.
    After ``longest`` seconds without a corner the present sample is one.
    """

    __slots__ = ("_anchor", "_before", "_elapsed", "_high", "_low", "deviation", "longest")

    kind: ClassVar[str] = "swinging_door"
    parameters: ClassVar[tuple[str, ...]] = ("deviation", "longest")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_anchor", "_before", "_elapsed", "_low", "_high")

    def __init__(
        self,
        deviation: float,
        longest: float | None = None,
        *,
        missing: str = SKIP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deviation = positive("deviation", deviation)
        self.longest = None if longest is None else positive("longest", longest)
        super().__init__(missing, clock)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._anchor: float | None = None
        self._before = 0.0
        # Seconds from the anchor to the sample before.
        self._elapsed = 0.0
        self._open()

    def _open(self) -> None:
        """Open the door at a new anchor: every slope is possible."""
        self._low: float | None = None
        self._high: float | None = None

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        then = self._now
        now = self._tick(dt)
        if self._anchor is None:
            return self._turn(float(raw), float(raw))
        step = now - then if then is not None else 0.0
        elapsed = self._elapsed + step
        if elapsed <= 0.0:
            self._before = float(raw)
            return None
        low, high = self._slopes(raw, elapsed)
        if low > high:
            # The sample before was the last inside: it is the corner, and the door opens anew from there.
            corner = self._turn(self._before, float(raw))
            self._elapsed = step
            if step > 0.0:
                self._low, self._high = self._slopes(raw, step)
            return corner
        if self.longest is not None and elapsed >= self.longest:
            return self._turn(float(raw), float(raw))
        self._low, self._high, self._before, self._elapsed = low, high, float(raw), elapsed
        return None

    def _slopes(self, raw: float, elapsed: float) -> tuple[float, float]:
        """Return the slopes from the anchor that still miss no sample."""
        anchor = self._anchor or 0.0
        low, high = (raw - self.deviation - anchor) / elapsed, (raw + self.deviation - anchor) / elapsed
        return (
            low if self._low is None else max(self._low, low),
            high if self._high is None else min(self._high, high),
        )

    def _turn(self, corner: float, raw: float) -> float:
        """Make ``corner`` the anchor, seen from the present sample ``raw``."""
        self._value = self._anchor = corner
        self._before = raw
        self._elapsed = 0.0
        self._open()
        return corner
