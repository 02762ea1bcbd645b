"""Filters by name: from their JSON form and back."""

from collections.abc import Callable
from functools import cache
import inspect
import time
from typing import Any

from ..errors import ProfileError
from .calculus import Derivative, Integrate
from .calibration import Linear, Multiply, Offset, Piecewise, Polynomial
from .chain import AnyOf, Chain
from .counter import CounterGuard
from .dead_band import DeadBand
from .expression import Expression
from .kinds import SKIP, GateFilter, MapFilter
from .lowpass import ExponentialAverage, Pt1Filter
from .median import MedianFilter
from .one_euro import OneEuroFilter
from .outliers import Clamp, FilterOut, Hampel, RangeReject, RateLimit
from .pacing import Every, SkipInitial, Throttle
from .publish import PublishPolicy
from .rounding import Round, RoundToDigits, RoundToMultiple
from .savitzky_golay import SavitzkyGolay
from .statistics import BlockStatistics
from .swinging_door import SwingingDoor
from .thermistor import NtcResistance, NtcTemperature
from .timed import Debounce, Heartbeat, ThrottleAverage, Timeout
from .windows import SlidingMax, SlidingMean, SlidingMin, SlidingQuantile, TimeMean

type Clock = Callable[[], float]

KINDS: dict[str, type[MapFilter | GateFilter]] = {
    # smoothing
    "pt1": Pt1Filter,
    "exponential_average": ExponentialAverage,
    "one_euro": OneEuroFilter,
    "median": MedianFilter,
    "mean": SlidingMean,
    "time_mean": TimeMean,
    "min": SlidingMin,
    "max": SlidingMax,
    "quantile": SlidingQuantile,
    "savitzky_golay": SavitzkyGolay,
    # what does not belong
    "hampel": Hampel,
    "rate_limit": RateLimit,
    "clamp": Clamp,
    "range_reject": RangeReject,
    "filter_out": FilterOut,
    "counter_guard": CounterGuard,
    # fewer values
    "dead_band": DeadBand,
    "swinging_door": SwingingDoor,
    "skip_initial": SkipInitial,
    "every": Every,
    "throttle": Throttle,
    "throttle_average": ThrottleAverage,
    "heartbeat": Heartbeat,
    "debounce": Debounce,
    "timeout": Timeout,
    "publish": PublishPolicy,
    "statistics": BlockStatistics,
    # what a reading means
    "offset": Offset,
    "multiply": Multiply,
    "linear": Linear,
    "piecewise": Piecewise,
    "polynomial": Polynomial,
    "ntc_temperature": NtcTemperature,
    "ntc_resistance": NtcResistance,
    "expression": Expression,
    "round": Round,
    "round_to_multiple": RoundToMultiple,
    "round_to_digits": RoundToDigits,
    "integrate": Integrate,
    "derivative": Derivative,
}

ANY_OF = AnyOf.kind


def filter_from_dict(data: Any, path: str = "filter", clock: Clock = time.monotonic) -> MapFilter | GateFilter:
    """Return the filter that ``{"kind": ..., parameter: ...}`` describes; raises ProfileError that names what is wrong.

    Missing values are skipped unless ``missing`` says otherwise.
    """
    if not isinstance(data, dict):
        raise ProfileError(path, "must be a mapping with a kind")
    kind, parameters = data.get("kind"), {name: value for name, value in data.items() if name != "kind"}
    if kind == ANY_OF:
        return _any_of(parameters, path, clock)
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ProfileError(f"{path}.kind", f"unknown filter {kind!r}; known are {', '.join([*KINDS, ANY_OF])}")
    known, required = _arguments(cls)
    if unknown := [str(name) for name in parameters if name not in known]:
        raise ProfileError(path, f"{kind} has no {', '.join(unknown)}; it has {', '.join(known)}")
    if absent := [name for name in required if name not in parameters]:
        raise ProfileError(path, f"{kind} needs {', '.join(absent)}")
    parameters.setdefault("missing", SKIP)
    if "clock" in inspect.signature(cls).parameters:
        parameters["clock"] = clock
    try:
        return cls(**parameters)
    except (TypeError, ValueError, OverflowError) as err:
        raise ProfileError(path, str(err)) from err


def policy_from_dict(data: Any, path: str = "publish", clock: Clock = time.monotonic) -> PublishPolicy:
    """Return the publish policy with the parameters in ``data``; raises ProfileError that names what is wrong."""
    if not isinstance(data, dict):
        raise ProfileError(path, "must be a mapping")
    policy = filter_from_dict({**data, "kind": PublishPolicy.kind}, path, clock)
    assert isinstance(policy, PublishPolicy)  # noqa: S101 - by its kind
    return policy


def chain_from_list(items: Any, path: str = "filters", clock: Clock = time.monotonic) -> Chain:
    """Return the chain of the filters that ``items`` describe; raises ProfileError that names what is wrong."""
    if not isinstance(items, list):
        raise ProfileError(path, "must be a list of filters")
    return Chain([filter_from_dict(item, f"{path}[{index}]", clock) for index, item in enumerate(items)])


def _any_of(parameters: dict[str, Any], path: str, clock: Clock) -> AnyOf:
    chains = parameters.get("filters")
    if set(parameters) != {"filters"} or not isinstance(chains, list) or not chains:
        raise ProfileError(path, f"{ANY_OF} needs filters, a list of lists, and nothing else")
    return AnyOf([chain_from_list(chain, f"{path}.filters[{index}]", clock) for index, chain in enumerate(chains)])


@cache
def _arguments(cls: type[MapFilter | GateFilter]) -> tuple[list[str], list[str]]:
    """Return the names of all parameters, and of those without a default."""
    arguments = [parameter for name, parameter in inspect.signature(cls).parameters.items() if name != "clock"]
    return [a.name for a in arguments], [a.name for a in arguments if a.default is inspect.Parameter.empty]
