"""Home Assistant's ``filter`` platform: its six filters become ours, so that a helper's YAML can be moved."""

from collections.abc import Callable
from typing import Any

from ..errors import ProfileError

type Item = dict[str, Any]

DEFAULT_PRECISION = 2
DEFAULT_RADIUS = 2.0
DEFAULT_TIME_CONSTANT = 10


def from_home_assistant(items: Any, path: str = "filters") -> list[Item]:
    """Return our filters for the ``filters`` of a ``platform: filter``; raises ProfileError.

    Each rounds its result to ``precision`` decimals, as there.
    """
    if not isinstance(items, list):
        raise ProfileError(path, "must be a list of filters")
    return [ours for index, item in enumerate(items) for ours in _convert(item, f"{path}[{index}]")]


def _convert(item: Any, path: str) -> list[Item]:
    if not isinstance(item, dict) or item.get("filter") not in CONVERTERS:
        raise ProfileError(path, f"must have a filter out of {', '.join(CONVERTERS)}")
    try:
        ours = CONVERTERS[item["filter"]](item)
    except KeyError as err:
        raise ProfileError(path, f"{item['filter']} needs {err.args[0]}") from err
    except (TypeError, ValueError, ArithmeticError) as err:
        raise ProfileError(path, f"{item['filter']}: {err}") from err
    return [ours, {"kind": "round", "decimals": item.get("precision", DEFAULT_PRECISION)}]


def _low_pass(item: Item) -> Item:
    # Its time constant counts samples.
    return {"kind": "exponential_average", "alpha": 1.0 / item.get("time_constant", DEFAULT_TIME_CONSTANT)}


def _outlier(item: Item) -> Item:
    radius = item.get("radius", DEFAULT_RADIUS)
    return {"kind": "hampel", "window": max(item.get("window_size", 3), 3), "threshold": 0.0, "least": radius}


def _range(item: Item) -> Item:
    bounds = {"low": item.get("lower_bound"), "high": item.get("upper_bound")}
    return {"kind": "clamp"} | {name: value for name, value in bounds.items() if value is not None}


def _seconds(value: Any) -> float:
    """Return the seconds of a number, ``HH:MM:SS`` or ``{hours, minutes, seconds}``."""
    match value:
        case dict():
            units = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 1e-3}
            return sum(units[unit] * float(amount) for unit, amount in value.items())
        case str() if ":" in value:
            parts = [float(part) for part in value.split(":")]
            return sum(part * scale for part, scale in zip(parts, (3600.0, 60.0, 1.0), strict=False))
    return float(value)


CONVERTERS: dict[str, Callable[[Item], Item]] = {
    "lowpass": _low_pass,
    "outlier": _outlier,
    "range": _range,
    "throttle": lambda item: {"kind": "every", "count": item.get("window_size", 1)},
    "time_throttle": lambda item: {"kind": "throttle", "seconds": _seconds(item["window_size"])},
    "time_simple_moving_average": lambda item: {"kind": "time_mean", "seconds": _seconds(item["window_size"])},
}
