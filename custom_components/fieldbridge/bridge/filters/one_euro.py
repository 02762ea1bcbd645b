"""The one-euro filter: a low-pass whose cut-off rises with the speed of the signal."""

import math
from typing import TYPE_CHECKING, ClassVar, override

from .. import kernels
from .checks import flag, non_negative, positive
from .kinds import REJECT, MapFilter
from .lowpass import LONG_CHUNK

if TYPE_CHECKING:
    from .kinds import Array

TWO_PI = 2.0 * math.pi


class OneEuroFilter(MapFilter):
    """Smooth when slow, prompt when fast: cut-off ``min_cutoff + beta * |speed|`` in Hz; ``dt`` in seconds.

    ``d_cutoff`` smooths the speed. ``exact=False`` allows the reordered form for long chunks.
    """

    __slots__ = ("_ad", "_beta", "_d_cutoff", "_derivative", "_dt", "_exact", "_min_cutoff", "_raw")

    kind: ClassVar[str] = "one_euro"
    parameters: ClassVar[tuple[str, ...]] = ("min_cutoff", "beta", "d_cutoff", "dt", "exact")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_raw", "_derivative")

    def __init__(
        self,
        min_cutoff: float = 1.0,
        beta: float = 0.0,
        d_cutoff: float = 1.0,
        dt: float = 1.0,
        *,
        exact: bool = False,
        missing: str = REJECT,
    ) -> None:
        self._min_cutoff = positive("min_cutoff", min_cutoff)
        self._beta = non_negative("beta", beta)
        self._d_cutoff = positive("d_cutoff", d_cutoff)
        self._dt = positive("dt", dt)
        self._exact = flag("exact", exact)
        self._ad = self._dt / (1.0 / (TWO_PI * self._d_cutoff) + self._dt)
        super().__init__(missing)

    @property
    def min_cutoff(self) -> float:
        """Cut-off of a signal at rest in Hz."""
        return self._min_cutoff

    @property
    def beta(self) -> float:
        """Hz of cut-off per unit and second of speed."""
        return self._beta

    @property
    def d_cutoff(self) -> float:
        """Cut-off of the speed's own low-pass in Hz."""
        return self._d_cutoff

    @property
    def dt(self) -> float:
        """Usual interval between two samples in seconds."""
        return self._dt

    @property
    def exact(self) -> bool:
        """True when chunks are computed in the order of single updates."""
        return self._exact

    @override
    def _clear(self) -> None:
        super()._clear()
        self._raw = 0.0
        self._derivative = 0.0

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        if (y := self._value) is None:
            self._value = self._raw = y = float(raw)
            return y
        if dt is None:
            dt, ad = self._dt, self._ad
        elif dt > 0.0:
            ad = dt / (1.0 / (TWO_PI * self._d_cutoff) + dt)
        elif dt == 0.0:
            # Of two samples at one time the first counts: there is no speed between them.
            return y
        else:
            raise ValueError(f"dt must be non-negative, got {dt}")
        self._derivative = d = ad * ((raw - self._raw) / dt) + (1.0 - ad) * self._derivative
        a = dt / (1.0 / (TWO_PI * (self._min_cutoff + self._beta * abs(d))) + dt)
        y = a * raw + (1.0 - a) * y
        if y - y:
            # The difference of two huge values is infinite: begin anew instead of staying there.
            self._clear()
            return float(raw)
        self._raw = raw
        self._value = y
        return y

    @override
    def _block(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        if times is not None:
            return self._block_plain(chunk, times)
        out = np.empty_like(chunk)
        start = 0
        if self._value is None:
            out[0] = self.update(float(chunk[0]))
            start = 1
        active = kernels.active()
        kernel = active.one_euro if self._exact or len(chunk) < LONG_CHUNK else active.one_euro_reordered
        state = np.array((self._value, self._raw, self._derivative), dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            kernel(chunk[start:], out[start:], self._kernel_parameters(), state)
        if not math.isfinite(np.add.reduce(state)):
            out[start:] = self._block_plain(chunk[start:], None)
            return out
        self._value, self._raw, self._derivative = state.tolist()
        return out

    def _kernel_parameters(self) -> Array:
        import numpy as np

        return np.array((self._min_cutoff, self._beta, self._d_cutoff, self._dt), dtype=np.float64)
