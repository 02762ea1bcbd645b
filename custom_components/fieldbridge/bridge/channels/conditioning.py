"""The filters of one channel over the batches of its device."""

from collections.abc import Sequence
from itertools import accumulate
import math
from typing import Any

from .. import kernels
from ..filters import Chain
from ..filters.kinds import Kept
from .channel import Channel, Value

type Filtered = list[tuple[int, Value | None]]
"""What came out, each with the place in the batch of the sample at which it did; None: the signal is missing."""


def sample_times(times: Sequence[float], before: float | None) -> Sequence[float]:
    """Return when the samples of a batch were taken, judged from when their frames arrived.

    What one read delivers has one time of arrival; the samples are spread over the time since the batch ``before``,
    since a filter would see them in no time at all otherwise.
    """
    count, last = len(times), times[-1]
    if count == 1 or before is None or times[0] != last or last <= before:
        return times
    step = (last - before) / count
    return [*(before + step * place for place in range(1, count)), last]


LONG_BATCH = 64
"""Samples from which one call for the batch costs less than one for each, with numba and without."""


class Conditioner:
    """Runs a channel's filters; their clock is the time of the samples. Missing values follow each filter's policy."""

    __slots__ = ("_chain", "_filters", "_last", "_now", "precision")

    def __init__(self, channel: Channel) -> None:
        self._chain = channel.chain(lambda: self._now) or Chain(())
        self._filters = self._chain.to_list()
        self.precision = channel.precision
        self._now = 0.0
        self._last: float | None = None

    @property
    def due(self) -> float | None:
        """Time at which ``flush`` has something to say, None when it has not."""
        return self._chain.due

    def run(self, numbers: Sequence[Value | None], times: Sequence[float], *, last_only: bool = False) -> Filtered:
        """Take samples, None for unreadable ones, with their times in monotonic seconds.

        ``last_only`` returns no more than the last result, where nobody wants the others.
        """
        if len(numbers) >= LONG_BATCH and self._last is not None and kernels.loaded() and None not in numbers:
            return self._run_block(numbers, times, self._last)
        updates = self._chain.updates()
        out: list[tuple[int, float]] = []
        last = self._last
        for place, (number, time) in enumerate(zip(numbers, times, strict=True)):
            dt = None if last is None else time - last if time > last else 0.0
            self._last = self._now = last = time
            value: float | None = math.nan if number is None else float(number)
            try:
                for update in updates:
                    if value is None:
                        break
                    value = update(value, dt)
            except ValueError:
                value = math.nan  # the filter rejects what is missing
            if value is not None:
                out.append((place, value))
        return [(place, self._result(value, numbers[place])) for place, value in (out[-1:] if last_only else out)]

    def _run_block(self, numbers: Sequence[Value | None], times: Sequence[float], before: float) -> Filtered:
        """Take a batch in which nothing is missing by one call of the chain."""
        stamps = [*accumulate(times, max, initial=before)][1:]  # time never goes back
        self._last = self._now = stamps[-1]
        result = self._chain.block_since([float(number) for number in numbers if number is not None], stamps, before)
        if isinstance(result, Kept):
            values, places = result.values.tolist(), result.indices.tolist()
        else:
            values, places = result.tolist(), range(len(numbers))
        return [(place, self._result(value, numbers[place])) for place, value in zip(places, values, strict=True)]

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
        return round(value, self.precision) if self.precision > 0 else round(value)
