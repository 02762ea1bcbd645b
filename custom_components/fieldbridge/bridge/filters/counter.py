"""The guard of counters that only grow: energy, water, gas, rain, pulses."""

from typing import ClassVar, override

from .checks import positive, whole
from .kinds import SKIP, GateFilter

RESET_SHARE = 0.9
"""A reset falls below this share of the last total; a smaller step back is noise, as Home Assistant judges as well."""
ROLL_OVER_SHARE = 0.1
"""Without ``max_step`` a roll-over goes from the last tenth of the range to the first."""


class CounterGuard(GateFilter):
    """Lets a total grow and holds back what a meter only seems to say.

    A value below the last one (a zero while the meter restarts, a step back) or more than ``max_step`` above it (a
    broken frame) is held back. When ``confirm`` samples in a row agree on the new level, it was a reset or a real jump
    and passes. ``roll_over`` is the value at which the counter starts at 0 again; rolling over passes at once.
    """

    __slots__ = ("_agreed", "_candidate", "confirm", "max_step", "roll_over")

    kind: ClassVar[str] = "counter_guard"
    parameters: ClassVar[tuple[str, ...]] = ("max_step", "confirm", "roll_over")
    state_fields: ClassVar[tuple[str, ...]] = ("_value", "_candidate", "_agreed")

    def __init__(
        self,
        max_step: float | None = None,
        confirm: int = 3,
        roll_over: float | None = None,
        *,
        missing: str = SKIP,
    ) -> None:
        self.max_step = None if max_step is None else positive("max_step", max_step)
        self.confirm = whole("confirm", confirm, most=1000)
        self.roll_over = None if roll_over is None else positive("roll_over", roll_over)
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._candidate: float | None = None
        self._agreed = 0

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        if raw - raw:
            return self._absent(raw)
        last = self._value
        if last is None or self._follows(last, raw) or self._rolled_over(last, raw) or self._confirmed(last, raw):
            self._candidate, self._agreed = None, 0
            self._value = y = float(raw)
            return y
        return None

    def _follows(self, last: float, raw: float) -> bool:
        """Return True when ``raw`` is what a counter at ``last`` may say next."""
        return raw >= last and (self.max_step is None or raw - last <= self.max_step)

    def _rolled_over(self, last: float, raw: float) -> bool:
        if self.roll_over is None or not 0.0 <= raw < last <= self.roll_over:
            return False
        if self.max_step is not None:
            return self.roll_over - last + raw <= self.max_step
        return last >= (1.0 - ROLL_OVER_SHARE) * self.roll_over and raw <= ROLL_OVER_SHARE * self.roll_over

    def _confirmed(self, last: float, raw: float) -> bool:
        """Count ``raw`` for the level that would be new, and return True when enough samples agree on it."""
        if RESET_SHARE * last <= raw < last:
            return False
        candidate = self._candidate
        agrees = candidate is not None and self._follows(candidate, raw)
        self._candidate = float(raw)
        self._agreed = self._agreed + 1 if agrees else 1
        return self._agreed >= self.confirm
