"""Statistics of fast signals: one number per so many samples."""

from collections import deque
from collections.abc import Callable, Sequence
import math
from typing import TYPE_CHECKING, ClassVar, override

from .checks import one_of, positive, whole
from .kinds import SKIP, GateFilter, Kept, complete, kept_of
from .windows import mean

if TYPE_CHECKING:
    from .kinds import Array


class BlockStatistics(GateFilter):
    """Gives ``quantity`` of the last ``window`` samples after every ``every`` samples; ``dt`` is their interval.

    Quantities: mean, rms, peak (greatest magnitude), peak_to_peak, standard_deviation, crest_factor (peak by rms),
    dominant_frequency in Hz.
    """

    __slots__ = ("_recent", "_seen", "dt", "every", "quantity", "window")

    kind: ClassVar[str] = "statistics"
    parameters: ClassVar[tuple[str, ...]] = ("quantity", "window", "every", "dt")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_recent", "_seen")

    def __init__(
        self, quantity: str, window: int, every: int | None = None, dt: float = 1.0, *, missing: str = SKIP
    ) -> None:
        self.quantity = one_of("quantity", quantity, tuple(QUANTITIES))
        self.window = whole("window", window, least=2)
        self.every = self.window if every is None else whole("every", every)
        self.dt = positive("dt", dt)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._recent: deque[float] = deque(maxlen=self.window)
        self._seen = 0

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        self._recent.append(raw)
        self._seen += 1
        return self._emit() if self._due() else None

    @override
    def _block(self, chunk: Array, times: Array | None) -> Kept:
        if not complete(chunk):
            return self._block_plain(chunk, times)
        values = chunk.tolist()
        kept: list[tuple[float, int]] = []
        start = 0
        while start < len(values):
            # Up to the next sample after which something comes out.
            wanted = max(self.window - len(self._recent), self.every - self._seen, 1)
            part = values[start : start + wanted]
            self._recent.extend(part)
            self._seen += len(part)
            start += len(part)
            if self._due():
                kept.append((self._emit(), start - 1))
        return kept_of(kept)

    def _due(self) -> bool:
        return self._seen >= self.every and len(self._recent) == self.window

    def _emit(self) -> float:
        self._seen = 0
        self._value = y = QUANTITIES[self.quantity](self._recent, self.dt)
        return y


def _mean(values: deque[float], _dt: float) -> float:
    return mean(values)


def _rms(values: Sequence[float] | deque[float], _dt: float) -> float:
    return math.hypot(*values) / math.sqrt(len(values))


def _peak(values: deque[float], _dt: float) -> float:
    return max(abs(value) for value in values)


def _peak_to_peak(values: deque[float], _dt: float) -> float:
    return max(values) - min(values)


def _standard_deviation(values: deque[float], dt: float) -> float:
    centre = mean(values)
    return _rms([value - centre for value in values], dt)


def _crest_factor(values: deque[float], dt: float) -> float:
    rms = _rms(values, dt)
    return _peak(values, dt) / rms if rms else 0.0


def _dominant_frequency(values: deque[float], dt: float) -> float:
    """Return the frequency of the strongest oscillation in Hz, 0 for none; a parabola is put through its peak."""
    import numpy as np

    signal = np.array(values)
    signal -= signal.mean()
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
    peak = int(spectrum[1:].argmax()) + 1
    if not spectrum[peak] > 0.0:
        return 0.0
    place = float(peak)
    if peak + 1 < len(spectrum):
        left, middle, right = spectrum[peak - 1 : peak + 2]
        curve = left - 2.0 * middle + right
        place += 0.5 * float((left - right) / curve) if curve else 0.0
    return place / (len(signal) * dt)


QUANTITIES: dict[str, Callable[[deque[float], float], float]] = {
    "mean": _mean,
    "rms": _rms,
    "peak": _peak,
    "peak_to_peak": _peak_to_peak,
    "standard_deviation": _standard_deviation,
    "crest_factor": _crest_factor,
    "dominant_frequency": _dominant_frequency,
}
