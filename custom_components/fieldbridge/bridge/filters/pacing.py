"""Gates by count and by time: fewer values, each as it came."""

from collections.abc import Callable
import time
from typing import TYPE_CHECKING, ClassVar, override

from .checks import number, positive, whole
from .kinds import HOLD, SKIP, ClockedGate, GateFilter, Kept, nowhere

if TYPE_CHECKING:
    from .kinds import Array


class SkipInitial(GateFilter):
    """Drops the first ``count`` samples, which many devices get wrong."""

    __slots__ = ("_left", "count")

    kind: ClassVar[str] = "skip_initial"
    parameters: ClassVar[tuple[str, ...]] = ("count",)
    # Not the number that is left: after a restart the device's first samples are wrong again.
    state_fields: ClassVar[tuple[str, ...]] = ("_value",)

    def __init__(self, count: int, *, missing: str = SKIP) -> None:
        self.count = whole("count", count)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._left = self.count

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if self._left:
            self._left -= 1
            return None
        if raw - raw:
            return self._absent(raw)
        self._value = y = float(raw)
        return y


class Every(GateFilter):
    """Lets every ``count``-th sample through, the first time after ``first`` samples; missing ones count."""

    __slots__ = ("_seen", "count", "first")

    kind: ClassVar[str] = "every"
    parameters: ClassVar[tuple[str, ...]] = ("count", "first")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_seen")

    def __init__(self, count: int, first: int = 1, *, missing: str = SKIP) -> None:
        self.count = whole("count", count)
        self.first = whole("first", first, most=self.count)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._seen = self.count - self.first

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        self._seen += 1
        if self._seen < self.count:
            return None
        self._seen = 0
        if raw - raw:
            return self._absent(raw)
        self._value = y = float(raw)
        return y


class Throttle(ClockedGate):
    """Lets a value through when ``seconds`` have passed since the last; ``priority`` values pass at any time."""

    __slots__ = ("_passed", "priority", "seconds")

    kind: ClassVar[str] = "throttle"
    parameters: ClassVar[tuple[str, ...]] = ("seconds", "priority")

    def __init__(
        self,
        seconds: float,
        priority: list[float] | None = None,
        *,
        missing: str = SKIP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = positive("seconds", seconds)
        self.priority = [number(f"priority[{index}]", value) for index, value in enumerate(priority or ())]
        super().__init__(missing, clock)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._passed: float | None = None

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        now = self._tick(dt)
        if raw - raw:
            return self._absent(raw)
        if self._passed is not None and now - self._passed < self.seconds and raw not in self.priority:
            return None
        self._passed = now
        self._value = y = float(raw)
        return y

    @override
    def block_of_one(self, chunk: Array, times: Array | None) -> Kept:
        # Also a short chunk: one look at the clock is all.
        if times is not None or self.priority or self.missing not in {SKIP, HOLD} or not len(chunk):
            return super().block_of_one(chunk, times)
        # All of them came at this moment: one is let through or none.
        self._now = now = self.clock()
        if self._passed is not None and now - self._passed < self.seconds:
            return Kept(chunk[:0], nowhere())
        import numpy as np

        kept = np.isfinite(chunk).nonzero()[0][:1]
        if len(kept):
            self._passed = now
            self._value = float(chunk[kept[0]])
        return Kept(chunk[kept], kept)
