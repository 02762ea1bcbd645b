"""A stream consumer: between one producer and whoever iterates."""

import asyncio
from dataclasses import dataclass

from .ends import CANCELLED, OverflowPolicy, StreamEnd
from .messages import (
    GetSource,
    StreamCancel,
    StreamChunk,
    StreamCompleted,
    StreamConsumerMsg,
    StreamDemand,
    StreamElement,
    StreamProducerMsg,
    StreamSubscribe,
    Tellable,
)
from .refs import SourceRef
from .system import ASK_TIMEOUT, Receive, StreamContext, StreamRef, StreamSystem, UnhandledMessageError


def stream_consumer[E](
    producer: Tellable[StreamProducerMsg[E]],
    *,
    timeout: float = 30.0,
    initial_demand: int = 16,
    overflow: OverflowPolicy = OverflowPolicy.BLOCK,
    buffer_size: int | None = None,
) -> StreamConsumer[E]:
    """Return a subscription to ``producer`` whose SourceRef ends after ``timeout`` seconds of silence.

    ``overflow`` and ``buffer_size`` (None: the producer's) say what is lost while this consumer has no demand.
    """
    if not timeout > 0:
        raise ValueError(f"timeout must be > 0, got {timeout!r}")
    if initial_demand < 1:
        raise ValueError(f"initial_demand must be >= 1, got {initial_demand!r}")
    return StreamConsumer(producer, timeout, initial_demand, overflow, buffer_size)


class ConsumerRef[E](StreamRef[StreamConsumerMsg[E]]):
    """Address of a stream consumer."""

    async def source(self, *, timeout: float = ASK_TIMEOUT) -> SourceRef[E]:  # noqa: ASYNC109
        """Return the output side. Raises TimeoutError when it was given away before."""
        return await self._ask(lambda reply_to: GetSource(reply_to=reply_to), timeout)


@dataclass(frozen=True, slots=True)
class StreamConsumer[E]:
    """Behaviour of a consumer; see ``stream_consumer``."""

    producer: Tellable[StreamProducerMsg[E]]
    timeout: float
    initial_demand: int
    overflow: OverflowPolicy
    buffer_size: int | None

    def make_ref(self, system: StreamSystem, name: str) -> ConsumerRef[E]:
        """Return the address."""
        return ConsumerRef(system, name)

    def start(self, context: StreamContext[StreamConsumerMsg[E]]) -> Receive[StreamConsumerMsg[E]]:
        """Start it."""
        return _RunningConsumer(context, self).receive


class _RunningConsumer[E]:
    def __init__(self, context: StreamContext[StreamConsumerMsg[E]], setup: StreamConsumer[E]) -> None:
        self._context = context
        self._setup = setup
        self._active = False
        self._over = False
        self._queue: asyncio.Queue[StreamElement[E] | StreamChunk[E] | StreamCompleted] = asyncio.Queue()
        context.on_stop(self._stopped)
        setup.producer.tell(
            StreamSubscribe(context.self, overflow=setup.overflow, buffer_size=setup.buffer_size, chunked=True)
        )

    def receive(self, message: StreamConsumerMsg[E]) -> None:
        match message:
            case StreamChunk() | StreamElement():
                self._queue.put_nowait(message)
            case StreamDemand():
                self._request(message.n)
            case StreamCompleted():
                self._complete(message)
                self._stop_when_over()
            case GetSource() if not self._active:
                message.reply_to.tell(SourceRef(self._queue, self._cancel, self._setup.timeout, self._request))
                self._active = True
                self._request(self._setup.initial_demand)
                self._stop_when_over()
            case StreamCancel():
                self._leave(message.end)
            case _:
                raise UnhandledMessageError

    def _request(self, n: int) -> None:
        if not self._over:
            self._setup.producer.tell(StreamDemand(n, self._context.self))

    def _cancel(self) -> None:
        """Asked for by the source, which may be closed long after the stream has ended."""
        if not self._over:
            self._context.self.tell(StreamCancel())

    def _leave(self, end: StreamEnd) -> None:
        if not self._over:
            self._setup.producer.tell(StreamCancel(self._context.self, end))
            self._complete(StreamCompleted(end))
        self._context.stop()

    def _complete(self, message: StreamCompleted) -> None:
        if not self._over:
            self._over = True
            self._queue.put_nowait(message)

    def _stop_when_over(self) -> None:
        """Stop after the end, but not before somebody asked for the source, which says what the end was."""
        if self._over and self._active:
            self._context.stop()

    def _stopped(self) -> None:
        self._complete(StreamCompleted(CANCELLED))
