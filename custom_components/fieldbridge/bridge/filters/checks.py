"""Parameter checks of the filters: each returns the usable value or raises TypeError / ValueError that names it."""

import math
from typing import Any

MAX_WINDOW = 1 << 20
"""Samples; a larger window is a slip of the keyboard."""


def spelled(value: float) -> str:
    """Return a number as error texts spell it (``NaN``, ``inf``, ``-1.0``)."""
    return "NaN" if math.isnan(value) else str(value)


def number(name: str, value: Any) -> float:
    """Return a finite float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}: {value!r}")
    checked = float(value)
    if not math.isfinite(checked):
        raise ValueError(f"{name} must be finite, got {spelled(checked)}")
    return checked


def positive(name: str, value: Any) -> float:
    """Return a finite float above 0."""
    checked = number(name, value)
    if checked <= 0.0:
        raise ValueError(f"{name} must be positive, got {checked}")
    return checked


def non_negative(name: str, value: Any) -> float:
    """Return a finite float of at least 0."""
    checked = number(name, value)
    if checked < 0.0:
        raise ValueError(f"{name} must be non-negative, got {checked}")
    return checked


def between(name: str, value: Any, low: float, high: float) -> float:
    """Return a float in ``low < value <= high``."""
    checked = number(name, value)
    if not low < checked <= high:
        raise ValueError(f"{name} must be above {low} and at most {high}, got {checked}")
    return checked


def whole(name: str, value: Any, least: int = 1, most: int = MAX_WINDOW) -> int:
    """Return an int in ``least .. most``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}: {value!r}")
    if value < least:
        raise ValueError(f"{name} must be >= {least}, got {value}")
    if value > most:
        raise ValueError(f"{name} must be <= {most}, got {value}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, got {type(value).__name__}: {value!r}")
    return value


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return str(value)


def limits(low: Any, high: Any, low_name: str = "low", high_name: str = "high") -> tuple[float | None, float | None]:
    """Return an ordered pair of limits, either of which may be None."""
    low = None if low is None else number(low_name, low)
    high = None if high is None else number(high_name, high)
    if low is None and high is None:
        raise ValueError(f"{low_name} or {high_name} must be given")
    if low is not None and high is not None and low > high:
        raise ValueError(f"{low_name} must not be above {high_name}, got {low} and {high}")
    return low, high


def points(name: str, value: Any, least: int) -> list[tuple[float, float]]:
    """Return ``least`` or more ``(from, to)`` pairs."""
    if not isinstance(value, list | tuple) or len(value) < least:
        raise ValueError(f"{name} must be a list of at least {least} pairs")
    pairs = []
    for index, pair in enumerate(value):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"{name}[{index}] must be a pair of numbers, got {pair!r}")
        pairs.append((number(f"{name}[{index}][0]", pair[0]), number(f"{name}[{index}][1]", pair[1])))
    return pairs
