"""The filters of one channel over the batches of its device."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
import math
from typing import Any, cast

from .. import kernels
from ..filters import Chain
from ..filters.kinds import Kept
from .channel import JSON_INTEGERS, Channel, Value

type Update = Callable[[float, float | None], float | None]
type Filtered = list[tuple[int, Value | None]]
"""What came out, each with the place in the batch of the sample at which it did; None: the signal is missing."""


class Moments:
    """When the samples of a batch were taken, in monotonic seconds."""

    __slots__ = ("before", "intervals", "times")

    def __init__(self, times: Sequence[float], before: float | None = None) -> None:
        self.times = times
        self.before = before
        """When the sample before these was taken."""
        self.intervals = _intervals(times, before)
        """Seconds since the sample before each."""


def spread(arrivals: Sequence[float], before: float | None) -> Sequence[float]:
    """Return when samples were taken, judged from when their frames arrived, and when those of the read before did.

    What one read delivers has one time of arrival; the samples are spread over the time since the read before,
    since a filter would see them in no time at all otherwise.
    """
    count, last = len(arrivals), arrivals[-1]
    if count == 1 or before is None or arrivals[0] != last or last <= before:
        return arrivals
    step = (last - before) / count
    return [*(before + step * place for place in range(1, count)), last]


def _intervals(times: Sequence[float], before: float | None) -> list[float]:
    first = times[0] if before is None else before
    return [time - last if time > last else 0.0 for last, time in pairwise((first, *times))]


_LONG_BATCH = 64
"""Samples from which one call for the batch costs less than one for each, with numba and without."""
_LONG_BATCH_OF_MAPS = 256
"""Samples from which it costs less than one call for each filter."""


class Conditioner:
    """Runs a channel's filters; their clock is the time of the samples. Missing values follow each filter's policy."""

    __slots__ = ("_chain", "_filters", "_last", "_maps", "_now", "_ran_block", "is_timed", "precision")

    def __init__(self, channel: Channel) -> None:
        self._chain = channel.chain(lambda: self._now) or Chain(())
        self._filters = self._chain.to_list()
        self.precision = channel.precision
        self._maps = self._chain.maps
        self._ran_block = False
        """Whether the chain may hold the history of its filters."""
        self.is_timed = self._chain.is_timed
        """Whether a filter may speak without a sample."""
        self._now = 0.0
        self._last: float | None = None

    @property
    def due(self) -> float | None:
        """Time at which ``flush`` has something to say, None when it has not."""
        return self._chain.due

    def run(self, numbers: Sequence[Value | None], moments: Moments, *, last_only: bool = False) -> Filtered:
        """Take samples, None for unreadable ones.

        ``last_only`` returns no more than the last result, where nobody wants the others.
        """
        if self._last is None or len(numbers) == 1 or None in numbers:
            out = self._run_each(numbers, moments.times)
        else:
            known = list(map(float, cast("Sequence[Value]", numbers)))
            if len(known) >= (_LONG_BATCH_OF_MAPS if self._maps else _LONG_BATCH) and kernels.loaded():
                out = self._run_block(known, moments.times, self._last)
            elif self._maps:
                if self._ran_block:
                    self._ran_block = False
                    self._chain.collect()
                values = self._run_maps(known, moments, self._last)
                out = [(len(values) - 1, values[-1])] if last_only else list(enumerate(values))
            else:
                out = self._run_each(known, moments.times)
        return [(place, self._result(value, numbers[place])) for place, value in (out[-1:] if last_only else out)]

    def _run_each(self, numbers: Sequence[Value | None], times: Sequence[float]) -> list[tuple[int, float]]:
        """Take samples one after the other through all filters."""
        updates = self._chain.updates()
        out: list[tuple[int, float]] = []
        last = self._last
        for place, (number, time) in enumerate(zip(numbers, times, strict=True)):
            dt = None if last is None else time - last if time > last else 0.0
            self._last = self._now = last = time
            value = _through(updates, math.nan if number is None else float(number), dt)
            if value is not None:
                out.append((place, value))
        return out

    def _run_maps(self, values: list[float], moments: Moments, before: float) -> list[float]:
        """Take a batch filter after filter, which costs less than sample after sample."""
        intervals = moments.intervals if moments.before == before else _intervals(moments.times, before)
        self._last = self._now = moments.times[-1]
        for number, each in enumerate(self._maps):
            if not math.isfinite(sum(values)):  # for what is missing every filter has its own policy
                updates = [later.update for later in self._maps[number:]]
                ways = (_through(updates, *sample) for sample in zip(values, intervals, strict=True))
                return [value for value in ways if value is not None]
            values = each.update_many(values, intervals)
        return values

    def _run_block(self, values: list[float], times: Sequence[float], before: float) -> list[tuple[int, float]]:
        """Take a batch by one call of the chain."""
        stamps = [*accumulate(times, max, initial=before)][1:]  # time never goes back
        self._last = self._now = stamps[-1]
        self._ran_block = True
        result = self._chain.block_since(values, stamps, before)
        if isinstance(result, Kept):
            return list(zip(result.indices.tolist(), result.values.tolist(), strict=True))
        return list(enumerate(result.tolist()))

    def flush(self, now: float) -> list[Value | None]:
        """Return what timed filters have to say without a sample by ``now``."""
        out: list[Value | None] = []
        while (due := self._chain.due) is not None and due <= now:
            self._now = now
            value = self._chain.flush(now)
            if value is not None:
                out.append(self._result(value, None))
        return out

    def save(self) -> dict[str, Any]:
        """Return filters and history in JSON form."""
        return {"filters": self._filters, "state": self._chain.to_state()}

    def restore(self, saved: Any) -> None:
        """Continue from what ``save`` returned; what other filters or an older version left is ignored."""
        if not isinstance(saved, dict) or saved.get("filters") != self._filters:
            return
        try:
            self._chain.from_state(saved["state"])
        except ValueError, KeyError, TypeError, AttributeError:
            self._chain.reset()

    def _result(self, value: float, number: Value | None) -> Value | None:
        if value - value:
            return None
        if number is not None and value == number:
            value = number  # a whole number that only passed stays one
        if self.precision is None:
            return value
        if self.precision > 0 or abs(value) >= JSON_INTEGERS:
            return round(value, self.precision)
        return round(value)


def _through(updates: Sequence[Update], value: float | None, dt: float | None) -> float | None:
    """Return what comes out behind all filters; NaN when one rejects what is missing."""
    try:
        for update in updates:
            if value is None:
                break
            value = update(value, dt)
    except ValueError:
        return math.nan
    return value
