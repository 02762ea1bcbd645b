"""The contracts between the parts of the bridge; no implementation is imported here."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol, override, runtime_checkable

from . import lazy
from .errors import LinkError

type MessageCallback = Callable[[str, str], Awaitable[None]]
"""Asynchronous callback that receives ``(topic, payload)`` of each inbound message."""
type PayloadCallback = Callable[[str, bytes, bool], None]
"""Receives ``(topic, payload, retained)`` of each inbound message as it came; never blocks."""


@runtime_checkable
class ClockPort(Protocol):
    """Monotonic clock, injected wherever time is measured so that tests can own it."""

    def now(self) -> float:
        """Return monotonic time in seconds; only differences between two calls mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``."""
        ...


class StreamablePort[T_co](Protocol):
    """A link whose hardware delivers items by callback. Lifecycle calls are awaited by the stream runner.

    Not runtime checkable: a parametrised form such as ``StreamablePort[Frame]`` is the key under which an
    implementation is registered with ``App.adapter``.
    """

    async def open(self) -> None:
        """Open the link. Raises LinkError (or another OSError) when it cannot be opened."""
        ...

    async def close(self) -> None:
        """Close the link; idempotent, also called after a failed ``open``."""
        ...

    async def start_scan(self) -> None:
        """Begin to deliver items."""
        ...

    async def stop_scan(self) -> None:
        """Stop delivering items."""
        ...

    def register_callback(self, cb: Callable[[T_co], None]) -> None:
        """Deliver every item to ``cb``, which never blocks."""
        ...


@runtime_checkable
class LossReporting(Protocol):
    """What a StreamablePort adds when it can tell that its link went away.

    A transport reports the loss once per opening and never reopens by itself: the stream runner owns reopening
    and back-off.
    """

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """Call ``cb`` once with the reason when the open link is lost."""
        ...


@runtime_checkable
class MqttPort(Protocol):
    """Publish and subscribe; all MQTT of the bridge goes through this."""

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish one message."""
        ...

    async def subscribe(self, topic: str) -> None:
        """Subscribe to a topic (wildcards allowed)."""
        ...


@runtime_checkable
class MqttLifecycle(Protocol):
    """An MQTT adapter that has to be started and stopped."""

    async def start(self) -> None:
        """Start the connection loop; idempotent."""
        ...

    async def stop(self) -> None:
        """Stop and clean up; idempotent."""
        ...


@runtime_checkable
class MqttMessageHandler(Protocol):
    """An MQTT adapter that can deliver inbound messages."""

    def on_message(self, callback: MessageCallback) -> None:
        """Deliver every inbound message to ``callback``."""
        ...


@runtime_checkable
class MqttFeed(MqttPort, Protocol):
    """An MQTT port that hands over messages as they came, and says when its broker goes."""

    @property
    def refused(self) -> Collection[str]:
        """Topics that the broker does not let us subscribe to."""
        ...

    def on_payload(self, callback: PayloadCallback | None) -> None:
        """Hand every message to ``callback``, in the turn of its arrival; None ends it."""
        ...

    def on_connection_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``callback`` with True on every connect and False on every loss; returns the unsubscribe."""
        ...

    async def connect(self) -> None:
        """Return when connected. Raises LinkError that says why not."""
        ...

    @override
    async def subscribe(self, topic: str) -> None:
        """Subscribe; done again for the same topic, the broker sends once more what it keeps."""
        ...

    async def stop(self) -> None:
        """Leave the broker alone; idempotent."""
        ...


@runtime_checkable
class HealthCheckable(Protocol):
    """An adapter that can say whether it is healthy."""

    async def health_check(self) -> bool:
        """Return True when healthy; an exception or a time-out counts as unhealthy."""
        ...


@runtime_checkable
class PublishStrategy(Protocol):
    """Decides which telemetry readings are published."""

    def should_publish(self, current: dict[str, object], previous: dict[str, object] | None) -> bool:
        """Return True when ``current`` is to be published; ``previous`` is the last published payload."""
        ...

    def on_published(self) -> None:
        """Reset counters and timestamps after a successful publish."""
        ...

    def _bind(self, clock: ClockPort) -> None:
        """Receive the clock before the loop starts."""
        ...


@runtime_checkable
class PersistPolicy(Protocol):
    """Decides when a device's store is saved between start and shutdown."""

    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        """Return True to save now; ``published`` says whether this cycle published."""
        ...


@runtime_checkable
class BackoffStrategy(Protocol):
    """Delay between attempts."""

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the ``attempt``-th failure (1-based)."""
        ...


@runtime_checkable
class Filter(Protocol):
    """A signal filter: the first update seeds it and returns the raw value unchanged."""

    @property
    def value(self) -> float | None:
        """Current filtered value, None before the first update."""
        ...

    def update(self, raw: float) -> float:
        """Feed one measurement and return the filtered value."""
        ...

    def reset(self) -> None:
        """Forget all history; the next update seeds again."""
        ...


@runtime_checkable
class Store(Protocol):
    """Key-value persistence; each key maps to a JSON-serialisable dict."""

    def load(self, key: str) -> dict[str, object] | None:
        """Return the dict stored under ``key``, or None."""
        ...

    def save(self, key: str, data: dict[str, object]) -> None:
        """Store ``data`` under ``key``."""
        ...


type CommandHandler = Callable[..., Awaitable[Any]]
"""``(sub_topic, payload)`` or one parameter annotated ``Command``."""
