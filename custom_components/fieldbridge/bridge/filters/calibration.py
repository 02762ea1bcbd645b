"""Calibration: what a reading means, computed from that reading alone."""

from abc import abstractmethod
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, override

from .checks import number, points, whole
from .kinds import SKIP, MapFilter, complete
from .least_squares import polynomial

if TYPE_CHECKING:
    from .kinds import Array


class Formula(MapFilter):
    """A map without history; a result that is no finite number is missing."""

    __slots__ = ()

    @override
    def history(self) -> list[float] | None:
        return [0.0 if self._value is None else self._value]

    @abstractmethod
    def _apply[V: (float, Array)](self, x: V) -> V:
        """Return the result for one value, or for a chunk by the same operations."""

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        y = self._apply(float(raw))
        if y - y:
            return self._absent(y)
        self._value = y
        return y

    @override
    def _block(self, chunk: Array, times: Array | None) -> Array:
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):
            out = self._apply(chunk)
        # What is missing in the chunk is missing in the result.
        if not complete(out):
            return self._block_plain(chunk, None)
        self._value = float(out[-1])
        return out


class Offset(Formula):
    """Adds ``amount``."""

    __slots__ = ("amount",)

    kind: ClassVar[str] = "offset"
    parameters: ClassVar[tuple[str, ...]] = ("amount",)

    def __init__(self, amount: float, *, missing: str = SKIP) -> None:
        self.amount = number("amount", amount)
        super().__init__(missing)

    @override
    def _apply[V: (float, Array)](self, x: V) -> V:
        return x + self.amount


class Multiply(Formula):
    """Multiplies by ``factor``."""

    __slots__ = ("factor",)

    kind: ClassVar[str] = "multiply"
    parameters: ClassVar[tuple[str, ...]] = ("factor",)

    def __init__(self, factor: float, *, missing: str = SKIP) -> None:
        self.factor = number("factor", factor)
        super().__init__(missing)

    @override
    def _apply[V: (float, Array)](self, x: V) -> V:
        return x * self.factor


class Linear(Formula):
    """``slope * x + offset``; runs of offsets and factors in a chain become one of these."""

    __slots__ = ("offset", "slope")

    kind: ClassVar[str] = "linear"
    parameters: ClassVar[tuple[str, ...]] = ("slope", "offset")

    def __init__(self, slope: float = 1.0, offset: float = 0.0, *, missing: str = SKIP) -> None:
        self.slope = number("slope", slope)
        self.offset = number("offset", offset)
        super().__init__(missing)

    @override
    def _apply[V: (float, Array)](self, x: V) -> V:
        return x * self.slope + self.offset


class Polynomial(Formula):
    """A polynomial: its ``coefficients``, constant first, or ``points`` that one of ``degree`` is fitted to.

    Degree 1 is the linear calibration by least squares.
    """

    __slots__ = ("_descending", "coefficients")

    kind: ClassVar[str] = "polynomial"
    parameters: ClassVar[tuple[str, ...]] = ("coefficients",)

    def __init__(
        self,
        coefficients: list[float] | None = None,
        *,
        points: list[tuple[float, float]] | None = None,
        degree: int = 1,
        missing: str = SKIP,
    ) -> None:
        if (coefficients is None) == (points is None):
            raise ValueError("give either coefficients or points")
        self.coefficients = _fitted(points, degree) if coefficients is None else _checked(coefficients)
        self._descending = self.coefficients[::-1]
        super().__init__(missing)

    @override
    def _apply[V: (float, Array)](self, x: V) -> V:
        y = x * 0.0
        for coefficient in self._descending:
            y = y * x + coefficient
        return y


class Piecewise(Formula):
    """Straight lines from point to point, ``[[raw, meant], ...]``; the outer ones go on beyond the last points."""

    __slots__ = ("_edges", "_lines", "points")

    kind: ClassVar[str] = "piecewise"
    parameters: ClassVar[tuple[str, ...]] = ("points",)

    def __init__(self, points: list[tuple[float, float]], *, missing: str = SKIP) -> None:
        self.points = _pairs(points, 2)
        starts = [x for x, _ in self.points]
        if any(not x < following for x, following in pairwise(starts)):
            raise ValueError("the raw values of points must ascend")
        self._edges = starts[1:-1]
        self._lines = []
        for (x0, y0), (x1, y1) in pairwise(self.points):
            slope = (y1 - y0) / (x1 - x0)
            self._lines.append((slope, y0 - slope * x0))
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        slope, start = self._lines[bisect_right(self._edges, raw)]
        y = slope * raw + start
        if y - y:
            return self._absent(y)
        self._value = y
        return y

    @override
    def _apply[V: (float, Array)](self, x: V) -> V:
        import numpy as np

        lines = np.array(self._lines)[np.searchsorted(self._edges, x, side="right")]
        result: V = lines[..., 0] * x + lines[..., 1]
        return result


def _pairs(value: object, least: int) -> list[tuple[float, float]]:
    return points("points", value, least)


def _checked(coefficients: list[float]) -> list[float]:
    if not coefficients:
        raise ValueError("coefficients must not be empty")
    return [number(f"coefficients[{index}]", value) for index, value in enumerate(coefficients)]


def _fitted(value: object, degree: int) -> list[float]:
    degree = whole("degree", degree, least=0, most=12)
    return polynomial(_pairs(value, degree + 1), degree)
