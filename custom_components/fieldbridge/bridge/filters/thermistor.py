"""NTC thermistors: resistance in ohm to temperature in degrees Celsius and back, by the Steinhart-Hart equation."""

import math
from typing import Any, ClassVar, override

from .checks import number, positive
from .kinds import SKIP, MapFilter

ZERO_CELSIUS = 273.15
"""Kelvin."""


class _Thermistor(MapFilter):
    """``1 / T = a + b ln R + c (ln R)^3``, T in kelvin."""

    __slots__ = ("a", "b", "c")

    parameters: ClassVar[tuple[str, ...]] = ("a", "b", "c")

    def __init__(self, a: float, b: float, c: float, *, missing: str = SKIP) -> None:
        self.a = number("a", a)
        self.b = number("b", b)
        self.c = number("c", c)
        super().__init__(missing)

    def _result(self, raw: float) -> float:
        """Return the converted value; raises ArithmeticError or ValueError where there is none."""
        raise NotImplementedError

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        try:
            y = self._result(raw)
        except ArithmeticError, ValueError:
            return self._absent(math.nan)
        self._value = y
        return y


class NtcTemperature(_Thermistor):
    """Resistance in ohm to temperature in degrees Celsius."""

    __slots__ = ()

    kind: ClassVar[str] = "ntc_temperature"

    @override
    def _result(self, raw: float) -> float:
        log = math.log(raw)
        return 1.0 / (self.a + log * (self.b + self.c * log * log)) - ZERO_CELSIUS


class NtcResistance(_Thermistor):
    """Temperature in degrees Celsius to resistance in ohm."""

    __slots__ = ()

    kind: ClassVar[str] = "ntc_resistance"

    @override
    def _result(self, raw: float) -> float:
        target = self.a - 1.0 / (raw + ZERO_CELSIUS)
        if self.c == 0.0:
            return math.exp(-target / self.b)
        # Cardano's solution of c L^3 + b L + target = 0 for L = ln R.
        half = target / (2.0 * self.c)
        root = math.sqrt((self.b / (3.0 * self.c)) ** 3 + half * half)
        return math.exp(math.cbrt(root - half) - math.cbrt(root + half))


def from_b_constant(b_constant: float, temperature: float, resistance: float) -> dict[str, float]:
    """Return a, b, c for a B constant in kelvin and one point (degrees Celsius, ohm)."""
    b = 1.0 / positive("b_constant", b_constant)
    kelvin = positive("reference_temperature", number("reference_temperature", temperature) + ZERO_CELSIUS)
    return {"a": 1.0 / kelvin - b * math.log(positive("reference_resistance", resistance)), "b": b, "c": 0.0}


def from_points(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Return a, b, c through three points (ohm, degrees Celsius); raises ValueError when two are the same."""
    if len(pairs) != 3:
        raise ValueError(f"calibration needs exactly three points, got {len(pairs)}")
    (l1, y1), (l2, y2), (l3, y3) = (
        (math.log(positive("resistance", r)), 1.0 / positive("temperature above absolute zero", t + ZERO_CELSIUS))
        for r, t in pairs
    )
    if len({l1, l2, l3}) < 3:
        raise ValueError("calibration needs three different resistances")
    slope2, slope3 = (y2 - y1) / (l2 - l1), (y3 - y1) / (l3 - l1)
    c = (slope3 - slope2) / (l3 - l2) / (l1 + l2 + l3)
    b = slope2 - c * (l1 * l1 + l1 * l2 + l2 * l2)
    return {"a": y1 - (b + l1 * l1 * c) * l1, "b": b, "c": c}
