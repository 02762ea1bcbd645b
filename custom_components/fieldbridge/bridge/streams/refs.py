"""The two ends that users of a demand stream hold."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol

from .ends import CANCELLED, COMPLETED, TIMED_OUT, StreamEnd, failed
from .messages import (
    CompleteStream,
    InputReady,
    StreamChunk,
    StreamCompleted,
    StreamElement,
    StreamProducerMsg,
    Tellable,
)

_INPUT_READY = InputReady()


class ChunkedInput[E](Protocol):
    """An input that takes many elements at once and ends its waiting puts itself."""

    end: StreamEnd | None
    """Why nothing more is taken."""

    async def put_many(self, items: Sequence[E]) -> int:
        """Add elements, waiting for room; return how many before the end."""
        ...


class SinkRef[E]:
    """Input side of a producer; ``put`` waits while the buffer is full."""

    def __init__(
        self,
        queue: asyncio.Queue[E] | ChunkedInput[E],
        producer: Tellable[StreamProducerMsg[E]],
        closed: asyncio.Event,
    ) -> None:
        self._queue = queue
        self._producer = producer
        self._closed = closed
        self._end: StreamEnd | None = None

    @property
    def closed(self) -> bool:
        """Whether the producer has stopped, so that nothing is taken any more."""
        return self._closed.is_set()

    @property
    def end(self) -> StreamEnd | None:
        """Why nothing more is taken; None as long as it is."""
        if self._end is not None:
            return self._end
        if isinstance(self._queue, asyncio.Queue):
            return CANCELLED if self.closed else None
        return self._queue.end

    async def put(self, element: E) -> bool:
        """Push one element; False, silently, when the producer stopped. A cancelled put delivers nothing."""
        return await self.put_many((element,)) == 1

    async def put_many(self, elements: Sequence[E]) -> int:
        """Push elements as one chunk; return how many were taken before the producer stopped."""
        if self._end is not None or self._closed.is_set():
            return 0
        if isinstance(self._queue, asyncio.Queue):
            taken = await self._put_each(self._queue, elements)
        else:
            taken = await self._queue.put_many(elements)
        if taken:
            self._producer.tell(_INPUT_READY)
        return taken

    async def complete(self) -> None:
        """Say that no more elements are pushed; what is buffered is still delivered."""
        self._finish(COMPLETED)

    async def fail(self, error: Exception) -> None:
        """End with ``error``, which every consumer raises after what is buffered."""
        self._finish(failed(error))

    def _finish(self, end: StreamEnd) -> None:
        """Take nothing from now on, whenever the producer comes to hear of it."""
        self._end = self.end or end
        self._producer.tell(CompleteStream(end))

    async def _put_each(self, queue: asyncio.Queue[E], elements: Sequence[E]) -> int:
        """Put into a plain queue, which does not know that its producer may stop."""
        closing = asyncio.ensure_future(self._closed.wait())

        def stop(done: asyncio.Future[Any]) -> None:
            if not done.cancelled():
                queue.shutdown()  # what was put stays

        closing.add_done_callback(stop)
        taken = 0
        try:
            for element in elements:
                await queue.put(element)
                taken += 1
        except asyncio.QueueShutDown:
            pass
        finally:
            closing.cancel()
        return taken


class SourceRef[E]:
    """Output side of a consumer: iterate over it once; demand is given back one for one.

    The iteration ends on completion, on cancellation and when nothing came for ``timeout`` seconds while it waited;
    a failed stream raises its error. ``end`` says which it was.
    """

    def __init__(
        self,
        queue: asyncio.Queue[StreamElement[E] | StreamChunk[E] | StreamCompleted],
        cancel: Callable[[], None],
        timeout: float,
        request_demand: Callable[[int], None],
    ) -> None:
        self._queue = queue
        self._cancel = cancel
        self._timeout = timeout
        self._request_demand = request_demand
        self._waiting_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.end: StreamEnd | None = None

    async def __aiter__(self) -> AsyncGenerator[E]:
        """Iterate over the elements."""
        try:
            while (elements := await self._receive()) is not None:
                for element in elements:
                    self._request_demand(1)
                    yield element
        finally:
            self._close()

    async def chunks(self) -> AsyncGenerator[Sequence[E]]:
        """Iterate over elements as they arrive together."""
        try:
            while (elements := await self._receive()) is not None:
                self._request_demand(len(elements))
                yield elements
        finally:
            self._close()

    async def _receive(self) -> Sequence[E] | None:
        if self.end is not None:
            return None
        if self._queue.empty():
            self._watch_silence()
        message = await self._queue.get()
        self._waiting_since = None
        match message:
            case StreamChunk():
                return message.elements
            case StreamElement():
                return (message.element,)
            case StreamCompleted():
                self.end = message.end
                self._queue.put_nowait(message)  # for another loop that waits, whose silence is not watched any more
                if message.end.error is not None:
                    raise message.end.error
        return None

    def _watch_silence(self) -> None:
        """Start to count silence. One timer serves many waits: arming one for each would cost more than the wait."""
        loop = asyncio.get_running_loop()
        self._waiting_since = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._timeout, self._check_silence)

    def _check_silence(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time() if self._waiting_since is None else self._waiting_since
        if self._queue.empty() and since + self._timeout <= loop.time():
            self._queue.put_nowait(StreamCompleted(TIMED_OUT))
        else:
            self._timer = loop.call_at(since + self._timeout, self._check_silence)

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.end = self.end or CANCELLED
        self._cancel()
