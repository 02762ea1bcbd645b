"""Times, resistances, temperatures and shares as people write them: ``500ms``, ``10kOhm``, ``25 °C``, ``5%``."""

import re
from typing import Any

SECONDS = {
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "milliseconds": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "secs": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "mins": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}
PREFIXES = {"m": 1e-3, "": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
ZERO_CELSIUS = 273.15
"""Kelvin."""

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def parse_seconds(value: Any) -> float:
    """Return the seconds of ``1.5s``, ``2min`` ...; raises ValueError, also for a number without a unit."""
    amount, unit = _split(value, "time")
    if unit not in SECONDS:
        raise ValueError(f"not a time with a unit such as 500ms, 10s or 2min: {value!r}")
    return amount * SECONDS[unit]


def parse_resistance(value: Any) -> float:
    """Return the ohms of ``10kOhm``, ``4.7k``, ``3000`` ...; raises ValueError."""
    amount, unit = _split(value, "resistance")
    # The ohm sign has two code points.
    prefix = re.sub(r"(?i:ohms?)$|[\u03a9\u2126]$", "", unit)
    if prefix not in PREFIXES:
        raise ValueError(f"not a resistance: {value!r}")
    return amount * PREFIXES[prefix]


def parse_temperature(value: Any) -> float:
    """Return the degrees Celsius of ``25``, ``25°C``, ``77 °F``, ``298.15K``; raises ValueError."""
    amount, unit = _split(value, "temperature")
    match unit.lstrip("°º").upper():
        case "" | "C":
            return amount
        case "F":
            return (amount - 32.0) / 1.8
        case "K":
            return amount - ZERO_CELSIUS
    raise ValueError(f"not a temperature: {value!r}")


def parse_percent(value: Any) -> float | None:
    """Return the number before a ``%`` sign, None when there is no such sign; raises ValueError."""
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return None
    return float(value.strip()[:-1])


def _split(value: Any, what: str) -> tuple[float, str]:
    found = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value))
    if found is None:
        raise ValueError(f"not a {what}: {value!r}")
    return float(found[1]), found[2]
