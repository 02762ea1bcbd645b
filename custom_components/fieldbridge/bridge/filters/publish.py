"""The publish policy: which values are shown, and when."""

from collections.abc import Callable
import time
from typing import ClassVar, override

from .checks import non_negative, positive
from .kinds import SKIP, TimedFilter


class PublishPolicy(TimedFilter):
    """On change with a dead-band, at most every so many seconds, at least every so many.

    A change that comes too early is not lost: the last value is given as soon as ``at_most_every`` allows. A value that
    moved by ``at_once`` or more does not wait. ``at_least_every`` repeats the last value only while samples come: a
    device that fell silent is not made to look alive.
    """

    __slots__ = ("_fresh", "_pending", "_sent", "absolute", "at_least_every", "at_most_every", "at_once", "percent")

    kind: ClassVar[str] = "publish"
    parameters: ClassVar[tuple[str, ...]] = ("absolute", "percent", "at_most_every", "at_least_every", "at_once")

    def __init__(
        self,
        absolute: float = 0.0,
        percent: float = 0.0,
        at_most_every: float = 0.0,
        at_least_every: float | None = None,
        at_once: float | None = None,
        *,
        missing: str = SKIP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.absolute = non_negative("absolute", absolute)
        self.percent = non_negative("percent", percent)
        self.at_most_every = non_negative("at_most_every", at_most_every)
        self.at_least_every = None if at_least_every is None else positive("at_least_every", at_least_every)
        if self.at_least_every is not None and self.at_least_every < self.at_most_every:
            raise ValueError("at_least_every must not be below at_most_every")
        self.at_once = None if at_once is None else positive("at_once", at_once)
        super().__init__(missing, clock)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._pending: float | None = None
        self._fresh: float | None = None
        self._sent = 0.0

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        return self.update_at(raw, self._tick(dt))

    def update_at(self, raw: float, now: float) -> float | None:
        """Take one sample of the moment ``now`` on the policy's clock; return the value to show, or None."""
        self._now = now
        if raw - raw:
            return self._absent(raw)
        self._fresh = y = float(raw)
        last = self._value
        if last is None:
            return self._send(y, now)
        moved = abs(y - last)
        if not moved > self.absolute + self.percent / 100.0 * abs(last):
            # Back inside the band: there is nothing left to tell.
            self._pending = None
        elif now - self._sent >= self.at_most_every or (self.at_once is not None and moved >= self.at_once):
            return self._send(y, now)
        else:
            self._pending = y
        if self.at_least_every is not None and self._heartbeat_at() <= now:
            return self._send(y, now)
        self._plan()
        return None

    @override
    def _emit(self, now: float) -> float | None:
        value = self._fresh if self._pending is None else self._pending
        if value is None:
            self.due = None
            return None
        return self._send(value, now)

    def _send(self, value: float, now: float) -> float:
        self._value = value
        self._sent = now
        self._pending = self._fresh = None
        self._plan()
        return value

    def _heartbeat_at(self) -> float:
        return float("inf") if self.at_least_every is None else self._sent + self.at_least_every

    def _plan(self) -> None:
        """Set the time at which there is something to say without a new sample."""
        if self._pending is not None:
            self.due = self._sent + self.at_most_every
        elif self._fresh is not None and self.at_least_every is not None:
            self.due = self._heartbeat_at()
        else:
            self.due = None
