"""What a file format offers to the thread that writes a recording."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from .tables import Field, Row


class Journal(Protocol):
    """One recording that grows. All calls come from one thread; all may raise OSError."""

    @property
    def rows(self) -> int:
        """Rows that will be in the finished file if nothing more is written."""
        ...

    @property
    def size(self) -> int:
        """Bytes so far."""
        ...

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows; those of a call that raised are not in the file."""
        ...

    def sync(self) -> None:
        """Make all rows so far survive a crash and a power failure."""
        ...

    def finish(self) -> Path:
        """Complete the file and give it its name; return it."""
        ...

    def close(self) -> None:
        """Let go of the file as it is, to be recovered later; idempotent."""
        ...


class Format(Protocol):
    """A kind of file."""

    def create(self, path: Path, fields: Sequence[Field]) -> Journal:
        """Begin a recording that will be called ``path``. Raises SinkError, OSError."""
        ...

    def recover(self, part: Path, path: Path) -> Path:
        """Complete what a crash left; return the file. Raises SinkError, OSError."""
        ...
