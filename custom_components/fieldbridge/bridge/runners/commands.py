"""Commands on their way from a topic to the one handler that wants them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import logging

from ..topics import matches

_LOGGER = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Commands held for one device; beyond it the oldest is dropped and counted."""


@dataclass(frozen=True, slots=True)
class Command:
    """One inbound command; ``timestamp`` is monotonic seconds."""

    topic: str
    payload: str
    sub_topic: str | None = None
    timestamp: float = 0.0


class CommandQueue:
    """Hands commands to one handler, one after the other and in order; holds them while there is no handler."""

    def __init__(self, name: str, max_waiting: int = MAX_WAITING) -> None:
        self.name = name
        self._max_waiting = max_waiting
        self._waiting: deque[Command] = deque()
        self._handle: Callable[[Command], Awaitable[None]] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._overflowing = False
        self.dropped: int = 0
        """Commands that did not fit any more."""

    @property
    def pending(self) -> int:
        """Commands that wait."""
        return len(self._waiting)

    def put(self, command: Command) -> None:
        """Accept a command; an idle handler starts on it before this returns."""
        self._waiting.append(command)
        if len(self._waiting) > self._max_waiting:
            self._waiting.popleft()
            self.dropped += 1
            if not self._overflowing:
                _LOGGER.warning("Too many commands wait for %s: the oldest are dropped", self.name)
            self._overflowing = True
        self._work()

    def newest(self, command: Command) -> Command:
        """Return the newest of those that wait, ``command`` without any; one call is to stand for all of them."""
        if self._waiting:
            command = self._waiting[-1]
            self._waiting.clear()
        return command

    def open(self, handle: Callable[[Command], Awaitable[None]]) -> None:
        """Deliver to ``handle``, first what was held."""
        self._handle = handle
        self._work()

    def hold(self) -> None:
        """Keep commands until the next ``open``."""
        self._handle = None

    async def drain(self) -> None:
        """Wait until everything accepted was handled; returns at once while there is no handler."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def close(self) -> None:
        """Stop working; what still waits is counted as dropped."""
        self.hold()
        if self._worker is not None:
            self._worker.cancel()
        self.dropped += len(self._waiting)
        if self._waiting:
            _LOGGER.warning("%d commands for %s were not handled before the end", len(self._waiting), self.name)
        self._waiting.clear()

    def _work(self) -> None:
        if self._handle is None or self._worker is not None or not self._waiting:
            return
        # Eager: a handler that does not wait is done without a turn of the loop.
        worker = asyncio.Task(self._handle_waiting(), eager_start=True, name=f"commands {self.name}")
        if not worker.done():
            self._worker = worker
            worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._worker = None
        if not worker.cancelled():
            self._work()

    async def _handle_waiting(self) -> None:
        while self._waiting and self._handle is not None:
            await self._handle(self._waiting.popleft())
        self._overflowing = bool(self._waiting)


class CommandRouter:
    """Finds the queue of the device that a ``…/set`` topic names."""

    def __init__(self, prefix: str, now: Callable[[], float]) -> None:
        self._prefix = prefix
        self._now = now
        self._queues: dict[str, CommandQueue] = {}
        self._by_segment: dict[str, CommandQueue] = {}
        self._inbound: dict[str, str] = {}

    @property
    def queues(self) -> list[CommandQueue]:
        """All queues."""
        return list(self._queues.values())

    def add(self, name: str, *, is_root: bool) -> None:
        """Create the queue of a device; a root device has no segment of its own in the topic."""
        self._queues[name] = self._by_segment["" if is_root else name] = CommandQueue(name)

    def add_inbound(self, name: str, topic_filter: str) -> None:
        """Create the queue of a handler of foreign messages."""
        self._queues[name] = CommandQueue(name)
        self._inbound[name] = topic_filter

    def __contains__(self, name: str) -> bool:
        return name in self._queues

    def queue(self, name: str) -> CommandQueue:
        """Return the queue of a device."""
        return self._queues[name]

    @property
    def topics(self) -> list[str]:
        """Topics to subscribe to."""
        named = [f"{self._prefix}/{name}/{tail}" for name in self._by_segment if name for tail in ("set", "+/set")]
        root = [f"{self._prefix}/set"] if "" in self._by_segment else []
        return [*root, *named, *dict.fromkeys(self._inbound.values())]

    async def route_inbound(self, topic: str, payload: str) -> None:
        """Queue a message for every handler whose filter covers its topic."""
        for name, topic_filter in self._inbound.items():
            if matches(topic_filter, topic):
                self._queues[name].put(Command(topic, payload, None, self._now()))

    async def route(self, topic: str, payload: str) -> None:
        """Queue a command; topics that are no commands are ignored."""
        head, _, last = topic.rpartition("/")
        if last != "set" or not f"{head}/".startswith(f"{self._prefix}/"):
            return
        device, sub_topic = head.removeprefix(self._prefix).removeprefix("/"), ""
        if device not in self._by_segment:
            device, _, sub_topic = device.rpartition("/")
        queue = self._by_segment.get(device) if device or not sub_topic else None
        if queue is None:
            _LOGGER.warning("Command for unknown device ignored: %s", topic)
            return
        queue.put(Command(topic, payload, sub_topic or None, self._now()))
