"""Topics of an MQTT broker as a source of frames.

Why whole trees are subscribed to: a device that is added later, and a person who looks for one, need nothing else.
Only topics that somebody uses are handed on; the others cost a look into a set.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import override

from ..channels.listeners import Listeners, Unsubscribe
from ..clock import SystemClock
from ..codecs.frame import Batch, Frame
from ..codecs.topics import pack
from ..errors import LinkError
from ..interfaces import ClockPort, MqttFeed, PayloadCallback
from ..topics import matches
from .counters import TransportCounters

MAX_PAYLOAD = 64 * 1024
"""Bytes; what devices say is shorter, what is longer (pictures, firmware) is counted and dropped."""
BUDGET = 2000
"""Used messages a second; beyond it of each topic only the latest is kept until the second is over."""
_SLICE = 100
"""Messages handed on per turn of the loop: decoding as many for a few devices takes about a millisecond."""
_CONNECT_TIMEOUT = 30.0


@dataclass(slots=True)
class MessageCounters(TransportCounters):
    """Totals of a topic tree; ``frames`` are the messages handed on."""

    unused: int = 0
    """Messages of topics that no device uses."""
    oversized: int = 0
    over_budget: int = 0
    """Messages that a newer one of their topic replaced because too many came."""

    @override
    def as_dict(self) -> dict[str, int]:
        """Return all counters in one flat dict; nothing here is framed."""
        return {
            "bytes_received": self.bytes_received,
            "frames": self.frames,
            "unused": self.unused,
            "oversized": self.oversized,
            "over_budget": self.over_budget,
        }


class MqttTransport:
    """Delivers the messages of one topic tree, a batch per turn of the loop, bounded in size and rate."""

    def __init__(
        self,
        feed: MqttFeed,
        trees: Sequence[str],
        *,
        ignored: tuple[str, ...] = (),
        budget: int = BUDGET,
        clock: ClockPort | None = None,
    ) -> None:
        """``trees`` are topic filters; ``ignored`` are the beginnings of topics that are never heard: our own."""
        self.trees = tuple(sorted(dict.fromkeys(trees), key=lambda tree: sum(matches(each, tree) for each in trees)))
        self.counters: TransportCounters
        self.counters = self._messages = MessageCounters()
        self._feed = feed
        self._ignored = ignored
        self._clock = clock or SystemClock()
        self._deliver: Callable[[Batch], None] = _discard
        self._report_loss: Callable[[LinkError], None] = _discard
        self._watchers: Listeners[[str, bytes, bool]] = Listeners()
        self._used: frozenset[str] = frozenset()
        self._budget = self._left = budget
        self._waiting: list[Frame] = []
        self._late: dict[str, Frame] = {}
        self._flushing: asyncio.Handle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = _nothing
        self._open = False

    def register_callback(self, cb: Callable[[Batch], None]) -> None:
        """Deliver the messages of every turn to ``cb``."""
        self._deliver = cb

    def register_loss_callback(self, cb: Callable[[LinkError], None]) -> None:
        """Call ``cb`` once with the reason when the broker goes."""
        self._report_loss = cb

    def watch(self, cb: PayloadCallback) -> Unsubscribe:
        """Show every message to ``cb``, used or not; only the size is bounded. Returns what ends it.

        What the broker keeps is asked for again, so that a person sees it.
        """
        self._ask_for_kept()
        return self._watchers.add(cb)

    def use(self, topics: Collection[str]) -> None:
        """Hand on the messages of these topics; what the broker keeps of new ones is asked for."""
        new = frozenset(topics)
        is_more = bool(new - self._used)
        self._used = new
        if is_more:
            self._ask_for_kept()

    async def open(self) -> None:
        """Connect. Raises LinkError that names the broker without secrets."""
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await self._feed.connect()
        except TimeoutError as err:
            raise LinkError("the MQTT broker did not answer in time") from err
        self._open = True
        self._unsubscribe = self._feed.on_connection_change(self._connection_changed)

    async def start_scan(self) -> None:
        """Subscribe and begin to deliver. Raises LinkError when the broker refuses all topics."""
        self._left = self._budget
        self._renewing = asyncio.create_task(self._renew_budget(), name="MQTT budget")
        self._feed.on_payload(self._received)
        await self._subscribe()
        if set(self.trees).issubset(self._feed.refused):
            await self.stop_scan()
            await self.close()
            raise LinkError(f"the MQTT broker does not let this user listen to {', '.join(self.trees)}")

    async def stop_scan(self) -> None:
        """Deliver what came before, and no more."""
        self._feed.on_payload(None)
        tasks = [task for task in (self._renewing, self._asking) if task is not None]
        self._renewing = self._asking = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._hand_on_late()
        while self._flushing is not None:  # noqa: ASYNC110 - every turn hands on a slice
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Leave the broker; idempotent."""
        self._open = False
        self._unsubscribe()
        self._unsubscribe = _nothing
        await self._feed.stop()

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish one message. Raises LinkError."""
        if not self._open:
            raise LinkError("the MQTT broker is not connected")
        await self._feed.publish(topic, payload, retain=retain, qos=qos)

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic.startswith(self._ignored):
            return
        counters = self._messages
        counters.bytes_received += len(payload)
        if len(payload) > MAX_PAYLOAD:
            counters.oversized += 1
            return
        if self._watchers.anybody:
            self._watchers.tell(topic, payload, retained)
        if topic not in self._used:
            counters.unused += 1
            return
        frame = Frame(self._clock.now(), pack(topic, payload), retained)
        if self._left <= 0:
            if topic in self._late:
                counters.over_budget += 1
            self._late[topic] = frame
            return
        self._left -= 1
        self._hand_on([frame])

    def _hand_on(self, frames: Collection[Frame]) -> None:
        self._waiting.extend(frames)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Hand on what came in since the turn before, a slice per turn."""
        batch, self._waiting = self._waiting[:_SLICE], self._waiting[_SLICE:]
        self._flushing = asyncio.get_running_loop().call_soon(self._flush) if self._waiting else None
        self._messages.frames += len(batch)
        self._deliver(batch)

    async def _renew_budget(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            self._left = max(0, self._budget - len(self._late))
            self._hand_on_late()

    def _hand_on_late(self) -> None:
        late, self._late = self._late, {}
        if late:
            self._hand_on(late.values())

    def _ask_for_kept(self) -> None:
        if self._renewing is not None and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._subscribe(), name="MQTT retained messages")

    async def _subscribe(self) -> None:
        """Subscribe, or subscribe again: the broker answers with what it keeps."""
        outside = {topic for topic in self._used if not any(matches(tree, topic) for tree in self.trees)}
        for topic_filter in (*self.trees, *sorted(outside)):
            if not self._is_covered(topic_filter):
                await self._feed.subscribe(topic_filter)

    def _is_covered(self, topic_filter: str) -> bool:
        """Whether a wider tree, which was subscribed to before, brings the same: each would bring its own copy."""
        wider = (tree for tree in self.trees if tree != topic_filter and tree not in self._feed.refused)
        return any(matches(tree, topic_filter) for tree in wider)

    def _connection_changed(self, connected: bool) -> None:
        if not connected and self._open:
            self._open = False
            self._report_loss(LinkError("the connection to the MQTT broker is lost"))


def _discard(_: object) -> None:
    """Nobody listens yet."""


def _nothing() -> None:
    """Nothing is subscribed."""
