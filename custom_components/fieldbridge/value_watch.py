"""Watches every value of one channel for a trigger, whatever its entity writes, and tells at a bounded pace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
import math
from typing import Any, NamedTuple

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .bridge.channels import Value
from .bridge.recordings import TappedSample
from .channel_targets import TargetedChannel
from .coordinator import SessionCoordinator
from .device_taps import DeviceTap, async_device_taps, tappable_channels
from .shown_unit import ShownUnit
from .value_limits import Holds


class When(Enum):
    """Which values count."""

    ENTERS = auto()
    """It holds, and did not hold for the value before."""
    CHANGES = auto()
    """It holds, and the value before was another one."""
    ARRIVES = auto()
    """It holds."""


class Occurrence(NamedTuple):
    """A value that counts."""

    time: float
    """Arrival, monotonic seconds."""
    value: Value
    previous: Value | None
    """The value before it, None when it is the first one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What is watched for."""

    when: When
    holds: Callable[[ShownUnit], Holds]
    """Asked once per batch of values: limits may be entities, and are in the unit in which the channel is shown."""
    at_most_every: float
    """Least seconds between two that are told."""
    duration: timedelta | None = None
    """How long it has to hold, for what enters."""


type Tell = Callable[[Occurrence, str | None, int], None]
"""Called with what occurred, the unit of its values, and how many more were left out since the last one told."""


class ValueWatch:
    """One channel under one rule.

    A value is compared with the one before it, as long as nothing was missed in between: after silence, an outage or a
    change of the device the first value is compared with none. What cannot be read is no value.
    """

    def __init__(self, hass: HomeAssistant, channel: TargetedChannel, rule: Rule, tell: Tell) -> None:
        """Watch ``channel`` from ``start`` to ``stop``."""
        self._hass = hass
        self._key = channel.key
        self._rule = rule
        self._unit = ShownUnit(hass, channel.entity_id)
        self._tap = DeviceTap(channel.unique_prefix, [channel.key])
        self._pace = Pace(hass, rule.at_most_every, lambda each, left_out: tell(each, self._unit.unit, left_out))
        self._stop_watching: CALLBACK_TYPE = _nothing
        self._previous: Value | None = None
        self._lasting: Occurrence | None = None
        """What entered and holds since."""
        self._timed: Occurrence | None = None
        """The one of them whose duration runs."""
        self._cancel_timer: CALLBACK_TYPE = _nothing

    @callback
    def start(self) -> None:
        """Begin as soon as the device runs."""
        self._tap.on_attach(self._attached)
        self._tap.on_samples(self._take)
        async_device_taps(self._hass).async_add(self._tap)

    @callback
    def stop(self) -> None:
        """End; nothing is told any more."""
        async_device_taps(self._hass).async_remove(self._tap)
        self._stop_watching()
        self._forget()
        self._pace.stop()

    @callback
    def _attached(self, _: SessionCoordinator[Any] | None, now: SessionCoordinator[Any] | None) -> None:
        self._stop_watching()
        self._stop_watching = _nothing
        self._forget()
        if now is not None:
            self._unit.describe(next((each for each in tappable_channels(now) if each.key == self._key), None))
            self._stop_watching = now.session.on_availability(self._availability_changed)

    @callback
    def _availability_changed(self) -> None:
        if not self._tap.is_fresh(self._key):
            self._forget()

    def _forget(self) -> None:
        self._previous = self._lasting = None
        self._time_what_lasts()

    def _take(self, samples: Sequence[TappedSample]) -> None:
        key, when = self._key, self._rule.when
        if self._unit.update():
            self._previous = None  # it is in another unit
        convert = self._unit.convert
        holds = self._rule.holds(self._unit)
        previous = self._previous
        held = previous is not None and holds(previous)
        for sample in samples:
            value = sample.values.get(key)
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                continue
            if convert is not None:
                value = convert(value)
            if not holds(value):
                held, self._lasting = False, None
            else:
                if (
                    when is When.ARRIVES
                    or (when is When.ENTERS and previous is not None and not held)
                    or (when is When.CHANGES and previous is not None and value != previous)
                ):
                    self._occurred(Occurrence(sample.time, value, previous))
                held = True
            previous = value
        self._previous = previous
        self._time_what_lasts()

    def _occurred(self, occurrence: Occurrence) -> None:
        if self._rule.duration:
            self._lasting = occurrence
        else:
            self._pace.offer(occurrence)

    def _time_what_lasts(self) -> None:
        """Have the timer run for what holds at the end of a batch: one timer, however often a batch crosses."""
        if self._lasting is self._timed:
            return
        self._cancel_timer()
        self._cancel_timer, self._timed = _nothing, self._lasting
        if self._timed is not None and self._rule.duration:
            self._cancel_timer = async_call_later(
                self._hass, self._rule.duration, HassJob(self._lasted, cancel_on_shutdown=True)
            )

    @callback
    def _lasted(self, _: datetime) -> None:
        occurrence, self._lasting, self._timed = self._timed, None, None
        self._cancel_timer = _nothing
        if occurrence is not None:
            self._pace.offer(occurrence)


class Pace:
    """Tells the first at once, then at most one per interval: the latest, with how many were left out before it."""

    def __init__(self, hass: HomeAssistant, interval: float, tell: Callable[[Occurrence, int], None]) -> None:
        """Call ``tell`` at most every ``interval`` seconds."""
        self._hass = hass
        self._interval = interval
        self._tell = tell
        self._held: Occurrence | None = None
        self._left_out = 0
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def offer(self, occurrence: Occurrence) -> None:
        """Tell it now, or at the end of the interval unless a later one takes its place."""
        if self._cancel is None:
            self._tell_now(occurrence)
            return
        if self._held is not None:
            self._left_out += 1
        self._held = occurrence

    @callback
    def stop(self) -> None:
        """Tell nothing any more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._held = None

    def _tell_now(self, occurrence: Occurrence) -> None:
        left_out, self._left_out = self._left_out, 0
        self._cancel = async_call_later(self._hass, self._interval, HassJob(self._elapsed, cancel_on_shutdown=True))
        self._tell(occurrence, left_out)

    @callback
    def _elapsed(self, _: datetime) -> None:
        self._cancel = None
        if (occurrence := self._held) is not None:
            self._held = None
            self._tell_now(occurrence)


def _nothing() -> None:
    """Nothing to end."""
