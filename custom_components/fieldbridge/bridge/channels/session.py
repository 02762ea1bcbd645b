"""The life of one device's values: frames in, changed values and availability out."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..codecs.decoders import Fields, Getter
from ..codecs.frame import Frame
from ..errors import DecodeError, WriteError
from ..streams import Fanout
from .channel import Channel, Value
from .conditioning import Moments, spread
from .freshness import Freshness
from .gathering import FAST, Gathering, Reads
from .listeners import Listeners, Unsubscribe
from .live_channel import LiveChannel
from .profile import DeviceProfile
from .samples import Columns, Sample, SampleListener, run_filters, samples_of

type ValueListener = Callable[[Value | None], None]
type Writer = Callable[[Channel, object], Awaitable[None]]
"""Sends a raw value to the device; raises WriteError or LinkError."""
type Missed = dict[int, str]
"""Positions of frames in a batch that gave nothing: the reason of the rejection, empty for frames of others."""

_NOT_OURS: Fields = object()
"""Instead of the fields of a frame that is another device's."""


@dataclass(slots=True)
class SessionCounters:
    """What became of the frames that were offered to one device."""

    decoded: int = 0
    not_ours: int = 0
    """Frames that the device's condition left to others, and those that another device's condition claimed."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Frames that could not be decoded, by reason."""
    unreadable: Counter[str] = field(default_factory=Counter)
    """Fields that were no value of their kind, by channel key."""
    implausible: Counter[str] = field(default_factory=Counter)
    """Numbers outside of their channel's limits, by channel key."""


class DeviceSession:
    """Decodes the frames of one device and tells listeners what changed; never raises on any frame.

    Values are told once per accepted batch: a listener sees the last value of the batch, and only when it differs
    from the one it saw before. A field that cannot be read tells None. Filters see every value; the publish policy sees
    the last one of each batch. Where reads are fast and everything is shown slowly, some are looked at together.
    """

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        self.writer: Writer | None = None
        """Installed by a link that can send."""
        self.counters = SessionCounters()
        condition = profile.condition
        self._fields_of: Callable[[bytes], Fields] = self._parse_ours if condition else profile.decoder.parse
        self._prefix = condition.prefix if condition else b""
        self._condition = (
            (profile.decoder.getter(condition.source), condition.equals) if condition and condition.source else None
        )
        self._known: bytes | None = None
        """The last frame that could be decoded: devices repeat themselves, and an equal frame has equal fields."""
        self._known_fields: Fields = None
        self._freshness = self._new_freshness()
        self._channels = {
            channel.key: LiveChannel(
                channel,
                profile.decoder.getter(channel.source) if channel.source else _nowhere,
                self._new_freshness(channel.stale_after),
            )
            for channel in profile.channels
        }
        self._live = tuple(self._channels.values())
        self._read = tuple(live for live in self._live if live.channel.source)
        self._filtered = any(live.conditioner for live in self._live)
        self._timed = tuple(live for live in self._live if live.is_timed)
        self.is_timed = bool(self._timed)
        """Whether a filter or a publish policy may speak without a frame."""
        self._gathering = Gathering()
        self._may_gather = self._filtered and all(live.is_slow for live in self._read)
        self._gathers = False
        """Whether reads may wait: everything is available, so that only values can change."""
        self.samples: Fanout[Sample] = Fanout()
        """Every value of every accepted batch, and what timed filters say in between; nobody is waited for."""
        self._available = False
        self._availability_listeners: Listeners[[]] = Listeners()

    @property
    def available(self) -> bool:
        """Whether the device spoke and is not silent for too long."""
        return self._available

    @property
    def stale_after(self) -> float:
        """Seconds of silence after which the device counts as gone; infinite for event-like devices."""
        return self._freshness.limit

    @property
    def values(self) -> dict[str, Value | None]:
        """What is shown, by channel key; None where nothing readable came."""
        self._catch_up()
        return {live.channel.key: live.shown for live in self._live}

    @property
    def live_values(self) -> dict[str, Value | None]:
        """The latest filtered values by channel key, whatever the publish policies hold back."""
        self._catch_up()
        return {live.channel.key: live.value for live in self._live}

    def value(self, key: str) -> Value | None:
        """Return what is shown of one channel, None when there is nothing."""
        self._catch_up()
        return self._channels[key].shown

    def live_value(self, key: str) -> Value | None:
        """Return the latest filtered value of one channel, whatever its publish policy holds back."""
        self._catch_up()
        return self._channels[key].value

    def raw_value(self, key: str) -> Value | None:
        """Return the latest converted value of one channel before its filters."""
        self._catch_up()
        return self._channels[key].number

    def is_available(self, key: str) -> bool:
        """Whether the value of one channel is fresh; what is only written is as available as the device."""
        live = self._channels[key]
        return live.available if live.channel.source else self._available

    async def write(self, key: str, value: Value) -> None:
        """Set a channel. Raises WriteError for what is not allowed or not taken, LinkError when the link is down."""
        live = self._channels[key]
        raw = live.channel.raw_to_write(value)
        if self.writer is None:
            raise WriteError("this link cannot send")
        await self.writer(live.channel, raw)
        if not live.channel.source:
            live.number = live.value = live.shown = value
            live.listeners.tell(value)

    def on_value(self, key: str, listener: ValueListener) -> Unsubscribe:
        """Call ``listener`` with every changed value of one channel."""
        return self._channels[key].listeners.add(listener)

    def on_availability(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call ``listener`` when the device or one of its channels becomes available or unavailable."""
        return self._availability_listeners.add(listener)

    def on_samples(self, listener: SampleListener) -> Unsubscribe:
        """Call ``listener`` with what goes through ``samples``, in the turn in which it comes."""
        self._catch_up()
        return self.samples.listen(listener)

    def close(self) -> None:
        """The device is replaced or removed: consumers end once they took what is pending."""
        self.samples.finish()

    def accept(self, frames: Sequence[Frame]) -> None:
        """Decode a batch of frames."""
        self.offer(frames)

    def offer(self, frames: Sequence[Frame]) -> Missed:
        """Decode a batch of a link that others may share, and return which frames gave nothing; they are counted."""
        rows: list[Fields] = []
        times: list[float] = []
        missed: Missed = {}
        counters = self.counters
        known, fields = self._known, self._known_fields
        for position, (time, data, _) in enumerate(frames):
            if data != known:
                try:
                    fields = self._fields_of(data)
                except DecodeError as err:
                    known = None
                    counters.rejected[err.reason] += 1
                    missed[position] = err.reason
                    continue
                known = data
            if fields is _NOT_OURS:
                counters.not_ours += 1
                missed[position] = ""
                continue
            rows.append(fields)
            times.append(time)
        self._known, self._known_fields = known, fields
        if rows:
            counters.decoded += len(rows)
            self._take_rows(rows, times)
        return missed

    def leave_to_others(self, reason: str) -> None:
        """A frame that was rejected for ``reason`` turned out to be another device's."""
        self.counters.rejected -= Counter((reason,))
        self.counters.not_ours += 1

    def take(self, fields: Fields, time: float) -> None:
        """Take fields that are parsed already, at ``time`` in monotonic seconds."""
        if self._condition is not None and not _meets(fields, *self._condition):
            self.counters.not_ours += 1
            return
        self.counters.decoded += 1
        self._take_rows([fields], [time])

    def _parse_ours(self, data: bytes) -> Fields:
        """Return the fields of a frame, or that it is another device's. Raises DecodeError."""
        if self._prefix and not data.startswith(self._prefix):
            return _NOT_OURS
        fields = self.profile.decoder.parse(data)
        return fields if self._condition is None or _meets(fields, *self._condition) else _NOT_OURS

    def _take_rows(self, rows: list[Fields], times: list[float]) -> None:
        """Take parsed frames of one read, now or together with those of the next reads."""
        before = self._freshness.seen_at
        self._freshness.seen_at = times[-1]
        if self._gathers and before is not None and times[-1] - before < FAST and not self.samples.subscriptions:
            if self._gathering.add(rows, times, before):
                self._catch_up()
        else:
            self._catch_up()
            self._look_at(Reads(rows, times, Moments(spread(times, before), before)))

    def _catch_up(self) -> None:
        """Look at what waits, since somebody wants to know."""
        if self._gathering.rows:
            self._look_at(self._gathering.take())

    def _look_at(self, reads: Reads) -> None:
        """Take frames column by column: many calls of the same code cost less than the same calls in turns."""
        columns: Columns = {}
        for live in self._read:
            column = live.take(reads.rows)
            if not column.numbers:
                continue  # these messages do not carry the channel; its silence is watched
            columns[live] = column
            if None in column.numbers:
                self.counters.implausible += Counter({live.channel.key: column.implausible})
                self.counters.unreadable += Counter({live.channel.key: column.numbers.count(None) - column.implausible})
        tapped = bool(self.samples.subscriptions)
        if self._filtered or tapped:
            filtered = run_filters(columns, reads.moments, last_only=not tapped)
            if tapped:
                self.samples.push(samples_of(columns, reads.arrivals, filtered))
        self._tell_changes(columns, reads.arrivals[-1])

    @property
    def due(self) -> float | None:
        """When a filter or a publish policy has something to say without a frame, None when none has."""
        return min((due for live in self._timed if (due := live.due) is not None), default=None)

    def flush(self, now: float) -> None:
        """Tell what is due at ``now`` (monotonic seconds); whoever feeds the session calls this at ``due``."""
        self._catch_up()
        changed, said = [], {}
        for live in self._timed:
            if (due := live.due) is None or due > now:
                continue
            spoke = live.flush_filters(now)
            if spoke:
                said[live.channel.key] = live.value
            if (spoke and live.show(now)) | live.show_due(now):
                changed.append(live)
        if said:
            self.samples.push((Sample(now, {}, said),))
        for live in changed:
            live.listeners.tell(live.shown)

    def save(self) -> dict[str, Any]:
        """Return the history of the filters in JSON form, by channel key."""
        self._catch_up()
        return {live.channel.key: live.conditioner.save() for live in self._live if live.conditioner is not None}

    def restore(self, saved: Any) -> None:
        """Continue from what ``save`` returned; what belongs to other filters is ignored."""
        for live in self._live:
            if live.conditioner is not None and isinstance(saved, dict):
                live.conditioner.restore(saved.get(live.channel.key))

    def inherit(self, other: DeviceSession) -> None:
        """Go on with the filters of the session that this one replaces, where nothing before them has changed."""
        if self.profile.decoder != other.profile.decoder:
            return
        other._catch_up()
        for live in self._live:
            if (before := other._channels.get(live.channel.key)) is not None:
                live.inherit(before)

    def link_lost(self) -> None:
        """The link is down: nothing known is fresh any more."""
        self._catch_up()
        self._freshness.forget()
        for live in self._live:
            live.freshness.forget()
        self.check_silence(0.0)

    def lost(self, keys: Iterable[str]) -> None:
        """These values could not be had for too long, though the device speaks."""
        self._catch_up()
        for key in keys:
            self._channels[key].freshness.forget()
        self.check_silence(0.0)

    def check_silence(self, now: float) -> None:
        """Find out what became stale by ``now`` (monotonic seconds)."""
        self._catch_up()
        changed = False
        for live in self._live:
            if live.available and live.freshness.is_stale(now):
                live.available = False
                changed = True
        # A value that may be silent for longer keeps its device alive.
        patient = any(live.available and live.channel.stale_after for live in self._live)
        if self._available and not patient and self._freshness.is_stale(now):
            self._available = False
            changed = True
        if changed:
            self._gathers = False
            self._availability_listeners.tell()

    def statistics(self) -> dict[str, Any]:
        """Return the counters and the learned silence limit as plain data."""
        self._catch_up()
        counters = self.counters
        told: tuple[Listeners[...], ...] = (self._availability_listeners, *(live.listeners for live in self._live))
        return {
            "decoded": counters.decoded,
            "not_ours": counters.not_ours,
            "rejected": dict(counters.rejected),
            "unreadable": dict(counters.unreadable),
            "implausible": dict(counters.implausible),
            "failed_listeners": sum(listeners.failures for listeners in told),
            "stale_after": None if self.profile.event_like else self.stale_after,
        }

    def _new_freshness(self, stale_after: float | None = None) -> Freshness:
        # A value that is given a time of its own is watched although its device speaks when it likes.
        event_like = self.profile.event_like and stale_after is None
        return Freshness(stale_after=stale_after or self.profile.stale_after, event_like=event_like)

    def _tell_changes(self, seen: Iterable[LiveChannel], time: float) -> None:
        """Tell what changed: availability first, so that a value never appears on an unavailable entity."""
        came = not self._available
        self._available = True
        changed = []
        for live in seen:
            live.freshness.seen_at = time
            if not live.available:
                live.available = came = True
            if live.policy is not None:
                if live.show(time):
                    changed.append(live)
            elif live.value != live.shown or type(live.value) is not type(live.shown):
                live.shown = live.value
                changed.append(live)
        if came:
            self._gathers = self._may_gather and all(live.available for live in self._read)
            self._availability_listeners.tell()
        for live in changed:
            live.listeners.tell(live.shown)


def _nowhere(_: Any) -> object:
    raise LookupError("is only written")


def _meets(fields: Any, get: Getter, equals: str) -> bool:
    try:
        return str(get(fields)).strip() == equals
    except LookupError, TypeError:
        return False
