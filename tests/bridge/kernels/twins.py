"""Compares every kernel of two tables on the same input; as a program, the compiled with the plain ones."""

from collections.abc import Callable
from pathlib import Path
import sys
from typing import Any

import numpy as np

from custom_components.fieldbridge.bridge import kernels
from custom_components.fieldbridge.bridge.kernels import Kernels
from custom_components.fieldbridge.bridge.kernels.table import CLAMP, DEAD_BAND, LINE, LOW_PASS, MEDIAN, ONE_EURO

RNG = np.random.default_rng(11)


def inputs(sizes: tuple[int, ...]) -> list[Any]:
    """Return chunks of many lengths: noise, a walk, ties."""
    chunks: list[Any] = []
    for size in sizes:
        chunks += [RNG.normal(size=size), RNG.normal(size=size).cumsum(), RNG.integers(-3, 4, size).astype(float)]
    return chunks


def compare(one: Kernels, other: Kernels, sizes: tuple[int, ...] = (8, 33, 64, 257, 1000)) -> None:
    """Raise AssertionError for the first kernel whose exact results differ by a bit."""
    for x in inputs(sizes):
        for check in (_low_passes, _one_euro, _medians, _dead_band, _chains):
            check(one, other, x)


def _both(one: Kernels, other: Kernels, run: Callable[[Kernels], tuple[Any, ...]], exact: bool = True) -> None:
    for mine, theirs in zip(run(one), run(other), strict=True):
        if exact:
            np.testing.assert_array_equal(mine, theirs)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=0.0, atol=1e-12 * max(1.0, float(np.abs(mine).max())))


def _low_passes(one: Kernels, other: Kernels, x: Any) -> None:
    alphas = RNG.uniform(0.0, 1.0, len(x))
    matrix = np.repeat(x, 11).reshape(-1, 11) * np.arange(11.0)

    def pt1(table: Kernels) -> tuple[Any, ...]:
        out = np.empty_like(x)
        return out, table.pt1(x, out, 0.3, 2.0)

    def reordered(table: Kernels) -> tuple[Any, ...]:
        out = np.empty_like(x)
        return out, table.pt1_reordered(x, out, 0.01, 2.0)

    def varying(table: Kernels) -> tuple[Any, ...]:
        out = np.empty_like(x)
        return out, table.pt1_varying(x, alphas, out, 2.0)

    def channels(table: Kernels) -> tuple[Any, ...]:
        out, state = np.empty_like(matrix), np.linspace(0.0, 10.0, 11)
        table.pt1_channels(matrix, out, 0.3, state)
        return out, state

    _both(one, other, pt1)
    _both(one, other, reordered, exact=False)
    _both(one, other, varying)
    _both(one, other, channels)


def _one_euro(one: Kernels, other: Kernels, x: Any) -> None:
    parameters = np.array([1.0, 0.5, 1.0, 0.1])

    def exact(table: Kernels) -> tuple[Any, ...]:
        out, state = np.empty_like(x), np.array([1.0, 2.0, -3.0])
        table.one_euro(x, out, parameters, state)
        return out, state

    def reordered(table: Kernels) -> tuple[Any, ...]:
        out, state = np.empty_like(x), np.array([1.0, 2.0, -3.0])
        table.one_euro_reordered(x, out, parameters, state)
        return out, state

    _both(one, other, exact)
    _both(one, other, reordered, exact=False)


def _medians(one: Kernels, other: Kernels, x: Any) -> None:
    for table in (one, other):
        for window in (2, 3, 5, 6, 7, 9, 11, 12):
            if window not in table.median_windows:
                continue
            before = np.resize(x[::-1], window)
            state = np.concatenate((np.roll(before, 1), np.sort(before), [1.0]))
            out = np.empty_like(x)
            assert table.median(x, out, state, window)
            extended = np.concatenate((before[1:], x))
            expected = [np.median(extended[k : k + window]) for k in range(len(x))]
            # Of an even window it is a middle, which numpy rounds in another way.
            np.testing.assert_allclose(
                out, expected, rtol=0.0 if window % 2 else 1e-15, atol=0.0 if window % 2 else 1e-15
            )
            np.testing.assert_array_equal(np.roll(state[:window], -int(state[-1])), extended[-window:])
            np.testing.assert_array_equal(state[window:-1], np.sort(extended[-window:]))
            out[3] = np.nan
            assert not table.median(out, out, state, window)


def _dead_band(one: Kernels, other: Kernels, x: Any) -> None:
    def kept(table: Kernels) -> tuple[Any, ...]:
        indices = np.zeros(len(x), dtype=np.int64)
        count = table.dead_band(x, indices, 0.5, 0.1, 0.0)
        return count, indices[:count]

    _both(one, other, kept)


def _chains(one: Kernels, other: Kernels, x: Any) -> None:
    """Every operation in a row, with a dead-band for one channel, without for three."""
    window, low = 5, min(x) / 2
    maps: list[list[float]] = [
        [MEDIAN, 0, 2 * window + 1, 0, 0, 0, 0, 0],
        [MEDIAN, 11, 2 * 4 + 1, 0, 0, 0, 0, 0],
        [LINE, 20, 1, 1.1, -0.3, 0, 0, 0],
        [CLAMP, 21, 1, 1, 0, low, np.inf, 0],
        [LOW_PASS, 22, 1, 0.3, 0, 0, 0, 1],
        [ONE_EURO, 23, 3, 1.0, 0.5, 1.0, 0.1, 1],
    ]
    gate: list[float] = [DEAD_BAND, 26, 1, 0.2, 0.05, 0, 0, 0]
    before: list[float] = [*np.roll(x[:5], 2), *sorted(x[:5]), 2, *x[:4], *sorted(x[:4]), 0, 1, 2, 3, 1, 2, -3, 0.5]

    def alone(table: Kernels) -> tuple[Any, ...]:
        return _run_twice(table, x[None], [*maps, gate], [before])

    def side_by_side(table: Kernels) -> tuple[Any, ...]:
        return _run_twice(table, np.array([x, x + 1.0, -x]), maps, [before] * 3)

    def reordered(table: Kernels) -> tuple[Any, ...]:
        return _run_twice(table, x[None], [[*step[:-1], 0.0] for step in maps], [before])

    _both(one, other, alone)
    _both(one, other, side_by_side)
    _both(one, other, reordered, exact=False)
    for spoilt in (np.nan, np.inf):
        for table in (one, other):
            state = np.array([before])
            assert _run_chain(table, np.append(x, spoilt)[None], [*maps, gate], state)[0] == -1
            np.testing.assert_array_equal(state, [before])


def _run_twice(table: Kernels, chunk: Any, steps: list[list[float]], before: list[list[float]]) -> tuple[Any, ...]:
    """Return what comes out of a chunk and of another behind it: the same history may be laid out in two ways."""
    state = np.array(before)
    return *_run_chain(table, chunk, steps, state), *_run_chain(table, chunk[:, ::-1], steps, state)


def _run_chain(table: Kernels, chunk: Any, steps: list[list[float]], state: Any) -> tuple[Any, ...]:
    rows, indices = chunk.copy(), np.zeros(chunk.shape[1], dtype=np.int64)
    kept = table.chain(rows, np.array(steps, dtype=np.float64), state, indices)
    return kept, rows[:, : max(kept, 0)], indices[: max(kept, 0)]


if __name__ == "__main__":
    plain = kernels.active()
    # Sizes that are quick where the source runs as plain Python.
    compare(kernels.accelerate(Path(sys.argv[1])), plain, (8, 70))
    sys.stdout.write(f"{kernels.active().name} equals {plain.name}\n")
