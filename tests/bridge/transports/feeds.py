"""A broker in memory that hands over messages as a real one does."""

from collections.abc import Callable

from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.interfaces import PayloadCallback
from custom_components.fieldbridge.bridge.topics import matches


class MemoryFeed:
    """Keeps retained messages, answers a subscription with them, and goes away when told."""

    def __init__(self) -> None:
        self.subscriptions: list[str] = []
        self.refused: set[str] = set()
        self.published: list[tuple[str, str, bool, int]] = []
        self.kept: dict[str, bytes] = {}
        self.refuses: LinkError | None = None
        self.stopped = 0
        self._listeners: list[Callable[[bool], None]] = []
        self._callback: PayloadCallback | None = None

    def on_payload(self, callback: PayloadCallback | None) -> None:
        self._callback = callback

    def on_connection_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def connect(self) -> None:
        if self.refuses is not None:
            raise self.refuses

    async def subscribe(self, topic: str) -> None:
        self.subscriptions.append(topic)
        for kept, payload in self.kept.items():
            if matches(topic, kept) and self._callback is not None:
                self._callback(kept, payload, True)

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        self.published.append((topic, payload, retain, qos))

    async def stop(self) -> None:
        self.stopped += 1

    def say(self, topic: str, payload: str | bytes) -> None:
        """Deliver one message that is sent now."""
        if self._callback is not None:
            self._callback(topic, payload if isinstance(payload, bytes) else payload.encode(), False)

    def go(self) -> None:
        """Lose the connection."""
        for listener in tuple(self._listeners):
            listener(False)
