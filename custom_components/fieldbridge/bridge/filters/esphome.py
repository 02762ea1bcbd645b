"""ESPHome's sensor filters: a pasted ``filters:`` list becomes ours, name by name and parameter by parameter.

Names, parameters, defaults and units are those of ESPHome 2026.10 (esphome.io/components/sensor). A lambda is C++ and
is refused. Time-outs and the like keep giving NaN, which ESPHome and we both call missing.
"""

from collections.abc import Callable
import math
from typing import Any

from ..errors import ProfileError
from . import thermistor
from .units import parse_percent, parse_resistance, parse_seconds, parse_temperature

type Item = dict[str, Any]

LAMBDA = (
    "a lambda is C++, which cannot run here; the filter 'expression' does the same by a formula such as x * 1.8 + 32"
)
WINDOW = {"window_size": 5, "send_every": 5, "send_first_at": 1}


def from_esphome(items: Any, path: str = "filters") -> list[Item]:
    """Return our filters for the value of ``filters:``; raises ProfileError that names the first item that fails."""
    if isinstance(items, dict | str):
        # ESPHome takes a single filter without a dash as well.
        items = [items]
    return _convert_list(items, path)


def _convert_list(items: Any, path: str) -> list[Item]:
    if not isinstance(items, list) or not items:
        raise ProfileError(path, "must be a list of filters")
    return [ours for index, item in enumerate(items) for ours in _convert(item, f"{path}[{index}]")]


def _convert(item: Any, path: str) -> list[Item]:
    """Return ours for one item; some of ESPHome's do two things and become two."""
    if isinstance(item, str):
        item = {item: None}
    if not isinstance(item, dict) or len(item) != 1:
        raise ProfileError(path, "must be one filter name with its parameters")
    ((name, config),) = item.items()
    if name == "lambda":
        raise ProfileError(path, LAMBDA)
    if name == "or":
        members = [_convert(member, f"{path}.or[{index}]") for index, member in enumerate(_as_list(config))]
        return [{"kind": "any_of", "filters": members}]
    convert = CONVERTERS.get(name)
    if convert is None:
        raise ProfileError(path, f"unknown filter {name!r} of ESPHome; known are {', '.join([*CONVERTERS, 'or'])}")
    try:
        return convert(config)
    except (KeyError, TypeError, ValueError) as err:
        message = f"{err.args[0]} is missing" if isinstance(err, KeyError) else str(err)
        raise ProfileError(path, f"{name}: {message}") from err


def _parameters(config: Any, defaults: Item, simple: str | None = None) -> Item:
    """Return the parameters with defaults; ``simple`` may stand alone, ``...`` must be given."""
    if config is None:
        config = {}
    elif simple is not None and not (isinstance(config, dict) and set(config) & set(defaults)):
        config = {simple: config}
    if not isinstance(config, dict):
        raise ValueError("must be a mapping")
    if unknown := sorted(str(name) for name in set(config) - set(defaults)):
        raise ValueError(f"has no {', '.join(unknown)}; it has {', '.join(defaults)}")
    merged = defaults | config
    if absent := [name for name, value in merged.items() if value is ...]:
        raise KeyError(absent[0])
    return merged


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"not a number: {value!r}")
    return float(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _numbers(value: Any) -> list[float]:
    return [_number(entry) for entry in _as_list(value)]


def _points(datapoints: Any) -> list[list[float]]:
    """Return the pairs of ``a -> b`` texts or ``{from, to}`` mappings."""
    pairs = []
    for entry in _as_list(datapoints):
        if isinstance(entry, dict):
            pairs.append([_number(entry["from"]), _number(entry["to"])])
            continue
        before, arrow, after = str(entry).partition("->")
        if not arrow:
            raise ValueError(f"must be of the form 1.5 -> 2.0, got {entry!r}")
        pairs.append([float(before), float(after)])
    return pairs


def _window(kind: str, **parameters: Any) -> Callable[[Any], list[Item]]:
    """Return the converter of a window that gives a value after every so many samples."""

    def convert(config: Any) -> list[Item]:
        merged = _parameters(config, WINDOW | parameters)
        own = {name: merged[name] for name in parameters}
        # A missing value leaves the window as it is.
        window = {"kind": kind, "window": merged["window_size"], "missing": "hold"} | own
        return [window, _every(merged)]

    return convert


def _every(merged: Item) -> Item:
    return {"kind": "every", "count": merged["send_every"], "first": merged["send_first_at"], "missing": "pass"}


def _moving_average(config: Any) -> list[Item]:
    merged = _parameters(config, {"window_size": 15, "send_every": 15, "send_first_at": 1})
    return [{"kind": "mean", "window": merged["window_size"], "missing": "hold"}, _every(merged)]


def _exponential_average(config: Any) -> list[Item]:
    merged = _parameters(config, {"alpha": 0.1, "send_every": 15, "send_first_at": 1})
    return [{"kind": "exponential_average", "alpha": merged["alpha"]}, _every(merged)]


def _filter_out(config: Any) -> list[Item]:
    values = _numbers(config)
    missing = "skip" if any(math.isnan(value) for value in values) else "pass"
    return [{"kind": "filter_out", "values": [v for v in values if not math.isnan(v)], "missing": missing}]


def _throttle_with_priority(config: Any) -> list[Item]:
    merged = _parameters(config, {"timeout": ..., "value": math.nan}, "timeout")
    values = _numbers(merged["value"])
    item = {"kind": "throttle", "seconds": parse_seconds(merged["timeout"])}
    item["priority"] = [value for value in values if not math.isnan(value)]
    return [item | {"missing": "pass" if any(math.isnan(value) for value in values) else "skip"}]


def _delta(config: Any) -> list[Item]:
    merged = _parameters(config, {"min_value": 0.0, "max_value": math.inf, "baseline": None}, "min_value")
    if merged["baseline"] is not None:
        raise ValueError(LAMBDA)
    item: Item = {"kind": "dead_band", "missing": "pass"}
    for name, absolute, percent in (("min_value", "absolute", "percent"), ("max_value", "most", "most_percent")):
        share = parse_percent(merged[name])
        if share is not None:
            item[percent] = share
        elif math.isfinite(limit := _number(merged[name])):
            item[absolute] = limit
    return [item]


def _heartbeat(config: Any) -> list[Item]:
    merged = _parameters(config, {"period": ..., "optimistic": False}, "period")
    return [{"kind": "heartbeat", "seconds": parse_seconds(merged["period"]), "optimistic": merged["optimistic"]}]


def _timeout(config: Any) -> list[Item]:
    merged = _parameters(config, {"timeout": ..., "value": math.nan}, "timeout")
    item: Item = {"kind": "timeout", "seconds": parse_seconds(merged["timeout"]), "missing": "pass"}
    if merged["value"] == "last":
        return [item | {"last": True}]
    substitute = _number(merged["value"])
    return [item if math.isnan(substitute) else item | {"substitute": substitute}]


def _calibrate_linear(config: Any) -> list[Item]:
    merged = _parameters(config, {"datapoints": ..., "method": "least_squares"}, "datapoints")
    pairs = _points(merged["datapoints"])
    match merged["method"]:
        case "least_squares":
            return [{"kind": "polynomial", "points": pairs, "degree": 1}]
        case "exact":
            return [{"kind": "piecewise", "points": pairs}]
    raise ValueError(f"method must be least_squares or exact, got {merged['method']!r}")


def _calibrate_polynomial(config: Any) -> list[Item]:
    merged = _parameters(config, {"datapoints": ..., "degree": ...})
    return [{"kind": "polynomial", "points": _points(merged["datapoints"]), "degree": merged["degree"]}]


def _clamp(config: Any) -> list[Item]:
    merged = _parameters(config, {"min_value": math.nan, "max_value": math.nan, "ignore_out_of_range": False})
    low, high = (_number(merged[name]) for name in ("min_value", "max_value"))
    limits = {name: value for name, value in (("low", low), ("high", high)) if math.isfinite(value)}
    if not limits:
        raise ValueError("min_value or max_value must be a number")
    return [{"kind": "range_reject" if merged["ignore_out_of_range"] else "clamp"} | limits]


def _thermistor(kind: str) -> Callable[[Any], list[Item]]:
    def convert(config: Any) -> list[Item]:
        calibration = _parameters(config, {"calibration": ...})["calibration"]
        return [{"kind": kind} | _steinhart_hart(calibration)]

    return convert


def _steinhart_hart(calibration: Any) -> Item:
    if isinstance(calibration, list):
        pairs = []
        for entry in calibration:
            if isinstance(entry, dict):
                resistance, temperature = entry["value"], entry["temperature"]
            else:
                resistance, _, temperature = str(entry).partition("->")
            pairs.append((parse_resistance(resistance), parse_temperature(temperature)))
        return thermistor.from_points(pairs)
    if isinstance(calibration, dict) and "b_constant" in calibration:
        return dict(
            thermistor.from_b_constant(
                _number(calibration["b_constant"]),
                parse_temperature(calibration["reference_temperature"]),
                parse_resistance(calibration["reference_resistance"]),
            )
        )
    merged = _parameters(calibration, {"a": ..., "b": ..., "c": ...})
    return {name: _number(value) for name, value in merged.items()}


def _seconds(kind: str, **parameters: Any) -> Callable[[Any], list[Item]]:
    return lambda config: [{"kind": kind, "seconds": parse_seconds(config)} | parameters]


CONVERTERS: dict[str, Callable[[Any], list[Item]]] = {
    "offset": lambda config: [{"kind": "offset", "amount": _number(config)}],
    "multiply": lambda config: [{"kind": "multiply", "factor": _number(config)}],
    "filter_out": _filter_out,
    "quantile": _window("quantile", quantile=0.9),
    "median": _window("median"),
    "min": _window("min"),
    "max": _window("max"),
    "skip_initial": lambda config: [{"kind": "skip_initial", "count": config, "missing": "pass"}],
    "sliding_window_moving_average": _moving_average,
    "exponential_moving_average": _exponential_average,
    "throttle_average": _seconds("throttle_average"),
    "delta": _delta,
    "throttle": _seconds("throttle", missing="pass"),
    "throttle_with_priority": _throttle_with_priority,
    "heartbeat": _heartbeat,
    "timeout": _timeout,
    "debounce": _seconds("debounce"),
    "calibrate_linear": _calibrate_linear,
    "calibrate_polynomial": _calibrate_polynomial,
    "clamp": _clamp,
    "round": lambda config: [
        {
            "kind": "round",
            "decimals": _parameters(config, {"accuracy_decimals": ...}, "accuracy_decimals")["accuracy_decimals"],
        }
    ],
    "round_to_multiple_of": lambda config: [
        {
            "kind": "round_to_multiple",
            "multiple": _number(_parameters(config, {"multiple": ...}, "multiple")["multiple"]),
        }
    ],
    "round_to_significant_digits": lambda config: [{"kind": "round_to_digits", "digits": config}],
    "to_ntc_resistance": _thermistor("ntc_resistance"),
    "to_ntc_temperature": _thermistor("ntc_temperature"),
}
