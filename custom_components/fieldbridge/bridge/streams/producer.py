"""A stream producer: buffered input, output gated by demand, any number of consumers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import logging
from typing import Any

from .ends import CANCELLED, StreamEnd
from .fanout import Fanout, Subscription
from .messages import (
    CompleteStream,
    GetSink,
    InputReady,
    Push,
    StreamCancel,
    StreamChunk,
    StreamCompleted,
    StreamDemand,
    StreamElement,
    StreamProducerMsg,
    StreamSubscribe,
    Tellable,
)
from .refs import SinkRef
from .system import ASK_TIMEOUT, Receive, StreamContext, StreamRef, StreamSystem, UnhandledMessageError

_LOGGER = logging.getLogger(__name__)


def stream_producer[E](*, buffer_size: int = 0) -> StreamProducer[E]:
    """Return a buffered, demand-gated source of elements; ``buffer_size=0`` is unbounded."""
    if buffer_size < 0:
        raise ValueError(f"buffer_size must not be negative, got {buffer_size!r}")
    return StreamProducer(buffer_size)


class ProducerRef[E](StreamRef[StreamProducerMsg[E]]):
    """Address of a stream producer."""

    async def sink(self, *, timeout: float = ASK_TIMEOUT) -> SinkRef[E]:  # noqa: ASYNC109
        """Return the input side. Raises TimeoutError when the producer has stopped."""
        return await self._ask(lambda reply_to: GetSink(reply_to=reply_to), timeout)


@dataclass(frozen=True, slots=True)
class StreamProducer[E]:
    """Behaviour of a producer; see ``stream_producer``."""

    buffer_size: int

    def make_ref(self, system: StreamSystem, name: str) -> ProducerRef[E]:
        """Return the address."""
        return ProducerRef(system, name)

    def start(self, context: StreamContext[StreamProducerMsg[E]]) -> Receive[StreamProducerMsg[E]]:
        """Start it."""
        return _RunningProducer(context, self.buffer_size).receive


class _Consumer[E]:
    """A consumer as its producer sees it."""

    __slots__ = ("_deliver_soon", "_outbox", "chunked", "credit", "ref", "subscription")

    def __init__(
        self, message: StreamSubscribe[E], subscription: Subscription[E], deliver_soon: Callable[[], None]
    ) -> None:
        self.ref = message.consumer
        self.chunked = message.chunked
        self.credit = 0
        self.subscription = subscription
        self._deliver_soon = deliver_soon
        self._outbox: list[E] = []
        subscription.serve(self)
        self.grant(message.demand)

    def grant(self, n: int) -> None:
        """Give credit for ``n`` more: at once for what is pending, so that credit is left only when nothing is."""
        self.credit += n
        if self.credit and self.subscription.pending:
            self.claim(self.subscription.take(self.credit))

    def claim(self, chunk: Sequence[E]) -> None:
        """Take what there is demand for; it is sent with whatever else comes in this turn."""
        if not self._outbox:
            self._deliver_soon()
        self.credit -= len(chunk)
        self._outbox.extend(chunk)

    def deliver(self) -> None:
        """Send what was taken."""
        if not self._outbox:
            return
        elements, self._outbox = self._outbox, []
        if self.chunked:
            self.ref.tell(StreamChunk(elements))
        else:
            for element in elements:
                self.ref.tell(StreamElement(element))


class _RunningProducer[E]:
    def __init__(self, context: StreamContext[StreamProducerMsg[E]], buffer_size: int) -> None:
        self._context = context
        self._buffer_size = buffer_size
        self._closed = asyncio.Event()
        self._cancelled_by: StreamEnd = CANCELLED
        self._fanout: Fanout[E] = Fanout()
        # Holds what comes before anybody subscribes; the first consumer takes it over.
        self._unclaimed: Subscription[E] | None = self._fanout.subscribe(buffer_size=buffer_size)
        self._consumers: dict[int, _Consumer[E]] = {}
        self._sink = SinkRef(self._fanout, context.self, self._closed)
        context.on_stop(self._stopped)
        context.afterwards = self._refuse

    def receive(self, message: StreamProducerMsg[E]) -> None:
        match message:
            case InputReady():
                pass  # what there was demand for is on its way
            case StreamDemand():
                for consumer in self._addressed(message.consumer):
                    consumer.grant(message.n)
            case Push():
                self._fanout.push((message.element,))
            case StreamSubscribe():
                self._subscribe(message)
            case GetSink():
                message.reply_to.tell(self._sink)
            case CompleteStream():
                self._fanout.finish(message.end)
                self._deliver_soon()
            case StreamCancel():
                self._cancel(message)
            case _:
                raise UnhandledMessageError

    def _subscribe(self, message: StreamSubscribe[E]) -> None:
        if id(message.consumer) in self._consumers:
            raise UnhandledMessageError
        size = self._buffer_size if message.buffer_size is None else message.buffer_size
        subscription, self._unclaimed = self._unclaimed, None
        if subscription is None:
            subscription = self._fanout.subscribe(overflow=message.overflow, buffer_size=size)
        else:
            subscription.set_overflow(message.overflow, size)
        self._consumers[id(message.consumer)] = _Consumer(message, subscription, self._deliver_soon)
        self._deliver_soon()

    def _refuse(self, message: StreamProducerMsg[E]) -> None:
        """Tell a consumer that comes after the end why; whatever else comes is a dead letter."""
        if not isinstance(message, StreamSubscribe):
            raise UnhandledMessageError
        message.consumer.tell(StreamCompleted(self._fanout.end or CANCELLED))

    def _cancel(self, message: StreamCancel) -> None:
        if message.consumer is None:
            self._cancelled_by = message.end
        else:
            for consumer in self._addressed(message.consumer):
                del self._consumers[id(consumer.ref)]
                consumer.subscription.close(message.end)
        if message.consumer is None or not self._consumers:
            self._context.stop()

    def _addressed(self, ref: Tellable[Any] | None) -> tuple[_Consumer[E], ...]:
        if ref is None:
            return tuple(self._consumers.values())
        if id(ref) not in self._consumers:
            raise UnhandledMessageError
        return (self._consumers[id(ref)],)

    def _deliver_soon(self) -> None:
        self._context.later(self._deliver_all)

    def _deliver_all(self) -> None:
        for consumer in tuple(self._consumers.values()):
            try:
                consumer.deliver()
                if self._fanout.end is not None and not consumer.subscription.pending:
                    consumer.ref.tell(StreamCompleted(self._fanout.end))
                    del self._consumers[id(consumer.ref)]
            except Exception:
                _LOGGER.exception("A consumer failed and gets no more")
                self._cancel(StreamCancel(consumer.ref))
        if self._fanout.end is not None and not self._consumers and self._unclaimed is None:
            self._context.stop()

    def _stopped(self) -> None:
        self._closed.set()
        self._deliver_all()  # what was asked for, and the end to whom it is due
        self._fanout.finish(self._cancelled_by)
        if self._unclaimed is not None:
            self._unclaimed.close()
        consumers, self._consumers = self._consumers, {}
        for consumer in consumers.values():
            consumer.subscription.close(self._cancelled_by)
            try:
                consumer.ref.tell(StreamCompleted(self._cancelled_by))
            except Exception:
                _LOGGER.exception("A consumer failed when it was told of the end")
