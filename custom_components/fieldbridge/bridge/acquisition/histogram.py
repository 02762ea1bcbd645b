"""Percentiles of an endless run in constant memory."""

import math

_SUB_BUCKETS = 32
"""Buckets per power of two: a percentile is right within 1/64 of itself."""
_LOWEST = -20
_HIGHEST = 30
"""Powers of two; with milliseconds from a nanosecond to twelve days."""


class Histogram:
    """Counts non-negative numbers in buckets that grow with them."""

    __slots__ = ("_buckets", "count", "maximum", "minimum")

    def __init__(self) -> None:
        self._buckets = [0] * ((_HIGHEST - _LOWEST) * _SUB_BUCKETS)
        self.count = 0
        self.minimum = math.inf
        self.maximum = 0.0

    def add(self, value: float) -> None:
        """Count one number; a negative one counts as zero."""
        # Comparisons, since this is done a thousand times a second: min() and max() cost as much as all the rest.
        if value < 0.0:  # noqa: PLR1730
            value = 0.0
        self.count += 1
        if value < self.minimum:  # noqa: PLR1730
            self.minimum = value
        if value > self.maximum:  # noqa: PLR1730
            self.maximum = value
        mantissa, exponent = math.frexp(value)
        place = (exponent - _LOWEST) * _SUB_BUCKETS + int((mantissa - 0.5) * 2 * _SUB_BUCKETS) if value else 0
        if not 0 <= place < len(self._buckets):
            place = 0 if place < 0 else -1
        self._buckets[place] += 1

    def percentile(self, fraction: float) -> float:
        """Return the number below which ``fraction`` of all are; 0.0 when there are none."""
        if not self.count:
            return 0.0
        wanted = fraction * (self.count - 1)
        seen = 0
        for place, count in enumerate(self._buckets):
            if count and seen + count > wanted:
                power, part = divmod(place, _SUB_BUCKETS)
                width = math.ldexp(0.5 / _SUB_BUCKETS, power + _LOWEST)
                low = math.ldexp(0.5, power + _LOWEST) + part * width
                return min(max(low + width * (wanted - seen + 0.5) / count, self.minimum), self.maximum)
            seen += count
        return self.maximum
