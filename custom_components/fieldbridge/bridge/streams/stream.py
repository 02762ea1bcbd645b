"""The bridge from hardware callbacks to ``async for``.

Why one deque and one future: a wake-up of a waiting task costs about 1.5 us whatever the design, so one wake-up
drains everything that is pending. A put touches no more than the deque and the waiter: whatever is special (the end, a
sink, a full stream) leaves no room, and is looked at only then. What is received is not counted but added up.
"""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from itertools import repeat, starmap
import sys
import threading
from threading import get_ident
from typing import Literal

from ..errors import BridgeError

type BackpressurePolicy = Literal["drop_oldest", "drop_newest", "raise"]

DEFAULT_MAXSIZE = 1024
"""Items held for a slow consumer; at 1 kHz about one second."""

_ITEMS_PER_TURN = 1000
"""Items taken without a suspension before the loop gets a turn, so that a flood cannot starve it."""

_FEW = 32
"""Items that a comprehension takes faster than what needs no byte code at all."""


class StreamFullError(BridgeError, asyncio.QueueFull):
    """A put found the stream full and the policy is ``raise``."""


class Stream[T]:
    """Asynchronous iterator over items that a callback puts.

    Bounded: when ``maxsize`` items wait, ``backpressure`` decides what is lost (``maxsize=0`` is unbounded).
    ``received = delivered + dropped + pending`` holds at any time. ``put`` never blocks and may be called from
    any thread, each of which may exceed the bound by one for a moment; one consumer iterates.
    """

    __slots__ = (
        "_backpressure",
        "_bound",
        "_delivered",
        "_dropped",
        "_finished",
        "_items",
        "_lock",
        "_loop",
        "_room",
        "_sink",
        "_sink_error",
        "_thread",
        "_waiter",
    )

    def __init__(
        self,
        maxsize: int = DEFAULT_MAXSIZE,
        *,
        backpressure: BackpressurePolicy = "drop_oldest",
        thread_safe: bool = True,
    ) -> None:
        if maxsize < 0:
            raise ValueError(f"maxsize must not be negative, got {maxsize}")
        if backpressure not in ("drop_oldest", "drop_newest", "raise"):
            raise ValueError(f"unknown backpressure policy: {backpressure!r}")
        self._bound = maxsize or sys.maxsize
        self._backpressure = backpressure
        self._items: deque[T] = deque()
        self._room = self._bound
        """Items up to which a put only appends; 0 while something is special."""
        self._delivered = 0
        self._dropped = 0
        self._finished = False
        self._sink: Callable[[T], None] | None = None
        self._sink_error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lock = threading.Lock()
        self._thread = get_ident()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    @property
    def received(self) -> int:
        """Items put so far, dropped ones included."""
        return self._delivered + self._dropped + len(self._items)

    @property
    def delivered(self) -> int:
        """Items handed to the consumer."""
        return self._delivered

    @property
    def pending(self) -> int:
        """Items that wait for the consumer."""
        return len(self._items)

    @property
    def dropped(self) -> int:
        """Items lost to a full stream, or discarded by shutdown."""
        return self._dropped

    def put(self, item: T) -> None:
        """Add one item. Raises StreamFullError only under the policy ``raise``; ignored after the end."""
        items = self._items
        if len(items) < self._room:
            items.append(item)
            # Looked at after the append: a consumer of another thread looks for items after it set its waiter.
            if (waiter := self._waiter) is not None:
                if get_ident() == self._thread and not waiter.done():
                    self._waiter = None
                    waiter.set_result(None)
                else:
                    self._wake()
        else:
            self._put_specially(item)

    def put_many(self, items: Iterable[T]) -> None:
        """Add several items with one wake-up."""
        for item in items:
            self.put(item)

    def finish(self) -> None:
        """Accept nothing more; the iteration ends once what is pending was taken."""
        with self._lock:
            self._finished = True
            self._room = 0
        self._wake()

    def shutdown(self) -> None:
        """End the iteration now; pending items are discarded and counted as dropped. Idempotent."""
        self.finish()
        self._call(self._discard)

    def __aiter__(self) -> AsyncIterator[T]:
        """Return the stream itself."""
        return self

    async def __anext__(self) -> T:
        """Return the next item, waiting for it."""
        if self._delivered % _ITEMS_PER_TURN == _ITEMS_PER_TURN - 1:
            await asyncio.sleep(0)
        while not self._items:
            if self._finished:
                raise StopAsyncIteration
            await self._wait(self._belong())
        self._delivered += 1
        return self._items.popleft()

    def batches(self, max_items: int = _ITEMS_PER_TURN) -> AsyncIterator[list[T]]:
        """Iterate over all that is pending, at most ``max_items`` at a time, with one wake-up each."""
        if max_items < 1:
            raise ValueError(f"max_items must be >= 1, got {max_items!r}")
        # Another thread that finds the stream too full takes items out of it, but never leaves fewer than the bound.
        return _Batches(self, min(max_items, self._bound))

    async def consume(self, sink: Callable[[T], None]) -> None:
        """Call ``sink`` with every item until the end, in the turn of its put; raises what ``sink`` raises.

        For consumers that never wait: waking a task costs more than the work on a small item.
        """
        while self._sink_error is None and not (self._finished and not self._items):
            while self._items and self._sink_error is None:  # from before, or from another thread
                self._delivered += 1
                sink(self._items.popleft())
                await asyncio.sleep(0)  # an item may be a batch, and a thread may put without end
            self._set_sink(sink)
            try:
                if self._sink_error is None:
                    await self._wait(self._belong())
            finally:
                self._set_sink(None)
        error, self._sink_error = self._sink_error, None
        if error is not None:
            raise error

    def _set_sink(self, sink: Callable[[T], None] | None) -> None:
        with self._lock:
            self._sink = sink
            self._room = 0 if self._finished or sink is not None else self._bound

    def _belong(self) -> asyncio.AbstractEventLoop:
        """Return the consumer's loop, to which the stream belongs from now on."""
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        return self._loop

    def _refuse_second_consumer(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("Stream is already being iterated")

    def _wait(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Return what is done when there is something to look at."""
        self._refuse_second_consumer()
        waiter = self._waiter = Future(loop=loop)
        if self._items or self._finished:  # put by another thread between the check and the waiter
            self._wake()
        return waiter

    def _put_specially(self, item: T) -> None:
        sink = self._sink
        if sink is not None and not self._items and get_ident() == self._thread and not self._finished:
            self._delivered += 1
            try:
                sink(item)
            except Exception as err:  # noqa: BLE001 - the producer is not to blame: consume() raises it
                self._sink_error = err
                self._set_sink(None)
                self._wake()
            return
        with self._lock:
            if self._finished:
                return
            if len(self._items) >= self._bound and self._backpressure != "drop_oldest":
                self._dropped += 1
                if self._backpressure == "raise":
                    raise StreamFullError(f"stream is full ({self._bound} items)")
                return
            # First: a consumer takes as many as it saw, and must not find fewer.
            self._items.append(item)
            while len(self._items) > self._bound:
                self._items.popleft()
                self._dropped += 1
        self._wake()

    def _discard(self) -> None:
        self._dropped += len(self._items)
        self._items.clear()

    def _wake(self) -> None:
        """Wake the consumer; the rest of a burst has nobody to wake."""
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            return
        if get_ident() != self._thread:
            # Once per wait: a call per item would cost a system call each, and pile up while the loop is busy.
            self._call(_resolve, waiter)
        elif not waiter.done():
            waiter.set_result(None)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function in the consumer's thread."""
        if self._loop is None or get_ident() == self._thread:
            function(*arguments)
            return
        with suppress(RuntimeError):  # the loop was closed: nobody is left to call for
            self._loop.call_soon_threadsafe(function, *arguments)


class _Batches[T]:
    """Iterator over a stream: a class, since an asynchronous generator costs more per batch."""

    # ruff: noqa: SLF001 - a part of the stream
    __slots__ = ("_items", "_loop", "_most", "_stream", "_take")

    def __init__(self, stream: Stream[T], most: int) -> None:
        self._stream = stream
        self._items = stream._items
        self._take = stream._items.popleft
        self._most = most
        self._loop = stream._belong()

    def __aiter__(self) -> AsyncIterator[list[T]]:
        return self

    async def __anext__(self) -> list[T]:
        items, stream, take = self._items, self._stream, self._take
        if items:
            await asyncio.sleep(0)
        while not items:
            if stream._finished:
                raise StopAsyncIteration
            if stream._waiter is not None:
                stream._refuse_second_consumer()
            waiter = stream._waiter = Future(loop=self._loop)
            if items or stream._finished:  # put by another thread between the check and the waiter
                stream._wake()
            await waiter
        count = len(items)
        if count == 1:
            stream._delivered += 1
            return [take()]
        if count > self._most:  # noqa: PLR1730 - min() would cost as much as three items
            count = self._most
        stream._delivered += count
        # One by one: another thread may append meanwhile, which a copy and clear would lose.
        return [take() for _ in range(count)] if count < _FEW else list(starmap(take, repeat((), count)))


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
