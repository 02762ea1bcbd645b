"""What does not belong to a signal: single outliers, impossible speeds, values out of range."""

from bisect import bisect_left, insort
from collections import deque
from typing import ClassVar, override

from ..kernels.networks import midpoint
from .checks import limits, non_negative, number, positive, whole
from .kinds import SKIP, GateFilter, MapFilter

MAD_TO_SIGMA = 1.4826
"""Standard deviation of normal noise per median absolute deviation."""


class Hampel(MapFilter):
    """Replaces by the median what lies more than ``threshold`` standard deviations from it.

    The deviation is estimated from the last ``window`` samples by their median absolute deviation, so that outliers do
    not widen it. Deviations up to ``least`` are never outliers: a quantised signal at rest has none at all. With a
    threshold of 0 ``least`` alone decides.
    """

    __slots__ = ("_ordered", "_recent", "least", "threshold", "window")

    kind: ClassVar[str] = "hampel"
    parameters: ClassVar[tuple[str, ...]] = ("window", "threshold", "least")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_recent")

    def __init__(self, window: int = 7, threshold: float = 3.0, least: float = 0.0, *, missing: str = SKIP) -> None:
        self.window = whole("window", window, least=3)
        self.threshold = non_negative("threshold", threshold)
        self.least = non_negative("least", least)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._recent: deque[float] = deque(maxlen=self.window)
        self._ordered: list[float] = []

    @override
    def from_state(self, state: dict[str, object]) -> None:
        super().from_state(state)
        self._ordered = sorted(self._recent)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        recent, ordered = self._recent, self._ordered
        raw = raw + 0.0
        if len(ordered) == self.window:
            del ordered[bisect_left(ordered, recent[0])]
        recent.append(raw)
        insort(ordered, raw)
        median = _middle(ordered)
        spread = MAD_TO_SIGMA * _middle(sorted([abs(value - median) for value in ordered]))
        # Two samples do not say which of them is the outlier.
        outlier = len(ordered) > 2 and abs(raw - median) > max(self.threshold * spread, self.least)
        self._value = y = median if outlier else raw
        return y


class RateLimit(MapFilter):
    """Follows no faster than ``rate`` per second, downwards ``falling`` if given; ``dt`` is the usual interval."""

    __slots__ = ("dt", "falling", "rate")

    kind: ClassVar[str] = "rate_limit"
    parameters: ClassVar[tuple[str, ...]] = ("rate", "dt", "falling")

    def __init__(self, rate: float, dt: float = 1.0, falling: float | None = None, *, missing: str = SKIP) -> None:
        self.rate = positive("rate", rate)
        self.dt = positive("dt", dt)
        self.falling = None if falling is None else positive("falling", falling)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        if (y := self._value) is None:
            self._value = y = float(raw)
            return y
        seconds = self.dt if dt is None else dt
        rise = self.rate * seconds
        fall = rise if self.falling is None else self.falling * seconds
        self._value = y = min(max(float(raw), y - fall), y + rise)
        return y


class Clamp(MapFilter):
    """Brings values into ``low .. high``; either may be left out."""

    __slots__ = ("high", "low")

    kind: ClassVar[str] = "clamp"
    parameters: ClassVar[tuple[str, ...]] = ("low", "high")

    def __init__(self, low: float | None = None, high: float | None = None, *, missing: str = SKIP) -> None:
        self.low, self.high = limits(low, high)
        super().__init__(missing)

    @override
    def history(self) -> list[float] | None:
        return [0.0 if self._value is None else self._value]

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        y = float(raw)
        if self.low is not None and y < self.low:
            y = self.low
        elif self.high is not None and y > self.high:
            y = self.high
        self._value = y
        return y


class RangeReject(GateFilter):
    """Lets through what lies in ``low .. high``; either may be left out."""

    __slots__ = ("high", "low")

    kind: ClassVar[str] = "range_reject"
    parameters: ClassVar[tuple[str, ...]] = ("low", "high")

    def __init__(self, low: float | None = None, high: float | None = None, *, missing: str = SKIP) -> None:
        self.low, self.high = limits(low, high)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        if (self.low is not None and raw < self.low) or (self.high is not None and raw > self.high):
            return None
        self._value = y = float(raw)
        return y


class FilterOut(GateFilter):
    """Drops ``values``, such as what a device sends for an open input; equal means within ``tolerance``."""

    __slots__ = ("tolerance", "values")

    kind: ClassVar[str] = "filter_out"
    parameters: ClassVar[tuple[str, ...]] = ("values", "tolerance")

    def __init__(self, values: list[float], tolerance: float = 0.0, *, missing: str = SKIP) -> None:
        self.values = [number(f"values[{index}]", value) for index, value in enumerate(values)]
        self.tolerance = non_negative("tolerance", tolerance)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        for value in self.values:
            if abs(raw - value) <= self.tolerance:
                return None
        self._value = y = float(raw)
        return y


def _middle(ordered: list[float]) -> float:
    half = len(ordered) >> 1
    return ordered[half] if len(ordered) & 1 else midpoint(ordered[half - 1], ordered[half])
