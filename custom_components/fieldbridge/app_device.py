"""One device of a bridge app, as Home Assistant sees it: what it published last, taken apart into values."""

from collections.abc import Callable
import json
import logging
from typing import Final

from .app_channels import AppChannels
from .bridge.channels import Channel, Value, ValueKind
from .bridge.channels.listeners import Listeners, Unsubscribe
from .bridge.payloads import leaves

_LOGGER = logging.getLogger(__name__)

MAX_CHANNELS: Final = 200
"""Values of one device that are shown; a payload with keys that never repeat must not fill the registry."""

_WRONG: Final = frozenset({"error", "circuit_open"})
"""Words of the heartbeat that say that a device cannot be read; other words are the app's own."""


class AppDevice:
    """The values of one device: available while the app says so and the last state is not too old.

    ``stale_after`` is in seconds; None never calls a state too old, since many devices publish changes only.
    """

    def __init__(self, name: str, channels: AppChannels, *, stale_after: float | None = None) -> None:
        self.name = name
        self.channels = {channel.key: channel for channel in channels.declared(name)}
        self.unreadable = 0
        """Values that were no value of their channel's kind."""
        self.ignored = 0
        """Values beyond those that are shown."""
        self._infer = channels.inferred
        self._convert = {key: channel.converter() for key, channel in self.channels.items()}
        self._values: dict[str, Value | None] = {}
        self._stale_after = stale_after
        self._seen_at = float("-inf")
        self._online = False
        self.status = "ok"
        """The app's word for the device."""
        self.dropped = 0
        """Items and commands that the app lost because too many waited, from its heartbeat."""
        self.error: Exception | None = None
        """What failed last."""
        self._available = False
        self._value_listeners: dict[str, Listeners[Value | None]] = {}
        self._availability_listeners: Listeners[[]] = Listeners()
        self._channel_listeners: Listeners[list[Channel]] = Listeners()
        self._failure_listeners: Listeners[[]] = Listeners()

    @property
    def available(self) -> bool:
        """Whether the device is online, healthy and not silent for too long."""
        return self._available

    @property
    def values(self) -> dict[str, Value | None]:
        """The latest values by path."""
        return dict(self._values)

    def value(self, key: str) -> Value | None:
        """Return the latest value of a path, None when there is none."""
        return self._values.get(key)

    def is_available(self, key: str) -> bool:
        """Whether a value came, and its device is available."""
        return self._available and key in self._values

    def on_value(self, key: str, listener: Callable[[Value | None], None]) -> Unsubscribe:
        """Call ``listener`` with every changed value of a path."""
        return self._value_listeners.setdefault(key, Listeners()).add(listener)

    def on_availability(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call ``listener`` when the device or one of its values becomes available or unavailable."""
        return self._availability_listeners.add(listener)

    def on_failure(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call ``listener`` when the device fails, when something went wrong, and when it is well again."""
        return self._failure_listeners.add(listener)

    def on_channels(self, listener: Callable[[list[Channel]], None]) -> Unsubscribe:
        """Call ``listener`` with the channels that are there, and with those that come."""
        if self.channels:
            listener(list(self.channels.values()))
        return self._channel_listeners.add(listener)

    def take_state(self, payload: str, now: float) -> None:
        """Take a published state; what is no JSON is a text. Availability is told first, then what changed."""
        if not payload:
            return  # a retained state was taken back
        try:
            state = json.loads(payload)
        except ValueError:
            state = payload
        self._seen_at = now
        new, changed, came = [], [], False
        for keys, raw in leaves(state):
            path = ".".join(map(str, keys)) or "value"
            if path not in self.channels:
                channel = self._new_channel(path, raw)
                if channel is None:
                    continue
                new.append(channel)
            elif path not in self._values:
                came = True
            if self._take(path, raw):
                changed.append(path)
        self._check(now, came=came)
        if new:
            self._channel_listeners.tell(new)
        for path in changed:
            if path in self._value_listeners:
                self._value_listeners[path].tell(self._values[path])

    def set_online(self, online: bool, now: float) -> None:
        """Take what the app says of the device's availability."""
        self._online = online
        self._check(now)

    @property
    def has_failed(self) -> bool:
        """Whether the app says that the device cannot be read, by an error or for its many errors."""
        return self.status in _WRONG

    def set_status(self, status: str, dropped: int, now: float) -> None:
        """Take the app's word for the device."""
        had_failed, self.status, self.dropped = self.has_failed, status, dropped
        self._check(now)
        if self.has_failed != had_failed:
            self._failure_listeners.tell()

    def set_error(self, error: Exception) -> None:
        """Take what went wrong, whether or not the device can be read all the same."""
        self.error = error
        self._failure_listeners.tell()

    def check_silence(self, now: float) -> None:
        """Find out whether the device is silent for too long at ``now`` (monotonic seconds)."""
        self._check(now)

    def _check(self, now: float, *, came: bool = False) -> None:
        """Tell a change of availability; ``came`` says that a declared value has just become available."""
        # Before its first state a device without values, such as one that only takes commands, is as good as online.
        fresh = self._stale_after is None or not self._values or now - self._seen_at <= self._stale_after
        available = self._online and not self.has_failed and fresh
        if came or available != self._available:
            self._available = available
            self._availability_listeners.tell()

    def _new_channel(self, path: str, raw: object) -> Channel | None:
        if raw is None:
            return None  # nobody knows yet what it will be
        if len(self.channels) >= MAX_CHANNELS:
            self.ignored += 1
            if self.ignored == 1:
                _LOGGER.warning("%s publishes more than %d values: %s is not shown", self.name, MAX_CHANNELS, path)
            return None
        channel = self._infer(self.name, path, _kind_of(raw))
        self.channels[path], self._convert[path] = channel, channel.converter()
        return channel

    def _take(self, path: str, raw: object) -> bool:
        """Keep a converted value; True when it differs from the one before."""
        value: Value | None = None
        if raw is not None:
            try:
                value = self._convert[path](raw)
            except ValueError:
                self.unreadable += 1
        before = self._values.get(path)
        self._values[path] = value
        return value != before or type(value) is not type(before)


def _kind_of(raw: object) -> ValueKind:
    """Return what kind of value a JSON value is."""
    if isinstance(raw, bool):
        return ValueKind.BINARY
    return ValueKind.NUMBER if isinstance(raw, int | float) else ValueKind.TEXT
