"""One subscriber's stream of single samples, whoever makes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from types import TracebackType
from typing import Self

from ..streams import Fanout, OverflowPolicy, Subscription
from ..streams.ends import COMPLETED
from .block import Block
from .polling import PollSource
from .recorder import record
from .sample import Sample

SESSION_BUFFER = 1024
"""Samples kept for a slow subscriber; the oldest are dropped and counted."""


class StreamMode(StrEnum):
    """Where the samples of a session come from."""

    AUTOPRINT = "autoprint"
    """The device speaks by itself."""
    POLL = "poll"
    """The session asks."""


class StreamingSession:
    """Samples to iterate over, within ``async with``.

    ``receiver`` yields them. ``producer`` is run while the session is open: when it fails its error comes out of the
    iteration or, where nobody iterates, of the block, which ends; when it returns the session ends. ``on_close`` is
    called once.
    """

    def __init__(
        self,
        receiver: AsyncIterator[Sample],
        *,
        mode: StreamMode,
        on_close: Callable[[], None] | None = None,
        producer: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._receiver = receiver
        self._mode = mode
        self._on_close = on_close
        self._producer = producer
        self._producing: asyncio.Future[None] | None = None
        # Kept when a reader is cancelled, so that the sample it waited for goes to the next one.
        self._receiving: asyncio.Task[Sample] | None = None
        self._closed = False
        self._taken = 0
        self._told = False
        self._block: Block | None = None

    @property
    def mode(self) -> StreamMode:
        """Where the samples come from."""
        return self._mode

    @property
    def dropped(self) -> int:
        """Samples that this subscriber was too slow for, where the receiver counts them."""
        return getattr(self._receiver, "dropped", 0)

    async def __aenter__(self) -> Self:
        """Start the producer, if there is one."""
        if self._producer is not None:
            self._block = Block(lambda: None if self._told else self._taken)
            self._producing = asyncio.ensure_future(self._producer())
            self._producing.add_done_callback(self._on_producer_end)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close. Raises the producer's error when nothing else is under way and nobody was told."""
        was_ended = self._block is not None and self._block.__exit__(exc_type, exc, traceback)
        producing = self._producing
        await self.aclose()
        if self._told or producing is None or producing.cancelled() or not (exc is None or was_ended):
            return
        if error := producing.exception():
            raise error

    def __aiter__(self) -> Self:
        """Return the session itself."""
        return self

    async def __anext__(self) -> Sample:
        """Return the next sample, waiting for it; two readers share the samples."""
        while not self._closed:
            if self._receiving is None:
                # Eagerly: a sample that is there already costs no turn of the loop.
                self._receiving = asyncio.create_task(self._receive(), eager_start=True)
            receiving, producing = self._receiving, self._producing
            if not receiving.done():
                awaited = (receiving,) if producing is None else (receiving, producing)
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                # What the producer sent last may arrive in this very turn.
                await asyncio.sleep(0)
            if receiving.cancelled():  # by aclose()
                break
            if receiving.done():
                if self._receiving is receiving:  # no other reader was faster
                    self._receiving = None
                    self._taken += 1
                    return receiving.result()
            elif producing is not None and not self._closed:
                self._told = True
                producing.result()
                break
        raise StopAsyncIteration

    def _on_producer_end(self, producing: asyncio.Future[None]) -> None:
        if not producing.cancelled() and producing.exception() is not None and self._block is not None:
            self._block.source_failed()

    async def _receive(self) -> Sample:
        return await anext(self._receiver)

    async def aclose(self) -> None:
        """Stop the producer, call ``on_close`` and close the receiver; idempotent."""
        self._closed = True
        if self._block is not None:
            self._block.leave()
        tasks = [task for task in (self._receiving, self._producing) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:  # also when whoever closes does not wait for a slow producer
            if self._on_close is not None:
                on_close, self._on_close = self._on_close, None
                on_close()
            closing = getattr(self._receiver, "aclose", None)
            if closing is not None:
                await closing()


def open_session(
    source: PollSource | Fanout[Sample], *, mode: StreamMode | None = None, rate_hz: float | None = None
) -> StreamingSession:
    """Return a session over a source: what speaks by itself is subscribed to at once, anything else is polled.

    ``rate_hz`` (default 1.0) is for polling. Raises ValueError for a mode that the source cannot do.
    """
    possible = StreamMode.AUTOPRINT if isinstance(source, Fanout) else StreamMode.POLL
    if mode not in (None, possible):
        raise ValueError(f"mode must be {possible.value!r} for this source, got {mode!r}")
    samples: Fanout[Sample] = source if isinstance(source, Fanout) else Fanout()
    receiver: Subscription[Sample] = samples.subscribe(overflow=OverflowPolicy.DROP_OLDEST, buffer_size=SESSION_BUFFER)
    if isinstance(source, Fanout):
        return StreamingSession(receiver, mode=possible, on_close=receiver.close)

    async def poll() -> None:
        async with record(source, rate_hz=1.0 if rate_hz is None else rate_hz) as recording:
            async for batch in recording:
                await samples.put_many(batch)
        samples.finish(COMPLETED)

    return StreamingSession(receiver, mode=possible, on_close=receiver.close, producer=poll)
