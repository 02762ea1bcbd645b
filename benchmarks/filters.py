"""Filters beside cosalette's (Rust), scipy, bottleneck, pandas and Home Assistant's filter component.

Times are thread CPU time. All cases take turns in every round, and a ratio is the median of the rounds' own ratios, so
that a neighbour on the machine disturbs both sides alike. "Exact" is the order of single updates, everything else the
reordered form that long chunks get by default. What has a goal without numba is measured again without it.
"""

import asyncio
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from functools import partial
import gc
from pathlib import Path
import statistics
import struct
import tempfile
import time
from typing import Any

import bottleneck  # type: ignore[import-not-found]
import cosalette
from homeassistant.components.filter import sensor as ha
from homeassistant.util import dt as dt_util
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from scipy import signal  # type: ignore[import-untyped]

from custom_components.fieldbridge.bridge import kernels
from custom_components.fieldbridge.bridge.filters import (
    Kept,
    MapFilter,
    MedianFilter,
    OneEuroFilter,
    Pt1Filter,
    chain_from_list,
    filter_from_dict,
)
from custom_components.fieldbridge.bridge.streams import Stream

from .runner import Claim, loop_time

_ROUNDS = 15
_SLICE_NS = 1_000_000
"""CPU time of one case in one round; longer slices meet more neighbours."""

type Case = tuple[Callable[[], object], int]
"""What is run, and how many samples that is."""
type Rounds = dict[str, list[float]]

TAU, DT = 5.0, 1.0
ONE_EURO: dict[str, Any] = {"min_cutoff": 1.0, "beta": 0.5, "d_cutoff": 1.0, "dt": 0.1}


def interleaved(cases: dict[str, Case]) -> Rounds:
    """Return the nanoseconds per sample of every case in every round."""
    repeats = {}
    for name, (work, _) in cases.items():
        work()
        start = time.thread_time_ns()
        work()
        repeats[name] = max(1, _SLICE_NS // max(time.thread_time_ns() - start, 1))
    rounds: Rounds = {name: [] for name in cases}
    gc.collect()
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            for name, (work, samples) in cases.items():
                start = time.thread_time_ns()
                for _repeat in range(repeats[name]):
                    work()
                rounds[name].append((time.thread_time_ns() - start) / repeats[name] / samples)
    finally:
        gc.enable()
    return rounds


def at_most(name: str, rounds: Rounds, ours: str, peer: str, target: float) -> Claim:
    """Return the claim that ours takes at most ``target`` of the peer's time."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(rounds[ours], rounds[peer], strict=True))
    time_of_peer = statistics.median(rounds[peer])
    return Claim(name, ratio * time_of_peer, time_of_peer, target, "lower", "ns")


def updates(signal_filter: Any, samples: list[float]) -> Case:
    """Return the case of a filter that is fed sample by sample."""
    update = signal_filter.update
    return lambda: [update(x) for x in samples], len(samples)


def blocks(signal_filter: MapFilter, chunk: np.ndarray) -> Case:
    """Return the case of a filter that is fed chunks."""
    signal_filter.block(chunk)
    return lambda: signal_filter.block(chunk), len(chunk)


def walk(size: int) -> np.ndarray:
    """Return a random walk: what slow signals look like, with no pattern that a branch predictor could learn."""
    return np.random.default_rng(1).normal(size=size).cumsum()


def compiled_claims() -> list[Claim]:
    """Return the claims on chunks of 4096 with numba, and on a million samples."""
    x = walk(4096)
    samples = x.tolist()
    b, a = [1.0 / 6.0], [1.0, -5.0 / 6.0]
    zi = np.zeros(1)
    cases: dict[str, Case] = {
        "cosalette pt1": updates(cosalette.Pt1Filter(TAU, DT), samples),
        "cosalette one-euro": updates(cosalette.OneEuroFilter(**ONE_EURO), samples),
        "lfilter": (lambda: signal.lfilter(b, a, x, zi=zi), len(x)),
        "pt1": blocks(Pt1Filter(TAU, DT), x),
        "pt1 exact": blocks(Pt1Filter(TAU, DT, exact=True), x),
        "one-euro": blocks(OneEuroFilter(**ONE_EURO), x),
        "one-euro exact": blocks(OneEuroFilter(**ONE_EURO, exact=True), x),
    }
    for window in (5, 11, 101):
        cases[f"median {window}"] = blocks(MedianFilter(window), x)
        cases[f"bottleneck {window}"] = (partial(bottleneck.move_median, x, window), len(x))
    series = pd.Series(x)
    cases["pandas 11"] = (lambda: series.rolling(11).median(), len(x))
    rounds = interleaved(cases)

    million = walk(1_000_000)
    copied = np.empty_like(million)
    long = interleaved(
        {"pt1": blocks(Pt1Filter(TAU, DT), million), "copy": (lambda: np.copyto(copied, million), len(million))}
    )
    return [
        at_most("pt1 4096 : cosalette update", rounds, "pt1", "cosalette pt1", 1 / 30),
        at_most("pt1 4096 : scipy lfilter", rounds, "pt1", "lfilter", 1 / 5),
        at_most("pt1 exact 4096 : cosalette update", rounds, "pt1 exact", "cosalette pt1", 1 / 20),
        at_most("pt1 exact 4096 : scipy lfilter", rounds, "pt1 exact", "lfilter", 1 / 3),
        at_most("pt1 1e6 : copy of the array", long, "pt1", "copy", 2.5),
        at_most("one-euro 4096 : cosalette update", rounds, "one-euro", "cosalette one-euro", 1 / 20),
        at_most("one-euro exact 4096 : cosalette update", rounds, "one-euro exact", "cosalette one-euro", 1 / 12),
        at_most("median 5 4096 : bottleneck", rounds, "median 5", "bottleneck 5", 1 / 8),
        at_most("median 11 4096 : bottleneck", rounds, "median 11", "bottleneck 11", 1 / 8),
        at_most("median 101 4096 : bottleneck", rounds, "median 101", "bottleneck 101", 1 / 1.5),
        at_most("median 11 4096 : pandas", rounds, "median 11", "pandas 11", 1 / 8),
    ]


def plain_claims() -> list[Claim]:
    """Return the claims on chunks of 512 without numba."""
    x = walk(512)
    rounds = interleaved(
        {
            "cosalette pt1": updates(cosalette.Pt1Filter(TAU, DT), x.tolist()),
            "cosalette median 5": updates(cosalette.MedianFilter(5), x.tolist()),
            "pt1": blocks(Pt1Filter(TAU, DT), x),
            "median 5": blocks(MedianFilter(5), x),
        }
    )
    return [
        at_most("plain: pt1 512 : cosalette update", rounds, "pt1", "cosalette pt1", 1.0),
        at_most("plain: median 5 512 : cosalette update", rounds, "median 5", "cosalette median 5", 1.0),
    ]


def update_claims() -> list[Claim]:
    """Return the claims on single samples, which never touch a kernel."""
    samples = walk(500).tolist()
    states = [ha._State(dt_util.utcnow() + timedelta(seconds=i), x) for i, x in enumerate(samples)]  # noqa: SLF001

    def component(component_filter: ha.Filter) -> Case:
        return lambda: [component_filter.filter_state(copy(state)) for state in states], len(states)

    cases: dict[str, Case] = {
        "cosalette pt1": updates(cosalette.Pt1Filter(TAU, DT), samples),
        "pt1": updates(Pt1Filter(TAU, DT), samples),
        "low-pass of HA": component(ha.LowPassFilter(window_size=1, entity="sensor.x", time_constant=6)),
        "outlier of HA": component(ha.OutlierFilter(window_size=5, entity="sensor.x", radius=2.0)),
        "range of HA": component(ha.RangeFilter(entity="sensor.x", lower_bound=-10, upper_bound=10)),
        "throttle of HA": component(ha.ThrottleFilter(window_size=3, entity="sensor.x")),
        "median 5": updates(MedianFilter(5), samples),
        "clamp": updates(filter_from_dict({"kind": "clamp", "low": -10, "high": 10}), samples),
        "every": updates(filter_from_dict({"kind": "every", "count": 3}), samples),
    }
    for window in (31, 101):
        cases[f"median {window}"] = updates(MedianFilter(window), samples)
        cases[f"cosalette median {window}"] = updates(cosalette.MedianFilter(window), samples)
    rounds = interleaved(cases)
    return [
        at_most("update pt1 : cosalette", rounds, "pt1", "cosalette pt1", 2.0),
        at_most("update median 31 : cosalette", rounds, "median 31", "cosalette median 31", 1.0),
        at_most("update median 101 : cosalette", rounds, "median 101", "cosalette median 101", 1.0),
        at_most("update pt1 : low-pass of Home Assistant", rounds, "pt1", "low-pass of HA", 1 / 15),
        at_most("update median 5 : outlier of Home Assistant", rounds, "median 5", "outlier of HA", 1 / 15),
        at_most("update clamp : range of Home Assistant", rounds, "clamp", "range of HA", 1 / 15),
        at_most("update every : throttle of Home Assistant", rounds, "every", "throttle of HA", 1 / 15),
    ]


SMOOTH = [{"kind": "median", "window": 5}, {"kind": "pt1", "tau": TAU, "dt": DT}, {"kind": "one_euro", **ONE_EURO}]
THIN = [*SMOOTH, {"kind": "dead_band", "absolute": 0.5}, {"kind": "throttle", "seconds": 0.05}]


def core_claim(name: str, share: float) -> Claim:
    """Return the claim on eight channels at 1 kHz that come in frames of 20 samples."""
    matrix = np.random.default_rng(2).normal(size=(20, 8)).cumsum(axis=0)
    chain = chain_from_list(SMOOTH)
    chain.block(matrix)
    rounds = interleaved({"frame": (lambda: chain.block(matrix), 1)})
    return Claim(name, statistics.median(rounds["frame"]) * 50 / 1e9, 1.0, share, "lower", "cores")


def frames(size: int) -> list[bytes]:
    """Return frames of ``size`` float32 samples."""
    samples = walk(50_000 if size > 1 else 5_000).astype("<f4")
    return [samples[start : start + size].tobytes() for start in range(0, len(samples), size)]


async def ours(size: int) -> tuple[float, int]:
    """Return the loop's seconds from frames to published values, and how many were published."""
    stream: Stream[bytes] = Stream()
    chain = chain_from_list(THIN)
    published: list[float] = []
    unpack = struct.Struct("<f").unpack

    def take_sample(frame: bytes) -> None:
        if (value := chain.update(unpack(frame)[0])) is not None:
            published.append(value)

    def take_chunk(frame: bytes) -> None:
        kept = chain.block(np.frombuffer(frame, "<f4"))
        assert isinstance(kept, Kept)
        published.extend(kept.values.tolist())

    consumer = asyncio.create_task(stream.consume(take_sample if size == 1 else take_chunk))
    await asyncio.sleep(0)
    coming = frames(size)
    start = loop_time()
    for frame in coming:
        stream.put(frame)
        await asyncio.sleep(0)
    stream.finish()
    await consumer
    return loop_time() - start, len(published)


async def cosalettes(size: int) -> tuple[float, int]:
    """Return the same for a cosalette stream with its filters sample by sample."""
    stream: cosalette.Stream[float] = cosalette.Stream()
    published: list[float] = []
    median, pt1, one_euro = cosalette.MedianFilter(5), cosalette.Pt1Filter(TAU, DT), cosalette.OneEuroFilter(**ONE_EURO)

    async def consume() -> None:
        last, sent = float("inf"), 0.0
        async for raw in stream:
            value = one_euro.update(pt1.update(median.update(raw)))
            if abs(value - last) > 0.5:
                last = value
                if (now := time.monotonic()) - sent >= 0.05:
                    sent = now
                    published.append(value)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0)
    coming = frames(size)
    start = loop_time()
    for frame in coming:
        for (raw,) in struct.iter_unpack("<f", frame):
            stream.put(raw)
        await asyncio.sleep(0)
    stream.shutdown()
    await consumer
    return loop_time() - start, len(published)


async def stream_claim(name: str, size: int, target: float) -> Claim:
    """Return the claim on the way from a stream to published values with frames of ``size`` samples."""
    pairs = []
    for _ in range(7):
        mine, count = await ours(size)
        theirs, count_of_peer = await cosalettes(size)
        assert count > 0
        assert count_of_peer > 0
        pairs.append((mine, theirs))
    peer = statistics.median(theirs for _, theirs in pairs)
    return Claim(name, statistics.median(mine / theirs for mine, theirs in pairs) * peer, peer, target, "lower", "s")


async def run() -> list[Claim]:
    """Measure single samples, then chunks and streams with numba, then the same without."""
    claims = update_claims()
    cache = Path(tempfile.gettempdir()) / "fieldbridge-bench-numba"
    await kernels.warm(cache)
    kernels.accelerate(cache)
    claims += compiled_claims()
    claims.append(core_claim("8 channels, 1 kHz, chain of 3", 0.003))
    claims.append(await stream_claim("stream, frames of 100 : cosalette", 100, 0.1))
    claims.append(await stream_claim("stream, frames of 1 : cosalette", 1, 1.1))
    kernels.decelerate()
    claims += plain_claims()
    claims.append(core_claim("plain: 8 channels, 1 kHz, chain of 3", 0.03))
    claims.append(await stream_claim("plain: stream, frames of 100 : cosalette", 100, 0.6))
    claims.append(await stream_claim("plain: stream, frames of 1 : cosalette", 1, 1.1))
    return claims
