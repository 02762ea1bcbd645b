"""The first stages of a chain as one kernel call.

While a program runs, the history of its stages is in one array; ``store`` brings it back into the filters, which is
where everybody else looks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import kernels
from ..kernels.table import CLAMP, DEAD_BAND, LINE, LOW_PASS, MEDIAN, ONE_EURO, PARAMETERS
from .calibration import Linear, Multiply, Offset
from .dead_band import DeadBand
from .kinds import FEW_SAMPLES
from .lowpass import ExponentialAverage, Pt1Filter
from .median import MedianFilter
from .one_euro import OneEuroFilter
from .outliers import Clamp

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .kinds import Array, GateFilter, MapFilter

    type Stage = MapFilter | GateFilter
    type Fusable = MapFilter | DeadBand

INFINITY = float("inf")
LARGEST_WINDOW = 128
"""Samples; beyond it a chunk is small beside the state that is carried with it."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one filter takes part."""

    operation: int
    parameters: tuple[float, ...]
    size: int
    """Numbers of state."""
    uses_time: bool = False


class Program:
    """Steps over one state array per number of channels."""

    __slots__ = ("_is_gate", "_state", "_steps", "_table", "length", "loaded", "uses_time")

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = tuple(steps)
        self._state: Any = ()
        self._table: Any = None
        self._is_gate = self._steps[-1].operation == DEAD_BAND
        self.length = len(self._steps)
        self.loaded = False
        """True while the history is here and not in the filters."""
        self.uses_time = any(step.uses_time for step in steps)

    def run(self, stages: Sequence[Stage], values: ArrayLike) -> tuple[Array, Any] | None:
        """Return chunk and kept indices (None for all) after the steps, or None when the plain way has to be gone."""
        # A copy of its own, with a row per channel; a single channel is one row already.
        rows = np.array(values, dtype=np.float64, ndmin=2)
        flat = len(rows) == 1
        if not flat:
            rows = rows.T.copy()
        channels, count = rows.shape
        if count < FEW_SAMPLES or not (self.loaded or self._load(stages)) or channels != len(self._state):
            return None
        if self._table is None:
            self._table = self._tabulated()
        indices = np.empty(count if self._is_gate else 0, dtype=np.int64)
        kept = kernels.active().chain(rows, self._table, self._state, indices)
        if kept < 0:
            return None
        if self._is_gate:
            return rows[0, :kept], indices[:kept]
        return (rows[0] if flat else rows.T), None

    def _tabulated(self) -> Array:
        """Return the steps as numbers, see ``Kernels.chain``."""
        table = np.zeros((self.length, 3 + PARAMETERS))
        place = 0
        for row, step in zip(table, self._steps, strict=True):
            row[:3] = step.operation, place, step.size
            row[3 : 3 + len(step.parameters)] = step.parameters
            place += step.size
        return table

    def _load(self, stages: Sequence[Stage]) -> bool:
        """Take the history of every channel out of the filters; False while one has not seen enough."""
        rows = []
        for filters in self._lanes(stages):
            parts = [stage.history() for stage in filters]
            if any(part is None for part in parts):
                return False
            rows.append([number for part in parts if part is not None for number in part])
        self._state = np.array(rows)
        self.loaded = True
        return True

    def store(self, stages: Sequence[Stage]) -> None:
        """Bring the history back into the filters."""
        if not self.loaded:
            return
        self.loaded = False
        for filters, row in zip(self._lanes(stages), self._state.tolist(), strict=True):
            place = 0
            for step, stage in zip(self._steps, filters, strict=True):
                stage.continue_from(row[place : place + step.size])
                place += step.size

    def _lanes(self, stages: Sequence[Stage]) -> list[tuple[Any, ...]]:
        """Return the filters of each channel."""
        own = stages[: self.length]
        if not own[0].channels:
            return [tuple(own)]
        return list(zip(*(stage.channels for stage in own), strict=True))


def program_of(stages: Sequence[Stage]) -> Program | None:
    """Return the program of as many stages from the first on as have a step, two at least; a gate is the last."""
    steps: list[Step] = []
    for stage in stages:
        step = _step(stage)
        if step is None:
            break
        steps.append(step)
        if step.operation == DEAD_BAND:
            break
    return Program(steps) if len(steps) > 1 else None


def _step(stage: Stage) -> Step | None:  # noqa: PLR0911 - one return per kind of filter
    match stage:
        case Pt1Filter() | ExponentialAverage():
            parameters = (stage.alpha, 0.0, 0.0, 0.0, float(stage.exact))
            return Step(LOW_PASS, parameters, 1, uses_time=isinstance(stage, Pt1Filter))
        case OneEuroFilter():
            given = (stage.min_cutoff, stage.beta, stage.d_cutoff, stage.dt, float(stage.exact))
            return Step(ONE_EURO, given, 3, uses_time=True)
        case MedianFilter() if 1 < stage.window <= LARGEST_WINDOW:
            return Step(MEDIAN, (), 2 * stage.window + 1)
        case Linear():
            return Step(LINE, (stage.slope, stage.offset), 1)
        case Offset():
            return Step(LINE, (1.0, stage.amount), 1)
        case Multiply():
            # Adding -0.0 changes nothing, not even the sign of a zero.
            return Step(LINE, (stage.factor, -0.0), 1)
        case Clamp():
            low = -INFINITY if stage.low is None else stage.low
            high = INFINITY if stage.high is None else stage.high
            return Step(CLAMP, (1.0, 0.0, low, high), 1)
        case DeadBand() if stage.most is None and stage.most_percent is None:
            return Step(DEAD_BAND, (stage.absolute, stage.percent / 100.0), 1)
    return None
