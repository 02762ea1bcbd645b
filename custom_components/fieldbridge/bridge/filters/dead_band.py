"""Dead-bands: only what moved far enough from the last value that was let through."""

import math
from typing import TYPE_CHECKING, ClassVar, override

from .. import kernels
from .checks import non_negative
from .kinds import SKIP, GateFilter, Kept, complete

if TYPE_CHECKING:
    from .kinds import Array


class DeadBand(GateFilter):
    """Lets a value through that left the band ``absolute + percent / 100 * |last|`` around the last one let through.

    Without a band every change passes. What moved further than ``most`` (in the unit of the values) is a spike and
    stays out; ``most_percent`` is the same as a share of the last value.
    """

    __slots__ = ("_high", "_low", "absolute", "most", "most_percent", "percent")

    kind: ClassVar[str] = "dead_band"
    parameters: ClassVar[tuple[str, ...]] = ("absolute", "percent", "most", "most_percent")

    def __init__(
        self,
        absolute: float = 0.0,
        percent: float = 0.0,
        most: float | None = None,
        most_percent: float | None = None,
        *,
        missing: str = SKIP,
    ) -> None:
        self.absolute = non_negative("absolute", absolute)
        self.percent = non_negative("percent", percent)
        self.most = None if most is None else non_negative("most", most)
        self.most_percent = None if most_percent is None else non_negative("most_percent", most_percent)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._low, self._high = math.inf, -math.inf

    @override
    def from_state(self, state: dict[str, object]) -> None:
        super().from_state(state)
        if self._value is not None:
            self.continue_from([self._value])

    def history(self) -> list[float] | None:
        """Return the history as numbers for a kernel, None while there is none."""
        return None if self._value is None else [self._value]

    def continue_from(self, numbers: list[float]) -> None:
        """Lay the band around a value that was let through."""
        self._value = value = numbers[0]
        band = self.absolute + self.percent / 100.0 * abs(value)
        self._low, self._high = value - band, value + band

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        if self._low <= raw <= self._high:
            return None
        if (last := self._value) is not None:
            moved = abs(raw - last)
            if self.most is not None and moved > self.most:
                return None
            if self.most_percent is not None and moved > self.most_percent / 100.0 * abs(last):
                return None
        y = float(raw)
        self.continue_from([y])
        return y

    @override
    def _block(self, chunk: Array, times: Array | None) -> Kept:
        import numpy as np

        last = self._value
        if last is None or self.most is not None or self.most_percent is not None or not complete(chunk):
            return self._block_plain(chunk, times)
        indices = np.empty(len(chunk), dtype=np.int64)
        count = kernels.active().dead_band(chunk, indices, self.absolute, self.percent / 100.0, last)
        places = indices[:count]
        values = chunk[places]
        if count:
            self.continue_from([float(values[-1])])
        return Kept(values, places)
