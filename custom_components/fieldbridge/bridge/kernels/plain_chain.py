"""A whole chain in one call, in plain Python: the stages hand lists to each other.

Between single filters a chunk becomes a list and an array again, which costs more than a low-pass.
"""

from bisect import bisect_left, insort
import math
from typing import TYPE_CHECKING

import numpy as np

from .networks import median_network, midpoint
from .table import CLAMP, DEAD_BAND, LINE, LONG_CHUNK, LOW_PASS, MEDIAN, ONE_EURO

if TYPE_CHECKING:
    from .table import Array, Indices

    type Numbers = list[float]

NETWORK_WINDOWS = (3, 5, 7, 9, 11)
"""Beyond these the steps of a network cost more than a sorted window."""
NETWORK_CHUNK = 48
"""Samples from which a network over arrays beats a sorted window."""
TWO_PI = 2.0 * math.pi


def low_pass(values: Numbers, own: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
    """Low-pass, exact."""
    alpha, y = given[0], own[0]
    b = 1.0 - alpha
    return [y := alpha * v + b * y for v in values], [y]


def one_euro(values: Numbers, own: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
    """Speed-adaptive low-pass."""
    min_cutoff, beta, d_cutoff, dt, exact = given
    if not exact and len(values) >= LONG_CHUNK:
        return one_euro_reordered(values, own, given)
    y, before, d = own
    ad = dt / (1.0 / (TWO_PI * d_cutoff) + dt)
    bd = 1.0 - ad
    out: Numbers = []
    append = out.append
    for v in values:
        d = ad * ((v - before) / dt) + bd * d
        a = dt / (1.0 / (TWO_PI * (min_cutoff + beta * abs(d))) + dt)
        y = a * v + (1.0 - a) * y
        before = v
        append(y)
    return out, [y, before, d]


def one_euro_reordered(values: Numbers, own: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
    """Speed-adaptive low-pass with one division: a = r / (1 + r), r = 2 pi dt fc."""
    min_cutoff, beta, d_cutoff, dt, _ = given
    y, before, d = own
    c0, c1, rd = TWO_PI * dt * min_cutoff, TWO_PI * dt * beta, TWO_PI * dt * d_cutoff
    ad = rd / (1.0 + rd)
    bd, gain = 1.0 - ad, ad / dt
    out: Numbers = []
    append = out.append
    for v in values:
        d = gain * (v - before) + bd * d
        r = c0 + c1 * (d if d > 0.0 else -d)
        y = (r * v + y) / (1.0 + r)
        before = v
        append(y)
    return out, [y, before, d]


def medians_by_network(extended: Array, window: int) -> Array:
    """Return the median of each full window, one of NETWORK_WINDOWS."""
    steps, middle = median_network(window)
    count = len(extended) - window + 1
    values = [extended[place : place + count] for place in range(window)]
    for low, high, low_is_read, high_is_read in steps:
        a, b = values[low], values[high]
        if low_is_read:
            values[low] = np.minimum(a, b)
        if high_is_read:
            values[high] = np.maximum(a, b)
    return values[middle]


def median(values: Numbers, own: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
    """Median over a full sorted window."""
    window, oldest = len(own) // 2, int(own[-1])
    seen = [*own[oldest:window], *own[:oldest], *values]
    ordered = own[window:-1]
    half, odd = divmod(window, 2)
    out: Numbers = []
    append = out.append
    for v, leaving in zip(values, seen, strict=False):
        del ordered[bisect_left(ordered, leaving)]
        # Adding zero makes -0.0 and 0.0 one value.
        insort(ordered, v + 0.0)
        append(ordered[half] if odd else midpoint(ordered[half - 1], ordered[half]))
    return out, [*(v + 0.0 for v in seen[-window:]), *ordered, 0.0]


def network_median(values: Numbers | Array, own: Numbers) -> tuple[Numbers, Numbers]:
    """Median over a full window, one of NETWORK_WINDOWS, whose network takes arrays."""
    window, oldest = len(own) // 2, int(own[-1])
    extended = np.empty(window - 1 + len(values))
    extended[: window - 1] = [*own[oldest + 1 : window], *own[:oldest]]
    extended[window - 1 :] = values
    extended += 0.0
    recent = extended[-window:].tolist()
    medians: Numbers = medians_by_network(extended, window).tolist()
    return medians, [*recent, *sorted(recent), 0.0]


def line(values: Numbers, own: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
    """Scale and shift."""
    slope, offset = given[0], given[1]
    values = [v * slope + offset for v in values]
    return values, values[-1:]


def clamp(values: Numbers, own: Numbers, given: Numbers) -> tuple[Numbers, Numbers]:
    """Keep between two bounds."""
    low, high = given[2], given[3]
    values = [min(max(v, low), high) for v in values]
    return values, values[-1:]


MAPS = {LOW_PASS: low_pass, ONE_EURO: one_euro, MEDIAN: median, LINE: line, CLAMP: clamp}


def places_outside(values: Numbers, last: float, absolute: float, relative: float) -> list[int]:
    """Return the places of what left the dead-band around the last value that did."""
    band = absolute + relative * abs(last)
    low, high = last - band, last + band
    places = []
    for place, v in enumerate(values):
        if not low <= v <= high:
            if relative:
                band = absolute + relative * abs(v)
            low, high = v - band, v + band
            places.append(place)
    return places


def run_chain(chunk: Array, steps: Array, state: Array, indices: Indices) -> int:
    """Run the steps over each channel, see ``Kernels.chain``."""
    program = steps.tolist()
    gate = program.pop() if program[-1][0] == DEAD_BAND else None
    rows = state.tolist()
    values: Numbers = []
    for x, row in zip(chunk, rows, strict=True):
        raw = x.tolist()
        if not math.isfinite(sum(raw)):
            return -1
        values = []
        for operation, place, size, *given in program:
            own = slice(int(place), int(place + size))
            if operation == MEDIAN and len(x) >= NETWORK_CHUNK and size // 2 in NETWORK_WINDOWS:
                values, row[own] = network_median(values or x, row[own])
            else:
                values, row[own] = MAPS[operation](values or raw, row[own], given)
        if not math.isfinite(sum(values)):
            return -1
        if gate is None:
            x[:] = values
    state[:] = rows
    if gate is None:
        return int(chunk.shape[1])
    _, place, _, absolute, relative, *_ = gate
    places = places_outside(values, rows[0][int(place)], absolute, relative)
    kept = len(places)
    if kept:
        indices[:kept] = places
        chunk[0, :kept] = [values[index] for index in places]
        state[0, int(place)] = values[places[-1]]
    return kept
