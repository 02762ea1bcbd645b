"""Sliding windows: least, greatest, quantile and mean of the last samples, mean over the last seconds."""

from bisect import bisect_left, insort
from collections import deque
import math
from typing import ClassVar, override

from .checks import between, positive, whole
from .kinds import SKIP, MapFilter


class _OrderedWindow(MapFilter):
    """Keeps the last ``window`` samples in order of their values."""

    __slots__ = ("_ordered", "_recent", "window")

    parameters: ClassVar[tuple[str, ...]] = ("window",)
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_recent")

    def __init__(self, window: int, *, missing: str = SKIP) -> None:
        self.window = whole("window", window)
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

    def _enter(self, raw: float) -> list[float]:
        """Let a sample into the window and return the window's values in order."""
        recent, ordered = self._recent, self._ordered
        raw = raw + 0.0
        if len(ordered) == self.window:
            del ordered[bisect_left(ordered, recent[0])]
        recent.append(raw)
        insort(ordered, raw)
        return ordered


class SlidingMin(_OrderedWindow):
    """Least of the last ``window`` samples."""

    __slots__ = ()
    kind: ClassVar[str] = "min"

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        self._value = y = self._enter(raw)[0]
        return y


class SlidingMax(_OrderedWindow):
    """Greatest of the last ``window`` samples."""

    __slots__ = ()
    kind: ClassVar[str] = "max"

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        self._value = y = self._enter(raw)[-1]
        return y


class SlidingQuantile(_OrderedWindow):
    """Nearest-rank quantile (0 < quantile <= 1) of the last ``window`` samples: always one of them."""

    __slots__ = ("quantile",)
    kind: ClassVar[str] = "quantile"
    parameters: ClassVar[tuple[str, ...]] = ("window", "quantile")

    def __init__(self, window: int, quantile: float = 0.9, *, missing: str = SKIP) -> None:
        self.quantile = between("quantile", quantile, 0.0, 1.0)
        super().__init__(window, missing=missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        ordered = self._enter(raw)
        self._value = y = ordered[math.ceil(len(ordered) * self.quantile) - 1]
        return y


class SlidingMean(MapFilter):
    """Mean of the last ``window`` samples, rounded once: nothing of an old sample stays behind."""

    __slots__ = ("_recent", "window")
    kind: ClassVar[str] = "mean"
    parameters: ClassVar[tuple[str, ...]] = ("window",)
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_recent")

    def __init__(self, window: int, *, missing: str = SKIP) -> None:
        self.window = whole("window", window)
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
        self._value = y = mean(recent)
        return y


class TimeMean(MapFilter):
    """Mean over the last ``seconds``, each value weighted by how long it held; ``dt`` is the usual interval."""

    __slots__ = ("_held", "_raw", "dt", "seconds")
    kind: ClassVar[str] = "time_mean"
    parameters: ClassVar[tuple[str, ...]] = ("seconds", "dt")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_raw", "_held")

    def __init__(self, seconds: float, dt: float = 1.0, *, missing: str = SKIP) -> None:
        self.seconds = positive("seconds", seconds)
        self.dt = positive("dt", dt)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._raw: float | None = None
        # (value, seconds that it held), oldest first.
        self._held: deque[tuple[float, float]] = deque()

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        if self._raw is not None:
            self._held.append((self._raw, self.dt if dt is None else dt))
            self._trim()
        self._raw = raw
        weight = math.fsum(seconds for _, seconds in self._held)
        y = math.fsum(value * seconds for value, seconds in self._held) / weight if weight else float(raw)
        self._value = y
        return y

    def _trim(self) -> None:
        """Forget what is older than the window; the oldest value may be in it for a part of its time."""
        held = self._held
        excess = math.fsum(seconds for _, seconds in held) - self.seconds
        while excess > 0.0:
            value, seconds = held.popleft()
            if seconds > excess:
                held.appendleft((value, seconds - excess))
            excess -= seconds


def mean(values: deque[float] | list[float]) -> float:
    """Return the correctly rounded mean of one value or more."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        # The sum is beyond the greatest float, the mean is not.
        return math.fsum(value / len(values) for value in values)
