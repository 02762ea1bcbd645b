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
        """Return the number below which ``fraction`` of all are, 0.0 when there are none.

        Between two numbers it lies as far as the fraction does: of ten, the slowest one weighs in the 99th percentile.
        """
        if not self.count:
            return 0.0
        rest, rank = math.modf(fraction * (self.count - 1))
        below = self._ranked(int(rank))
        return below + rest * (self._ranked(int(rank) + 1) - below) if rest else below

    def _ranked(self, rank: int) -> float:
        """Return the number that has ``rank`` smaller ones; those of one bucket are taken as evenly spread."""
        if rank <= 0:
            return self.minimum
        if rank >= self.count - 1:
            return self.maximum
        seen = 0
        for place, count in enumerate(self._buckets):
            if seen + count > rank:
                power, part = divmod(place, _SUB_BUCKETS)
                width = math.ldexp(0.5 / _SUB_BUCKETS, power + _LOWEST)
                low = math.ldexp(0.5, power + _LOWEST) + part * width
                return min(max(low + width * (rank - seen + 0.5) / count, self.minimum), self.maximum)
            seen += count
        return self.maximum
