"""When silence means that a value is stale.

Silence is not freshness: a scale that is switched off behind an open port would show its last weight for ever.
A source is stale after five of its usual intervals, at least 30 s. The usual interval is the second longest of the
recent gaps: a device that sends bursts is judged by the pauses between them, and one odd outage teaches nothing.
"""

from collections import deque

MIN_STALE_AFTER = 30.0
"""Seconds; most field devices speak more often, and a shorter limit would flap."""
USUAL_INTERVALS = 5
_REMEMBERED_GAPS = 64
_BURST = 0.05
"""Seconds; shorter gaps lie within one burst of frames."""


class Freshness:
    """Learns how often a source speaks and tells when its silence is too long.

    ``seen_at`` is set by whoever hears the source, for every batch of every channel; what that teaches is worked out
    when somebody asks, once a second.
    """

    __slots__ = ("_event_like", "_fixed", "_gaps", "_learned_at", "seen_at")

    def __init__(self, *, stale_after: float | None, event_like: bool) -> None:
        self._fixed = stale_after
        self._event_like = event_like
        self._gaps: deque[float] = deque(maxlen=_REMEMBERED_GAPS)
        self._learned_at: float | None = None
        self.seen_at: float | None = None
        """When the source spoke last, monotonic seconds; None: not since the link came up."""

    @property
    def limit(self) -> float:
        """Seconds of silence after which the source is stale."""
        if self._event_like:
            return float("inf")
        if self._fixed is not None:
            return self._fixed
        usual = sorted(self._gaps)[-2] if len(self._gaps) > 1 else 0.0
        return max(MIN_STALE_AFTER, USUAL_INTERVALS * usual)

    def forget(self) -> None:
        """The link went down: what was seen before counts no more, the usual interval stays learned."""
        self.seen_at = self._learned_at = None

    def is_stale(self, now: float) -> bool:
        """Whether the source is unheard or silent for too long; learns from the gap before the last word."""
        if self.seen_at is None:
            return True
        if self.seen_at != self._learned_at:
            self._learn(self.seen_at)
        silence = now - self.seen_at
        # Most are asked while they speak: the limit has to be worked out for the silent ones only.
        return silence > (self._fixed or MIN_STALE_AFTER) and silence > self.limit

    def _learn(self, seen_at: float) -> None:
        if self._learned_at is not None and (gap := seen_at - self._learned_at) > _BURST:
            self._gaps.append(gap)
        self._learned_at = seen_at
