"""Sums and slopes over time."""

from typing import ClassVar, override

from .checks import flag, positive
from .kinds import SKIP, MapFilter

HOUR = 3600.0
"""Seconds."""


class Integrate(MapFilter):
    """Running integral over time in units of ``per`` seconds (3600: watt to watt-hours); ``dt`` is the usual interval.

    Straight lines between samples, or with ``steps`` each value held until the next.
    """

    __slots__ = ("_correction", "_raw", "_total", "dt", "per", "steps")

    kind: ClassVar[str] = "integrate"
    parameters: ClassVar[tuple[str, ...]] = ("per", "dt", "steps")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_total", "_correction")

    def __init__(self, per: float = HOUR, dt: float = 1.0, *, steps: bool = False, missing: str = SKIP) -> None:
        self.per = positive("per", per)
        self.dt = positive("dt", dt)
        self.steps = flag("steps", steps)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._total = 0.0
        self._correction = 0.0
        # Not saved: what happened while nobody measured is not in the integral.
        self._raw: float | None = None

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        if self._raw is not None:
            height = self._raw if self.steps else 0.5 * (self._raw + raw)
            self._add(height * (self.dt if dt is None else dt) / self.per)
        self._raw = raw
        self._value = y = self._total + self._correction
        return y

    def _add(self, part: float) -> None:
        """Add with Neumaier's correction: a year of small parts does not vanish in a large total."""
        total = self._total + part
        lost = (self._total - total) + part if abs(self._total) >= abs(part) else (part - total) + self._total
        self._correction += lost
        self._total = total


class Derivative(MapFilter):
    """Change per ``per`` seconds between two samples (60: per minute), 0 at the first; ``dt`` is the usual interval."""

    __slots__ = ("_raw", "dt", "per")

    kind: ClassVar[str] = "derivative"
    parameters: ClassVar[tuple[str, ...]] = ("per", "dt")
    # Not the last raw value: the time since then is not known after a restart.
    state_fields: ClassVar[tuple[str, ...]] = ("_value",)

    def __init__(self, per: float = 1.0, dt: float = 1.0, *, missing: str = SKIP) -> None:
        self.per = positive("per", per)
        self.dt = positive("dt", dt)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._raw: float | None = None

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        seconds = self.dt if dt is None else dt
        if self._raw is None:
            y = 0.0
        elif seconds > 0.0:
            y = (raw - self._raw) / seconds * self.per
        else:
            # Two samples at one time have no slope between them; the first counts.
            return 0.0 if self._value is None else self._value
        self._raw = raw
        self._value = y
        return y
