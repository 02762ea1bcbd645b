"""One or more useful filters of every kind, in JSON form; tests of what holds for all of them run over this list."""

from typing import Any

type Item = dict[str, Any]

MAPS: list[Item] = [
    {"kind": "pt1", "tau": 5.0, "dt": 1.0, "exact": True},
    {"kind": "exponential_average", "alpha": 0.3, "exact": True},
    {"kind": "one_euro", "min_cutoff": 1.0, "beta": 0.5, "dt": 0.1, "exact": True},
    {"kind": "median", "window": 1},
    {"kind": "median", "window": 4},
    {"kind": "median", "window": 5},
    {"kind": "median", "window": 13},
    {"kind": "mean", "window": 6},
    {"kind": "time_mean", "seconds": 4.0},
    {"kind": "min", "window": 5},
    {"kind": "max", "window": 5},
    {"kind": "quantile", "window": 5, "quantile": 0.3},
    {"kind": "savitzky_golay", "window": 7, "degree": 2},
    {"kind": "hampel", "window": 7},
    {"kind": "rate_limit", "rate": 3.0, "falling": 2.0},
    {"kind": "clamp", "low": -20.0, "high": 20.0},
    {"kind": "offset", "amount": 1.1},
    {"kind": "multiply", "factor": 0.3},
    {"kind": "linear", "slope": 0.7, "offset": -3.0},
    {"kind": "piecewise", "points": [[-10.0, 0.0], [0.0, 3.0], [10.0, 4.0]]},
    {"kind": "polynomial", "coefficients": [1.0, 0.5, 0.01]},
    {"kind": "ntc_temperature", "a": 0.00084, "b": 0.000258, "c": 1.7e-07},
    {"kind": "ntc_resistance", "a": 0.00084, "b": 0.000258, "c": 1.7e-07},
    {"kind": "expression", "formula": "x * 1.8 + 32 if x > 0 else abs(x)"},
    {"kind": "round", "decimals": 1},
    {"kind": "round_to_multiple", "multiple": 0.25},
    {"kind": "round_to_digits", "digits": 3},
    {"kind": "integrate", "per": 60.0},
    {"kind": "derivative", "per": 60.0},
]
GATES: list[Item] = [
    {"kind": "range_reject", "low": -20.0, "high": 20.0},
    {"kind": "filter_out", "values": [0.0], "tolerance": 1.0},
    {"kind": "counter_guard", "max_step": 10.0},
    {"kind": "dead_band", "absolute": 1.0, "percent": 5.0},
    {"kind": "dead_band", "absolute": 1.0, "most": 20.0},
    {"kind": "swinging_door", "deviation": 2.0, "longest": 30.0},
    {"kind": "skip_initial", "count": 3},
    {"kind": "every", "count": 4, "first": 2},
    {"kind": "throttle", "seconds": 3.0, "priority": [0.0]},
    {"kind": "statistics", "quantity": "rms", "window": 8, "every": 5},
    {"kind": "statistics", "quantity": "peak_to_peak", "window": 4},
    {"kind": "any_of", "filters": [[{"kind": "throttle", "seconds": 7.0}], [{"kind": "dead_band", "absolute": 9.0}]]},
]
TIMED: list[Item] = [
    {"kind": "throttle_average", "seconds": 5.0},
    {"kind": "heartbeat", "seconds": 5.0},
    {"kind": "heartbeat", "seconds": 5.0, "optimistic": True},
    {"kind": "debounce", "seconds": 2.0},
    {"kind": "timeout", "seconds": 5.0},
    {"kind": "publish", "absolute": 1.0, "at_most_every": 2.0, "at_least_every": 8.0, "at_once": 15.0},
]
ALL = [*MAPS, *GATES, *TIMED]


def name(item: Item) -> str:
    """Return the name of an example in a test report."""
    return "-".join(str(value) for value in item.values() if not isinstance(value, list))
