"""A whole chain in one call: for short chunks the calls between the stages cost more than the stages.

The chunk has one row per channel and is changed in place, stage by stage, while it is in the first-level cache. A step
is ``(operation, place of its state, window)`` with a row of parameters; the state has one row per channel.
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
from .table import CLAMP, DEAD_BAND, LINE, LOW_PASS, MEDIAN, ONE_EURO, Array, Indices, Kernels

LONG_CHUNK = 64
"""Samples from which a reordered form pays."""


@compiled("void(f8[::1], f8[::1], f8[::1], f8, f8)")
def line(x: Array, parameters: Array, state: Array, low: float, high: float) -> None:
    """Scale, shift and clamp in place."""
    slope, offset = parameters[0], parameters[1]
    for k in range(len(x)):
        x[k] = min(max(x[k] * slope + offset, low), high)
    state[0] = x[-1]


@compiled("void(f8[::1], i8, i8, f8[::1], f8[::1])")
def run_step(x: Array, operation: int, window: int, given: Array, own: Array) -> None:
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
        median(x, scratch, own, window)
        x[:] = scratch
    elif operation == LINE:
        line(x, given, own, -np.inf, np.inf)
    elif operation == CLAMP:
        line(x, given, own, given[2], given[3])


@compiled("i8(f8[:, ::1], i8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], i8[::1])")
def run_chain(chunk: Array, steps: Indices, parameters: Array, state: Array, backup: Array, indices: Indices) -> int:
    """Run the steps over each channel; return the number of kept values, or -1 when nothing was done.

    A dead-band is the last step of one channel; without one everything is kept. -1 leaves the state as it was, the
    chunk is spoilt.
    """
    channels, kept = chunk.shape
    for c in range(channels):
        if not usable(chunk[c]):
            return -1
    backup[:, :] = state
    for c in range(channels):
        x = chunk[c]
        for s in range(len(steps)):
            own = state[c, steps[s, 1] :]
            if steps[s, 0] != DEAD_BAND:
                run_step(x, steps[s, 0], steps[s, 2], parameters[s], own)
                continue
            kept = dead_band(x, indices, parameters[s, 0], parameters[s, 1], own[0])
            if kept:
                own[0] = x[indices[kept - 1]]
        if not usable(x):
            state[:, :] = backup
            return -1
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
