"""Sliding medians, compiled by numba: networks for small odd windows, a sorted window for the others.

The networks are written out, so that the compiler keeps a window in registers and works on several windows at once;
their steps are those of ``networks.median_network`` without the halves that nobody reads. Adding zero makes -0.0 and
0.0 one value.
"""

import numpy as np

from .compiled import usable
from .jit import compiled
from .table import Array

NETWORK_CHUNK = 16
"""Samples from which a network pays."""


@compiled("void(f8[::1], f8[::1])")
def median_3(extended: Array, out: Array) -> None:
    """Median of 3 samples."""
    for i in range(len(out)):
        v0 = extended[i]
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v0, v2 = min(v0, v2), max(v0, v2)
        v1 = max(v0, v1)
        v1 = min(v1, v2)
        out[i] = v1 + 0.0


@compiled("void(f8[::1], f8[::1])")
def median_5(extended: Array, out: Array) -> None:
    """Median of 5 samples."""
    for i in range(len(out)):
        v0 = extended[i]
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v0, v3 = min(v0, v3), max(v0, v3)
        v1, v2 = min(v1, v2), max(v1, v2)
        v1 = max(v0, v1)
        v2 = min(v2, v3)
        v1, v4 = min(v1, v4), max(v1, v4)
        v2 = max(v1, v2)
        v2 = min(v2, v4)
        out[i] = v2 + 0.0


@compiled("void(f8[::1], f8[::1])")
def median_7(extended: Array, out: Array) -> None:
    """Median of 7 samples."""
    for i in range(len(out)):
        v0 = extended[i]
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v5 = extended[i + 5]
        v6 = extended[i + 6]
        v0, v4 = min(v0, v4), max(v0, v4)
        v1, v3 = min(v1, v3), max(v1, v3)
        v0, v2 = min(v0, v2), max(v0, v2)
        v1 = max(v0, v1)
        v2, v4 = min(v2, v4), max(v2, v4)
        v3 = min(v3, v4)
        v1, v5 = min(v1, v5), max(v1, v5)
        v2, v3 = min(v2, v3), max(v2, v3)
        v2 = max(v1, v2)
        v3 = min(v3, v5)
        v2, v6 = min(v2, v6), max(v2, v6)
        v3 = max(v2, v3)
        v3 = min(v3, v6)
        out[i] = v3 + 0.0


@compiled("void(f8[::1], f8[::1])")
def median_9(extended: Array, out: Array) -> None:
    """Median of 9 samples."""
    for i in range(len(out)):
        v0 = extended[i]
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v5 = extended[i + 5]
        v6 = extended[i + 6]
        v7 = extended[i + 7]
        v8 = extended[i + 8]
        v0, v5 = min(v0, v5), max(v0, v5)
        v1, v4 = min(v1, v4), max(v1, v4)
        v2, v3 = min(v2, v3), max(v2, v3)
        v0, v2 = min(v0, v2), max(v0, v2)
        v1 = max(v0, v1)
        v3, v5 = min(v3, v5), max(v3, v5)
        v4 = min(v4, v5)
        v1, v6 = min(v1, v6), max(v1, v6)
        v2, v4 = min(v2, v4), max(v2, v4)
        v1, v3 = min(v1, v3), max(v1, v3)
        v2 = max(v1, v2)
        v3, v6 = min(v3, v6), max(v3, v6)
        v4 = min(v4, v6)
        v2, v7 = min(v2, v7), max(v2, v7)
        v3, v4 = min(v3, v4), max(v3, v4)
        v3 = max(v2, v3)
        v4 = min(v4, v7)
        v3, v8 = min(v3, v8), max(v3, v8)
        v4 = max(v3, v4)
        v4 = min(v4, v8)
        out[i] = v4 + 0.0


@compiled("void(f8[::1], f8[::1])")
def median_11(extended: Array, out: Array) -> None:
    """Median of 11 samples."""
    for i in range(len(out)):
        v0 = extended[i]
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v5 = extended[i + 5]
        v6 = extended[i + 6]
        v7 = extended[i + 7]
        v8 = extended[i + 8]
        v9 = extended[i + 9]
        v10 = extended[i + 10]
        v0, v6 = min(v0, v6), max(v0, v6)
        v1, v5 = min(v1, v5), max(v1, v5)
        v2, v4 = min(v2, v4), max(v2, v4)
        v0, v3 = min(v0, v3), max(v0, v3)
        v0, v2 = min(v0, v2), max(v0, v2)
        v1 = max(v0, v1)
        v3, v6 = min(v3, v6), max(v3, v6)
        v4, v6 = min(v4, v6), max(v4, v6)
        v5 = min(v5, v6)
        v1, v7 = min(v1, v7), max(v1, v7)
        v2, v5 = min(v2, v5), max(v2, v5)
        v3, v4 = min(v3, v4), max(v3, v4)
        v1, v3 = min(v1, v3), max(v1, v3)
        v2 = max(v1, v2)
        v4, v7 = min(v4, v7), max(v4, v7)
        v5 = min(v5, v7)
        v2, v8 = min(v2, v8), max(v2, v8)
        v3, v5 = min(v3, v5), max(v3, v5)
        v2, v4 = min(v2, v4), max(v2, v4)
        v3 = max(v2, v3)
        v4, v8 = min(v4, v8), max(v4, v8)
        v5 = min(v5, v8)
        v3, v9 = min(v3, v9), max(v3, v9)
        v4, v5 = min(v4, v5), max(v4, v5)
        v4 = max(v3, v4)
        v5 = min(v5, v9)
        v4, v10 = min(v4, v10), max(v4, v10)
        v5 = max(v4, v5)
        v5 = min(v5, v10)
        out[i] = v5 + 0.0


@compiled("f8(f8, f8)")
def midpoint(a: float, b: float) -> float:
    """Return the middle of two values without overflow."""
    if (a < 0.0) != (b < 0.0):
        return (a + b) / 2.0
    return a + (b - a) / 2.0


@compiled("i8(f8[::1], f8[::1], f8[::1], f8[::1], i8)")
def median_sorted(x: Array, out: Array, ring: Array, ordered: Array, oldest: int) -> int:
    """Median over a full sorted window: the new value takes the old one's place in one pass without a branch."""
    window = len(ring)
    half = window // 2
    for k in range(len(x)):
        v, old = x[k] + 0.0, ring[oldest]
        ring[oldest] = v
        oldest += 1
        if oldest == window:
            oldest = 0
        if v >= old:
            # What lies between the two moves one place down.
            for i in range(window - 1):
                here = ordered[i]
                moved = max(min(ordered[i + 1], v), here)
                ordered[i] = here if here < old else moved
            ordered[window - 1] = max(ordered[window - 1], v)
        else:
            for i in range(window - 1, 0, -1):
                here = ordered[i]
                moved = min(max(ordered[i - 1], v), here)
                ordered[i] = here if here > old else moved
            ordered[0] = min(ordered[0], v)
        out[k] = ordered[half] if window % 2 else midpoint(ordered[half - 1], ordered[half])
    return oldest


@compiled("void(f8[::1], f8[::1], i8)")
def median_by_network(extended: Array, out: Array, window: int) -> None:
    """Median of each full window of ``extended``."""
    if window == 3:
        median_3(extended, out)
    elif window == 5:
        median_5(extended, out)
    elif window == 7:
        median_7(extended, out)
    elif window == 9:
        median_9(extended, out)
    else:
        median_11(extended, out)


@compiled("b1(f8[::1], f8[::1], f8[::1], i8)")
def median(x: Array, out: Array, state: Array, window: int) -> bool:
    """Median of a chunk, see ``Kernels.median``."""
    if not usable(x):
        return False
    ring, ordered = state[:window], state[window : 2 * window]
    oldest = int(state[2 * window])
    n = len(x)
    if n < NETWORK_CHUNK or window > 11 or window % 2 == 0:
        # Arrays of their own begin at a cache line, which a part of the state does not: a third faster.
        own_ring, own_ordered = ring.copy(), ordered.copy()
        state[2 * window] = median_sorted(x, out, own_ring, own_ordered, oldest)
        ring[:] = own_ring
        ordered[:] = own_ordered
        return True
    # The first windows reach back behind the chunk.
    head = np.empty(2 * window - 2)
    for k in range(window - 1):
        head[k] = ring[(oldest + 1 + k) % window]
        head[window - 1 + k] = x[k]
    median_by_network(head, out[: window - 1], window)
    median_by_network(x, out[window - 1 :], window)
    ring[:] = x[n - window :] + 0.0
    ordered[:] = np.sort(ring)
    state[2 * window] = 0.0
    return True
