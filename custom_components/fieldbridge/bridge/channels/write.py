"""How a value of a device is set: what a person may choose, and what is sent for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import math
from typing import Any

from ..errors import ProfileError, WriteError

MAX_TEXT = 255
"""Characters; the longest text that Home Assistant lets a person enter."""


class WriteControl(StrEnum):
    """What a person uses to set a value."""

    NUMBER = "number"
    SELECT = "select"
    SWITCH = "switch"
    BUTTON = "button"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """How one channel is written; only the link understands ``target`` (a frame, a register, a topic ...)."""

    control: WriteControl
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    """Shown text to raw value."""
    on: Any = True
    off: Any = False
    press: Any = True
    """Raw value that a button sends."""
    max_length: int = MAX_TEXT
    target: Mapping[str, Any] = field(default_factory=dict)

    def raw(self, value: object) -> object:
        """Return the raw value to send for ``value``, not scaled yet; raises WriteError when it is not allowed."""
        match self.control:
            case WriteControl.NUMBER:
                return self._number(value)
            case WriteControl.SELECT:
                if not isinstance(value, str) or value not in self.options:
                    raise WriteError(f"{value!r} is none of {', '.join(self.options)}")
                return self.options[value]
            case WriteControl.SWITCH:
                if not isinstance(value, bool):
                    raise WriteError(f"on or off is needed, not {value!r}")
                return self.on if value else self.off
            case WriteControl.BUTTON:
                return self.press
            case WriteControl.TEXT:
                if not isinstance(value, str) or len(value) > self.max_length:
                    raise WriteError(f"a text of at most {self.max_length} characters is needed")
                return value

    def _number(self, value: object) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise WriteError(f"a number is needed, not {value!r}")
        if not self.minimum <= value <= self.maximum:
            raise WriteError(f"{value:g} is not between {self.minimum:g} and {self.maximum:g}")
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        form = {name: getattr(self, name) for name in self.__slots__}
        return {**form, "control": self.control.value, "options": dict(self.options), "target": dict(self.target)}

    @classmethod
    def from_dict(cls, data: Any, path: str = "write") -> Write:
        """Return the description in ``data``; raises ProfileError that names the wrong value."""
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        if unknown := sorted(set(data) - set(cls.__slots__)):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        try:
            control = WriteControl(data.get("control", ""))
        except ValueError as err:
            raise ProfileError(f"{path}.control", f"must be one of {', '.join(WriteControl)}") from err
        for name in ("minimum", "maximum", "step"):
            if name in data and not _is_number(data[name]):
                raise ProfileError(f"{path}.{name}", "must be a number")
        for name in ("options", "target"):
            if not isinstance(data.get(name, {}), dict):
                raise ProfileError(f"{path}.{name}", "must be an object")
        length = data.get("max_length", MAX_TEXT)
        if type(length) is not int or not 1 <= length <= MAX_TEXT:
            raise ProfileError(f"{path}.max_length", f"must be a whole number from 1 to {MAX_TEXT}")
        write = cls(**{**data, "control": control})
        if control is WriteControl.NUMBER and not (write.minimum < write.maximum and write.step > 0):
            raise ProfileError(path, f"no number from {write.minimum} to {write.maximum} in steps of {write.step}")
        if control is WriteControl.SELECT and not write.options:
            raise ProfileError(f"{path}.options", "must name at least one choice")
        return write


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
