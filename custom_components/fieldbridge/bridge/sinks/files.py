"""Files that grow under a temporary name and get their own when they are complete."""

from collections.abc import Iterator
from contextlib import suppress
import filecmp
import os
from pathlib import Path

from .sink import SinkExistsError

PART = ".part"
"""Ending of a recording that is not complete: it is being written, or its writer died."""


def part_of(path: Path) -> Path:
    """Return the name under which a recording grows."""
    return path.with_name(path.name + PART)


def unique_path(path: Path) -> Path:
    """Return ``path``, or the first of ``name-2``, ``name-3`` ... that neither a recording nor a part of one has."""
    return next(
        candidate for candidate in _candidates(path) if not candidate.exists() and not part_of(candidate).exists()
    )


def refuse_existing(path: Path) -> None:
    """Raise SinkExistsError when a recording or an unfinished one has this name."""
    for taken in (path, part_of(path)):
        if taken.exists():
            raise SinkExistsError(f"{taken.name} exists already; a recording is never overwritten")


def publish(part: Path, path: Path) -> Path:
    """Give a complete file its name, or the next one that is free, so that nothing is ever overwritten.

    A file of the same content has the name already when the process died in the middle of this.
    """
    for candidate in _candidates(path):
        try:
            os.link(part, candidate)
        except FileExistsError:
            if not filecmp.cmp(part, candidate, shallow=False):
                continue
            part.unlink()
        except OSError:  # a file system without links
            if candidate.exists():
                continue
            part.rename(candidate)
        else:
            part.unlink()
        sync_folder(path.parent)
        return candidate
    raise AssertionError("there is always a free number")


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power failure, where the platform can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


class AppendFile:
    """Grows by whole appends: one that fails leaves nothing behind. Raises FileExistsError when the file is there."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self.size = 0
        """Bytes of all appends so far."""

    def append(self, data: bytes) -> None:
        """Write all of ``data`` or, raising OSError, nothing."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def sync(self) -> None:
        """Make what was appended survive a power failure."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close; idempotent."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1  # it is gone also where closing reports an error
            os.close(descriptor)
