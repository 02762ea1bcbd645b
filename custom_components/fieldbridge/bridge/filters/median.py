"""Sliding median."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, override

from .. import kernels
from ..kernels.networks import midpoint
from .checks import whole
from .kinds import REJECT, MapFilter

if TYPE_CHECKING:
    from .kinds import Array


class MedianFilter(MapFilter):
    """Median of the last ``window`` samples, of those there are until the window is full.

    Of an even number it is the middle between the two in the middle.
    """

    __slots__ = ("_carried", "_half", "_odd", "_ordered", "_recent", "_window")

    kind: ClassVar[str] = "median"
    parameters: ClassVar[tuple[str, ...]] = ("window",)
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_recent")

    def __init__(self, window: int, *, missing: str = REJECT) -> None:
        self._window = whole("window", window)
        super().__init__(missing)

    @property
    def window(self) -> int:
        """Samples that are looked at."""
        return self._window

    @override
    def _clear(self) -> None:
        super()._clear()
        self._recent: deque[float] = deque(maxlen=self._window)
        self._ordered: list[float] = []
        # Where the middle is: half of the number of samples, and whether that is odd.
        self._half = self._odd = 0
        # The history as a kernel left it; then the two above are empty, which update() takes for a warm-up.
        self._carried: Array | None = None

    @override
    def to_state(self) -> dict[str, Any]:
        self._unpack()
        return super().to_state()

    @override
    def from_state(self, state: dict[str, object]) -> None:
        super().from_state(state)
        self._ordered = sorted(self._recent)
        self._half, self._odd = divmod(len(self._ordered), 2)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        recent, ordered = self._recent, self._ordered
        # Adding zero makes -0.0 and 0.0 one value, so that which of them leaves the window does not matter.
        raw = raw + 0.0
        if len(ordered) == self._window:
            del ordered[bisect_left(ordered, recent[0])]
            recent.append(raw)
            insort(ordered, raw)
        elif self._carried is None:
            recent.append(raw)
            insort(ordered, raw)
            self._half, self._odd = divmod(len(ordered), 2)
        else:
            self._unpack()
            return self.update(raw)
        half = self._half
        self._value = y = ordered[half] if self._odd else midpoint(ordered[half - 1], ordered[half])
        return y

    @override
    def update_many(self, values: Sequence[float], intervals: Sequence[float]) -> list[float]:
        recent, ordered, half = self._recent, self._ordered, self._half
        if len(ordered) < self._window or not self._odd:
            return super().update_many(values, intervals)
        values = [raw + 0.0 for raw in values]
        out: list[float] = []
        for raw, leaving in zip(values, [*recent, *values], strict=False):
            del ordered[bisect_left(ordered, leaving)]
            insort(ordered, raw)
            out.append(ordered[half])
        recent.extend(values)
        if out:
            self._value = out[-1]
        return out

    @override
    def history(self) -> list[float] | None:
        if self._carried is not None:
            numbers: list[float] = self._carried.tolist()
            return numbers
        return [*self._recent, *self._ordered, 0.0] if len(self._recent) == self._window else None

    @override
    def continue_from(self, numbers: list[float]) -> None:
        window = self._window
        oldest = int(numbers[-1])
        self._recent.extend(numbers[oldest:window])
        self._recent.extend(numbers[:oldest])
        self._ordered = numbers[window:-1]
        self._carried = None
        self._half, self._odd = half, odd = divmod(window, 2)
        self._value = self._ordered[half] if odd else midpoint(self._ordered[half - 1], self._ordered[half])

    def _unpack(self) -> None:
        """Take the history back from where a kernel left it."""
        if self._carried is not None:
            self.continue_from(self._carried.tolist())

    @override
    def _block(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        active = kernels.active()
        if len(chunk) < active.median_chunk or self._window not in active.median_windows:
            return self._block_plain(chunk, None)
        state = self._carried
        if state is None:
            if len(self._recent) < self._window:
                warm_up = self._window - len(self._recent)
                first = self._block_plain(chunk[:warm_up], None)
                return np.concatenate((first, self.block(chunk[warm_up:])))
            state = np.array(self.history())
        out = np.empty_like(chunk)
        if not active.median(chunk, out, state, self._window):
            return self._block_plain(chunk, None)
        self._carried = state
        self._recent.clear()
        self._ordered = []
        self._value = float(out[-1])
        return out
