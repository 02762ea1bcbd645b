"""Sliding medians, compiled by numba: networks for small odd windows, a sorted window for the others.

Two windows side by side have all samples in common but the first of one and the last of the other. A network finds the
two middle ones of what they share, and each median is its own sample, kept between these two. The networks forget the
least and greatest of half the values and take the next in, like ``networks.median_network``; they are written out, so
that the compiler keeps all in registers and works on several pairs at once. Adding zero makes -0.0 and 0.0 one value.
"""

import numpy as np

from .compiled import usable
from .jit import compiled
from .networks import midpoint
from .table import Array

NETWORK_CHUNK = 16
"""Samples from which a network pays."""


@compiled("void(f8[::1], f8[::1])")
def medians_of_3(extended: Array, out: Array) -> None:
    """Medians of 3 samples."""
    for pair in range(len(out) // 2):
        i = 2 * pair
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v1, v2 = min(v1, v2), max(v1, v2)
        out[i] = min(max(v1, extended[i]), v2) + 0.0
        out[i + 1] = min(max(v1, extended[i + 3]), v2) + 0.0


@compiled("void(f8[::1], f8[::1])")
def medians_of_5(extended: Array, out: Array) -> None:
    """Medians of 5 samples."""
    for pair in range(len(out) // 2):
        i = 2 * pair
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v1, v4 = min(v1, v4), max(v1, v4)
        v2, v3 = min(v2, v3), max(v2, v3)
        v2 = max(v1, v2)
        v3 = min(v3, v4)
        v2, v3 = min(v2, v3), max(v2, v3)
        out[i] = min(max(v2, extended[i]), v3) + 0.0
        out[i + 1] = min(max(v2, extended[i + 5]), v3) + 0.0


@compiled("void(f8[::1], f8[::1])")
def medians_of_7(extended: Array, out: Array) -> None:
    """Medians of 7 samples."""
    for pair in range(len(out) // 2):
        i = 2 * pair
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v5 = extended[i + 5]
        v6 = extended[i + 6]
        v1, v5 = min(v1, v5), max(v1, v5)
        v2, v4 = min(v2, v4), max(v2, v4)
        v1, v3 = min(v1, v3), max(v1, v3)
        v2 = max(v1, v2)
        v3, v5 = min(v3, v5), max(v3, v5)
        v4 = min(v4, v5)
        v2, v6 = min(v2, v6), max(v2, v6)
        v3, v4 = min(v3, v4), max(v3, v4)
        v3 = max(v2, v3)
        v4 = min(v4, v6)
        v3, v4 = min(v3, v4), max(v3, v4)
        out[i] = min(max(v3, extended[i]), v4) + 0.0
        out[i + 1] = min(max(v3, extended[i + 7]), v4) + 0.0


@compiled("void(f8[::1], f8[::1])")
def medians_of_9(extended: Array, out: Array) -> None:
    """Medians of 9 samples."""
    for pair in range(len(out) // 2):
        i = 2 * pair
        v1 = extended[i + 1]
        v2 = extended[i + 2]
        v3 = extended[i + 3]
        v4 = extended[i + 4]
        v5 = extended[i + 5]
        v6 = extended[i + 6]
        v7 = extended[i + 7]
        v8 = extended[i + 8]
        v1, v6 = min(v1, v6), max(v1, v6)
        v2, v5 = min(v2, v5), max(v2, v5)
        v3, v4 = min(v3, v4), max(v3, v4)
        v1, v3 = min(v1, v3), max(v1, v3)
        v2 = max(v1, v2)
        v4, v6 = min(v4, v6), max(v4, v6)
        v5 = min(v5, v6)
        v2, v7 = min(v2, v7), max(v2, v7)
        v3, v5 = min(v3, v5), max(v3, v5)
        v2, v4 = min(v2, v4), max(v2, v4)
        v3 = max(v2, v3)
        v4, v7 = min(v4, v7), max(v4, v7)
        v5 = min(v5, v7)
        v3, v8 = min(v3, v8), max(v3, v8)
        v4, v5 = min(v4, v5), max(v4, v5)
        v4 = max(v3, v4)
        v5 = min(v5, v8)
        v4, v5 = min(v4, v5), max(v4, v5)
        out[i] = min(max(v4, extended[i]), v5) + 0.0
        out[i + 1] = min(max(v4, extended[i + 9]), v5) + 0.0


@compiled("void(f8[::1], f8[::1])")
def medians_of_11(extended: Array, out: Array) -> None:
    """Medians of 11 samples."""
    for pair in range(len(out) // 2):
        i = 2 * pair
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
        v1, v7 = min(v1, v7), max(v1, v7)
        v2, v6 = min(v2, v6), max(v2, v6)
        v3, v5 = min(v3, v5), max(v3, v5)
        v1, v4 = min(v1, v4), max(v1, v4)
        v1, v3 = min(v1, v3), max(v1, v3)
        v2 = max(v1, v2)
        v4, v7 = min(v4, v7), max(v4, v7)
        v5, v7 = min(v5, v7), max(v5, v7)
        v6 = min(v6, v7)
        v2, v8 = min(v2, v8), max(v2, v8)
        v3, v6 = min(v3, v6), max(v3, v6)
        v4, v5 = min(v4, v5), max(v4, v5)
        v2, v4 = min(v2, v4), max(v2, v4)
        v3 = max(v2, v3)
        v5, v8 = min(v5, v8), max(v5, v8)
        v6 = min(v6, v8)
        v3, v9 = min(v3, v9), max(v3, v9)
        v4, v6 = min(v4, v6), max(v4, v6)
        v3, v5 = min(v3, v5), max(v3, v5)
        v4 = max(v3, v4)
        v5, v9 = min(v5, v9), max(v5, v9)
        v6 = min(v6, v9)
        v4, v10 = min(v4, v10), max(v4, v10)
        v5, v6 = min(v5, v6), max(v5, v6)
        v5 = max(v4, v5)
        v6 = min(v6, v10)
        v5, v6 = min(v5, v6), max(v5, v6)
        out[i] = min(max(v5, extended[i]), v6) + 0.0
        out[i + 1] = min(max(v5, extended[i + 11]), v6) + 0.0


middle = compiled("f8(f8, f8)")(midpoint)


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
        out[k] = ordered[half] if window % 2 else middle(ordered[half - 1], ordered[half])
    return oldest


@compiled("void(f8[::1], f8[::1], i8)")
def medians_of_pairs(extended: Array, out: Array, window: int) -> None:
    """Median of each full window of ``extended``, without the last of an odd number."""
    if window == 3:
        medians_of_3(extended, out)
    elif window == 5:
        medians_of_5(extended, out)
    elif window == 7:
        medians_of_7(extended, out)
    elif window == 9:
        medians_of_9(extended, out)
    else:
        medians_of_11(extended, out)


@compiled("void(f8[::1], f8[::1], i8)")
def median_by_network(extended: Array, out: Array, window: int) -> None:
    """Median of each full window of ``extended``, which are two at least."""
    medians_of_pairs(extended, out, window)
    if len(out) % 2:
        medians_of_pairs(extended[len(out) - 2 :], out[len(out) - 2 :], window)


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
    for k in range(window):
        v = x[n - window + k] + 0.0
        ring[k] = v
        # In order right away: sorting takes an array of its own.
        place = k
        while place > 0 and ordered[place - 1] > v:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = v
    state[2 * window] = 0.0
    return True
