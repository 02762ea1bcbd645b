"""What became of every slot of a run.

The identity ``slots = delivered + pending + skipped + dropped + failed`` holds at any time, to the unit; nothing is
pending any more once a run is over. The documented counters are views of it.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self, overload, override

from .histogram import Histogram

DISCONNECTED = "disconnected"
MAX_GAPS = 1000


class ConsumerCounts(Protocol):
    """What a consumer was offered and what became of it; a Subscription is one."""

    @property
    def offered(self) -> int:
        """Batches put into its stream."""
        ...

    @property
    def delivered(self) -> int:
        """Batches that it took."""
        ...

    @property
    def dropped_newest(self) -> int:
        """Batches that found its buffer full."""
        ...

    @property
    def dropped_oldest(self) -> int:
        """Batches that made room for newer ones."""
        ...

    @property
    def discarded(self) -> int:
        """Batches that waited when it left."""
        ...

    @property
    def pending(self) -> int:
        """Batches that wait for it."""
        ...


@dataclass(slots=True)
class FixedCounts:
    """The counts of a run without a stream of its own."""

    offered: int = 0
    delivered: int = 0
    dropped_newest: int = 0
    dropped_oldest: int = 0
    discarded: int = 0
    pending: int = 0


@dataclass(slots=True)
class Ledger:
    """The exact accounts of one run, for its first consumer."""

    consumer: ConsumerCounts = field(default_factory=FixedCounts)
    slots: int = 0
    """Slots whose moment has come and whose outcome is known."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Slots that nobody polled in, by cause: busy (the event loop), overrun, backpressure, disconnected."""
    failed: Counter[str] = field(default_factory=Counter)
    """Slots whose poll failed, by cause: disconnected (and waited out), error (which ended the run)."""
    unclaimed: int = 0
    """Slots whose batch nobody was there to take."""

    @property
    def delivered(self) -> int:
        """Slots whose batch the consumer took."""
        return self.consumer.delivered

    @property
    def pending(self) -> int:
        """Slots whose batch waits for the consumer."""
        return self.consumer.pending

    @property
    def dropped(self) -> int:
        """Slots whose batch was read and lost."""
        return self.evicted + self.consumer.discarded + self.unclaimed

    @property
    def evicted(self) -> int:
        """Slots whose batch was lost to a full buffer."""
        return self.consumer.dropped_newest + self.consumer.dropped_oldest

    @property
    def balanced(self) -> bool:
        """Whether every slot is accounted for."""
        known = self.delivered + self.pending + self.skipped.total() + self.dropped + self.failed.total()
        return self.slots == known


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without data, and why."""

    started_at: datetime
    ended_at: datetime | None
    """None while it lasts, and when the run ended before it."""
    reason: str
    slots: int


type Moments = tuple[float, float, float]
"""When a slot was due, its poll began and its batch was there, in monotonic seconds."""


@dataclass(slots=True)
class _Sums:
    """What the times of all slots come to."""

    max_drift_ms: float
    tick_durations_ms: Histogram = field(default_factory=Histogram)
    start_lateness_ms: Histogram = field(default_factory=Histogram)

    def add(self, target: float, started: float, polled: float) -> None:
        """Add a slot, see ``Moments``."""
        self.start_lateness_ms.add((started - target) * 1e3)
        self.tick_durations_ms.add((polled - started) * 1e3)
        self.max_drift_ms = max(self.max_drift_ms, (polled - target) * 1e3)


class _View[T]:
    """A field of a summary that is computed when it is read."""

    def __init__(self, compute: Callable[[AcquisitionSummary], T]) -> None:
        self._compute = compute

    @overload
    def __get__(self, summary: None, owner: type) -> Self: ...
    @overload
    def __get__(self, summary: AcquisitionSummary, owner: type) -> T: ...
    def __get__(self, summary: AcquisitionSummary | None, owner: type) -> Self | T:
        """Return the number."""
        return self if summary is None else self._compute(summary)

    def __set__(self, summary: AcquisitionSummary, value: T) -> None:
        """Raise AttributeError: the ledger is what counts."""
        raise AttributeError("a summary is read, not written")


@dataclass(init=False, repr=False)
class AcquisitionSummary:
    """Live account of a run: the recorder writes, everybody else reads.

    ``finished_at`` is None while it runs. Made by hand it holds the numbers that it is given.
    """

    started_at: datetime | None = None
    finished_at: datetime | None = None
    samples_emitted: _View[int] = _View(
        lambda summary: summary.ledger.consumer.offered - summary.ledger.consumer.dropped_newest
    )
    """Batches put into the stream, those that were evicted later included."""
    samples_late: _View[int] = _View(
        lambda summary: summary.ledger.skipped.total() + summary.ledger.evicted + summary.ledger.failed[DISCONNECTED]
    )
    """Slots that were missed: overrun, lost to a full buffer, or gone with the link."""
    max_drift_ms: _View[float] = _View(lambda summary: summary.sum_up().max_drift_ms)
    """Largest lateness of a batch behind its target, its poll included."""
    tick_duration_ms_p50: _View[float] = _View(lambda summary: summary.tick_duration_ms(0.5))
    """Median duration of a poll."""
    tick_duration_ms_p99: _View[float] = _View(lambda summary: summary.tick_duration_ms(0.99))
    """Duration of a poll that 99 of 100 stay below."""
    disconnects: int = 0
    """Lost links that were waited out."""

    def __init__(
        self,
        *,
        started_at: datetime | None = None,
        finished_at: datetime | None = None,
        samples_emitted: int = 0,
        samples_late: int = 0,
        max_drift_ms: float = 0.0,
        tick_duration_ms_p50: float = 0.0,
        tick_duration_ms_p99: float = 0.0,
        disconnects: int = 0,
        ledger: Ledger | None = None,
    ) -> None:
        self.started_at = started_at
        self.finished_at = finished_at
        self.disconnects = disconnects
        self.ledger: Ledger = ledger or Ledger(
            FixedCounts(offered=samples_emitted, delivered=samples_emitted),
            slots=samples_emitted + samples_late,
            skipped=Counter(late=samples_late),
        )
        self.timed: list[Moments] = []
        """Slots whose times are in no sum yet; whoever polls adds to it, and sums up before they are many."""
        self._sums = _Sums(max_drift_ms)
        self.gaps: deque[Gap] = deque(maxlen=MAX_GAPS)
        """Times without the source, the one that lasts included; the newest are kept."""
        self._given_durations_ms = {0.5: tick_duration_ms_p50, 0.99: tick_duration_ms_p99}

    def sum_up(self) -> _Sums:
        """Add the times of the slots that came since, and return the sums."""
        for target, started, polled in self.timed:
            self._sums.add(target, started, polled)
        self.timed.clear()
        return self._sums

    @property
    def tick_durations_ms(self) -> Histogram:
        """How long polls took."""
        return self.sum_up().tick_durations_ms

    @property
    def start_lateness_ms(self) -> Histogram:
        """How late polls began: the jitter of the schedule alone."""
        return self.sum_up().start_lateness_ms

    @property
    def disconnected(self) -> bool:
        """Whether the source is away at the moment, or was when the run ended."""
        return bool(self.gaps) and self.gaps[-1].ended_at is None

    def tick_duration_ms(self, fraction: float) -> float:
        """Return how long a poll took than which ``fraction`` of all were faster."""
        durations = self.tick_durations_ms
        return durations.percentile(fraction) if durations.count else self._given_durations_ms[fraction]

    def to_dict(self) -> dict[str, object]:
        """Return all numbers as plain data."""
        ledger = self.ledger
        return {
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "samples_emitted": self.samples_emitted,
            "samples_late": self.samples_late,
            "max_drift_ms": round(self.max_drift_ms, 3),
            "tick_duration_ms_p50": round(self.tick_duration_ms_p50, 3),
            "tick_duration_ms_p99": round(self.tick_duration_ms_p99, 3),
            "start_lateness_ms_p50": round(self.start_lateness_ms.percentile(0.5), 3),
            "start_lateness_ms_p99": round(self.start_lateness_ms.percentile(0.99), 3),
            "disconnects": self.disconnects,
            "disconnected": self.disconnected,
            "slots": ledger.slots,
            "delivered": ledger.delivered,
            "pending": ledger.pending,
            "skipped": dict(ledger.skipped),
            "dropped": ledger.dropped,
            "failed": dict(ledger.failed),
            "gaps": len(self.gaps),
        }

    @override
    def __repr__(self) -> str:
        return f"AcquisitionSummary({', '.join(f'{key}={value!r}' for key, value in self.to_dict().items())})"
