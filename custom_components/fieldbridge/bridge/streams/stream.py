"""The bridge from hardware callbacks to ``async for``.

Why one deque and one future: a wake-up of a waiting task costs about 1.5 us whatever the design, so one wake-up
drains everything that is pending. The waiter is the only thing that a put has to touch when the consumer sleeps.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
import threading
from threading import get_ident
from typing import Literal

from ..errors import BridgeError

type Backpressure = Literal["drop_oldest", "drop_newest", "raise"]

DEFAULT_MAXSIZE = 1024
"""Items held for a slow consumer; at 1 kHz about one second."""

_ITEMS_PER_TURN = 1000
"""Items taken without a suspension before the loop gets a turn, so that a flood cannot starve it."""


class StreamFullError(BridgeError):
    """A put found the stream full and the policy is ``raise``."""


class Stream[T]:
    """Asynchronous iterator over items that a callback puts.

    Bounded: when ``maxsize`` items wait, ``backpressure`` decides what is lost (``maxsize=0`` is unbounded).
    ``received = delivered + dropped + pending`` holds at any time. ``put`` never blocks and may be called from
    any thread; one consumer iterates.
    """

    def __init__(self, maxsize: int = DEFAULT_MAXSIZE, *, backpressure: Backpressure = "drop_oldest") -> None:
        if maxsize < 0:
            raise ValueError(f"maxsize must not be negative, got {maxsize}")
        if backpressure not in ("drop_oldest", "drop_newest", "raise"):
            raise ValueError(f"unknown backpressure policy: {backpressure!r}")
        self._maxsize = maxsize
        self._backpressure = backpressure
        # A bounded deque drops its oldest item by itself, also when two threads append.
        self._items: deque[T] = deque(maxlen=maxsize if maxsize and backpressure == "drop_oldest" else None)
        self._limit = maxsize if maxsize and backpressure != "drop_oldest" else None
        self._received = 0
        self._received_elsewhere = 0
        self._delivered = 0
        self._finished = False
        self._sink: Callable[[T], None] | None = None
        self._sink_error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lock = threading.Lock()
        self._wake_armed = False
        self._thread = get_ident()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    @property
    def received(self) -> int:
        """Items put so far, dropped ones included."""
        return self._received + self._received_elsewhere

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
        return self.received - self._delivered - len(self._items)

    def put(self, item: T) -> None:
        """Add one item. Raises StreamFullError only under the policy ``raise``; ignored after the end."""
        if get_ident() != self._thread:
            self._put_from_thread(item)
            return
        if self._finished:
            return
        self._received += 1
        if self._sink is not None and not self._items:
            self._delivered += 1
            try:
                self._sink(item)
            except Exception as err:  # noqa: BLE001 - the producer is not to blame: consume() raises it
                self._sink_error, self._sink = err, None
                self._wake()
            return
        if self._limit is not None and len(self._items) >= self._limit:
            self._refuse()
            return
        self._items.append(item)
        if self._waiter is not None:
            self._wake()

    def put_many(self, items: Iterable[T]) -> None:
        """Add several items with one wake-up."""
        for item in items:
            self.put(item)

    def finish(self) -> None:
        """Accept nothing more; the iteration ends once what is pending was taken."""
        with self._lock:  # a put of another thread is either taken or refused, never left behind
            self._finished = True
        self._wake_from_anywhere()

    def shutdown(self) -> None:
        """End the iteration now; pending items are discarded and counted as dropped. Idempotent."""
        with self._lock:
            self._finished = True
            self._items.clear()
        self._wake_from_anywhere()

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
            await self._wait()
        self._delivered += 1
        return self._items.popleft()

    async def batches(self, max_items: int = _ITEMS_PER_TURN) -> AsyncIterator[list[T]]:
        """Yield all that is pending, at most ``max_items`` at a time, with one wake-up each."""
        items = self._items
        while True:
            while not items:
                if self._finished:
                    return
                await self._wait()
            # popleft one by one: another thread may append meanwhile, which a copy and clear would lose
            batch = [items.popleft() for _ in range(min(len(items), max_items))]
            self._delivered += len(batch)
            yield batch
            if items:
                await asyncio.sleep(0)

    async def consume(self, sink: Callable[[T], None]) -> None:
        """Call ``sink`` with every item until the end, in the turn of its put; raises what ``sink`` raises.

        For consumers that never wait: waking a task costs more than the work on a small item.
        """
        while self._sink_error is None and not (self._finished and not self._items):
            while self._items and self._sink_error is None:  # from before, or from another thread
                self._delivered += 1
                sink(self._items.popleft())
                await asyncio.sleep(0)  # an item may be a batch, and a thread may put without end
            self._sink = sink
            try:
                if self._sink_error is None:
                    await self._wait()
            finally:
                self._sink = None
        error, self._sink_error = self._sink_error, None
        if error is not None:
            raise error

    def _wait(self) -> asyncio.Future[None]:
        """Return what is done when there is something to look at."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("Stream is already being iterated")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Belongs to the consumer's loop from now on: what is put from its thread needs no lock.
            self._loop = loop
            self._thread = get_ident()
        waiter = self._waiter = loop.create_future()
        if self._items or self._finished:  # put by another thread between the check and the waiter
            self._wake()
        return waiter

    def _put_from_thread(self, item: T) -> None:
        with self._lock:
            if self._finished:
                return
            self._received_elsewhere += 1
            if self._limit is not None and len(self._items) >= self._limit:
                self._refuse()
                return
            self._items.append(item)
        self._wake_from_anywhere()

    def _refuse(self) -> None:
        """Lose the newest item, which is already counted as received."""
        if self._backpressure == "raise":
            raise StreamFullError(f"stream is full ({self._maxsize} items)")

    def _wake(self) -> None:
        self._wake_armed = False
        waiter, self._waiter = self._waiter, None  # the rest of a burst has nobody to wake
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _wake_from_anywhere(self) -> None:
        if get_ident() == self._thread:
            self._wake()
        elif self._loop is not None and not self._wake_armed:
            # One call per empty-to-full edge: a call per item would cost a system call each.
            self._wake_armed = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop was closed: nobody is left to wake
                self._wake_armed = False
