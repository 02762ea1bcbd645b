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

    __slots__ = ("absolute", "most", "most_percent", "percent")

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
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        if (last := self._value) is not None:
            moved = abs(raw - last)
            if not moved > self.absolute + self.percent / 100.0 * abs(last):
                return None
            if self.most is not None and moved > self.most:
                return None
            if self.most_percent is not None and moved > self.most_percent / 100.0 * abs(last):
                return None
        self._value = y = float(raw)
        return y

    @override
    def _block(self, chunk: Array, times: Array | None) -> Kept:
        import numpy as np

        if self.most is not None or self.most_percent is not None or not complete(chunk):
            return self._block_plain(chunk, times)
        indices = np.empty(len(chunk), dtype=np.int64)
        # From nowhere everything is far enough.
        last = math.inf if self._value is None else self._value
        seed = 1 if self._value is None else 0
        if seed:
            indices[0], last = 0, float(chunk[0])
        kept = kernels.active().dead_band(chunk[seed:], indices[seed:], self.absolute, self.percent / 100.0, last)
        indices[seed : seed + kept] += seed
        places = indices[: seed + kept]
        values = chunk[places]
        if len(values):
            self._value = float(values[-1])
        return Kept(values, places.astype(np.intp, copy=False))
