"""When a telemetry reading is published; strategies combine with ``|`` and ``&``."""

from collections.abc import Mapping
import math
from typing import override

from .interfaces import ClockPort, PublishStrategy


class _Strategy:
    """What combining and the unused hooks have in common."""

    def should_publish(self, current: dict[str, object], previous: dict[str, object] | None) -> bool:
        """Return True when ``current`` is to be published; ``previous`` is the last published payload."""
        raise NotImplementedError

    def on_published(self) -> None:
        """Note a successful publish."""

    def _bind(self, clock: ClockPort) -> None:
        """Receive the clock."""

    def __or__(self, other: PublishStrategy) -> AnyStrategy:
        return AnyStrategy(self, other)

    def __and__(self, other: PublishStrategy) -> AllStrategy:
        return AllStrategy(self, other)


class Every(_Strategy):
    """Publish at most once in ``seconds``, or every ``n``-th reading. Raises ValueError unless exactly one is given."""

    def __init__(self, *, seconds: float | None = None, n: int | None = None) -> None:
        if seconds is not None and n is not None:
            raise ValueError("Every takes seconds or n, not both")
        if seconds is None and n is None:
            raise ValueError("Every takes exactly one of seconds and n")
        if (seconds is not None and seconds <= 0) or (n is not None and n <= 0):
            raise ValueError(f"Every needs a positive number, got {seconds if n is None else n}")
        self._seconds = seconds
        self._n = n
        self._count = 0
        self._clock: ClockPort | None = None
        self._published_at = 0.0

    @override
    def should_publish(self, current: dict[str, object], previous: dict[str, object] | None) -> bool:
        if self._n is not None:
            self._count += 1
            return self._count >= self._n
        if self._clock is None or self._seconds is None:
            return True
        return self._clock.now() - self._published_at >= self._seconds

    @override
    def on_published(self) -> None:
        self._count = 0
        if self._clock is not None:
            self._published_at = self._clock.now()

    @override
    def _bind(self, clock: ClockPort) -> None:
        self._clock = clock
        self._published_at = clock.now()

    @override
    def __repr__(self) -> str:
        return f"Every(seconds={self._seconds})" if self._n is None else f"Every(n={self._n})"


class OnChange(_Strategy):
    """Publish when the reading differs from the last published one.

    ``threshold`` is a dead-band for all numbers, or a dict of dead-bands by field (``"sensor.temp"`` for nested ones);
    a number must move by more than it. Everything else is compared for equality. Raises TypeError for a bool,
    ValueError for a negative threshold.
    """

    def __init__(self, *, threshold: float | dict[str, float] | None = None) -> None:
        for value in threshold.values() if isinstance(threshold, dict) else (threshold,):
            _check_threshold(value)
        self._threshold = threshold

    @override
    def should_publish(self, current: dict[str, object], previous: dict[str, object] | None) -> bool:
        if previous is None:
            return True
        if self._threshold is None:
            return current != previous
        return self._differs(current, previous, "")

    def _differs(self, current: object, previous: object, path: str) -> bool:
        if isinstance(current, Mapping) and isinstance(previous, Mapping):
            if current.keys() != previous.keys():
                return True
            return any(
                self._differs(value, previous[key], f"{path}.{key}" if path else str(key))
                for key, value in current.items()
            )
        threshold = self._threshold.get(path) if isinstance(self._threshold, dict) else self._threshold
        if threshold is None or not (_is_number(current) and _is_number(previous)):
            return current != previous
        return _moved(float(current), float(previous), threshold)  # type: ignore[arg-type]

    @override
    def __repr__(self) -> str:
        return "OnChange()" if self._threshold is None else f"OnChange(threshold={self._threshold})"


class _Combined(_Strategy):
    """Several strategies; all are asked every time, since counting ones must count."""

    def __init__(self, *children: PublishStrategy) -> None:
        if not children:
            raise ValueError(f"{type(self).__name__} needs at least one child")
        self.children: tuple[PublishStrategy, ...] = tuple(
            grandchild
            for child in children
            for grandchild in (child.children if isinstance(child, type(self)) else (child,))
        )

    def _answers(self, current: dict[str, object], previous: dict[str, object] | None) -> list[bool]:
        return [child.should_publish(current, previous) for child in self.children]

    @override
    def on_published(self) -> None:
        for child in self.children:
            child.on_published()

    @override
    def _bind(self, clock: ClockPort) -> None:
        for child in self.children:
            child._bind(clock)  # noqa: SLF001 - the hook's documented name

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.children))})"


class AnyStrategy(_Combined):
    """Publish when any child says so."""

    @override
    def should_publish(self, current: dict[str, object], previous: dict[str, object] | None) -> bool:
        return any(self._answers(current, previous))


class AllStrategy(_Combined):
    """Publish when all children say so."""

    @override
    def should_publish(self, current: dict[str, object], previous: dict[str, object] | None) -> bool:
        return all(self._answers(current, previous))


def _check_threshold(value: float | None) -> None:
    if value is not None and not _is_number(value):
        raise TypeError(f"threshold must be a number, got {type(value).__name__}")
    if value is not None and value < 0:
        raise ValueError(f"threshold must be non-negative, got {value}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moved(current: float, previous: float, threshold: float) -> bool:
    """True when the value left the dead-band; to or from NaN is a move, from NaN to NaN is none."""
    if math.isnan(current) or math.isnan(previous):
        return math.isnan(current) != math.isnan(previous)
    if math.isinf(current) or math.isinf(previous):
        return current != previous
    return abs(current - previous) > threshold
