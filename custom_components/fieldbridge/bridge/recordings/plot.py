"""A recording as a drawing: one panel per channel, minimum and maximum of every stretch of time, in bounded memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from itertools import islice

from ..channels import ValueKind
from .description import Description
from .reading import RecordedRow

WIDTH = 1000
PANEL_HEIGHT = 120
MAX_PANELS = 12
"""Channels that are drawn; the others are named."""
BUCKETS = 800
"""Stretches of time, hardly more than there are pixels; at most twice as many are kept."""

_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 80, 20, 50, 40, 34
_COLOURS = ("#0077bb", "#cc3311", "#009988", "#ee7733", "#aa3377", "#666666")
"""Tell apart with any kind of colour vision."""
_LARGEST = 1e300
"""What is larger has no range that could be drawn; neither have NaN and infinities."""
_STYLE = (
    "text{font:12px sans-serif;fill:#222}.title{font-size:16px;font-weight:bold}.small{fill:#666}"
    ".paper{fill:#fff}.frame{fill:none;stroke:#bbb}"
    "@media (prefers-color-scheme:dark){text{fill:#ddd}.small{fill:#aaa}.paper{fill:#1c1c1c}.frame{stroke:#555}}"
)


@dataclass(slots=True)
class _Stretch:
    """The values of a stretch of time."""

    low: float
    high: float
    broken: bool = False
    """Whether nothing was known after them: the line is interrupted."""


@dataclass(slots=True)
class _Curve:
    """The values of one channel, by stretch of time."""

    label: str
    unit: str
    is_binary: bool
    stretches: dict[int, _Stretch] = field(default_factory=dict)
    last: int | None = None

    def add(self, stretch: int, value: float) -> None:
        known = self.stretches.get(stretch)
        if known is None:
            self.stretches[stretch] = _Stretch(value, value)
        else:
            known.low, known.high = min(known.low, value), max(known.high, value)
            known.broken = False
        self.last = stretch

    def interrupt(self) -> None:
        if self.last is not None:
            self.stretches[self.last].broken = True

    def halve(self) -> None:
        """Join stretches by two."""
        joined: dict[int, _Stretch] = {}
        for index, stretch in self.stretches.items():
            known = joined.get(index // 2)
            if known is None:
                joined[index // 2] = stretch
            else:
                known.low, known.high = min(known.low, stretch.low), max(known.high, stretch.high)
                known.broken = stretch.broken
        self.stretches = joined
        self.last = None if self.last is None else self.last // 2

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest value, apart from each other."""
        if self.is_binary:
            return 0.0, 1.0
        low = min(stretch.low for stretch in self.stretches.values())
        high = max(stretch.high for stretch in self.stretches.values())
        if low == high:
            margin = abs(low) * 0.05 or 1.0
            return low - margin, high + margin
        return low, high


def plot_svg(rows: Iterable[RecordedRow], description: Description, *, max_rows: int | None = None) -> str:
    """Return the drawing (image/svg+xml) of all numbers and switch states, and says so when ``max_rows`` are not all.

    Takes as long as reading ``rows`` does.
    """
    several = len(description.devices) > 1
    channels = {
        (device.name, channel.column): (f"{device.name} {channel.name}" if several else channel.name, channel)
        for device in description.devices
        for channel in device.channels
    }
    drawable = [where for where, (_, channel) in channels.items() if channel.kind is not ValueKind.TEXT]
    curves = {}
    for where in drawable[:MAX_PANELS]:
        label, channel = channels[where]
        curves[where] = _Curve(label, channel.unit or "", channel.kind is ValueKind.BINARY)
    remaining = iter(rows)
    timeline = _fill(curves, islice(remaining, max_rows))
    if next(remaining, None) is not None:
        description = replace(description, title=f"{description.title} (the first {max_rows:,} rows)")
    shown = {where: curve for where, curve in curves.items() if curve.stretches}
    not_shown = [label for where, (label, _) in channels.items() if where not in shown]
    return _draw(description, list(shown.values()), not_shown, timeline)


@dataclass(slots=True)
class _Timeline:
    """The time of a drawing: stretches of equal length from the first row on."""

    first: RecordedRow | None = None
    last: RecordedRow | None = None
    step_ns: int = 1_000_000
    """Length of a stretch; doubled whenever there would be too many."""

    @property
    def count(self) -> int:
        """How many stretches there are."""
        return self.index(self.last) + 1 if self.last is not None else 1

    def index(self, row: RecordedRow) -> int:
        """Return the stretch of a row."""
        assert self.first is not None  # noqa: S101  - rows come after the first
        return max(0, row.monotonic_ns - self.first.monotonic_ns) // self.step_ns


def _fill(curves: dict[tuple[str, str], _Curve], rows: Iterable[RecordedRow]) -> _Timeline:
    timeline = _Timeline()
    for row in rows:
        timeline.first = timeline.first or row
        timeline.last = row
        while (stretch := timeline.index(row)) >= 2 * BUCKETS:
            timeline.step_ns *= 2
            for curve in curves.values():
                curve.halve()
        for column, value in row.values.items():
            curve_of = curves.get((row.device, column))
            if curve_of is None:
                continue
            if isinstance(value, int | float) and abs(value) < _LARGEST:
                curve_of.add(stretch, float(bool(value)) if curve_of.is_binary else float(value))
            else:
                curve_of.interrupt()
    return timeline


def _draw(description: Description, curves: Sequence[_Curve], not_shown: Sequence[str], timeline: _Timeline) -> str:
    height = _TOP + max(1, len(curves)) * (PANEL_HEIGHT + _GAP) + _BOTTOM
    title = _text(description.title)
    described = f"{len(curves)} channels over time: " + ", ".join(_described(curve) for curve in curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f'<title id="title">{title}</title><desc id="desc">{_text(described)}</desc><style>{_STYLE}</style>',
        f'<rect class="paper" width="{WIDTH}" height="{height}"/><text class="title" x="{_LEFT}" y="26">{title}</text>',
    ]
    for number, curve in enumerate(curves):
        top = _TOP + number * (PANEL_HEIGHT + _GAP) + 16
        parts += _panel(curve, top, _COLOURS[number % len(_COLOURS)], timeline.count)
    bottom = height - _BOTTOM
    if timeline.first is None or timeline.last is None or not curves:
        parts.append(f'<text x="{_LEFT}" y="{_TOP + 40}">—</text>')
    else:
        parts += _time_labels(timeline.first.t_utc, timeline.last.t_utc, bottom)
    if not_shown:
        names = _text(_shortened(", ".join(not_shown)))
        parts.append(f'<text class="small" x="{_LEFT}" y="{height - 8}">+ {names}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(text: str) -> str:
    """Return a text as SVG can hold it: XML knows no control characters, not even escaped ones."""
    return escape("".join(character if character.isprintable() else " " for character in text))


def _panel(curve: _Curve, top: int, colour: str, count: int) -> list[str]:
    low, high = curve.range
    bottom, width = top + PANEL_HEIGHT, WIDTH - _LEFT - _RIGHT

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * PANEL_HEIGHT

    points, begins = [], True
    before: float | None = None
    for index, stretch in sorted(curve.stretches.items()):
        x = _LEFT + (index + 0.5) / count * width
        if curve.is_binary and before is not None and not begins:
            points.append(f"L{x:.1f} {y(before):.1f}")
        points.append(f"{'M' if begins else 'L'}{x:.1f} {y(stretch.low):.1f}")
        # A dot needs a length to be seen.
        points.append(f"L{x:.1f} {y(stretch.high):.1f}" if stretch.high > stretch.low else "h0.8")
        begins, before = stretch.broken, stretch.high
    label = _text(_shortened(f"{curve.label} [{curve.unit}]" if curve.unit else curve.label))
    lowest, highest = ("off", "on") if curve.is_binary else (_number(low), _number(high))
    return [
        f'<text x="{_LEFT}" y="{top - 5}">{label}</text>',
        f'<rect class="frame" x="{_LEFT}" y="{top}" width="{width}" height="{PANEL_HEIGHT}"/>',
        f'<text class="small" x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{highest}</text>',
        f'<text class="small" x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{lowest}</text>',
        f'<path d="{"".join(points)}" fill="none" stroke="{colour}" stroke-width="1.2"/>',
    ]


def _time_labels(first: datetime, last: datetime, y: int) -> list[str]:
    seconds = (last - first).total_seconds()
    right = WIDTH - _RIGHT
    return [
        f'<text class="small" x="{_LEFT}" y="{y + 12}">{first:%Y-%m-%d %H:%M:%S} UTC</text>',
        f'<text class="small" x="{(_LEFT + right) // 2}" y="{y + 12}" text-anchor="middle">{_number(seconds)} s</text>',
        f'<text class="small" x="{right}" y="{y + 12}" text-anchor="end">{last:%Y-%m-%d %H:%M:%S} UTC</text>',
    ]


def _described(curve: _Curve) -> str:
    low = min(stretch.low for stretch in curve.stretches.values())
    high = max(stretch.high for stretch in curve.stretches.values())
    return f"{curve.label} from {_number(low)} to {_number(high)} {curve.unit}".strip()


def _number(value: float) -> str:
    return f"{value:.6g}"


def _shortened(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"
