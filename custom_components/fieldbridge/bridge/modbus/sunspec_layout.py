"""SunSpec models: where each point of a model's block lies.

The facts are the SunSpec Alliance's model definitions (github.com/sunspec/models, Apache-2.0), made compact by
``scripts/lib/sunspec_models.py``. Groups repeat as often as a point of the model says, or until the block ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
import json
from pathlib import Path
from typing import Any

_MAX_POINTS = 5000
"""In one model; more is a damaged block."""
_NOT_IMPLEMENTED = 0xFFFF

type Model = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One point in the block of a model."""

    path: str
    """Name with the groups that it lies in, such as ``Crv_1_Pt_2_V``."""
    label: str
    type: str
    """As SunSpec names it."""
    offset: int
    """Registers from the header of the model."""
    size: int
    exponent: int | str | None
    """A power of ten, or the path of the point that holds it."""
    unit: str | None
    writable: bool
    symbols: Mapping[str, str] | None
    """Labels by value of an enumeration, by number of the bit of a bit field."""
    depth: int
    """Repeating groups around it."""


@cache
def load_models() -> dict[int, Model]:
    """Return the known models by number. Reads a file at the first call."""
    table = json.loads((Path(__file__).parent / "sunspec_models.json").read_text())
    return {int(number): model for number, model in table.items()}


def layout(model: Model, words: Sequence[int]) -> list[Point]:
    """Return the points of a model whose block, header included, holds ``words``; those behind its end are left out."""
    walk = _Walk(words)
    walk.group(model, prefix="", label="", scope={}, depth=0)
    return walk.points


class _Walk:
    """Goes through a block from its header to its end."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words
        self._offset = 0
        self.points: list[Point] = []

    def group(self, group: Model, *, prefix: str, label: str, scope: Mapping[str, tuple[str, int]], depth: int) -> None:
        """Place a group's points; ``scope``: path and offset by name of the points in the groups around."""
        inside = dict(scope)
        offset = self._offset
        for point in group["p"]:  # an exponent may stand behind what it scales
            inside[point["n"]] = (prefix + point["n"], offset)
            offset += point["s"]
        for point in group["p"]:
            self._place(point, prefix, label, inside, depth)
        for inner in group.get("g", ()):
            count = self._count(inner.get("c"), inside)
            number = 0
            while self._offset < len(self._words) and len(self.points) < _MAX_POINTS:
                if count is not None and number >= count:
                    break
                number += 1
                before = self._offset
                repeats = inner.get("c") is not None
                name = f"{inner['n']}_{number}" if repeats else inner["n"]
                shown = f"{inner.get('l', inner['n'])}{f' {number}' if repeats else ''}"
                around = f"{label} {shown}".strip()
                self.group(inner, prefix=f"{prefix}{name}_", label=around, scope=inside, depth=depth + repeats)
                if self._offset == before:
                    break  # an empty group would repeat for ever

    def _place(self, point: Model, prefix: str, label: str, scope: Mapping[str, tuple[str, int]], depth: int) -> None:
        exponent = point.get("f")
        if isinstance(exponent, str):
            exponent = scope[exponent][0] if exponent in scope else None
        if self._offset + point["s"] <= len(self._words):
            self.points.append(
                Point(
                    path=prefix + point["n"],
                    label=f"{label} {point.get('l') or point['n']}".strip(),
                    type=point["t"],
                    offset=self._offset,
                    size=point["s"],
                    exponent=exponent,
                    unit=point.get("u"),
                    writable=bool(point.get("w")),
                    symbols=point.get("y"),
                    depth=depth,
                )
            )
        self._offset += point["s"]

    def _count(self, count: int | str | None, scope: Mapping[str, tuple[str, int]]) -> int | None:
        """Return how often a group is there, None for as often as fits."""
        if count is None:
            return 1
        if isinstance(count, int):
            return count or None
        place = scope.get(count)
        if place is None or place[1] >= len(self._words):
            return 0
        said = self._words[place[1]]
        return 0 if said == _NOT_IMPLEMENTED else said
