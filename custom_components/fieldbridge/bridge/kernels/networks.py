"""What medians are made of: the middle of two values, and networks.

A network is a fixed sequence of compare-exchange steps that leaves the median of a window in one place.
"""

from functools import cache

type Step = tuple[int, int, bool, bool]
"""Two places that are put in order, and whether anybody reads the lower and the higher afterwards."""
type Network = tuple[tuple[Step, ...], int]
"""Steps in order, and the place of the median."""


def midpoint(a: float, b: float) -> float:
    """Return the middle of two values without overflow."""
    if (a < 0.0) != (b < 0.0):
        return (a + b) / 2.0
    return a + (b - a) / 2.0


@cache
def median_network(window: int) -> Network:
    """Return the forgetful selection of an odd window: drop the least and greatest of half the values, add the next.

    The first ``window // 2 + 2`` values cannot all be on one side of the median, so their extremes are no medians.
    """
    steps: list[tuple[int, int]] = []
    places = list(range(window // 2 + 2))
    coming = iter(range(window // 2 + 2, window))
    while len(places) > 1:
        half = len(places) // 2
        steps += [(places[i], places[-1 - i]) for i in range(half)]
        lower, upper = places[: len(places) - half], places[half:]
        steps += [(places[0], other) for other in reversed(lower[1:])]
        steps += [(other, places[-1]) for other in upper[:-1]]
        places = places[1:-1]
        places += [place for place in [next(coming, None)] if place is not None]
    return _with_use(steps, places[0]), places[0]


def _with_use(steps: list[tuple[int, int]], result: int) -> tuple[Step, ...]:
    read = {result}
    marked: list[Step] = []
    for low, high in reversed(steps):
        marked.append((low, high, low in read, high in read))
        read |= {low, high}
    return tuple(reversed(marked))
