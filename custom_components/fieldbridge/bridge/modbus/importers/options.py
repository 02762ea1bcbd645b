"""The options of one entity in a foreign definition, read by type and with the liberties that its owner allows."""

from collections.abc import Collection, Mapping
import math
from typing import Any

from ...errors import ProfileError
from ...yaml_text import Tagged


class Options:
    """A mapping whose values are checked as they are asked for; what nobody asked for is left over."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise ProfileError("", "must be a mapping of names to values")
        self._data: dict[str, Any] = {str(name): value for name, value in data.items()}
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        """Return whether the name is there, even with nothing behind it."""
        return name in self._data

    def get(self, name: str) -> Any:
        """Return the value as it is, None when there is none; raises ProfileError for a secret that is not known."""
        self._asked.add(name)
        value = self._data.get(name)
        if isinstance(value, Tagged):
            raise ProfileError(name, f"{value.tag} {value.value} is not known")
        return value

    def text(self, name: str) -> str | None:
        """Return a text; a number is one as well."""
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ProfileError(name, "must be a text")
        return str(value)

    def integer(self, name: str, low: int = 0, high: int = 2**64) -> int | None:
        """Return a whole number within limits; ``"0x10"`` is one as well."""
        value = self.get(name)
        if value is None:
            return None
        number = whole_number(value)
        if number is None or not low <= number <= high:
            raise ProfileError(name, f"must be a whole number from {low} to {high}")
        return number

    def number(self, name: str) -> float | None:
        """Return a finite number; a text that reads as one is one as well."""
        value = self.get(name)
        if value is None:
            return None
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except (ValueError, OverflowError) as err:
            raise ProfileError(name, "must be a number") from err
        if isinstance(value, bool) or not math.isfinite(number):
            raise ProfileError(name, "must be a number")
        return int(number) if number.is_integer() and abs(number) < 2**53 else number

    def boolean(self, name: str) -> bool:
        """Return true or false; nothing is false."""
        value = self.get(name)
        word = str(value).lower()
        if value is None or word in {"false", "no", "off", "0"}:
            return False
        if word in {"true", "yes", "on", "1"}:
            return True
        raise ProfileError(name, "must be true or false")

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """Return one of some words."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise ProfileError(name, f"must be one of {', '.join(choices)}")
        return value

    def options(self, name: str) -> Options | None:
        """Return the options in a mapping below; None when there is none."""
        value = self.get(name)
        if value is None:
            return None
        try:
            return Options(value)
        except ProfileError as err:
            raise ProfileError(name, str(err)) from err

    def left_over(self, *known: str) -> list[str]:
        """Return the names that nobody asked for and that are not among ``known``."""
        return sorted(name for name in self._data if name not in self._asked and name not in known)


def whole_number(value: object) -> int | None:
    """Return a whole number that is written as one, as text, or in hex (``0x10``); None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    text = value.strip().lower().removeprefix("+")
    try:
        return int(text, 16) if text.startswith(("0x", "-0x")) else int(text)
    except ValueError:
        return None
