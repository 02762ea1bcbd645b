"""Between the contexts and a client whose broker comes and goes: an outage loses no state."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import logging
from typing import Protocol, runtime_checkable

from ..interfaces import MessageCallback, MqttLifecycle, MqttMessageHandler
from .client import WINDOW

_LOGGER = logging.getLogger(__name__)

MAX_EVENTS = 1000
"""Messages that are not retained and wait for the broker; beyond it the oldest is dropped and counted."""
FLUSH_DEADLINE = 2.0
"""Seconds that ``stop`` gives the messages on their way."""


@runtime_checkable
class ReconnectingMqtt(Protocol):
    """A client that raises while the broker is away and says when it comes and goes."""

    @property
    def is_connected(self) -> bool:
        """True while the broker can be reached."""
        ...

    def on_connection_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``callback`` on every connect (True) and loss (False); returns the unsubscribe."""
        ...

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish, or raise OSError."""
        ...

    async def subscribe(self, topic: str) -> None:
        """Subscribe now and after every reconnect."""
        ...


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: str
    retain: bool
    qos: int
    number: int


class Outbox:
    """MQTT port that never raises for a missing broker and keeps a window of QoS 1 messages in flight.

    Retained topics: the last value wins; all of them are sent again after a reconnect, since a broker may have
    forgotten them. Other messages wait in a bounded queue. What is lost or replaced is counted. What the client could
    not deliver although it is connected goes out with the next message.
    """

    def __init__(self, client: ReconnectingMqtt, *, window: int = WINDOW, max_events: int = MAX_EVENTS) -> None:
        self._client = client
        self._window = window
        self._slots = asyncio.Semaphore(window)
        self._retained: dict[str, _Message] = {}
        self._waiting: dict[str, _Message] = {}
        self._events: deque[_Message] = deque()
        self._max_events = max_events
        self._in_flight: dict[asyncio.Task[None], _Message] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._number = 0
        self.replaced = 0
        """Retained values that a newer one replaced before they could be sent."""
        self.dropped = 0
        """Events that did not fit into the queue any more."""
        self._unsubscribe: Callable[[], None] | None = client.on_connection_change(self._connection_changed)

    @property
    def pending(self) -> int:
        """Messages that wait for the broker or for its acknowledgement."""
        return len(self._waiting) + len(self._events) + len(self._in_flight)

    @property
    def is_connected(self) -> bool:
        """True while the broker can be reached."""
        return self._client.is_connected

    def on_connection_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``callback`` on every connect (True) and loss (False); returns the unsubscribe."""
        return self._client.on_connection_change(callback)

    def on_message(self, callback: MessageCallback, *, retained: bool = True) -> None:
        """Deliver inbound messages to ``callback``; without ``retained`` those that the broker kept are left out."""
        if not isinstance(self._client, MqttMessageHandler):
            return
        if retained:
            self._client.on_message(callback)
        else:
            self._client.on_message(callback, retained=False)  # type: ignore[call-arg]

    async def start(self) -> None:
        """Start the client, also after ``stop``."""
        if self._unsubscribe is None:
            self._unsubscribe = self._client.on_connection_change(self._connection_changed)
        if isinstance(self._client, MqttLifecycle):
            await self._client.start()

    async def stop(self) -> None:
        """Give messages on their way a moment, then stop the client; what is left is counted as dropped."""
        if self._client.is_connected:
            await self._settle(FLUSH_DEADLINE)
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._cancel_in_flight()
        sending = [*self._in_flight, *([] if self._flushing is None else [self._flushing])]
        await asyncio.gather(*sending, return_exceptions=True)
        if left := self.pending:
            self.dropped += left
            _LOGGER.warning("%d MQTT messages could not be delivered before the end", left)
        for kept in (self._retained, self._waiting, self._events):
            kept.clear()
        if isinstance(self._client, MqttLifecycle):
            await self._client.stop()

    async def subscribe(self, topic: str) -> None:
        """Subscribe now and after every reconnect."""
        await self._client.subscribe(topic)

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Send, or keep until the broker is back; waits only while a whole window is unacknowledged."""
        self._number += 1
        message = _Message(topic, payload, retain, qos, self._number)
        if retain:
            self._retained[topic] = message
        if not self._client.is_connected:
            self._keep(message)
        elif self._waiting or self._events:
            self._keep(message)
            self._start_flushing()
        else:
            await self._launch(message)

    async def _launch(self, message: _Message) -> None:
        """Put the message on its way when the window has room."""
        await self._slots.acquire()
        sending = self._client.publish(message.topic, message.payload, retain=message.retain, qos=message.qos)
        task = asyncio.ensure_future(sending)
        self._in_flight[task] = message
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        message = self._in_flight.pop(task)
        self._slots.release()
        err = None if task.cancelled() else task.exception()
        if task.cancelled() or isinstance(err, OSError):
            self._keep(message)
            if err is not None and self._flushing is not None:
                # One refusal is enough: it would be tried without end, and the next message tries again.
                self._flushing.cancel()
        elif err is not None:
            self.dropped += 1
            _LOGGER.error("Publishing on %s failed for good: %s", message.topic, err)
        elif message.retain and not message.payload and self._retained.get(message.topic) is message:
            # An empty payload takes the topic back: there is nothing to repeat after a reconnect.
            del self._retained[message.topic]

    def _keep(self, message: _Message) -> None:
        if not message.retain:
            self._events.append(message)
            if len(self._events) > self._max_events:
                self._events.popleft()
                self.dropped += 1
            return
        latest = self._retained.get(message.topic)
        if latest is None or latest.number > message.number:
            self.replaced += 1
            return
        if message.topic in self._waiting:
            self.replaced += 1
        self._waiting[message.topic] = message

    def _connection_changed(self, connected: bool) -> None:
        if not connected:
            # The library would wait ten seconds for acknowledgements that cannot come any more.
            self._cancel_in_flight()
            return
        self._waiting = dict(self._retained)
        self._start_flushing()

    def _start_flushing(self) -> None:
        flushing = self._flushing
        if flushing is not None and not (flushing.done() or flushing.cancelling()):
            return
        # Messages that were in flight when the connection went came back in any order.
        self._events = deque(sorted(self._events, key=lambda message: message.number))
        self._flushing = asyncio.create_task(self._flush(), name="mqtt-outbox-flush")

    def _cancel_in_flight(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
        for task in self._in_flight:
            task.cancel()

    async def _flush(self) -> None:
        """Send what waited, retained values first, while the connection lasts."""
        while self._client.is_connected and (self._waiting or self._events):
            message = self._waiting.pop(next(iter(self._waiting))) if self._waiting else self._events.popleft()
            try:
                await self._launch(message)
            except asyncio.CancelledError:
                self._keep(message)
                raise

    async def _settle(self, deadline: float) -> None:
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=deadline)
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=deadline)
