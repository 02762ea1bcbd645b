"""MQTT without a broker: nowhere at all, or into memory for tests."""

import asyncio
from dataclasses import dataclass, field
import logging

from ..interfaces import MessageCallback

_LOGGER = logging.getLogger(__name__)

# Commands are handled by a worker per device; this many turns of the loop let it finish a handler that does not wait.
_TURNS_AFTER_DELIVERY = 10


@dataclass
class NullMqttClient:
    """Silent MQTT port for when there is no broker."""

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Discard the message."""
        _LOGGER.debug("No broker configured: %s discarded", topic)

    async def subscribe(self, topic: str) -> None:
        """Ignore the subscription."""
        _LOGGER.debug("No broker configured: %s not subscribed", topic)


@dataclass
class MockMqttClient:
    """In-memory MQTT port that records what happens; ``published`` holds (topic, payload, retain, qos)."""

    published: list[tuple[str, str, bool, int]] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=list)
    raise_on_publish: Exception | None = None
    _callbacks: list[MessageCallback] = field(default_factory=list, init=False, repr=False)

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Record the message, or raise ``raise_on_publish``."""
        if self.raise_on_publish is not None:
            raise self.raise_on_publish
        self.published.append((topic, payload, retain, qos))

    async def subscribe(self, topic: str) -> None:
        """Record the subscription."""
        self.subscriptions.append(topic)

    def on_message(self, callback: MessageCallback) -> None:
        """Deliver every message of ``deliver`` to ``callback``."""
        self._callbacks.append(callback)

    async def deliver(self, topic: str, payload: str) -> None:
        """Hand an inbound message to all callbacks and give its handler a few turns of the loop."""
        for callback in list(self._callbacks):
            await callback(topic, payload)
        for _ in range(_TURNS_AFTER_DELIVERY):
            await asyncio.sleep(0)

    @property
    def publish_count(self) -> int:
        """Number of recorded messages."""
        return len(self.published)

    @property
    def subscribe_count(self) -> int:
        """Number of recorded subscriptions."""
        return len(self.subscriptions)

    def get_messages_for(self, topic: str) -> list[tuple[str, bool, int]]:
        """Return (payload, retain, qos) of every message on ``topic``, oldest first."""
        return [(payload, retain, qos) for at, payload, retain, qos in self.published if at == topic]

    def reset(self) -> None:
        """Clear records, callbacks and the failure injection."""
        self.published.clear()
        self.subscriptions.clear()
        self._callbacks.clear()
        self.raise_on_publish = None
