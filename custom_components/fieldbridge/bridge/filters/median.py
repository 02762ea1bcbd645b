"""Sliding median."""

from bisect import bisect_left, insort
from collections import deque
from typing import TYPE_CHECKING, ClassVar, override

from .. import kernels
from .checks import whole
from .kinds import REJECT, MapFilter, complete

if TYPE_CHECKING:
    from .kinds import Array

NETWORK_CHUNK = 32
"""Samples from which a network pays for the window that has to be put in front of the chunk."""
SORTED_CHUNK = 64
"""Samples from which a sorted window pays for being copied into arrays and back."""


class MedianFilter(MapFilter):
    """Median of the last ``window`` samples, of those there are until the window is full.

    Of an even number it is the middle between the two in the middle.
    """

    __slots__ = ("_ordered", "_recent", "_window")

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

    @override
    def from_state(self, state: dict[str, object]) -> None:
        super().from_state(state)
        self._ordered = sorted(self._recent)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        recent, ordered = self._recent, self._ordered
        # Adding zero makes -0.0 and 0.0 one value, so that which of them leaves the window does not matter.
        raw = raw + 0.0
        count = len(ordered)
        if count == self._window:
            del ordered[bisect_left(ordered, recent[0])]
        else:
            count += 1
        recent.append(raw)
        insort(ordered, raw)
        half = count >> 1
        self._value = y = ordered[half] if count & 1 else midpoint(ordered[half - 1], ordered[half])
        return y

    @override
    def _block(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        active = kernels.active()
        missing = self._window - len(self._recent)
        network = active.median_networks.get(self._window)
        if network is None and active.median_sorted is None:
            return self._block_plain(chunk, None)
        if len(chunk) - missing < (NETWORK_CHUNK if network else SORTED_CHUNK) or not complete(chunk):
            return self._block_plain(chunk, None)
        out = np.empty_like(chunk)
        out[:missing] = self._block_plain(chunk[:missing], None)
        rest = chunk[missing:]
        if network is not None:
            extended = np.empty(len(rest) + self._window - 1)
            extended[: self._window - 1] = list(self._recent)[1:]
            np.add(rest, 0.0, out=extended[self._window - 1 :])
            network(extended, out[missing:])
            self._recent.extend(extended[-self._window :].tolist())
            self._ordered = sorted(self._recent)
        elif active.median_sorted is not None:
            ring, ordered = np.array(self._recent), np.array(self._ordered)
            oldest = active.median_sorted(rest + 0.0, out[missing:], ring, ordered, 0)
            recent = ring.tolist()
            self._recent.extend(recent[oldest:] + recent[:oldest])
            self._ordered = ordered.tolist()
        self._value = float(out[-1])
        return out


def midpoint(a: float, b: float) -> float:
    """Return the middle of two values without overflow."""
    if (a < 0.0) != (b < 0.0):
        return (a + b) / 2.0
    return a + (b - a) / 2.0
