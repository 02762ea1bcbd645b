"""What filters would make of a running channel: nothing is told, nothing is stored."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from .channel import Channel, Value
from .conditioning import Conditioner, Moments, spread
from .samples import Sample

KEPT_ROWS = 8


class Row(NamedTuple):
    """One value before and behind the filters."""

    raw: Value | None
    filtered: Value | None
    passed: bool
    """False when the filters let nothing through."""


class FilterPreview:
    """Runs the filters and the publish policy of a channel beside the running ones."""

    def __init__(self, channel: Channel) -> None:
        """Begin with no history; raises ProfileError for filters that make no sense."""
        self.channel = channel
        self.rows: deque[Row] = deque(maxlen=KEPT_ROWS)
        self.raw: Value | None = None
        self.value: Value | None = None
        """Behind the filters."""
        self.shown: Value | None = None
        """Behind the publish policy."""
        self._conditioner = Conditioner(channel)
        self._now = 0.0
        self._policy = channel.policy(lambda: self._now)
        self._before: float | None = None

    def feed(self, samples: Sequence[Sample]) -> None:
        """Take the samples of a batch; only their raw values count."""
        key = self.channel.key
        own = [sample for sample in samples if key in sample.raw]
        if not own:
            return
        numbers = [sample.raw[key] for sample in own]
        moments = Moments(spread([sample.time for sample in own], self._before), self._before)
        self._before = self._now = own[-1].time
        passed = dict(self._conditioner.run(numbers, moments))
        for place, number in enumerate(numbers):
            self.rows.append(Row(number, passed.get(place), place in passed))
        self.raw = numbers[-1]
        if passed:
            self._take(passed[max(passed)])

    def flush(self, now: float) -> None:
        """Let timed filters and the policy speak at ``now``, monotonic seconds."""
        self._now = max(self._now, now)
        for value in self._conditioner.flush(now):
            self._take(value)
        if self._policy is not None and self._policy.flush(now) is not None:
            self.shown = self.value

    def _take(self, value: Value | None) -> None:
        self.value = value
        if self._policy is None or not isinstance(value, int | float) or self._policy.update(value) is not None:
            self.shown = value
