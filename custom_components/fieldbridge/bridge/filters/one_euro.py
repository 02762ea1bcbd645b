"""The one-euro filter: a low-pass whose cut-off rises with the speed of the signal."""

import math
from typing import TYPE_CHECKING, ClassVar, override

from .. import kernels
from ..kernels.table import LONG_CHUNK
from .checks import flag, non_negative, positive
from .kinds import REJECT, MapFilter

if TYPE_CHECKING:
    from .kinds import Array

TWO_PI = 2.0 * math.pi


class OneEuroFilter(MapFilter):
    """Smooth when slow, prompt when fast: cut-off ``min_cutoff + beta * |speed|`` in Hz; ``dt`` in seconds.

    ``d_cutoff`` smooths the speed. ``exact=False`` allows the reordered form for long chunks.
    """

    __slots__ = (
        "_ad",
        "_beta",
        "_d_cutoff",
        "_derivative",
        "_dt",
        "_exact",
        "_kernel_parameters",
        "_min_cutoff",
        "_raw",
    )

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
        self._kernel_parameters: Array | None = None
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
        a = dt / (1.0 / (TWO_PI * (self._min_cutoff + self._beta * (d if d > 0.0 else -d))) + dt)
        y = a * raw + (1.0 - a) * y
        if y - y:
            # The difference of two huge values is infinite: begin anew instead of staying there.
            self._clear()
            return float(raw)
        self._raw = raw
        self._value = y
        return y

    @override
    def history(self) -> list[float] | None:
        return None if self._value is None else [self._value, self._raw, self._derivative]

    @override
    def continue_from(self, numbers: list[float]) -> None:
        self._value, self._raw, self._derivative = numbers

    @override
    def _block(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        if times is not None:
            return self._block_plain(chunk, times)
        if self._value is None:
            return np.concatenate([self._block_plain(chunk[:1], None), self._block(chunk[1:], None)])
        out = np.empty_like(chunk)
        active = kernels.active()
        kernel = active.one_euro if self._exact or len(chunk) < LONG_CHUNK else active.one_euro_reordered
        state = np.array((self._value, self._raw, self._derivative), dtype=np.float64)
        if self._kernel_parameters is None:
            self._kernel_parameters = np.array((self._min_cutoff, self._beta, self._d_cutoff, self._dt))
        kernel(chunk, out, self._kernel_parameters, state)
        y, raw, derivative = state.tolist()
        if y - y or derivative - derivative:
            # Something missing or huge stays in the state for ever: done again by the way that knows of it.
            return self._block_plain(chunk, None)
        self._value, self._raw, self._derivative = y, raw, derivative
        return out
