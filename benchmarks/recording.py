"""Eight channels at 1 kHz into a file, beside watlowlib's recorder and sinks.

Every run records the same made-up readings for a few seconds; the libraries take turns. A claim compares the runs of
one turn with each other and shows the turn with the median ratio: the speed of a shared machine changes by half within
seconds, and the least of several turns would set a fast moment of one beside a slow one of the other.

CPU time is that of the whole process, the writing thread included, per tick that was recorded: who leaves out slots
does not win by it. An idle loop with the same heartbeat is measured as well and taken off both for the net figures.
Rows are read back and counted: a recording that is cheap because it is not complete proves nothing.

Sources of watlowlib have to be awaited. Ours answer at once, as what Home Assistant's devices last said does; one that
has to be awaited as well stands beside them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
import sqlite3
import tempfile
import time
from typing import Any

from watlowlib.protocol.base import ProtocolKind as WatlowProtocol
import watlowlib.sinks as watlow_sinks
import watlowlib.streaming as watlow

from custom_components.fieldbridge.bridge.acquisition import (
    Column,
    RowLayout,
    SampleRow,
    WallAnchor,
    make_sleeper,
    record,
)
from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.channels.samples import Sample
from custom_components.fieldbridge.bridge.clock import SystemClock
from custom_components.fieldbridge.bridge.recordings import Catalogue, Limits, RecordingPlan, describe_device
from custom_components.fieldbridge.bridge.sinks import CsvSink, FileSink, SqliteSink, pipe

from .runner import Claim

_TURNS = 9
"""Short and many, so that the runs of one turn meet the same machine."""
_SECONDS = 2.0
_RATE_HZ = 1000
_PERIOD = 1 / _RATE_HZ
_CHANNELS = 8
_BATCH_SIZE = 64 * _CHANNELS
"""Samples per write, for both."""
_COLUMNS = tuple(Column(f"channel_{number}") for number in range(_CHANNELS))
_NAMES = tuple(column.name for column in _COLUMNS)
_READINGS = tuple(tuple(place * 100 + number * 0.25 for place in range(_CHANNELS)) for number in range(1000))
"""Made up before, since it is the recorders that are measured."""
_LIMIT_MS = 1.0
"""Thread CPU that one call on the event loop may take for a write."""


@dataclass
class Run:
    """What one run showed."""

    cpu: float
    """CPU of the process per tick that was recorded, in us."""
    lateness: list[float] = field(default_factory=list)
    """How late after each slot a poll began, in ms, sorted."""
    longest_call: float = 0.0
    """Thread CPU of the longest write call on the event loop, in ms."""


async def run() -> list[Claim]:
    """Measure all in turns, away from the metered loop of the benchmarks."""
    return await asyncio.to_thread(asyncio.run, _measure())


async def _measure() -> list[Claim]:
    cases: dict[str, Callable[[Path], Awaitable[Run]]] = {
        "idle": _idle,
        "csv": lambda folder: _ours(folder, CsvSink, ".csv"),
        "csv, awaited": lambda folder: _ours(folder, CsvSink, ".csv", _AwaitedSource()),
        "csv of watlowlib": lambda folder: _theirs(folder, watlow_sinks.CsvSink, ".csv"),
        "device as it comes": _device,
        "sqlite": lambda folder: _ours(folder, SqliteSink, ".sqlite"),
        "sqlite of watlowlib": lambda folder: _theirs(folder, watlow_sinks.SqliteSink, ".sqlite"),
    }
    turns = []
    for _ in range(_TURNS):
        turn: dict[str, Run] = {}
        for name, case in cases.items():
            with tempfile.TemporaryDirectory() as folder:
                turn[name] = await case(Path(folder))
        turns.append(turn)

    def median(ours: Callable[[dict[str, Run]], float], peer: Callable[[dict[str, Run]], float]) -> tuple[float, float]:
        pairs = sorted(((ours(turn), peer(turn)) for turn in turns), key=lambda pair: pair[0] / pair[1])
        return pairs[len(pairs) // 2]

    def cpu(ours: str, peer: str, *, net: bool) -> tuple[float, float]:
        return median(
            lambda turn: turn[ours].cpu - net * turn["idle"].cpu, lambda turn: turn[peer].cpu - net * turn["idle"].cpu
        )

    late = median(
        lambda turn: _percentile(turn["csv"].lateness, 0.99),
        lambda turn: _percentile(turn["csv of watlowlib"].lateness, 0.99),
    )
    longest = median(lambda turn: max(turn["csv"].longest_call, turn["sqlite"].longest_call), lambda _: _LIMIT_MS)
    claims = []
    for name in ("csv", "sqlite"):
        peer = f"{name} of watlowlib"
        claims += [
            Claim(f"{name}, CPU net of an idle loop", *cpu(name, peer, net=True), 0.25, "lower", "us"),
            Claim(f"{name}, CPU", *cpu(name, peer, net=False), 1 / 3, "lower", "us"),
        ]
    awaited = cpu("csv, awaited", "csv of watlowlib", net=True)
    device = cpu("device as it comes", "csv of watlowlib", net=True)
    claims += [
        Claim("csv, source awaited, CPU net of an idle loop", *awaited, 0.25, "lower", "us"),
        Claim("device as it comes to csv, CPU net of an idle loop", *device, 0.25, "lower", "us"),
        Claim("start lateness at 1 kHz, p99", *late, 0.5, "lower", "ms"),
        Claim("longest write call on the loop, of 1 ms", *longest, 1.0, "lower", "ms"),
    ]
    return claims


async def _idle(_: Path) -> Run:
    """Wake up as often as the recorders do, and do nothing."""
    used = time.process_time()
    ticks = await _each_slot(lambda _: None)
    return Run((time.process_time() - used) / ticks * 1e6)


async def _each_slot(act: Callable[[int], None]) -> int:
    """Call ``act`` in each slot of a run with its number; return how many there were."""
    clock = SystemClock()
    sleeper = make_sleeper(clock, _PERIOD)
    start = clock.now()
    ticks = int(_SECONDS * _RATE_HZ)
    number = 0

    def beat() -> float | None:
        nonlocal number
        act(number)
        number += 1
        return start + number * _PERIOD if number < ticks else None

    await sleeper.until(start, beat)
    sleeper.close()
    return ticks


class _Device:
    """Says eight values a thousand times a second, as the session behind a link does."""

    def __init__(self) -> None:
        self._listener: Callable[[Sequence[Any]], None] | None = None

    def fresh_value(self, key: str) -> float | None:
        return None

    def on_samples(self, listener: Callable[[Sequence[Any]], None]) -> Callable[[], None]:
        self._listener = listener
        return lambda: None

    def say(self, number: int) -> None:
        assert self._listener is not None
        values: dict[str, float | int | bool | str | None] = dict(zip(_NAMES, _readings(number), strict=True))
        self._listener([Sample(time.monotonic(), values, values)])


async def _device(folder: Path) -> Run:
    """Record a device from its samples to a CSV file, with everything that Home Assistant's recordings have."""
    device = _Device()
    channels = [Channel(key=name, name=name, source=name) for name in _NAMES]
    plan = RecordingPlan(title="run", devices=[(describe_device("id", "device", channels), device)])
    recording = await Catalogue(folder, Limits(keep_free=0)).start(plan)
    used = time.process_time()
    ticks = await _each_slot(device.say)
    await recording.stop()
    cpu = (time.process_time() - used) / ticks * 1e6
    assert _rows(recording.path) == ticks
    return Run(cpu)


class _Readings:
    def __init__(self) -> None:
        self.polled_at: list[float] = []
        self._layout = RowLayout("device", _COLUMNS, WallAnchor.now())

    def read(self) -> SampleRow:
        requested_ns = time.monotonic_ns()
        self.polled_at.append(requested_ns / 1e9)
        values = _readings(len(self.polled_at))
        return SampleRow(self._layout, values, requested_ns=requested_ns, received_ns=time.monotonic_ns())


class _HeldSource(_Readings):
    def poll(self) -> SampleRow:
        return self.read()


class _AwaitedSource(_Readings):
    async def poll(self) -> SampleRow:
        return self.read()


class _TheirSource:
    def __init__(self) -> None:
        self.polled_at: list[float] = []

    async def poll_many(
        self,
        parameters: Sequence[str | int],
        *,
        names: Sequence[str] | None = None,
        instances: Sequence[int] = (1,),
    ) -> list[watlow.Sample]:
        self.polled_at.append(time.monotonic())
        samples = []
        for parameter, value in zip(parameters, _readings(len(self.polled_at)), strict=True):
            requested_at, sent_ns = datetime.now(UTC), time.monotonic_ns()
            received_at, received_ns = datetime.now(UTC), time.monotonic_ns()
            samples.append(
                watlow.Sample(
                    device="device",
                    address=1,
                    protocol=WatlowProtocol.STDBUS,
                    parameter=str(parameter),
                    parameter_id=4001,
                    instance=1,
                    value=value,
                    unit=None,
                    t_mono_ns=(sent_ns + received_ns) // 2,
                    t_utc=requested_at + (received_at - requested_at) / 2,
                    t_midpoint_mono_ns=None,
                    requested_at=requested_at,
                    received_at=received_at,
                    latency_s=(received_at - requested_at).total_seconds(),
                    raw=b"",
                )
            )
        return samples


def _readings(number: int) -> tuple[float, ...]:
    return _READINGS[number % len(_READINGS)]


async def _ours(
    folder: Path, kind: type[FileSink], suffix: str, source: _HeldSource | _AwaitedSource | None = None
) -> Run:
    source = source or _HeldSource()
    sink = kind(folder / f"run{suffix}", columns=_COLUMNS)
    longest = 0.0
    write_batches = sink.write_batches

    async def timed(batches: Sequence[Any]) -> None:
        nonlocal longest
        start = time.thread_time()
        await write_batches(batches)
        longest = max(longest, time.thread_time() - start)

    sink.write_batches = timed  # type: ignore[method-assign]
    used = time.process_time()
    async with sink, record(source, rate_hz=_RATE_HZ, duration=_SECONDS) as recording:
        await pipe(recording, sink, batch_size=_BATCH_SIZE)
    cpu = (time.process_time() - used) / len(source.polled_at) * 1e6
    assert _rows(sink.path) == len(source.polled_at)
    assert recording.summary.ledger.balanced
    return Run(cpu, _lateness(source.polled_at), longest * 1e3)


async def _theirs(folder: Path, kind: Callable[[Path], Any], suffix: str) -> Run:
    source = _TheirSource()
    path = folder / f"run{suffix}"
    used = time.process_time()
    async with (
        kind(path) as sink,
        watlow.record(source, parameters=_NAMES, rate_hz=_RATE_HZ, duration=_SECONDS) as recording,
    ):
        await watlow_sinks.pipe(recording.stream, sink, batch_size=_BATCH_SIZE)
    cpu = (time.process_time() - used) / len(source.polled_at) * 1e6
    assert _rows(path) == len(source.polled_at) * _CHANNELS
    return Run(cpu, _lateness(source.polled_at))


def _rows(path: Path) -> int:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return sum(1 for _ in csv.reader(file)) - 1
    connection = sqlite3.connect(path)
    try:
        count: int = connection.execute("SELECT count(*) FROM samples").fetchone()[0]
        return count
    finally:
        connection.close()


def _lateness(polled_at: Sequence[float]) -> list[float]:
    """Return for every slot how many ms after its moment the next poll began; a slot that was left out waits longer."""
    late, poll = [], 0
    for slot in range(int(_SECONDS * _RATE_HZ)):
        due = polled_at[0] + slot * _PERIOD
        while poll < len(polled_at) and polled_at[poll] < due - 1e-6:
            poll += 1
        if poll == len(polled_at):
            break
        late.append((polled_at[poll] - due) * 1e3)
    return sorted(late)


def _percentile(numbers: Sequence[float], fraction: float) -> float:
    return numbers[int(fraction * (len(numbers) - 1))]
