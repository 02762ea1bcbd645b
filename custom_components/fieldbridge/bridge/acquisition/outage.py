"""A lost source: how long to wait before the next try, and what is written about it."""

from datetime import datetime

from .summary import Gap

BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the first, second ... try; the last one for ever."""


class Outage:
    """One time without the source, from the first failed poll until good data comes: a link alone does not end it."""

    def __init__(self, started_at: datetime, error: Exception, slots_before: int) -> None:
        self._started_at = started_at
        self._reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self._slots_before = slots_before
        self._attempts = 0

    def next_delay(self) -> float:
        """Return the seconds to wait after one more failed try."""
        delay = BACKOFF_S[min(self._attempts, len(BACKOFF_S) - 1)]
        self._attempts += 1
        return delay

    def gap(self, ended_at: datetime | None, slots_lost: int) -> Gap:
        """Return what to note; ``slots_lost`` is the total of the run, ``ended_at`` None when it never ended."""
        return Gap(self._started_at, ended_at, self._reason, slots_lost - self._slots_before)
