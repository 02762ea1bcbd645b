"""Filters that speak by themselves: average per period, heartbeat, debounce, time-out."""

from collections.abc import Callable
import math
import time
from typing import ClassVar, override

from .checks import flag, number, positive
from .kinds import SKIP, TimedFilter


def next_tick(due: float, period: float, now: float) -> float:
    """Return the first time after ``now`` on the grid that ``due`` is on; ticks that were missed are left out."""
    return due + period * (math.floor((now - due) / period) + 1)


class ThrottleAverage(TimedFilter):
    """Gives the mean of the samples of each period of ``seconds``; a period of missing values alone gives NaN."""

    __slots__ = ("_count", "_only_missing", "_sum", "seconds")

    kind: ClassVar[str] = "throttle_average"
    parameters: ClassVar[tuple[str, ...]] = ("seconds",)
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_sum", "_count")

    def __init__(self, seconds: float, *, missing: str = SKIP, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = positive("seconds", seconds)
        super().__init__(missing, clock)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._sum = 0.0
        self._count = 0
        self._only_missing = False

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        now = self._tick(dt)
        if self.due is None:
            self.due = now + self.seconds
        emitted = self.flush(now)
        if raw - raw:
            self._absent(raw)
            self._only_missing = not self._count
            return emitted
        self._sum += raw
        self._count += 1
        return emitted

    @override
    def _emit(self, now: float) -> float | None:
        if self.due is not None:
            self.due = next_tick(self.due, self.seconds, now)
        only_missing, self._only_missing = self._only_missing, False
        if not self._count:
            return math.nan if only_missing else None
        self._value = y = self._sum / self._count
        self._sum, self._count = 0.0, 0
        return y


class Heartbeat(TimedFilter):
    """Gives the last value every ``seconds``; new values at once as well when ``optimistic``."""

    __slots__ = ("_raw", "optimistic", "seconds")

    kind: ClassVar[str] = "heartbeat"
    parameters: ClassVar[tuple[str, ...]] = ("seconds", "optimistic")
    # Not the last raw value: after a restart it would be shown as a fresh one.
    state_fields: ClassVar[tuple[str, ...]] = ("_value",)

    def __init__(
        self,
        seconds: float,
        *,
        optimistic: bool = False,
        missing: str = SKIP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = positive("seconds", seconds)
        self.optimistic = flag("optimistic", optimistic)
        super().__init__(missing, clock)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._raw: float | None = None

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        now = self._tick(dt)
        emitted = self.flush(now)
        if raw - raw:
            self._absent(raw)
            return emitted
        if self.due is None:
            self.due = now + self.seconds
        self._raw = y = float(raw)
        if not self.optimistic:
            return emitted
        self._value = y
        return y

    @override
    def _emit(self, now: float) -> float | None:
        if self.due is not None:
            self.due = next_tick(self.due, self.seconds, now)
        self._value = self._raw
        return self._raw


class Debounce(TimedFilter):
    """Gives a value when no other came for ``seconds``."""

    __slots__ = ("_pending", "seconds")

    kind: ClassVar[str] = "debounce"
    parameters: ClassVar[tuple[str, ...]] = ("seconds",)
    # Not the pending value: nobody knows whether it held while the power was off.
    state_fields: ClassVar[tuple[str, ...]] = ("_value",)

    def __init__(self, seconds: float, *, missing: str = SKIP, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = positive("seconds", seconds)
        super().__init__(missing, clock)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._pending: float | None = None

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        now = self._tick(dt)
        emitted = self.flush(now)
        if raw - raw:
            self._absent(raw)
            return emitted
        self._pending = float(raw)
        self.due = now + self.seconds
        return emitted

    @override
    def _emit(self, now: float) -> float | None:
        self.due = None
        self._value, self._pending = self._pending, None
        return self._value


class Timeout(TimedFilter):
    """Passes every value; when none came for ``seconds``, gives NaN, ``substitute`` or the ``last`` value again."""

    __slots__ = ("last", "seconds", "substitute")

    kind: ClassVar[str] = "timeout"
    parameters: ClassVar[tuple[str, ...]] = ("seconds", "substitute", "last")

    def __init__(
        self,
        seconds: float,
        substitute: float | None = None,
        *,
        last: bool = False,
        missing: str = SKIP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = positive("seconds", seconds)
        self.substitute = None if substitute is None else number("substitute", substitute)
        self.last = flag("last", last)
        if self.last and substitute is not None:
            raise ValueError("substitute and last exclude each other")
        super().__init__(missing, clock)

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        now = self._tick(dt)
        if raw - raw:
            return self._absent(raw)
        self.due = now + self.seconds
        self._value = y = float(raw)
        return y

    @override
    def _emit(self, now: float) -> float | None:
        self.due = None
        if self.last:
            return self._value
        self._value = self.substitute
        return math.nan if self.substitute is None else self.substitute
