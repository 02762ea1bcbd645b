"""Rounding: to decimals, to a multiple, to significant digits."""

import math
from typing import ClassVar, override

from .checks import positive, whole
from .kinds import SKIP, MapFilter


class Round(MapFilter):
    """Rounds to ``decimals``, halves away from zero."""

    __slots__ = ("_scale", "decimals")

    kind: ClassVar[str] = "round"
    parameters: ClassVar[tuple[str, ...]] = ("decimals",)

    def __init__(self, decimals: int = 0, *, missing: str = SKIP) -> None:
        self.decimals = whole("decimals", decimals, least=0, most=12)
        self._scale = 10.0**self.decimals
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        scaled = abs(raw) * self._scale
        # Beyond this a float has no decimals that could be rounded.
        y = math.copysign(math.floor(scaled + 0.5) / self._scale, raw) if scaled < 2.0**52 else float(raw)
        self._value = y
        return y


class RoundToMultiple(MapFilter):
    """Rounds to the nearest multiple of ``multiple``."""

    __slots__ = ("multiple",)

    kind: ClassVar[str] = "round_to_multiple"
    parameters: ClassVar[tuple[str, ...]] = ("multiple",)

    def __init__(self, multiple: float, *, missing: str = SKIP) -> None:
        self.multiple = positive("multiple", multiple)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        self._value = y = raw - math.remainder(raw, self.multiple)
        return y


class RoundToDigits(MapFilter):
    """Rounds to ``digits`` significant digits."""

    __slots__ = ("digits",)

    kind: ClassVar[str] = "round_to_digits"
    parameters: ClassVar[tuple[str, ...]] = ("digits",)

    def __init__(self, digits: int, *, missing: str = SKIP) -> None:
        self.digits = whole("digits", digits, most=15)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        self._value = y = float(f"{raw:.{self.digits}g}")
        return y
