"""Percentiles of an endless run in constant memory."""

import math

_SUB_BUCKETS = 32
"""Buckets per power of two: a percentile is right within 1/64 of itself."""
_LOWEST = -20
_HIGHEST = 30
"""Powers of two; with milliseconds from a nanosecond to twelve days."""
_AT_ONCE = 100


class Histogram:
    """Counts non-negative numbers in buckets that grow with them."""

    __slots__ = ("_buckets", "_count", "_fresh", "_maximum", "_minimum")

    def __init__(self) -> None:
        self._buckets = [0] * ((_HIGHEST - _LOWEST) * _SUB_BUCKETS)
        self._fresh: list[float] = []
        """Not in their buckets yet: many at once take a third of the time."""
        self._count = 0
        self._minimum = math.inf
        self._maximum = 0.0

    @property
    def count(self) -> int:
        """How many numbers were added."""
        return self._count + len(self._fresh)

    @property
    def minimum(self) -> float:
        """The least number; infinite when there is none."""
        self._sort_in()
        return self._minimum

    @property
    def maximum(self) -> float:
        """The largest number; 0.0 when there is none."""
        self._sort_in()
        return self._maximum

    def add(self, value: float) -> None:
        """Count one number; a negative one counts as zero."""
        self._fresh.append(value)
        if len(self._fresh) == _AT_ONCE:
            self._sort_in()

    def _sort_in(self) -> None:
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        self._count += len(fresh)
        self._minimum = min(self._minimum, max(min(fresh), 0.0))
        self._maximum = max(self._maximum, *fresh)
        last = len(self._buckets) - 1
        for value in fresh:
            mantissa, exponent = math.frexp(value)
            place = (exponent - _LOWEST) * _SUB_BUCKETS + int((mantissa - 0.5) * 2 * _SUB_BUCKETS)
            self._buckets[min(max(place, 0), last) if value > 0 else 0] += 1

    def percentile(self, fraction: float) -> float:
        """Return the number below which ``fraction`` of all are; 0.0 when there are none."""
        self._sort_in()
        if not self._count:
            return 0.0
        wanted = fraction * (self._count - 1)
        seen = 0
        for place, count in enumerate(self._buckets):
            if count and seen + count > wanted:
                power, part = divmod(place, _SUB_BUCKETS)
                width = math.ldexp(0.5 / _SUB_BUCKETS, power + _LOWEST)
                low = math.ldexp(0.5, power + _LOWEST) + part * width
                return min(max(low + width * (wanted - seen + 0.5) / count, self._minimum), self._maximum)
            seen += count
        return self._maximum
