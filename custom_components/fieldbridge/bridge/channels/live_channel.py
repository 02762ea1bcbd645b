"""One channel while its device runs: the latest values on their way from a field to what is shown."""

from collections.abc import Sequence
from dataclasses import replace
import math
from typing import NamedTuple

from ..codecs.decoders import Fields, Getter
from .channel import Channel, ImplausibleError, Value, parse_decimals, to_number
from .conditioning import Conditioner
from .freshness import Freshness
from .gathering import SLOW
from .listeners import Listeners


class Column(NamedTuple):
    """The numbers of a channel in a batch of frames, None for unreadable and implausible ones."""

    numbers: Sequence[Value | None]
    places: Sequence[int]
    """The frames that carry the channel."""
    implausible: int
    """How many were numbers outside of the limits."""


class LiveChannel:
    """Latest values of one channel; converts a raw field only when it differs from the one before.

    ``number`` is the converted field, ``value`` what came out of the filters, ``shown`` what was told last. Without
    filters and publish policy the three are the same.
    """

    __slots__ = (
        "available",
        "channel",
        "conditioner",
        "convert",
        "freshness",
        "get",
        "listeners",
        "number",
        "policy",
        "raw",
        "shown",
        "time",
        "too_far",
        "value",
    )

    def __init__(self, channel: Channel, get: Getter, freshness: Freshness) -> None:
        self.channel = channel
        self.get = get
        self.freshness = freshness
        self.time = -math.inf
        """Monotonic seconds; the clock of the publish policy."""
        self.conditioner = Conditioner(channel) if channel.filters else None
        self.policy = channel.policy(lambda: self.time)
        # Decimals are dropped behind the filters: a mean of rounded values is not the rounded mean.
        self.convert = (replace(channel, precision=None) if self.conditioner else channel).converter()
        self.raw: object = None
        self.too_far = False
        """Whether the last field without a number was one outside of the limits."""
        self.number: Value | None = None
        self.value: Value | None = None
        self.shown: Value | None = None
        self.available = False
        self.listeners: Listeners[Value | None] = Listeners()

    def take(self, rows: Sequence[Fields]) -> Column:
        """Take the channel's fields of parsed frames; the number is None when a field is no value of this kind."""
        get, convert = self.get, self.convert
        if len(rows) > 1 and convert is to_number:
            try:
                column = list(map(get, rows))
            except LookupError, TypeError:
                column = []  # some do not carry the channel
            if column and (decimals := parse_decimals(column)) is not None:
                self.raw, self.number, self.too_far = column[-1], decimals[-1], False
                if self.conditioner is None:
                    self.value = self.number
                return Column(decimals, range(len(rows)), 0)
        raw, number, too_far, implausible = self.raw, self.number, self.too_far, 0
        numbers: list[Value | None] = []
        absent: list[int] = []
        for place, fields in enumerate(rows):
            try:
                field = get(fields)
            except LookupError, TypeError:
                absent.append(place)
                continue
            # JSON tells 1 and True apart, Python's == does not
            if field != raw or type(field) is not type(raw):
                raw = field
                try:
                    number = convert(field)
                except ValueError as err:
                    number, too_far = None, isinstance(err, ImplausibleError)
            if number is None and too_far:
                implausible += 1
            numbers.append(number)
        self.raw, self.number, self.too_far = raw, number, too_far
        if self.conditioner is None:
            self.value = number
        places = range(len(rows)) if not absent else sorted(set(range(len(rows))).difference(absent))
        return Column(numbers, places, implausible)

    @property
    def is_slow(self) -> bool:
        """Whether a new value is shown after a second at the earliest, whatever it is."""
        pace = self.channel.pace if self.policy is None else self.policy.at_most_every
        return pace >= SLOW and (self.policy is None or self.policy.at_once is None)

    @property
    def is_timed(self) -> bool:
        """Whether a filter or the publish policy may speak without a sample."""
        return self.policy is not None or (self.conditioner is not None and self.conditioner.is_timed)

    @property
    def due(self) -> float | None:
        """When a filter or the publish policy wants to speak without a sample, None when neither does."""
        due = self.conditioner.due if self.conditioner is not None and self.conditioner.is_timed else None
        planned = self.policy.due if self.policy is not None else None
        return due if planned is None else planned if due is None else min(due, planned)

    def flush_filters(self, now: float) -> bool:
        """Take what timed filters have to say without a sample by ``now``; return whether one spoke."""
        said = self.conditioner.flush(now) if self.conditioner is not None else ()
        if said:
            self.value = said[-1]
        return bool(said)

    def inherit(self, before: LiveChannel) -> None:
        """Go on with the filters of the channel that this one replaces, unless something before them has changed."""
        if self.conditioner is not None and before.conditioner is not None and _way_in(self) == _way_in(before):
            before.conditioner.precision = self.channel.precision
            self.conditioner = before.conditioner

    def show(self, time: float) -> bool:
        """Take ``value`` over as what is shown if it is new and may be shown at ``time``; return whether to tell it."""
        self.time = time
        value, policy = self.value, self.policy
        if policy is not None and isinstance(value, int | float):
            if policy.update_at(value, time) is None:
                return False
        elif value == self.shown and type(value) is type(self.shown):
            return False
        elif policy is not None:
            policy.reset()  # the first value after a missing one is told at once
        self.shown = value
        return True

    def show_due(self, now: float) -> bool:
        """Take over what the publish policy has to say without a sample by ``now``; return whether it is told."""
        self.time = now
        if self.policy is None or self.value is None or self.policy.flush(now) is None:
            return False
        self.shown = self.value
        return True


def _way_in(live: LiveChannel) -> tuple[object, ...]:
    channel = live.channel
    return channel.source, channel.scale, channel.offset, channel.filters
