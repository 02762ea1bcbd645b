"""A whole chain in one call: for short chunks the calls between the stages cost more than the stages.

The chunk has one row per channel and is changed in place, stage by stage, while it is in the first-level cache.
"""

import numpy as np

from .compiled import (
    dead_band,
    one_euro,
    one_euro_reordered,
    pt1,
    pt1_channels,
    pt1_reordered,
    pt1_varying,
    usable,
)
from .compiled_medians import median
from .jit import compiled
from .table import CLAMP, DEAD_BAND, LINE, LONG_CHUNK, LOW_PASS, MEDIAN, ONE_EURO, Array, Indices, Kernels


@compiled("void(f8[::1], f8[::1], f8[::1], f8, f8)")
def line(x: Array, parameters: Array, state: Array, low: float, high: float) -> None:
    """Scale, shift and clamp in place."""
    slope, offset = parameters[0], parameters[1]
    for k in range(len(x)):
        x[k] = min(max(x[k] * slope + offset, low), high)
    state[0] = x[-1]


@compiled("void(f8[::1], i8, f8[::1], f8[::1])")
def run_step(x: Array, operation: int, given: Array, own: Array) -> None:
    """Run one step over one channel in place, from and to its own part of the state."""
    reordered = given[4] == 0.0 and len(x) >= LONG_CHUNK
    if operation == LOW_PASS:
        own[0] = pt1_reordered(x, x, given[0], own[0]) if reordered else pt1(x, x, given[0], own[0])
    elif operation == ONE_EURO:
        if reordered:
            one_euro_reordered(x, x, given, own)
        else:
            one_euro(x, x, given, own)
    elif operation == MEDIAN:
        scratch = np.empty(len(x))
        median(x, scratch, own, len(own) // 2)
        x[:] = scratch
    elif operation == LINE:
        line(x, given, own, -np.inf, np.inf)
    elif operation == CLAMP:
        line(x, given, own, given[2], given[3])


@compiled("i8(f8[:, ::1], f8[:, ::1], f8[:, ::1], i8[::1])")
def run_chain(chunk: Array, steps: Array, state: Array, indices: Indices) -> int:
    """Run the steps over each channel, see ``Kernels.chain``."""
    channels, kept = chunk.shape
    for c in range(channels):
        if not usable(chunk[c]):
            return -1
    before = state.copy()
    for c in range(channels):
        x = chunk[c]
        for s in range(len(steps)):
            if steps[s, 0] != DEAD_BAND:
                place, size = int(steps[s, 1]), int(steps[s, 2])
                run_step(x, int(steps[s, 0]), steps[s, 3:], state[c, place : place + size])
        if not usable(x):
            state[:, :] = before
            return -1
    last = steps[len(steps) - 1]
    if last[0] == DEAD_BAND:
        x, own = chunk[0], state[0, int(last[1]) :]
        kept = dead_band(x, indices, last[3], last[4], own[0])
        for k in range(kept):
            x[k] = x[indices[k]]
        if kept:
            own[0] = x[kept - 1]
    return int(kept)


COMPILED = Kernels(
    name="numba",
    pt1=pt1,
    pt1_reordered=pt1_reordered,
    pt1_varying=pt1_varying,
    pt1_channels=pt1_channels,
    one_euro=one_euro,
    one_euro_reordered=one_euro_reordered,
    median=median,
    median_windows=range(2, 1001),
    median_chunk=8,
    dead_band=dead_band,
    chain=run_chain,
)
