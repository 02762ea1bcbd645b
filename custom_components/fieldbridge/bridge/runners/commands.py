"""Commands on their way from a topic to the one handler that wants them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
import logging

from ..errors import BridgeError
from ..topics import matches

_LOGGER = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Commands held for one device; beyond it the oldest is dropped and counted."""
ENDED = "The device has ended by an error"
"""Why commands for a device that cannot run are refused."""


class LostCommandError(BridgeError):
    """A command was accepted, but nobody will handle it any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: the state that its handler returned, or why it failed."""

    state: dict[str, object] | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One inbound command; ``timestamp`` is monotonic seconds."""

    topic: str
    payload: str
    sub_topic: str | None = None
    timestamp: float = 0.0
    outcome: asyncio.Future[Outcome] | None = field(default=None, compare=False, repr=False, kw_only=True)
    """Where somebody waits for the end; framework-internal."""

    def settle(self, state: dict[str, object] | None = None, error: Exception | None = None) -> None:
        """Tell who waits how it ended; the first word counts."""
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_result(Outcome(state, error))


class CommandQueue:
    """Hands commands to one handler, one after the other and in order; holds them while there is no handler."""

    def __init__(self, name: str, max_waiting: int = MAX_WAITING) -> None:
        self.name = name
        self._max_waiting = max_waiting
        self._waiting: deque[Command] = deque()
        self._handle: Callable[[Command], Awaitable[None]] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._overflowing = False
        self._closed: str | None = None
        self.dropped: int = 0
        """Commands that did not fit any more."""

    @property
    def pending(self) -> int:
        """Commands that wait."""
        return len(self._waiting)

    def put(self, command: Command) -> None:
        """Accept a command; an idle handler starts on it before this returns."""
        if self._closed is not None:
            self._lose(command, self._closed)
            return
        self._waiting.append(command)
        if len(self._waiting) > self._max_waiting:
            self._lose(self._waiting.popleft(), f"Too many commands wait for {self.name}")
            if not self._overflowing:
                _LOGGER.warning("Too many commands wait for %s: the oldest are dropped", self.name)
            self._overflowing = True
        self._work()

    def take_waiting(self) -> list[Command]:
        """Return all that wait, oldest first, for one call that is to stand for all of them."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def open(self, handle: Callable[[Command], Awaitable[None]]) -> None:
        """Deliver to ``handle``, first what was held."""
        self._closed = None
        self._handle = handle
        self._work()

    def hold(self, unhandled: Iterable[Command] = ()) -> None:
        """Keep commands until the next ``open``, first those that the handler gives back."""
        self._handle = None
        self._waiting.extendleft(reversed([*unhandled]))

    async def drain(self) -> None:
        """Wait until everything accepted was handled; returns at once while there is no handler."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def close(self, reason: str = "The app ended before the command was handled") -> None:
        """Stop working; what waits, and what comes until the next ``open``, is counted as dropped. Idempotent."""
        self.hold()
        self._closed = reason
        if self._worker is not None:
            self._worker.cancel()
        if self._waiting:
            _LOGGER.warning("%d commands for %s were not handled before the end", len(self._waiting), self.name)
        for command in self.take_waiting():
            self._lose(command, reason)

    def _lose(self, command: Command, reason: str) -> None:
        self.dropped += 1
        command.settle(error=LostCommandError(reason))

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
            command = self._waiting.popleft()
            try:
                await self._handle(command)
            except BaseException:
                command.settle(error=LostCommandError("The command was cut short"))
                raise
            command.settle()
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

    def close(self) -> None:
        """Close all queues."""
        for queue in self._queues.values():
            queue.close()

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
        queue, sub_topic = self._find(head)
        if queue is None:
            _LOGGER.warning("Command for unknown device ignored: %s", topic)
            return
        queue.put(Command(topic, payload, sub_topic, self._now()))

    def submit(self, topic: str, payload: str) -> asyncio.Future[Outcome]:
        """Queue a command and return its end. Raises LookupError for what is no topic of a device."""
        queue, sub_topic = self._find(topic.removesuffix("/set"))
        if queue is None:
            raise LookupError(f"No device takes commands on {topic}")
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        queue.put(Command(topic, payload, sub_topic, self._now(), outcome=outcome))
        return outcome

    def _find(self, head: str) -> tuple[CommandQueue | None, str | None]:
        """Return the queue and the sub-topic of a topic without its ``/set``."""
        device, sub_topic = head.removeprefix(self._prefix).removeprefix("/"), ""
        if device not in self._by_segment:
            device, _, sub_topic = device.rpartition("/")
        return self._by_segment.get(device) if device or not sub_topic else None, sub_topic or None
