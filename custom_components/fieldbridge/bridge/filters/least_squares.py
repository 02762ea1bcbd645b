"""Polynomial least squares in exact fractions: no library is loaded for it, and no rounding happens before the end."""

from collections.abc import Sequence
from fractions import Fraction


def polynomial(pairs: Sequence[tuple[float, float]], degree: int) -> list[float]:
    """Return the coefficients, constant first; raises ValueError when the points do not determine them."""
    xs = [Fraction(x) for x, _ in pairs]
    ys = [Fraction(y) for _, y in pairs]
    moments = [sum((x**power * y for x, y in zip(xs, ys, strict=True)), Fraction(0)) for power in range(degree + 1)]
    return [float(c) for c in _solve(_normal_matrix(xs, degree), moments)]


def fit(places: Sequence[Fraction], degree: int, row: int) -> list[float]:
    """Return the weight of each sample in coefficient ``row`` of the polynomial fitted at ``places``."""
    unit = [Fraction(int(power == row)) for power in range(degree + 1)]
    solution = _solve(_normal_matrix(places, degree), unit)
    return [float(sum((c * place**power for power, c in enumerate(solution)), Fraction(0))) for place in places]


def _normal_matrix(places: Sequence[Fraction], degree: int) -> list[list[Fraction]]:
    sums = [sum((place**power for place in places), Fraction(0)) for power in range(2 * degree + 1)]
    return [[sums[i + j] for j in range(degree + 1)] for i in range(degree + 1)]


def _solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Gauss-Jordan elimination; raises ValueError for a singular matrix."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = next((i for i in range(column, size) if rows[i][column]), None)
        if pivot is None:
            raise ValueError(f"the points do not determine a polynomial of degree {size - 1}")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = rows[column][column]
        rows[column] = [value / scale for value in rows[column]]
        for i in range(size):
            if i != column and (factor := rows[i][column]):
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[-1] for row in rows]
