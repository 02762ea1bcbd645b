"""Savitzky-Golay smoothing: the value of a polynomial that was fitted to the last samples."""

from collections import deque
from fractions import Fraction
import math
from typing import ClassVar, override

from .checks import whole
from .kinds import SKIP, MapFilter
from .least_squares import fit


class SavitzkyGolay(MapFilter):
    """Polynomial of ``degree`` through the last ``window`` samples, read ``delay`` samples before the newest.

    The default delay is the middle of the window, where the noise is least; 0 follows without delay and passes more
    noise. Until the window is full the raw value is given.
    """

    __slots__ = ("_recent", "_weights", "degree", "delay", "window")

    kind: ClassVar[str] = "savitzky_golay"
    parameters: ClassVar[tuple[str, ...]] = ("window", "degree", "delay")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_recent")

    def __init__(self, window: int, degree: int = 2, delay: int | None = None, *, missing: str = SKIP) -> None:
        self.window = whole("window", window, least=3, most=501)
        self.degree = whole("degree", degree, least=0, most=6)
        if self.degree >= self.window:
            raise ValueError(f"degree must be below window, got {degree} and {window}")
        self.delay = (self.window - 1) // 2 if delay is None else whole("delay", delay, least=0, most=self.window - 1)
        self._weights = smoothing_weights(self.window, self.degree, self.delay)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._recent: deque[float] = deque(maxlen=self.window)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        recent = self._recent
        recent.append(raw)
        y = math.sumprod(self._weights, recent) if len(recent) == self.window else float(raw)
        self._value = y
        return y


def smoothing_weights(window: int, degree: int, delay: int) -> list[float]:
    """Return the weight of each sample, oldest first, in the fitted polynomial's value ``delay`` before the newest.

    The fit is linear in the samples: the weight of one is what the fit makes of a series that is 1 there and else 0.
    Counted from the place that is read, the value is the constant term.
    """
    places = [Fraction(i - (window - 1 - delay)) for i in range(window)]
    return fit(places, degree, row=0)
