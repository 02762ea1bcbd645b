"""The kernels in plain Python and numpy: active at once, and all there is where numba has no wheel.

A list comprehension over Python floats beats item access to arrays by far; where an order of operations may be chosen
freely, matrix products beat both.
"""

from functools import cache
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .plain_chain import NETWORK_CHUNK, NETWORK_WINDOWS, medians_by_network, places_outside, run_chain
from .table import Kernels

if TYPE_CHECKING:
    from .table import Array, Indices

TILE = 32
"""Samples per row of the reordered low-pass: the matrix product grows with it, the carry loop shrinks."""


QUIET = np.errstate(over="ignore", invalid="ignore")
"""What is missing or overflows shows in the result, where the filters look for it."""


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


@QUIET
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


@QUIET
def one_euro(x: Array, out: Array, parameters: Array, state: Array) -> None:
    """Speed-adaptive low-pass, exact: what does not depend on the sample before is computed for the whole chunk."""
    min_cutoff, beta, d_cutoff, dt = parameters.tolist()[:4]
    y, before, d = state.tolist()
    two_pi = 2.0 * math.pi
    ad = dt / (1.0 / (two_pi * d_cutoff) + dt)
    bd = 1.0 - ad
    steps = np.empty_like(x)
    steps[0] = x[0] - before
    np.subtract(x[1:], x[:-1], out=steps[1:])
    weighted = ad * (steps / dt)
    speeds = np.array([d := w + bd * d for w in weighted.tolist()])
    alphas = dt / (1.0 / (two_pi * (min_cutoff + beta * np.abs(speeds))) + dt)
    shares, keeps = (alphas * x).tolist(), (1.0 - alphas).tolist()
    state[1], state[2] = x[-1], d
    out[:] = [y := share + keep * y for share, keep in zip(shares, keeps, strict=True)]
    state[0] = y


def median(x: Array, out: Array, state: Array, window: int) -> bool:
    """Median by a network over whole arrays, for the windows in NETWORK_WINDOWS."""
    if not np.isfinite(x).all():
        return False
    oldest = int(state[2 * window])
    extended = np.concatenate((state[oldest + 1 : window], state[:oldest], x)) + 0.0
    out[:] = medians_by_network(extended, window)
    state[:window] = extended[-window:]
    state[window:-1] = np.sort(extended[-window:])
    state[-1] = 0.0
    return True


def dead_band(x: Array, indices: Indices, absolute: float, relative: float, last: float) -> int:
    """Keep what left the band around the last kept value."""
    kept = places_outside(x.tolist(), last, absolute, relative)
    indices[: len(kept)] = kept
    return len(kept)


PLAIN = Kernels(
    name="plain",
    pt1=pt1,
    pt1_reordered=pt1_reordered,
    pt1_varying=pt1_varying,
    pt1_channels=pt1_channels,
    one_euro=one_euro,
    # The loops are what it costs, and there is no order with less of them.
    one_euro_reordered=one_euro,
    median=median,
    median_windows=NETWORK_WINDOWS,
    median_chunk=NETWORK_CHUNK,
    dead_band=dead_band,
    chain=run_chain,
)
