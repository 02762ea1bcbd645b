"""Median networks written out, so that the compiler keeps a window in registers and works on several windows at once.

The steps are those of ``networks.median_network`` without the halves that nobody reads.
"""

from .jit import compiled
from .table import Array


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
        out[i] = v1


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
        out[i] = v2


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
        out[i] = v3


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
        out[i] = v4


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
        out[i] = v5
