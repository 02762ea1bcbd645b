"""Values of the JSON forms, checked one by one so that a mistake is named by its place."""

from enum import StrEnum
from math import isfinite
from typing import Any

from ..errors import ProfileError


def integer(value: Any, path: str) -> int:
    """Return a whole number; raises ProfileError."""
    if type(value) is not int:
        raise ProfileError(path, "must be a whole number")
    return value


def integers(value: Any, path: str) -> tuple[int, ...]:
    """Return one whole number or a list of them; raises ProfileError."""
    return tuple(integer(item, path) for item in (value if isinstance(value, list) else [value]))


def positive(value: Any, path: str) -> float:
    """Return a number of at least 0; raises ProfileError."""
    if type(value) not in {int, float} or not 0 <= value < float("inf"):
        raise ProfileError(path, "must be a number from 0")
    return float(value)


def boolean(value: Any, path: str) -> bool:
    """Return true or false; raises ProfileError."""
    if not isinstance(value, bool):
        raise ProfileError(path, "must be true or false")
    return value


def text(value: Any, path: str) -> str:
    """Return a text that is not empty; raises ProfileError."""
    if not isinstance(value, str) or not value:
        raise ProfileError(path, "must be a text")
    return value


def choice[E: StrEnum](kind: type[E], value: Any, path: str) -> E:
    """Return a member of an enumeration; raises ProfileError that names the others."""
    try:
        return kind(value)
    except ValueError as err:
        raise ProfileError(path, f"must be one of {', '.join(kind)}") from err


def flags(value: Any, path: str) -> dict[int, str]:
    """Return texts by number of a bit; raises ProfileError."""
    if not isinstance(value, dict):
        raise ProfileError(path, "must be an object")
    try:
        return {int(bit): text(name, path) for bit, name in value.items()}
    except TypeError as err:
        raise ProfileError(path, "must be texts by number of a bit") from err
    except ProfileError:
        raise
    except ValueError as err:
        raise ProfileError(path, "must be texts by number of a bit") from err


def weights(value: Any, path: str) -> dict[str, float]:
    """Return numbers by name; raises ProfileError."""
    if not isinstance(value, dict) or not all(
        type(weight) in {int, float} and isfinite(weight) for weight in value.values()
    ):
        raise ProfileError(path, "must be numbers by name of register")
    return {str(name): weight for name, weight in value.items()}
