"""Low-passes and dead-band, compiled by numba; see ``jit``."""

import math

from .jit import compiled
from .table import HUGE, Array, Indices

TWO_PI = 2.0 * math.pi


@compiled("b1(f8[::1])")
def usable(x: Array) -> bool:
    """Return True when no value is missing or so large that a difference might overflow."""
    bad = 0
    for k in range(len(x)):
        bad += not abs(x[k]) < HUGE
    return bad == 0


@compiled("f8(f8[::1], f8[::1], f8, f8)")
def pt1(x: Array, out: Array, alpha: float, y: float) -> float:
    """Low-pass a chunk, exact."""
    b = 1.0 - alpha
    for k in range(len(x)):
        y = alpha * x[k] + b * y
        out[k] = y
    return y


@compiled("f8(f8[::1], f8[::1], f8, f8)", contract=True)
def pt1_reordered(x: Array, out: Array, alpha: float, y: float) -> float:
    """Low-pass a chunk, looking 8 samples ahead: only one operation in eight waits for the one before it."""
    b = 1.0 - alpha
    b2 = b * b
    b3, b4 = b2 * b, b2 * b2
    b8 = b4 * b4
    whole = len(x) - len(x) % 8
    for k in range(0, whole, 8):
        # Two chains of four samples that start from zero ...
        u0 = alpha * x[k]
        u1 = alpha * x[k + 1] + b * u0
        u2 = alpha * x[k + 2] + b * u1
        u3 = alpha * x[k + 3] + b * u2
        v0 = alpha * x[k + 4]
        v1 = alpha * x[k + 5] + b * v0
        v2 = alpha * x[k + 6] + b * v1
        v3 = alpha * x[k + 7] + b * v2
        # ... and what the value before them adds.
        middle = u3 + b4 * y
        out[k] = u0 + b * y
        out[k + 1] = u1 + b2 * y
        out[k + 2] = u2 + b3 * y
        out[k + 3] = middle
        out[k + 4] = v0 + b * middle
        out[k + 5] = v1 + b2 * middle
        out[k + 6] = v2 + b3 * middle
        y = (v3 + b4 * u3) + b8 * y
        out[k + 7] = y
    for k in range(whole, len(x)):
        y = alpha * x[k] + b * y
        out[k] = y
    return y


@compiled("f8(f8[::1], f8[::1], f8[::1], f8)")
def pt1_varying(x: Array, alphas: Array, out: Array, y: float) -> float:
    """Low-pass a chunk whose samples come at uneven times, exact."""
    for k in range(len(x)):
        y = alphas[k] * x[k] + (1.0 - alphas[k]) * y
        out[k] = y
    return y


@compiled("void(f8[:, ::1], f8[:, ::1], f8, f8[::1])")
def pt1_channels(x: Array, out: Array, alpha: float, y: Array) -> None:
    """Low-pass several channels, exact: eight at a time in registers, whose chains wait for each other's latency."""
    rows, columns = x.shape
    b = 1.0 - alpha
    whole = columns - columns % 8
    for c in range(0, whole, 8):
        y0, y1, y2, y3 = y[c], y[c + 1], y[c + 2], y[c + 3]
        y4, y5, y6, y7 = y[c + 4], y[c + 5], y[c + 6], y[c + 7]
        for k in range(rows):
            y0 = alpha * x[k, c] + b * y0
            y1 = alpha * x[k, c + 1] + b * y1
            y2 = alpha * x[k, c + 2] + b * y2
            y3 = alpha * x[k, c + 3] + b * y3
            y4 = alpha * x[k, c + 4] + b * y4
            y5 = alpha * x[k, c + 5] + b * y5
            y6 = alpha * x[k, c + 6] + b * y6
            y7 = alpha * x[k, c + 7] + b * y7
            out[k, c], out[k, c + 1], out[k, c + 2], out[k, c + 3] = y0, y1, y2, y3
            out[k, c + 4], out[k, c + 5], out[k, c + 6], out[k, c + 7] = y4, y5, y6, y7
        y[c], y[c + 1], y[c + 2], y[c + 3] = y0, y1, y2, y3
        y[c + 4], y[c + 5], y[c + 6], y[c + 7] = y4, y5, y6, y7
    for k in range(rows):
        for c in range(whole, columns):
            y[c] = alpha * x[k, c] + b * y[c]
            out[k, c] = y[c]


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1])")
def one_euro(x: Array, out: Array, parameters: Array, state: Array) -> None:
    """Speed-adaptive low-pass, exact."""
    min_cutoff, beta, d_cutoff, dt = parameters[0], parameters[1], parameters[2], parameters[3]
    y, before, d = state[0], state[1], state[2]
    ad = dt / (1.0 / (TWO_PI * d_cutoff) + dt)
    bd = 1.0 - ad
    for k in range(len(x)):
        v = x[k]
        d = ad * ((v - before) / dt) + bd * d
        a = dt / (1.0 / (TWO_PI * (min_cutoff + beta * abs(d))) + dt)
        y = a * v + (1.0 - a) * y
        before = v
        out[k] = y
    state[0], state[1], state[2] = y, before, d


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1])", contract=True)
def one_euro_reordered(x: Array, out: Array, parameters: Array, state: Array) -> None:
    """Speed-adaptive low-pass with one division: a = r / (1 + r), r = 2 pi dt fc."""
    y, before, d = state[0], state[1], state[2]
    dt = parameters[3]
    c0, c1, rd = TWO_PI * dt * parameters[0], TWO_PI * dt * parameters[1], TWO_PI * dt * parameters[2]
    ad = rd / (1.0 + rd)
    bd = 1.0 - ad
    gain = ad / dt
    for k in range(len(x)):
        v = x[k]
        d = gain * (v - before) + bd * d
        r = c0 + c1 * abs(d)
        q = 1.0 / (1.0 + r)
        y = (r * q) * v + q * y
        before = v
        out[k] = y
    state[0], state[1], state[2] = y, before, d


@compiled("i8(f8[::1], i8[::1], f8, f8, f8)")
def dead_band(x: Array, indices: Indices, absolute: float, relative: float, last: float) -> int:
    """Keep what left the band around the last kept value."""
    kept = 0
    band = absolute + relative * abs(last)
    low, high = last - band, last + band
    for k in range(len(x)):
        v = x[k]
        if not low <= v <= high:
            band = absolute + relative * abs(v)
            low, high = v - band, v + band
            indices[kept] = k
            kept += 1
    return kept
