"""The function table that the filters call: the same kernels, plain or compiled, over the same arrays."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# Evaluated by nobody at run time, but numba looks the names up.
type Array = np.ndarray[Any, np.dtype[np.float64]]
type Indices = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """All kernels of one kind. Chunks are contiguous float64 without NaN or infinity; outputs belong to the caller.

    Kernels in exact form equal the filters' ``update`` bit for bit; a reordered form is equal within 1e-12 of the
    largest magnitude in chunk and state.
    """

    name: str
    """``plain`` or ``numba``."""
    pt1: Callable[[Array, Array, float, float], float]
    """``(x, out, alpha, y) -> y``: first-order low-pass that goes on from ``y``."""
    pt1_reordered: Callable[[Array, Array, float, float], float]
    pt1_varying: Callable[[Array, Array, Array, float], float]
    """``(x, alphas, out, y) -> y``: one alpha per sample."""
    pt1_channels: Callable[[Array, Array, float, Array], None]
    """``(x, out, alpha, y)``: rows are samples, columns channels; ``y`` is changed in place."""
    one_euro: Callable[[Array, Array, Array, Array], None]
    """``(x, out, [min_cutoff, beta, d_cutoff, dt], [y, x_before, derivative])``; the state is changed in place."""
    one_euro_reordered: Callable[[Array, Array, Array, Array], None]
    median: Callable[[Array, Array, Array, int], bool]
    """``(x, out, state, window) -> done``: the state is the last ``window`` samples as a ring, the same in order, and
    the place of the oldest in the ring. Nothing is done with missing or huge values."""
    median_windows: Container[int]
    """Windows for which ``median`` may be faster than single updates."""
    median_chunk: int
    """Samples from which it is."""
    dead_band: Callable[[Array, Indices, float, float, float], int]
    """``(x, indices, absolute, relative, last) -> kept``: kept is what left the band around the last kept value."""
    chain: Callable[[Array, Array, Array, Indices], int]
    """``(chunk, steps, state, indices) -> kept``: several filters in one call, or -1 when nothing was done.

    The chunk and the state have one row per channel and are changed in place. A step is ``[operation, place, size]``
    of its part in the row of the state, and its parameters. A dead-band can only be the last step of a single channel:
    ``kept`` values are then at the beginning of the chunk, their indices in ``indices``; else all are kept. After -1 (a
    value is missing or too large for the kernel) the state is as it was, and the chunk is spoilt.
    """


LOW_PASS, ONE_EURO, MEDIAN, LINE, CLAMP, DEAD_BAND = range(6)
"""Operations of ``Kernels.chain``. Their parameters have five places:

low-pass ``alpha, -, -, -, exact``; one-euro ``min_cutoff, beta, d_cutoff, dt, exact``; line ``slope, offset``;
clamp ``1, 0, low, high``; dead-band ``absolute, relative``.
"""
PARAMETERS = 5
HUGE = 1e150
"""Magnitude from which a chunk goes the plain way, which knows what to do about overflow."""
LONG_CHUNK = 64
"""Samples from which a reordered form pays."""
