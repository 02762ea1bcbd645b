"""Samples of a fast device that wait to be filtered together.

After a pause the first call of each function costs several times the later ones. A device that speaks a hundred times
a second pays that for every read, although its values are shown once a second at most.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ..codecs.decoders import Fields
from .conditioning import Moments, spread

FAST = 0.05
"""Seconds between two reads, below which they are gathered."""
SLOW = 1.0
"""Least seconds between two shown values, from which on nobody can see the difference."""
_LONGEST = 0.1
"""Seconds that a sample may wait."""
_MOST = 128
"""Rows; filtering them takes some milliseconds at most."""


class Reads(NamedTuple):
    """What came in one or several reads."""

    rows: Sequence[Fields]
    arrivals: Sequence[float]
    """When each frame was read, monotonic seconds."""
    moments: Moments


class Gathering:
    """Reads that were not looked at yet."""

    __slots__ = ("_arrivals", "_before", "_times", "rows")

    def __init__(self) -> None:
        self.rows: list[Fields] = []
        """The frames that wait."""
        self._arrivals: list[float] = []
        self._times: list[float] = []
        self._before: float | None = None

    def add(self, rows: Sequence[Fields], arrivals: Sequence[float], before: float) -> bool:
        """Keep a read that came after one at ``before``; return whether it is time to look at all."""
        if not self.rows:
            self._before = before
        self.rows += rows
        self._arrivals += arrivals
        self._times += spread(arrivals, before)
        return len(self.rows) >= _MOST or arrivals[-1] - self._arrivals[0] >= _LONGEST

    def take(self) -> Reads:
        """Return all reads as one."""
        reads = Reads(self.rows, self._arrivals, Moments(self._times, self._before))
        self.rows, self._arrivals, self._times = [], [], []
        return reads
