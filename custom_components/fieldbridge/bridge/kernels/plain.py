"""The kernels in plain Python and numpy: active at once, and all there is where numba has no wheel.

A list comprehension over Python floats beats item access to arrays by far; where an order of operations may be chosen
freely, matrix products beat both.
"""

from functools import cache
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .networks import median_network
from .table import Kernels

if TYPE_CHECKING:
    from .table import Array, Indices

TILE = 32
"""Samples per row of the reordered low-pass: the matrix product grows with it, the carry loop shrinks."""


def pt1(x: Array, out: Array, alpha: float, y: float) -> float:
    """Low-pass a chunk, exact."""
    b = 1.0 - alpha
    out[:] = [y := alpha * v + b * y for v in x.tolist()]
    return y


@cache
def _tile(alpha: float) -> tuple[Any, Any]:
    """Return the response of a tile to its samples (a triangular matrix) and to the value before it."""
    decay = (1.0 - alpha) ** np.arange(TILE + 1)
    lag = np.subtract.outer(np.arange(TILE), np.arange(TILE))
    return np.where(lag >= 0, alpha * decay[np.maximum(lag, 0)], 0.0).T.copy(), decay[1:]


def pt1_reordered(x: Array, out: Array, alpha: float, y: float) -> float:
    """Low-pass a chunk tile by tile: one matrix product for all, then one carry per tile."""
    response, decay = _tile(alpha)
    rows = len(x) // TILE
    whole = rows * TILE
    tiles = x[:whole].reshape(rows, TILE) @ response
    last = float(decay[-1])
    carries = [y, *(y := end + last * y for end in tiles[:, -1].tolist())]
    tiles += np.multiply.outer(carries[:-1], decay)
    out[:whole] = tiles.reshape(whole)
    return pt1(x[whole:], out[whole:], alpha, y)


def pt1_varying(x: Array, alphas: Array, out: Array, y: float) -> float:
    """Low-pass a chunk whose samples come at uneven times, exact."""
    out[:] = [y := a * v + (1.0 - a) * y for v, a in zip(x.tolist(), alphas.tolist(), strict=True)]
    return y


def pt1_channels(x: Array, out: Array, alpha: float, y: Array) -> None:
    """Low-pass several channels, exact."""
    for column, (values, before) in enumerate(zip(x.T.tolist(), y.tolist(), strict=True)):
        b, state = 1.0 - alpha, before
        out[:, column] = [state := alpha * v + b * state for v in values]
        y[column] = out[-1, column]


def one_euro(x: Array, out: Array, parameters: Array, state: Array) -> None:
    """Speed-adaptive low-pass, exact."""
    min_cutoff, beta, d_cutoff, dt = parameters.tolist()
    y, before, d = state.tolist()
    two_pi = 2.0 * math.pi
    ad = dt / (1.0 / (two_pi * d_cutoff) + dt)
    bd = 1.0 - ad
    result = []
    for v in x.tolist():
        d = ad * ((v - before) / dt) + bd * d
        a = dt / (1.0 / (two_pi * (min_cutoff + beta * abs(d))) + dt)
        y = a * v + (1.0 - a) * y
        before = v
        result.append(y)
    out[:] = result
    state[:] = y, before, d


def one_euro_reordered(x: Array, out: Array, parameters: Array, state: Array) -> None:
    """Speed-adaptive low-pass: derivatives and alphas of the whole chunk first, one short loop for the values."""
    min_cutoff, beta, d_cutoff, dt = parameters.tolist()
    y, before, d = state.tolist()
    two_pi = 2.0 * math.pi
    slopes = np.diff(x, prepend=before)
    slopes /= dt
    state[2] = pt1_reordered(slopes, slopes, dt / (1.0 / (two_pi * d_cutoff) + dt), d)
    np.abs(slopes, out=slopes)
    # a = dt / (1 / (2 pi fc) + dt) = r / (1 + r) with r = 2 pi dt fc
    slopes *= two_pi * dt * beta
    slopes += two_pi * dt * min_cutoff
    keep = 1.0 / (1.0 + slopes)
    slopes *= keep
    slopes *= x
    out[:] = [y := u + k * y for u, k in zip(slopes.tolist(), keep.tolist(), strict=True)]
    state[0], state[1] = y, x[-1]


class MedianNetworks(dict[int, Any]):
    """Networks for odd windows up to 11, made when they are asked for."""

    def __missing__(self, window: int) -> Any:
        """Return the network of ``window`` over whole arrays."""
        steps, middle = median_network(window)

        def median(extended: Array, out: Array) -> None:
            n = len(out)
            values = [extended[place : place + n].copy() for place in range(window)]
            least = np.empty(n)
            for low, high in steps:
                np.minimum(values[low], values[high], out=least)
                np.maximum(values[low], values[high], out=values[high])
                values[low], least = least, values[low]
            out[:] = values[middle]

        self[window] = median
        return median


def dead_band(x: Array, indices: Indices, absolute: float, relative: float, last: float) -> int:
    """Keep what left the band around the last kept value."""
    kept: list[int] = []
    for index, v in enumerate(x.tolist()):
        if abs(v - last) > absolute + relative * abs(last):
            last = v
            kept.append(index)
    indices[: len(kept)] = kept
    return len(kept)


NETWORK_WINDOWS = (3, 5, 7, 9, 11)
"""Beyond these the steps of a network cost more than a sorted window."""

PLAIN = Kernels(
    name="plain",
    pt1=pt1,
    pt1_reordered=pt1_reordered,
    pt1_varying=pt1_varying,
    pt1_channels=pt1_channels,
    one_euro=one_euro,
    one_euro_reordered=one_euro_reordered,
    median_networks={window: MedianNetworks()[window] for window in NETWORK_WINDOWS},
    median_sorted=None,
    dead_band=dead_band,
)
