"""What those see who need every value: recordings, triggers, the inspector."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .channel import Value
from .conditioning import Filtered, sample_times
from .live_channel import LiveChannel


class Sample(NamedTuple):
    """The values of one frame, by channel key; None where a field cannot be read."""

    time: float
    """Arrival, monotonic seconds."""
    raw: Mapping[str, Value | None]
    """Converted, not filtered; empty for what a timed filter said without a frame."""
    values: Mapping[str, Value | None]
    """Behind the filters; a channel whose filters let nothing through is missing."""


type SampleListener = Callable[[Sequence[Sample]], None]


class SampleBatch:
    """The numbers of one batch of frames, one list per channel that filters need, and all of them for who listens."""

    __slots__ = ("_numbers", "_places", "_present", "_times")

    def __init__(self) -> None:
        self._times: list[float] = []
        self._present: list[list[tuple[LiveChannel, Value | None]]] = []
        self._numbers: dict[LiveChannel, list[Value | None]] = {}
        self._places: dict[LiveChannel, list[int]] = {}

    def add(self, time: float, channels: Sequence[LiveChannel]) -> None:
        """Take the numbers that ``channels`` have from a frame."""
        for live in channels:
            if live.conditioner is not None:
                self._numbers.setdefault(live, []).append(live.number)
                self._places.setdefault(live, []).append(len(self._times))
        self._times.append(time)
        self._present.append([(live, live.number) for live in channels])

    def run_filters(self, before: float | None) -> dict[LiveChannel, Filtered]:
        """Filter and set the channels' values; ``before`` is when the last batch came. Returns what came out."""
        if not self._numbers:
            return {}
        times = sample_times(self._times, before)
        results = {}
        for live, numbers in self._numbers.items():
            assert live.conditioner is not None  # noqa: S101 - see add
            results[live] = filtered = live.conditioner.run(numbers, [times[place] for place in self._places[live]])
            if filtered:
                live.value = filtered[-1][1]
        return results

    def samples(self, filtered: Mapping[LiveChannel, Filtered]) -> list[Sample]:
        """Return the batch frame by frame, with what came out of the filters."""
        values: list[dict[str, Value | None]] = [
            {live.channel.key: number for live, number in present if live not in filtered} for present in self._present
        ]
        for live, results in filtered.items():
            places = self._places[live]
            for place, value in results:
                values[places[place]][live.channel.key] = value
        return [
            Sample(time, {live.channel.key: number for live, number in present}, value)
            for time, present, value in zip(self._times, self._present, values, strict=True)
        ]
