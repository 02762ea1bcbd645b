"""How long to wait after a failure, and when to stop asking for a while. Pure logic; the runners do the waiting."""

from collections.abc import Callable
from dataclasses import dataclass, field
import random
from typing import Literal, override

from .clock import SystemClock

type BreakerState = Literal["closed", "open", "half-open"]

# 2 ** 60 s is far above any max_delay, and the exponent can no longer overflow a float after days of failures.
_MAX_EXPONENT = 60


def _jittered(seconds: float) -> float:
    """Spread a delay by 20 %, so that devices that failed together do not come back together."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class ExponentialBackoff:
    """Doubles the delay from ``base`` to ``max_delay`` seconds, with 20 % jitter."""

    base: float = 2.0
    max_delay: float = 60.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the ``attempt``-th failure (1-based)."""
        return _jittered(min(self.base * 2.0 ** min(attempt - 1, _MAX_EXPONENT), self.max_delay))


@dataclass(frozen=True, slots=True)
class LinearBackoff:
    """Grows the delay by ``step`` up to ``max_delay`` seconds, with 20 % jitter."""

    step: float = 2.0
    max_delay: float = 60.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the ``attempt``-th failure (1-based)."""
        return _jittered(min(self.step * attempt, self.max_delay))


@dataclass(frozen=True, slots=True)
class FixedBackoff:
    """Always ``delay`` seconds, with 20 % jitter."""

    seconds: float

    def __init__(self, delay: float = 5.0) -> None:
        object.__setattr__(self, "seconds", delay)

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait, whatever the attempt."""
        return _jittered(self.seconds)

    @override
    def __repr__(self) -> str:
        return f"FixedBackoff(delay={self.seconds})"


@dataclass(slots=True, repr=False)
class CircuitBreaker:
    """Skips a handler after ``threshold`` failed cycles in a row.

    Open, it lets exactly one cycle pass by before it probes; with ``open_for`` it stays open for that many seconds.
    """

    threshold: int = 5
    open_for: float | None = None
    now: Callable[[], float] = SystemClock().now
    state: BreakerState = field(default="closed", init=False)
    consecutive_failures: int = field(default=0, init=False)
    _opened_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if type(self.threshold) is not int or self.threshold < 1:
            raise ValueError("threshold must be a positive integer (>= 1)")
        if self.open_for is not None and self.open_for <= 0:
            raise ValueError(f"open_for must be positive, got {self.open_for}")

    def record_success(self) -> None:
        """Close the circuit."""
        self.consecutive_failures = 0
        self.state = "closed"

    def record_failure(self) -> None:
        """Record a cycle where all retries were exhausted."""
        self.consecutive_failures += 1
        if self.consecutive_failures >= self.threshold:
            self.state = "open"
            self._opened_at = self.now()

    def should_attempt(self) -> bool:
        """Return True when the handler should run in this cycle."""
        if self.state != "open":
            return True
        if self.open_for is None:
            self.state = "half-open"
            return False
        if self.now() - self._opened_at < self.open_for:
            return False
        self.state = "half-open"
        return True

    @override
    def __repr__(self) -> str:
        option = "" if self.open_for is None else f", open_for={self.open_for}"
        return f"CircuitBreaker(threshold={self.threshold}{option})"

    def clone(self, now: Callable[[], float]) -> CircuitBreaker:
        """Return a closed breaker with the same settings that measures with ``now`` (monotonic seconds)."""
        return CircuitBreaker(self.threshold, self.open_for, now)
