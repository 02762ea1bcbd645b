"""With numba, with its compiler switched off, without it: the same values, and no import too early."""

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from custom_components.fieldbridge.bridge import kernels
from custom_components.fieldbridge.bridge.filters import Kept, chain_from_list, filter_from_dict
from custom_components.fieldbridge.bridge.kernels.networks import median_network

from ..filters.examples import MAPS, Item, name
from .twins import compare

ROOT = Path(__file__).parents[3]
BRIDGE_PARENT = ROOT / "custom_components" / "fieldbridge"


@pytest.fixture
def accelerated(numba_cache: Path) -> Iterator[kernels.Kernels]:
    """The compiled kernels in use."""
    yield kernels.accelerate(numba_cache)
    kernels.decelerate()


def run(code: str, **environment: str) -> str:
    """Return what ``code`` prints in a process of its own, in which the bridge is the package ``bridge``."""
    paths = os.pathsep.join([str(ROOT), str(BRIDGE_PARENT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_compiled_kernel_equals_its_plain_twin(accelerated: kernels.Kernels) -> None:
    compare(accelerated, kernels.decelerate())


def test_with_the_compiler_switched_off_the_same_source_gives_the_same_values(tmp_path: Path) -> None:
    code = f"""
import runpy, sys
sys.argv = ["", {str(tmp_path)!r}]
runpy.run_module("tests.bridge.kernels.twins", run_name="__main__")
"""

    assert run(code, NUMBA_DISABLE_JIT="1") == "numba equals plain"


def test_without_numba_the_plain_kernels_go_on() -> None:
    code = """
import sys; sys.modules["numba"] = None
from pathlib import Path
from bridge import filters, kernels
try:
    kernels.accelerate(Path("unused"))
except kernels.AccelerationError as err:
    print(err)
print(kernels.active().name, filters.MedianFilter(5).block([float(x) for x in range(100)])[-1])
"""

    assert run(code).splitlines() == [
        "numba cannot be used: import of numba halted; None in sys.modules",
        "plain 97.0",
    ]


def test_importing_the_filters_imports_neither_numpy_nor_numba() -> None:
    code = """
import sys
from bridge import filters, kernels
chain = filters.chain_from_list([{"kind": "pt1", "tau": 1, "dt": 1}, {"kind": "dead_band"}, {"kind": "publish"}])
chain.update(1.0)
print([name for name in ("numpy", "numba", "yaml", "homeassistant") if name in sys.modules])
"""

    assert run(code) == "[]"


@pytest.mark.parametrize("item", MAPS, ids=name)
def test_kernels_are_swapped_between_two_chunks_with_the_state_unchanged(item: Item, numba_cache: Path) -> None:
    x = np.random.default_rng(9).normal(scale=5.0, size=400).cumsum()
    swapped, plain = filter_from_dict(item), filter_from_dict(item)
    parts = [swapped.block(x[:150])]
    kernels.accelerate(numba_cache)
    parts.append(swapped.block(x[150:300]))
    kernels.decelerate()
    parts.append(swapped.block(x[300:]))

    np.testing.assert_array_equal(np.concatenate(parts), plain.block(x))


def test_a_chain_gives_the_same_with_compiled_kernels(accelerated: kernels.Kernels) -> None:
    items = [
        {"kind": "median", "window": 5},
        {"kind": "pt1", "tau": 5, "dt": 1, "exact": True},
        {"kind": "one_euro", "beta": 0.1, "exact": True},
        {"kind": "dead_band", "absolute": 0.5},
    ]
    x = np.random.default_rng(9).normal(size=(400, 8)).cumsum(axis=0)

    fast = chain_from_list(items).block(x)
    kernels.decelerate()
    slow = chain_from_list(items).block(x)

    assert isinstance(fast, list)
    assert isinstance(slow, list)
    for mine, theirs in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)
        np.testing.assert_array_equal(mine.indices, theirs.indices)


@pytest.mark.parametrize("window", range(3, 26, 2))
def test_a_network_leaves_the_median_of_any_order(window: int) -> None:
    steps, middle = median_network(window)
    rng = np.random.default_rng(window)
    for _ in range(50):
        values = rng.integers(0, 9, window).tolist()
        expected = sorted(values)[window // 2]
        for low, high, _, _ in steps:
            values[low], values[high] = min(values[low], values[high]), max(values[low], values[high])
        assert values[middle] == expected


def test_what_another_process_compiled_is_loaded_without_compiling(numba_cache: Path) -> None:
    filled = {path.name for path in numba_cache.rglob("*.nbc")}

    # The tests' own process may have loaded the kernels already: a fresh one, under their name in Home Assistant.
    code = f"""
import sys
from pathlib import Path
from custom_components.fieldbridge.bridge import kernels
kernels.accelerate(Path({str(numba_cache)!r}))
from custom_components.fieldbridge.bridge.kernels import compiled
print(sum(compiled.pt1.stats.cache_hits.values()), sum(compiled.pt1.stats.cache_misses.values()))
"""
    assert run(code) == "1 0"
    assert {path.name for path in numba_cache.rglob("*.nbc")} == filled != set()


async def test_a_compiler_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numba.py").write_text("raise RuntimeError('this processor is not supported')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(kernels.AccelerationError, match="compiling failed: RuntimeError: this processor is not"):
        await kernels.warm(tmp_path)


FUSED: list[Item] = [
    {"kind": "linear", "slope": 1.1, "offset": -0.3},
    {"kind": "median", "window": 5},
    {"kind": "median", "window": 4},
    {"kind": "clamp", "low": -30.0},
    {"kind": "exponential_average", "alpha": 0.3, "exact": True},
    {"kind": "one_euro", "beta": 0.5, "dt": 0.1, "exact": True},
    {"kind": "dead_band", "absolute": 0.5, "percent": 1.0},
    {"kind": "every", "count": 2},
]


def test_a_chain_in_one_call_can_be_mixed_with_single_samples_missing_values_and_a_swap(numba_cache: Path) -> None:
    x = np.random.default_rng(6).normal(size=2000).cumsum()
    x[[333, 1100]] = np.nan, 1e200
    chain, single = chain_from_list(FUSED), chain_from_list(FUSED)
    start, sizes = 0, [40, 100, 20, 1, 300, 7, 64, 500, 25, 400, 543]
    for turn, size in enumerate(sizes):
        if turn % 4 == 0:
            kernels.accelerate(numba_cache)
        elif turn % 4 == 3:
            kernels.decelerate()
        part = x[start : start + size]
        start += size
        expected = [(index, out) for index, raw in enumerate(part.tolist()) if (out := single.update(raw)) is not None]

        if turn % 5 == 2:
            got = [(index, out) for index, raw in enumerate(part.tolist()) if (out := chain.update(raw)) is not None]
        else:
            kept = chain.block(part)
            assert isinstance(kept, Kept)
            got = list(zip(kept.indices.tolist(), kept.values.tolist(), strict=True))

        assert got == expected
        assert chain.value == single.value
    kernels.decelerate()
    assert start == len(x)
    assert chain.to_state() == single.to_state()
