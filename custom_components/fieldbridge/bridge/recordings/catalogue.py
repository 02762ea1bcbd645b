"""The folder of all recordings: what is in it, what is begun, pruned and made whole there."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import logging
from pathlib import Path
import shutil
from typing import Any

from ..clock import SystemClock
from ..errors import BridgeError
from ..interfaces import ClockPort
from ..sinks import CAPTURE, PART, SINKS, CaptureHeader, read_header, recover, unique_path
from .capturing import RunningCapture
from .description import Description, description_of, read_description, write_description
from .names import safe_stem
from .running import STOP_DEADLINE, RecordingEnd, RecordingPlan, RunningRecording

_LOGGER = logging.getLogger(__name__)

_JOURNAL = "-journal"
"""Ending of what SQLite keeps beside a database."""


class RecordingError(BridgeError):
    """A recording cannot be begun or deleted now."""


class UnknownRecordingError(RecordingError, LookupError):
    """There is no recording of this name."""


class DiskAlmostFullError(RecordingError):
    """Less is free than has to stay free."""


class RecordingState(StrEnum):
    """What has become of a recording."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    """Its writer died, or it is not complete."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much recordings may take."""

    max_bytes: int = 2_000_000_000
    max_age: timedelta = timedelta(days=30)
    keep_free: int = 500_000_000
    """Bytes that stay free on the disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingInfo:
    """One recording of the folder; ``name`` is the one of its file and the only way to name it."""

    name: str
    path: Path
    size: int
    state: RecordingState
    modified_at: datetime
    description: Description | None
    """None for a file that came from elsewhere."""

    @property
    def is_capture(self) -> bool:
        """Whether it holds frames, not values."""
        return self.path.suffix == CAPTURE

    @property
    def started_at(self) -> datetime:
        """When it began (UTC)."""
        return self.description.started_at if self.description is not None else self.modified_at

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        description = self.description
        finished_at = description.finished_at if description is not None else None
        return {
            "name": self.name,
            "title": description.title if description is not None else self.name,
            "kind": "capture" if self.is_capture else "recording",
            "devices": [device.name for device in description.devices] if description is not None else [],
            "state": self.state,
            "end": description.end if description is not None else None,
            "started_at": self.started_at.isoformat(),
            "finished_at": finished_at.isoformat() if finished_at is not None else None,
            "duration": description.summary.get("duration") if description is not None else None,
            "rows": description.summary.get("rows") if description is not None else None,
            "dropped": description.summary.get("dropped") if description is not None else None,
            "bytes": self.size,
            "format": self.path.suffix.removeprefix("."),
        }


class Catalogue:
    """All recordings of one folder. Methods that touch files block, except the asynchronous ones."""

    def __init__(self, folder: Path, limits: Limits | None = None, *, clock: ClockPort | None = None) -> None:
        self.folder = folder
        self.limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._running: dict[str, RunningRecording | RunningCapture] = {}
        """By the name of the file."""
        self._starting = asyncio.Lock()

    @property
    def running(self) -> tuple[RunningRecording, ...]:
        """The recordings under way."""
        return tuple(each for each in self._running.values() if isinstance(each, RunningRecording))

    @property
    def is_busy(self) -> bool:
        """Whether anything is being recorded or captured."""
        return bool(self._running)

    async def start(self, plan: RecordingPlan) -> RunningRecording:
        """Begin a recording. Raises RecordingError, SinkError, OSError."""
        async with self._starting:  # two of one name must not see the same one free
            path = await asyncio.to_thread(self._new_path, plan.title, plan.suffix)
            recording = RunningRecording(
                plan, path, keep_free=self.limits.keep_free, max_bytes=self.limits.max_bytes, clock=self._clock
            )
            await _begin(recording)
            self._running[recording.name] = recording
            recording.on_end(self._forget)
            return recording

    async def start_capture(self, title: str, header: CaptureHeader) -> RunningCapture:
        """Begin a raw capture; ``stop_capture`` ends it. Raises RecordingError, SinkError, OSError."""
        async with self._starting:
            path = await asyncio.to_thread(self._new_path, title, CAPTURE)
            capture = RunningCapture(path, header, keep_free=self.limits.keep_free, max_bytes=self.limits.max_bytes)
            await _begin(capture)
            self._running[capture.name] = capture
            return capture

    async def stop_capture(self, capture: RunningCapture) -> None:
        """Complete a capture."""
        await capture.stop()
        self._forget(capture)

    async def stop_all(self, end: RecordingEnd, *, deadline: float = STOP_DEADLINE) -> bool:
        """Complete all that runs; False when the deadline (seconds) did not suffice."""
        stopped = await asyncio.gather(*(each.stop(end, deadline=deadline) for each in tuple(self._running.values())))
        return all(stopped)

    def entries(self) -> list[RecordingInfo]:
        """Return all recordings, the newest first."""
        return sorted(self._look(), key=lambda info: info.started_at, reverse=True)

    def find(self, name: str) -> RecordingInfo:
        """Return the recording of this name. Raises UnknownRecordingError, also for whatever is no plain name."""
        for info in self._look():
            if info.name == name:
                return info
        raise UnknownRecordingError(f"there is no recording {name!r}")

    def delete(self, name: str) -> RecordingInfo:
        """Delete a recording and what belongs to it. Raises RecordingError for one that runs, OSError."""
        info = self.find(name)
        if info.state is RecordingState.RUNNING:
            raise RecordingError(f"{name} is being recorded")
        _remove(info.path)
        return info

    def prune(self, now: datetime | None = None, *, keep: Collection[str] = ()) -> list[RecordingInfo]:
        """Delete what is too old, then the oldest while all together are too large; never what runs, nor ``keep``."""
        now = now or datetime.now(UTC)
        kept, pruned = 0, []
        for info in self.entries():  # the newest first
            kept += info.size
            too_old = now - info.started_at > self.limits.max_age
            is_free = info.state is not RecordingState.RUNNING and info.name not in keep
            if is_free and (too_old or kept > self.limits.max_bytes):
                kept -= info.size
                pruned.append(info)
                _remove(info.path)
                _LOGGER.info("The recording %s was deleted to make room", info.name)
        return pruned

    def recover(self) -> list[RecordingInfo]:
        """Make recordings whole whose writer died, and return them. Only before anything is recorded."""
        names = []
        for recovered in recover(self.folder):
            if recovered.path is None:
                continue
            planned = recovered.part.with_name(recovered.part.name.removesuffix(PART))
            if (description := read_description(planned)) is not None:
                ended_at = datetime.fromtimestamp(recovered.written_at, UTC)
                duration = (ended_at - description.started_at).total_seconds()
                summary = {"duration": round(duration, 3), "bytes": recovered.path.stat().st_size}
                try:
                    write_description(recovered.path, description.finished(ended_at, RecordingEnd.INTERRUPTED, summary))
                    if recovered.path != planned:
                        description_of(planned).unlink()
                except OSError as err:  # the disk may still be as full as when the writer died
                    _LOGGER.warning("The description of %s could not be written: %s", recovered.path.name, err)
            names.append(recovered.path.name)
        return [self.find(name) for name in names]

    def _forget(self, ended: RunningRecording | RunningCapture) -> None:
        """Let go of what has ended, perhaps under another name than it began."""
        self._running = {name: running for name, running in self._running.items() if running is not ended}

    def _new_path(self, title: str, suffix: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < self.limits.keep_free:
            raise DiskAlmostFullError(
                f"{free // 1_000_000} MB are free, but {self.limits.keep_free // 1_000_000} MB have to stay free"
            )
        return unique_path(self.folder / (safe_stem(title) + suffix))

    def _look(self) -> Iterator[RecordingInfo]:
        try:
            files = [path for path in self.folder.iterdir() if path.is_file() and not path.is_symlink()]
        except FileNotFoundError:
            return
        for file in files:
            is_part = file.name.endswith(PART)
            path = file.with_name(file.name.removesuffix(PART))
            if path.suffix not in SINKS and path.suffix != CAPTURE:
                continue
            try:
                found = file.stat()
            except FileNotFoundError:  # just finished or deleted
                continue
            description = read_description(path) or _capture_description(path, is_part=is_part)
            yield RecordingInfo(
                name=path.name,
                path=path,
                size=found.st_size,
                state=self._state(path, description, is_part=is_part),
                modified_at=datetime.fromtimestamp(found.st_mtime, UTC),
                description=description,
            )

    def _state(self, path: Path, description: Description | None, *, is_part: bool) -> RecordingState:
        if path.name in self._running:
            return RecordingState.RUNNING
        if is_part:
            return RecordingState.INTERRUPTED
        was_interrupted = description is not None and description.end in (None, RecordingEnd.INTERRUPTED)
        return RecordingState.INTERRUPTED if was_interrupted else RecordingState.FINISHED


async def _begin(new: RunningRecording | RunningCapture) -> None:
    """Start what is new; when nobody waits for that any more, nothing of it stays. Raises SinkError, OSError."""
    starting = asyncio.create_task(new.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await new.stop()
            await asyncio.to_thread(_remove, new.path)
        raise


def _capture_description(path: Path, *, is_part: bool) -> Description | None:
    """Return what a capture without a description says of itself: it was copied here."""
    if path.suffix != CAPTURE or is_part:
        return None
    try:
        header = read_header(path)
    except OSError, ValueError:
        return None
    return Description(title=header.link, kind="capture", started_at=header.started_at, end="")


def _remove(path: Path) -> None:
    part = path.with_name(path.name + PART)
    for each in (path, part, part.with_name(part.name + _JOURNAL), description_of(path)):
        each.unlink(missing_ok=True)
