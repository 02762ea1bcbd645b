"""The life of one device's values: frames in, changed values and availability out."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..codecs.decoders import Getter
from ..codecs.frame import Frame
from ..errors import DecodeError, WriteError
from .channel import Channel, Value
from .freshness import Freshness
from .listeners import Listeners, Unsubscribe
from .profile import DeviceProfile

type ValueListener = Callable[[Value | None], None]
type Writer = Callable[[Channel, object], Awaitable[None]]
"""Sends a raw value to the device; raises WriteError or LinkError."""


@dataclass(slots=True)
class SessionCounters:
    """What became of the frames that were offered to one device."""

    decoded: int = 0
    not_ours: int = 0
    """Frames that the device's condition left to others."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Frames that could not be decoded, by reason."""
    unreadable: Counter[str] = field(default_factory=Counter)
    """Fields that were no value of their kind, by channel key."""


class _LiveChannel:
    """One channel's latest value; converts a raw field only when it differs from the one before."""

    __slots__ = ("available", "channel", "convert", "freshness", "get", "listeners", "raw", "shown", "value")

    def __init__(self, channel: Channel, get: Getter, freshness: Freshness) -> None:
        self.channel = channel
        self.get = get
        self.convert = channel.converter()
        self.freshness = freshness
        self.raw: object = None
        self.value: Value | None = None
        self.shown: Value | None = None
        self.available = False
        self.listeners: Listeners[Value | None] = Listeners()

    def take(self, raw: object) -> None:
        """Take another raw field; the value is None when it is no value of this kind."""
        self.raw = raw
        try:
            self.value = self.convert(raw)
        except ValueError:
            self.value = None


class DeviceSession:
    """Decodes the frames of one device and tells listeners what changed; never raises on any frame.

    Values are told once per accepted batch: a listener sees the last value of the batch, and only when it differs
    from the one it saw before. A field that cannot be read tells None.
    """

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        self.writer: Writer | None = None
        """Installed by a link that can send."""
        self.counters = SessionCounters()
        self._parse = profile.decoder.parse
        condition = profile.condition
        self._condition = (profile.decoder.getter(condition.source), condition.equals) if condition else None
        self._freshness = self._new_freshness()
        self._channels = {
            channel.key: _LiveChannel(
                channel,
                profile.decoder.getter(channel.source) if channel.source else _nowhere,
                self._new_freshness(channel.stale_after),
            )
            for channel in profile.channels
        }
        self._live = tuple(self._channels.values())
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
        """The latest values by channel key; None where nothing readable came."""
        return {live.channel.key: live.value for live in self._live}

    def value(self, key: str) -> Value | None:
        """Return the latest value of one channel, None when there is none."""
        return self._channels[key].value

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
            live.value = live.shown = value
            live.listeners.tell(value)

    def on_value(self, key: str, listener: ValueListener) -> Unsubscribe:
        """Call ``listener`` with every changed value of one channel."""
        return self._channels[key].listeners.add(listener)

    def on_availability(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call ``listener`` when the device or one of its channels becomes available or unavailable."""
        return self._availability_listeners.add(listener)

    def accept(self, frames: Sequence[Frame]) -> None:
        """Decode a batch of frames."""
        seen: set[_LiveChannel] = set()
        counters, last = self.counters, None
        for frame in frames:
            try:
                fields = self._parse(frame.data)
            except DecodeError as err:
                counters.rejected[err.reason] += 1
                continue
            if self._condition is not None and not _meets(fields, *self._condition):
                counters.not_ours += 1
                continue
            counters.decoded += 1
            last = frame
            for live in self._live:
                try:
                    raw = live.get(fields)
                except LookupError, TypeError:
                    continue  # this message does not carry the channel; its silence is watched
                seen.add(live)
                # JSON tells 1 and True apart, Python's == does not
                if raw != live.raw or type(raw) is not type(live.raw):
                    live.take(raw)
                if live.value is None:
                    counters.unreadable[live.channel.key] += 1
        if last is None:
            return
        self._tell_changes(seen, last.time)

    def link_lost(self) -> None:
        """The link is down: nothing known is fresh any more."""
        self._freshness.forget()
        for live in self._live:
            live.freshness.forget()
        self.check_silence(0.0)

    def check_silence(self, now: float) -> None:
        """Find out what became stale by ``now`` (monotonic seconds)."""
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
            self._availability_listeners.tell()

    def statistics(self) -> dict[str, Any]:
        """Return the counters and the learned silence limit as plain data."""
        counters = self.counters
        told: tuple[Listeners[...], ...] = (self._availability_listeners, *(live.listeners for live in self._live))
        return {
            "decoded": counters.decoded,
            "not_ours": counters.not_ours,
            "rejected": dict(counters.rejected),
            "unreadable": dict(counters.unreadable),
            "failed_listeners": sum(listeners.failures for listeners in told),
            "stale_after": None if self.profile.event_like else self.stale_after,
        }

    def _new_freshness(self, stale_after: float | None = None) -> Freshness:
        # A value that is given a time of its own is watched although its device speaks when it likes.
        event_like = self.profile.event_like and stale_after is None
        return Freshness(stale_after=stale_after or self.profile.stale_after, event_like=event_like)

    def _tell_changes(self, seen: set[_LiveChannel], time: float) -> None:
        """Tell what changed: availability first, so that a value never appears on an unavailable entity."""
        self._freshness.seen_at = time
        came = not self._available
        self._available = True
        changed = []
        for live in seen:
            live.freshness.seen_at = time
            if not live.available:
                live.available = came = True
            if live.value != live.shown or type(live.value) is not type(live.shown):
                live.shown = live.value
                changed.append(live)
        if came:
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
