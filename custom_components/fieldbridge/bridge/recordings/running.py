"""One recording under way: what devices say, as it comes or at a rate, into a file."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
import logging
import math
from pathlib import Path
from typing import Any, Protocol

from ..acquisition import ProtocolKind, Recording, RowLayout, Sample, SampleRow, WallAnchor, record
from ..channels import Value
from ..channels.listeners import Listeners, Unsubscribe
from ..clock import SystemClock
from ..interfaces import ClockPort
from ..sinks import SINKS, DiskFullError, RecordedFile, SinkError, pipe
from ..streams import EndReason, Fanout, OverflowPolicy, StreamEnd, Subscription
from .description import Description, RecordedDevice, description_of, write_description

_LOGGER = logging.getLogger(__name__)

MAX_RATE_HZ = 1000.0
BUFFER_SIZE = 4096
"""Rows that may wait for the writer before the overflow policy decides."""
STOP_DEADLINE = 5.0
"""Seconds to write what is there; what is not written by then is made whole at the next start."""
WATCH_INTERVAL = 1.0
"""Seconds between two looks at the rate and the size."""
MAX_PENDING_SAMPLES = 256
FLUSH_INTERVAL = 1.0

type Batch = Sequence[Sample]


class RecordingEnd(StrEnum):
    """Why a recording is over."""

    DURATION = "duration"
    """The time that was asked for is over."""
    STOPPED = "stopped"
    """Somebody stopped it."""
    DEVICES_GONE = "devices_gone"
    """No device is left that could be recorded."""
    SHUTDOWN = "shutdown"
    """Home Assistant, or what else runs the bridge, stops."""
    QUOTA = "quota"
    """It alone would fill all the room that recordings may take."""
    DISK_FULL = "disk_full"
    """The disk has no more room than has to stay free."""
    WRITE_FAILED = "write_failed"
    """The file cannot be written."""
    INTERRUPTED = "interrupted"
    """Its writer died; it was made whole at the next start."""


class TappedSample(Protocol):
    """The values of one frame."""

    @property
    def time(self) -> float:
        """Arrival, monotonic seconds."""
        ...

    @property
    def values(self) -> Mapping[str, Value | None]:
        """Converted and filtered values by channel key; None for what cannot be read."""
        ...


class DeviceSource(Protocol):
    """The living values of a device, whichever session stands behind them at the moment."""

    def fresh_value(self, key: str) -> Value | None:
        """Return the latest value of a channel, None while it is not fresh."""
        ...

    def on_samples(self, listener: Callable[[Sequence[TappedSample]], None]) -> Unsubscribe:
        """Tell ``listener`` the values of every frame; returns the unsubscribe."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingPlan:
    """What is recorded, and how. Raises ValueError for what cannot be."""

    title: str
    devices: Sequence[tuple[RecordedDevice, DeviceSource]]
    suffix: str = ".csv"
    wide: bool = True
    rate_hz: float | None = None
    """None records values as they come."""
    duration: float | None = None
    """Seconds; None records until it is stopped."""
    overflow: OverflowPolicy = OverflowPolicy.BLOCK
    """What is lost when the disk is too slow. As they come, values cannot wait: BLOCK loses the newest then."""

    def __post_init__(self) -> None:
        if self.suffix not in SINKS:
            raise ValueError(f"format must be one of {', '.join(SINKS)}, not {self.suffix}")
        if not any(device.channels for device, _ in self.devices):
            raise ValueError("there is no channel to record")
        if self.rate_hz is not None and not 0 < self.rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"rate must be above 0 and at most {MAX_RATE_HZ:g} per second, got {self.rate_hz!r}")
        if self.duration is not None and not (math.isfinite(self.duration) and self.duration > 0):
            raise ValueError(f"duration must be above 0, got {self.duration!r}")


class RunningRecording:
    """Begins with ``start``, ends by itself or by ``stop``; ``on_end`` hears of it, ``summary`` says what came of it.

    Belongs to one event loop, on which no file is touched.
    """

    def __init__(
        self,
        plan: RecordingPlan,
        path: Path,
        *,
        keep_free: int = 0,
        max_bytes: int | None = None,
        clock: ClockPort | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.plan = plan
        self.path = path
        """Where the file is, or will be when it is complete."""
        self.description = Description(
            title=plan.title,
            started_at=wall(),
            wide=plan.wide,
            rate_hz=plan.rate_hz,
            devices=tuple(device for device, _ in plan.devices),
        )
        self.rate = 0.0
        """Rows per second, of late."""
        self.end: RecordingEnd | None = None
        """Why it is over, None while it runs."""
        self.error: str | None = None
        self._clock = clock or SystemClock()
        self._wall = wall
        self._max_bytes = max_bytes
        columns = self.description.columns if plan.wide else None
        self._sink = SINKS[plan.suffix](path, columns=columns, keep_free=keep_free)
        self._anchor = WallAnchor(self.description.started_at, self._now_ns())
        self._started = self._clock.now()
        self._finished: float | None = None
        self._fanout: Fanout[Batch] = Fanout()
        self._rows_at_once = 1 if plan.rate_hz is None else _rows_per_slot(plan)
        """Rows that each batch of the stream becomes."""
        self._acquisition: Recording[Batch] | None = None
        self._subscription: Subscription[Batch] | None = None
        self._unsubscribes: list[Unsubscribe] = []
        self._end_listeners: Listeners[RunningRecording] = Listeners()
        self._wanted_end = RecordingEnd.STOPPED
        self._stopping = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The name of its file, by which it is known."""
        return self.path.name

    @property
    def written(self) -> int:
        """Rows written."""
        return self._sink.rows

    @property
    def dropped(self) -> int:
        """Rows that came and were lost, because the disk was too slow or full."""
        waiting = self._subscription
        never_taken = waiting.dropped * self._rows_at_once if waiting is not None else 0
        return never_taken + self._sink.lost + self._sink.refused

    @property
    def skipped(self) -> int:
        """Rows that do not exist, since nobody looked in their slot of the rate."""
        if self._acquisition is None:
            return 0
        return self._acquisition.summary.ledger.skipped.total() * self._rows_at_once

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._sink.size

    @property
    def duration(self) -> float:
        """Seconds since it began, or that it took."""
        return (self._clock.now() if self._finished is None else self._finished) - self._started

    def on_end(self, listener: Callable[[RunningRecording], None]) -> Unsubscribe:
        """Call ``listener`` once it is over and its file complete."""
        return self._end_listeners.add(listener)

    async def start(self) -> None:
        """Open the file and begin. Raises SinkError, OSError."""
        await open_described(self._sink, self.description)
        self._started = self._clock.now()
        if self.plan.rate_hz is None:
            self._subscription = self._fanout.subscribe(overflow=self.plan.overflow, buffer_size=BUFFER_SIZE)
            self._listen()
        self._task = asyncio.create_task(self._run(), name=f"recording {self.name}")

    async def stop(self, end: RecordingEnd = RecordingEnd.STOPPED, *, deadline: float = STOP_DEADLINE) -> bool:
        """Record no more and complete the file; False when ``deadline`` seconds did not suffice for that."""
        if self._task is None:
            return True
        if not self._stopping.is_set():
            self._wanted_end = end
            self._stopping.set()
        done, _ = await asyncio.wait([self._task], timeout=deadline)
        return bool(done)

    def mark(self, text: str) -> None:
        """Note in the file what happened now: a device that went or came."""
        if self._task is not None and not self._closing:
            self._sink.mark(self._wall(), text, monotonic_ns=self._now_ns())

    def statistics(self) -> dict[str, Any]:
        """Return all numbers as plain data."""
        return {
            "rows": self.written,
            "dropped": self.dropped,
            "skipped": self.skipped,
            "bytes": self.size,
            "duration": round(self.duration, 3),
        }

    def summary(self) -> dict[str, Any]:
        """Return what came of it as plain data."""
        description = self.description
        summary = {
            "name": self.name,
            "title": description.title,
            "devices": [device.name for device in description.devices],
            "state": "running" if self.end is None else "finished",
            "end": self.end,
            "error": self.error,
            "started_at": description.started_at.isoformat(),
            "finished_at": description.finished_at.isoformat() if description.finished_at else None,
            "rate_hz": description.rate_hz,
            **self.statistics(),
        }
        if self._acquisition is not None:
            summary["schedule"] = self._acquisition.summary.to_dict()
        return summary

    async def _run(self) -> None:
        watcher = asyncio.create_task(self._watch(), name=f"watch {self.name}")
        try:
            end = await self._record()
        except SinkError as err:
            end = self._failed(err)
        except Exception as err:
            _LOGGER.exception("The recording %s ends by an error in the bridge", self.name)
            self.error, end = repr(err), RecordingEnd.WRITE_FAILED
        finally:
            watcher.cancel()
        for unsubscribe in self._unsubscribes:
            unsubscribe()
        if self._subscription is not None:
            self._subscription.close()  # what a failed writer left in it is lost, and counted
        self._closing = True
        try:
            await self._sink.close()
        except SinkError as err:
            end = self._failed(err)
        await self._conclude(end)

    async def _record(self) -> RecordingEnd:
        plan = self.plan
        if plan.rate_hz is None:
            assert self._subscription is not None  # noqa: S101  - made by start()
            await self._pipe(self._subscription)
            return self._wanted_end
        held = _HeldValues([(self._layout(device), device, source) for device, source in plan.devices], self._now_ns)
        async with record(
            held,
            rate_hz=plan.rate_hz,
            duration=plan.duration,
            overflow=plan.overflow,
            buffer_size=BUFFER_SIZE,
            clock=self._clock,
        ) as acquisition:
            self._acquisition = acquisition
            self._subscription = acquisition.stream
            await self._pipe(acquisition)
        return self._wanted_end if self._stopping.is_set() else RecordingEnd.DURATION

    async def _pipe(self, source: Recording[Batch] | Subscription[Batch]) -> None:
        piping = asyncio.create_task(
            pipe(source, self._sink, batch_size=MAX_PENDING_SAMPLES, flush_interval=FLUSH_INTERVAL)
        )
        ending = asyncio.create_task(self._end_source())
        try:
            await asyncio.wait((piping, ending), return_when=asyncio.FIRST_COMPLETED)
            await piping
        finally:
            ending.cancel()
            piping.cancel()

    async def _end_source(self) -> None:
        """Wait for the end that somebody wants, then let what has come be written."""
        await self._stopping.wait()
        if self._acquisition is not None:
            await self._acquisition.stop()
        else:
            self._fanout.finish(StreamEnd(EndReason.COMPLETED))

    def _listen(self) -> None:
        for device, source in self.plan.devices:
            self._unsubscribes.append(source.on_samples(self._tap(device)))

    def _tap(self, device: RecordedDevice) -> Callable[[Sequence[TappedSample]], None]:
        """Return what takes the samples of one device: a row of all columns, or one for each value that came."""
        layout = self._layout(device, all_columns=True)
        places = {column.name: place for place, column in enumerate(layout.columns)}
        keys = [(channel.key, places[channel.column], channel) for channel in device.channels]
        empty: list[Value | None] = [None] * len(layout.columns)

        def wide(sample: TappedSample) -> Sequence[Batch]:
            values, any_came = empty.copy(), False
            given = sample.values
            for key, place, _ in keys:
                if key in given:
                    values[place] = given[key]
                    any_came = True
            return (SampleRow(layout, tuple(values), received_ns=int(sample.time * 1e9)),) if any_came else ()

        def long(sample: TappedSample) -> Sequence[Batch]:
            given, received_ns = sample.values, int(sample.time * 1e9)
            return [
                (
                    Sample.received(
                        device.name,
                        anchor=self._anchor,
                        received_ns=received_ns,
                        channel=channel.column,
                        parameter=channel.name,
                        value=given[key],
                        unit=channel.unit,
                        error=None if given[key] is not None else "unreadable",
                    ),
                )
                for key, _, channel in keys
                if key in given
            ]

        rows_of = wide if self.plan.wide else long

        def take(samples: Sequence[TappedSample]) -> None:
            if rows := [row for sample in samples for row in rows_of(sample)]:
                self._fanout.push(rows)

        return take

    def _layout(self, device: RecordedDevice, *, all_columns: bool = False) -> RowLayout:
        own = {channel.column for channel in device.channels}
        columns = tuple(column for column in self.description.columns if all_columns or column.name in own)
        return RowLayout(device.name, columns, self._anchor, ProtocolKind.APP)

    async def _watch(self) -> None:
        """Follow rate and size, and end what has lasted or grown for long enough."""
        plan, before = self.plan, self._clock.now()
        rows = 0
        while True:
            await self._clock.sleep(self._time_to_next_look())
            now, written = self._clock.now(), self.written
            if now > before:
                self.rate = (written - rows) / (now - before)
            before, rows = now, written
            if plan.rate_hz is None and plan.duration is not None and self.duration >= plan.duration:
                self._stop_soon(RecordingEnd.DURATION)
            elif self._max_bytes is not None and self.size > self._max_bytes:
                self._stop_soon(RecordingEnd.QUOTA)
            elif self._sink.failed:
                self._stop_soon(RecordingEnd.WRITE_FAILED)

    def _time_to_next_look(self) -> float:
        if self.plan.duration is None or self.plan.rate_hz is not None:
            return WATCH_INTERVAL
        return min(WATCH_INTERVAL, max(0.001, self.plan.duration - self.duration))

    def _stop_soon(self, end: RecordingEnd) -> None:
        if not self._stopping.is_set():
            self._wanted_end = end
            self._stopping.set()

    def _failed(self, error: SinkError) -> RecordingEnd:
        self.error = str(error)
        return RecordingEnd.DISK_FULL if isinstance(error, DiskFullError) else RecordingEnd.WRITE_FAILED

    async def _conclude(self, end: RecordingEnd) -> None:
        self._finished = self._clock.now()
        self.rate = 0.0
        planned, self.path = self.path, self._sink.path
        self.description = self.description.finished(self._wall(), end, self.statistics())
        try:
            await asyncio.to_thread(_move_description, planned, self.path, self.description)
        except OSError as err:
            _LOGGER.warning("The description of %s could not be written: %s", self.name, err)
        self.end = end
        self._end_listeners.tell(self)

    def _now_ns(self) -> int:
        return int(self._clock.now() * 1e9)


class _HeldValues:
    """What all devices say at a moment: the last fresh values, held."""

    def __init__(
        self, devices: Sequence[tuple[RowLayout, RecordedDevice, DeviceSource]], now_ns: Callable[[], int]
    ) -> None:
        self._devices = devices
        self._now_ns = now_ns

    def poll(self) -> Batch:
        """Return one row per device."""
        now = self._now_ns()
        rows = [
            SampleRow(layout, tuple(source.fresh_value(channel.key) for channel in device.channels), received_ns=now)
            for layout, device, source in self._devices
        ]
        # A single row goes to the file as it is; of several devices each makes a row of its own.
        return rows[0] if len(rows) == 1 else [sample for row in rows for sample in row]


def _rows_per_slot(plan: RecordingPlan) -> int:
    """Return how many rows each slot of the rate makes: one per device, or one per value in the long layout."""
    return sum(1 if plan.wide else len(device.channels) for device, _ in plan.devices if device.channels)


async def open_described[T](sink: RecordedFile[T], description: Description) -> None:
    """Open a file and write what it holds beside it; leave neither when that fails. Raises SinkError, OSError."""
    await sink.open()
    try:
        await asyncio.to_thread(write_description, sink.path, description)
    except BaseException:
        with suppress(SinkError):  # of the same disk
            await sink.close()
        await asyncio.to_thread(sink.path.unlink, missing_ok=True)
        raise


def _move_description(planned: Path, path: Path, description: Description) -> None:
    write_description(path, description)
    if planned != path:
        description_of(planned).unlink(missing_ok=True)
