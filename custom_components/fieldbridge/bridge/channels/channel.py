"""One value of a device: where it is in a frame and what it means."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
import math
import re
import time
from typing import Any, cast

from ..errors import ProfileError, WriteError
from ..filters import Chain, PublishPolicy, chain_from_list, default_filters, policy_from_dict
from .write import Write

type Value = float | int | bool | str

MAX_TEXT_LENGTH = 255
"""Characters; the longest state that Home Assistant keeps."""

MAX_PRECISION = 9
"""Decimals; more than that is noise of the binary form."""

DEFAULT_PACE = 10.0
"""Least seconds between two shown numbers: every written state is a row in the database."""
SLOW_PACE = 30.0
_SLOW_CLASSES = frozenset({"power", "energy", "apparent_power", "reactive_power"})
"""Classes whose values jitter without end and are judged by averages."""

JSON_INTEGERS = 2**63
"""Whole numbers from here on cannot be written as JSON integers everywhere; they are rounded to floats."""

_HEXADECIMAL = re.compile(r"[-+]?0[xX][0-9a-fA-F]{1,8}")
_ON_TEXTS = frozenset({"1", "on", "true", "yes", "open", "high"})
_OFF_TEXTS = frozenset({"0", "off", "false", "no", "closed", "low"})


class ValueKind(StrEnum):
    """What a channel's values are."""

    NUMBER = "number"
    BINARY = "binary"
    TEXT = "text"


class ImplausibleError(ValueError):
    """A number that the device cannot mean: it lies outside of the channel's limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """Where one value is found, how it is converted and how it is shown."""

    key: str
    """Stable identity within the device; unique ids are built from it."""
    name: str
    source: str
    """Position or path for the device's decoder."""
    kind: ValueKind = ValueKind.NUMBER
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    precision: int | None = None
    """Decimals kept; a change behind them is no change."""
    scale: float = 1.0
    offset: float = 0.0
    """value = raw * scale + offset"""
    min_interval: float | None = None
    """Least seconds between two shown values; None leaves it to the device class."""
    stale_after: float | None = None
    """Seconds of silence after which this value is stale; None leaves it to the device."""
    texts: Mapping[str, str] | None = None
    """What is shown for the text of a raw value: an enumeration, or the on and off of a binary value."""
    minimum: float | None = None
    maximum: float | None = None
    """A number outside is implausible: it is rejected and counted, never clamped."""
    filters: tuple[Mapping[str, Any], ...] = ()
    """JSON forms of the filters that a number passes, in order."""
    publish: Mapping[str, Any] | None = None
    """Arguments of the publish policy behind the filters."""
    live: bool = False
    """Offer a second entity that follows at up to 2 Hz."""
    category: str | None = None
    """``diagnostic`` or ``config`` for what is not the device's main purpose."""
    enabled: bool = True
    """Whether its entity is enabled from the start."""
    private: bool = False
    """Masked in captures and diagnostics: positions, meter numbers, addresses."""
    write: Write | None = None
    """How it is set; with it ``source`` may be empty: what was written last is shown then."""

    def converter(self) -> Callable[[object], Value]:
        """Return raw field -> value; the function raises ValueError for what is no value of this kind."""
        match self.kind:
            case ValueKind.NUMBER if self.precision is None and not self._is_scaled and not self._is_limited:
                return to_number
            case ValueKind.NUMBER:
                return self._number
            case ValueKind.BINARY:
                return self._binary if self.texts else to_bool
            case ValueKind.TEXT:
                return self._enumerated if self.texts else to_text

    @property
    def pace(self) -> float:
        """Least seconds between two shown values."""
        return self.default_pace if self.min_interval is None else self.min_interval

    @property
    def default_pace(self) -> float:
        """The pace unless another was chosen; switch states and texts are shown at once."""
        if self.kind is not ValueKind.NUMBER:
            return 0.0
        return SLOW_PACE if self.device_class in _SLOW_CLASSES else DEFAULT_PACE

    def chain(self, clock: Callable[[], float] = time.monotonic, path: str = "filters") -> Chain | None:
        """Return the filters with no history, None without any; raises ProfileError that names the wrong one."""
        return chain_from_list([dict(item) for item in self.filters], path, clock) if self.filters else None

    def policy(self, clock: Callable[[], float] = time.monotonic, path: str = "publish") -> PublishPolicy | None:
        """Return the publish policy, at the channel's pace unless it has its own; raises ProfileError."""
        if self.publish is None:
            return None
        pace = min(self.pace, self.publish.get("at_least_every") or self.pace)
        return policy_from_dict({"at_most_every": pace, **self.publish}, path, clock)

    def unscaled(self, value: float) -> float | int:
        """Return what a device has to be sent so that it means ``value``: the inverse of scale and offset."""
        raw = (value - self.offset) / self.scale
        nearest = round(raw)
        # 0.1 has no exact form: 21.5 / 0.1 is meant to be 215.
        return nearest if math.isclose(raw, nearest, rel_tol=1e-9, abs_tol=1e-9) else raw

    def raw_to_write(self, value: object) -> object:
        """Return the raw value that sets ``value``; raises WriteError when that is not allowed."""
        if self.write is None:
            raise WriteError(f"{self.name} cannot be set")
        raw = self.write.raw(value)
        if self.write.control != "number" or not self._is_scaled or not isinstance(raw, int | float):
            return raw
        return self.unscaled(raw)

    def _number(self, raw: object) -> float | int:
        number = _finite(to_number(raw) * self.scale + self.offset) if self._is_scaled else to_number(raw)
        if (self.minimum is not None and number < self.minimum) or (self.maximum is not None and number > self.maximum):
            raise ImplausibleError(f"{number} is not plausible")
        if self.precision is None:
            return number
        # Rounded to no decimals a large number would be a whole one that cannot be written.
        if self.precision > 0 or abs(number) >= JSON_INTEGERS:
            return round(number, self.precision)
        return round(number)

    def _enumerated(self, raw: object) -> str:
        text = to_text(raw)
        if self.texts is None or text not in self.texts:
            raise ValueError(f"no text for {text[:40]!r}")
        return self.texts[text]

    def _binary(self, raw: object) -> bool:
        return to_bool(self._enumerated(raw))

    @property
    def _is_scaled(self) -> bool:
        return self.scale != 1.0 or bool(self.offset)

    @property
    def _is_limited(self) -> bool:
        return self.minimum is not None or self.maximum is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        form = {name: getattr(self, name) for name in self.__slots__}
        form["texts"] = dict(self.texts) if self.texts else None
        form["filters"] = [dict(item) for item in self.filters]
        form["publish"] = None if self.publish is None else dict(self.publish)
        form["write"] = None if self.write is None else self.write.to_dict()
        return form

    @classmethod
    def from_dict(cls, data: Any, path: str = "channel") -> Channel:
        """Return the channel described by ``data``; raises ProfileError that names the wrong value.

        A total is guarded where ``data`` does not mention filters.
        """
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        if unknown := sorted(set(data) - set(cls.__slots__)):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        _require_texts(data, path)
        _require_numbers(data, path)
        for name in ("live", "enabled", "private"):
            if not isinstance(data.get(name, False), bool):
                raise ProfileError(f"{path}.{name}", "must be true or false")
        if data.get("category") not in (None, "diagnostic", "config"):
            raise ProfileError(f"{path}.category", "must be diagnostic or config")
        try:
            kind = ValueKind(data.get("kind", "number"))
        except ValueError as err:
            raise ProfileError(f"{path}.kind", f"must be one of {', '.join(ValueKind)}") from err
        filters, publish = data.get("filters"), data.get("publish")
        if filters is None:  # nobody has said that there are none
            filters = default_filters(data.get("state_class")) if kind is ValueKind.NUMBER and data["source"] else ()
        if not isinstance(filters, list | tuple) or not all(isinstance(item, dict) for item in filters):
            raise ProfileError(f"{path}.filters", "must be a list of objects")
        if publish is not None and not isinstance(publish, dict):
            raise ProfileError(f"{path}.publish", "must be an object")
        if kind is not ValueKind.NUMBER and (filters or publish or data.get("live")):
            raise ProfileError(f"{path}.filters", "and a live entity are for numbers only")
        write = data.get("write")
        channel = cls(
            **{
                **data,
                "kind": kind,
                "filters": tuple(filters),
                "write": None if write is None else Write.from_dict(write, f"{path}.write"),
            }
        )
        channel.chain(path=f"{path}.filters")
        channel.policy(path=f"{path}.publish")
        return channel


def _require_texts(data: dict[str, Any], path: str) -> None:
    for name in ("key", "name", "source"):
        # What is only written is found nowhere.
        may_be_empty = name == "source" and data.get("write") is not None
        if not isinstance(data.get(name), str) or not (data[name] or may_be_empty):
            raise ProfileError(f"{path}.{name}", "must be a text")
    for name in ("unit", "device_class", "state_class"):
        if data.get(name) is not None and not isinstance(data[name], str):
            raise ProfileError(f"{path}.{name}", "must be a text")
    texts = data.get("texts")
    if texts is not None and not (
        isinstance(texts, dict) and all(isinstance(text, str) for pair in texts.items() for text in pair)
    ):
        raise ProfileError(f"{path}.texts", "must map texts to texts")


def _require_numbers(data: dict[str, Any], path: str) -> None:
    if require_number(data.get("scale", 1.0), f"{path}.scale") == 0:
        raise ProfileError(f"{path}.scale", "must not be 0")
    require_number(data.get("offset", 0.0), f"{path}.offset")
    for name in ("minimum", "maximum"):
        if data.get(name) is not None:
            require_number(data[name], f"{path}.{name}")
    interval = data.get("min_interval")
    if interval is not None and require_number(interval, f"{path}.min_interval") < 0:
        raise ProfileError(f"{path}.min_interval", "must not be negative")
    stale_after = data.get("stale_after")
    if stale_after is not None and require_number(stale_after, f"{path}.stale_after") < 1:
        raise ProfileError(f"{path}.stale_after", "must be at least one second")
    precision = data.get("precision")
    if precision is not None and (type(precision) is not int or not 0 <= precision <= MAX_PRECISION):
        raise ProfileError(f"{path}.precision", f"must be a whole number from 0 to {MAX_PRECISION}")


def to_number(raw: object) -> float | int:
    """Return the number that a device wrote as text or JSON; raises ValueError."""
    if isinstance(raw, str):
        return parse_number(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError(f"not a number: {raw!r}")
    return _finite(raw)


def _finite(number: float) -> float | int:
    """Return a number that every consumer can write; raises ValueError for infinities and NaN."""
    try:
        bounded = number if abs(number) < JSON_INTEGERS else float(number)
    except OverflowError as err:  # a whole number of hundreds of digits
        raise ValueError("not a finite number") from err
    if not math.isfinite(bounded):
        raise ValueError("not a finite number")
    return bounded


def parse_decimals(fields: Sequence[object]) -> list[float] | None:
    """Return ``to_number`` of each field if all are texts like 20.5, None when one needs a closer look."""
    texts = cast("Sequence[str]", fields)
    try:
        together = "".join(texts)
        numbers = [float(text) for text in texts if "." in text]
    except TypeError, ValueError:
        return None
    # As below: what is not finite makes a sum that is not.
    total = sum(numbers)
    return None if len(numbers) < len(texts) or total - total or "_" in together else numbers


def parse_number(text: str) -> float | int:
    """Return the number that a device wrote; raises ValueError. Python's own liberties (1_000) are refused.

    A hexadecimal number is one of at most 32 bits with ``0x``: longer ones are addresses of devices.
    """
    try:
        number = float(text)
    except ValueError:
        if _HEXADECIMAL.fullmatch(text.strip()) is None:
            raise
        return int(text, 16)
    # NaN and infinity minus themselves are NaN, which is true: the cheapest test there is.
    if "_" in text or number - number:
        raise ValueError(f"not a number: {text[:40]!r}")
    # A whole number stays one only where it was written as one: 20.0 is a measurement.
    if "." not in text and abs(number) < JSON_INTEGERS and text.strip().lstrip("+-").isdecimal():
        return int(number)
    return number


def to_bool(raw: object) -> bool:
    """Return the state that a device wrote as JSON boolean, 0 / 1 or a usual word; raises ValueError."""
    word = str(raw).strip().lower()
    if word in _ON_TEXTS:
        return True
    if word in _OFF_TEXTS:
        return False
    raise ValueError(f"neither on nor off: {word[:40]!r}")


def to_text(raw: object) -> str:
    """Return the text without white space around it; raises ValueError for a structure, nothing or half a character."""
    if raw is None or isinstance(raw, dict | list):
        raise ValueError("not a text")
    text = str(raw).strip()[:MAX_TEXT_LENGTH]
    text.encode()  # JSON can carry a lone surrogate, which nobody downstream can write
    return text


def require_number(value: object, path: str) -> float:
    """Return ``value`` when it is a finite number; raises ProfileError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise ProfileError(path, f"must be a number, got {value!r}")
    return value
