"""What those see who need every value: recordings, triggers, the inspector."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .channel import Value
from .conditioning import Filtered, Moments
from .live_channel import Column, LiveChannel


class Sample(NamedTuple):
    """The values of one frame, by channel key; None where a field cannot be read."""

    time: float
    """Arrival, monotonic seconds."""
    raw: Mapping[str, Value | None]
    """Converted, not filtered; empty for what a timed filter said without a frame."""
    values: Mapping[str, Value | None]
    """Behind the filters; a channel whose filters let nothing through is missing."""


type SampleListener = Callable[[Sequence[Sample]], None]
type Columns = dict[LiveChannel, Column]
"""The numbers of one batch of frames by channel, for those that it carries."""


def run_filters(columns: Columns, moments: Moments, *, last_only: bool) -> dict[LiveChannel, Filtered]:
    """Filter and set the channels' values; return what came out."""
    results = {}
    for live, column in columns.items():
        if live.conditioner is None:
            continue
        if len(column.numbers) == len(moments.times):
            own = moments
        else:
            own = Moments([moments.times[place] for place in column.places])
        results[live] = filtered = live.conditioner.run(column.numbers, own, last_only=last_only)
        if filtered:
            live.value = filtered[-1][1]
    return results


def samples_of(columns: Columns, times: Sequence[float], filtered: Mapping[LiveChannel, Filtered]) -> list[Sample]:
    """Return a batch frame by frame, with what came out of the filters."""
    raw: list[dict[str, Value | None]] = [{} for _ in times]
    values: list[dict[str, Value | None]] = [{} for _ in times]
    for live, column in columns.items():
        key = live.channel.key
        for place, number in zip(column.places, column.numbers, strict=True):
            raw[place][key] = number
        for place, value in filtered[live] if live in filtered else enumerate(column.numbers):
            values[column.places[place]][key] = value
    return [Sample(*each) for each in zip(times, raw, values, strict=True)]
