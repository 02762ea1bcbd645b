"""First-order low-pass filters: by time constant in seconds, and by weight per sample."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, override

from .. import kernels
from ..kernels.table import LONG_CHUNK
from .checks import between, flag, positive
from .kinds import REJECT, SKIP, MapFilter

if TYPE_CHECKING:
    from .kinds import Array


class _LowPass(MapFilter):
    """``y = alpha * x + (1 - alpha) * y``, seeded with the first value."""

    __slots__ = ("_alpha", "_exact")

    _alpha: float
    _exact: bool

    @property
    def alpha(self) -> float:
        """Weight of a new sample at the usual interval."""
        return self._alpha

    @property
    def exact(self) -> bool:
        """True when chunks are computed in the order of single updates."""
        return self._exact

    @override
    def _block(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        if self._value is None:
            # The first sample seeds.
            stamps = (None, None) if times is None else (times[:1], times[1:])
            return np.concatenate([self._block_plain(chunk[:1], stamps[0]), self._block(chunk[1:], stamps[1])])
        out = np.empty_like(chunk)
        active = kernels.active()
        before = self._last_time
        if times is not None and (alphas := self._alphas(times)) is not None:
            y = active.pt1_varying(chunk, alphas, out, self._value)
        elif self._exact or len(chunk) < LONG_CHUNK:
            y = active.pt1(chunk, out, self._alpha, self._value)
        else:
            y = active.pt1_reordered(chunk, out, self._alpha, self._value)
        if y - y:
            # A missing value stays in the sum for ever: the chunk is done again by the way that knows of them.
            self._last_time = before
            return self._block_plain(chunk, times)
        self._value = y
        return out

    def _alphas(self, times: Array) -> Array | None:
        """Return the weight of each sample of a chunk with time stamps, None when time does not matter."""
        return None

    @override
    def _block_channels(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        active = kernels.active()
        if times is not None or len(chunk) == 0 or not np.isfinite(np.add.reduce(chunk, axis=None)):
            return super()._block_channels(chunk, times)
        states = [channel._value for channel in self._channels]  # noqa: SLF001 - of the same class
        if any(value is None for value in states):
            first = super()._block_channels(chunk[:1], None)
            return np.concatenate([first, self._block_channels(chunk[1:], None)])
        out = np.empty_like(chunk)
        y = np.array(states, dtype=np.float64)
        active.pt1_channels(chunk, out, self._alpha, y)
        for channel, value in zip(self._channels, y.tolist(), strict=True):
            channel._value = value  # noqa: SLF001
        return out


class Pt1Filter(_LowPass):
    """First-order low-pass with time constant ``tau``; ``dt`` is the usual interval, both in seconds.

    Samples that come with an interval or time stamps of their own are weighted by it, so that gaps and jitter do not
    change the response. ``exact=False`` allows the reordered form for long chunks.
    """

    __slots__ = ("_dt", "_keep", "_tau")

    kind: ClassVar[str] = "pt1"
    parameters: ClassVar[tuple[str, ...]] = ("tau", "dt", "exact")

    def __init__(self, tau: float, dt: float, *, exact: bool = False, missing: str = REJECT) -> None:
        self._tau = positive("tau", tau)
        self._dt = positive("dt", dt)
        self._alpha = self._dt / (self._tau + self._dt)
        self._keep = 1.0 - self._alpha
        self._exact = flag("exact", exact)
        super().__init__(missing)

    @property
    def tau(self) -> float:
        """Time constant in seconds."""
        return self._tau

    @property
    def dt(self) -> float:
        """Usual interval between two samples in seconds."""
        return self._dt

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if dt is None:
            try:
                y = self._alpha * raw + self._keep * self._value  # type: ignore[operator]
            except TypeError:  # None before the first value, which a test for it would cost with every value
                return self._seed(raw)
            # NaN and infinity minus themselves are NaN, which is true: the cheapest test there is.
            if y - y:
                return self._absent(raw)
            self._value = y
            return y
        if raw - raw:
            return self._absent(raw)
        if (before := self._value) is None:
            return self._seed(raw)
        if dt < 0.0:
            raise ValueError(f"dt must be non-negative, got {dt}")
        alpha = dt / (self._tau + dt)
        self._value = y = alpha * raw + (1.0 - alpha) * before
        return y

    @override
    def update_many(self, values: Sequence[float], intervals: Sequence[float]) -> list[float]:
        if (y := self._value) is None:
            return super().update_many(values, intervals)
        tau = self._tau
        out: list[float] = []
        for raw, dt in zip(values, intervals, strict=True):
            alpha = dt / (tau + dt)
            y = alpha * raw + (1.0 - alpha) * y
            out.append(y)
        self._value = y
        return out

    def _seed(self, raw: float) -> float:
        if raw - raw:
            return self._absent(raw)
        self._value = y = float(raw)
        return y

    @override
    def _alphas(self, times: Array) -> Array:
        import numpy as np

        first = self._dt if self._last_time is None else float(times[0]) - self._last_time
        intervals = np.diff(times, prepend=times[0])
        intervals[0] = first
        self._last_time = float(times[-1])
        return intervals / (self._tau + intervals)


class ExponentialAverage(_LowPass):
    """Exponential average with weight ``alpha`` (0 < alpha <= 1) per sample, whatever the time between them."""

    __slots__ = ()

    kind: ClassVar[str] = "exponential_average"
    parameters: ClassVar[tuple[str, ...]] = ("alpha", "exact")

    def __init__(self, alpha: float = 0.1, *, exact: bool = False, missing: str = SKIP) -> None:
        self._alpha = between("alpha", alpha, 0.0, 1.0)
        self._exact = flag("exact", exact)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        if (y := self._value) is None:
            self._value = y = float(raw)
            return y
        alpha = self._alpha
        self._value = y = alpha * raw + (1.0 - alpha) * y
        return y
