"""One raw capture under way: the frames of a link into a file."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
import logging
from pathlib import Path
from typing import Any

from ..codecs.frame import Frame
from ..sinks import CaptureHeader, CaptureSink, DiskFullError, SinkError
from ..streams import Fanout, OverflowPolicy
from .description import Description, RecordedDevice, write_description
from .running import STOP_DEADLINE, RecordingEnd, open_described

_LOGGER = logging.getLogger(__name__)

BUFFER_SIZE = 4096
"""Frames that may wait for the writer; those that come then are lost and counted."""


class RunningCapture:
    """Takes what ``link.on_frames`` tells, from ``start`` to ``stop``."""

    def __init__(self, path: Path, header: CaptureHeader, *, keep_free: int = 0, max_bytes: int | None = None) -> None:
        self.path = path
        self.end: RecordingEnd | None = None
        """Why it is over, None while it runs."""
        self.error: str | None = None
        self.description = Description(
            title=header.link,
            kind="capture",
            started_at=header.started_at,
            devices=tuple(
                RecordedDevice(str(place), str(device.get("title", "")), ())
                for place, device in enumerate(header.devices)
            ),
        )
        self._max_bytes = max_bytes
        self._sink = CaptureSink(path, header, keep_free=keep_free)
        self._fanout: Fanout[Frame] = Fanout()
        self._frames = self._fanout.subscribe(overflow=OverflowPolicy.DROP_NEWEST, buffer_size=BUFFER_SIZE)
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.path.name

    def statistics(self) -> dict[str, Any]:
        """Return all numbers as plain data."""
        sink = self._sink
        return {"rows": sink.rows, "dropped": self._frames.dropped + sink.lost + sink.refused, "bytes": sink.size}

    async def start(self) -> None:
        """Open the file. Raises SinkError, OSError."""
        await open_described(self._sink, self.description)
        self._task = asyncio.create_task(self._run(), name=f"capture {self.name}")

    def take(self, frames: Sequence[Frame]) -> None:
        """Take the frames of one read; never waits. Those after the end are ignored."""
        self._fanout.push(frames)

    async def stop(self, end: RecordingEnd = RecordingEnd.STOPPED, *, deadline: float = STOP_DEADLINE) -> bool:
        """Take no more and complete the file; False when ``deadline`` seconds did not suffice for that."""
        if self._task is None:
            return True
        self.end = self.end or end
        self._fanout.finish()
        done, _ = await asyncio.wait([self._task], timeout=deadline)
        return bool(done)

    async def _run(self) -> None:
        try:
            async for frames in self._frames.chunks():
                await self._sink.write_batches((frames,))
                if self._max_bytes is not None and self._sink.size > self._max_bytes:
                    self.end = self.end or RecordingEnd.QUOTA
                    self._fanout.finish()
            await self._sink.close()
        except SinkError as err:
            self.error = str(err)
            self.end = RecordingEnd.DISK_FULL if isinstance(err, DiskFullError) else RecordingEnd.WRITE_FAILED
            self._frames.close()
            await _close_quietly(self._sink)
        self.path = self._sink.path
        assert self.end is not None  # noqa: S101  - the stream ends by stop, quota or an error
        self.description = self.description.finished(datetime.now(UTC), self.end, self.statistics())
        try:
            await asyncio.to_thread(write_description, self.path, self.description)
        except OSError as err:
            _LOGGER.warning("The description of %s could not be written: %s", self.name, err)


async def _close_quietly(sink: CaptureSink) -> None:
    """Complete a file whose failure is known already."""
    try:
        await sink.close()
    except SinkError:
        return
