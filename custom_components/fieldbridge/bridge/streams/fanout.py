"""One producer, any number of consumers, each at its own pace.

Why a buffer per consumer and not one ring with cursors: extending a deque by a chunk costs about 0.1 us, so the
copies of references are cheaper than the arithmetic of a shared ring, and a policy concerns one consumer alone.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
import logging
import sys
from typing import Protocol, Self

from .ends import CANCELLED, COMPLETED, OverflowPolicy, StreamEnd

_LOGGER = logging.getLogger(__name__)

DEFAULT_BUFFER_SIZE = 64

_ITEMS_PER_TURN = 1000
"""Items moved without a suspension before the loop gets a turn, so that a flood cannot starve it."""


class Demand[T](Protocol):
    """A consumer that asks for items before they exist; what it asked for never enters the buffer."""

    credit: int
    """Items that it asked for and did not get yet."""

    def claim(self, chunk: Sequence[T]) -> None:
        """Take a chunk of at most ``credit`` items."""
        ...


class _Listener[T]:
    """A consumer that always has time; one that fails takes neither the producer nor the others with it."""

    credit = sys.maxsize

    def __init__(self, listener: Callable[[Sequence[T]], None]) -> None:
        self._listener = listener
        self._has_failed = False

    def claim(self, chunk: Sequence[T]) -> None:
        try:
            self._listener(chunk)
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                _LOGGER.exception("A consumer failed; further failures of it are not told")


class Subscription[T]:
    """One consumer of a Fanout: its own buffer, policy, counters and end.

    ``offered = delivered + dropped + pending`` holds at any time. One task iterates; a failed stream raises its
    error once what is pending was taken. ``buffer_size=0`` is unbounded.
    """

    def __init__(self, fanout: Fanout[T], *, overflow: OverflowPolicy, buffer_size: int) -> None:
        self._fanout = fanout
        self._bound_by(overflow, buffer_size)
        self._items: deque[T] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = 1
        self._demand: Demand[T] | None = None
        self.offered = 0
        self.delivered = 0
        self.dropped_newest = 0
        """Items that found the buffer full."""
        self.dropped_oldest = 0
        """Items that made room for newer ones."""
        self.discarded = 0
        """Items that waited when the consumer left."""
        self.end: StreamEnd | None = None
        """Why nothing more will be added; what is pending can still be taken."""
        self.exhausted = False
        """Whether whoever iterates was told of the end."""

    @property
    def overflow(self) -> OverflowPolicy:
        """What is lost when this consumer is too slow."""
        return self._overflow

    @property
    def dropped(self) -> int:
        """Items that this consumer lost."""
        return self.dropped_newest + self.dropped_oldest + self.discarded

    @property
    def pending(self) -> int:
        """Items that wait for this consumer."""
        return len(self._items)

    def set_overflow(self, overflow: OverflowPolicy, buffer_size: int) -> None:
        """Change the policy; what is pending stays as far as the new one would have kept it."""
        self._bound_by(overflow, buffer_size)
        if self._limit and self._overflow is not OverflowPolicy.BLOCK:
            while len(self._items) > self._limit:
                if self._overflow is OverflowPolicy.DROP_NEWEST:
                    self._items.pop()
                    self.dropped_newest += 1
                else:
                    self._items.popleft()
                    self.dropped_oldest += 1
        self._fanout._made_room()  # noqa: SLF001

    def _bound_by(self, overflow: OverflowPolicy, buffer_size: int) -> None:
        if buffer_size < 0:
            raise ValueError(f"buffer_size must not be negative, got {buffer_size!r}")
        self._overflow = OverflowPolicy(overflow)  # a plain text is its value
        self._limit = 1 if self._overflow is OverflowPolicy.LATEST else buffer_size

    def serve(self, demand: Demand[T]) -> None:
        """Hand items straight to ``demand`` as long as it has credit; what is pending has to be taken first."""
        self._demand = demand

    def take(self, max_items: int | None = None) -> list[T]:
        """Return what is pending without waiting."""
        items = self._items
        if max_items is None or max_items >= len(items):
            taken = list(items)
            items.clear()
        else:
            taken = [items.popleft() for _ in range(max_items)]
        if taken:
            self.delivered += len(taken)
            self._fanout._made_room()  # noqa: SLF001  - the two classes are one mechanism
        return taken

    async def ready(self, at_least: int = 1) -> bool:
        """Wait until ``at_least`` items are pending, or half the buffer is full; True when any is pending.

        Whoever needs no item at once saves a wake-up for each. At the end what is pending is ready; after it, False,
        or the error of a failed stream.
        """
        self._wanted = min(at_least, self._limit // 2) if self._limit else at_least
        while self.end is None and len(self._items) < max(1, self._wanted):
            if self._waiter is not None:
                raise RuntimeError("another task already waits for this subscription")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if not self._items:
            self.exhausted = True
            if self.end is not None and self.end.error is not None:
                raise self.end.error
        return bool(self._items)

    async def chunks(self, max_items: int = _ITEMS_PER_TURN) -> AsyncIterator[list[T]]:
        """Yield all that is pending, at most ``max_items`` at a time, with one wake-up each."""
        if max_items < 1:
            raise ValueError(f"max_items must be >= 1, got {max_items!r}")
        while await self.ready():
            yield self.take(max_items)
            if self._items:
                await asyncio.sleep(0)

    def __aiter__(self) -> Self:
        """Return the subscription itself: two loops share its items."""
        return self

    async def __anext__(self) -> T:
        """Return the next item, waiting for it."""
        if self.delivered % _ITEMS_PER_TURN == _ITEMS_PER_TURN - 1:
            await asyncio.sleep(0)
        if not self._items and not await self.ready():
            raise StopAsyncIteration
        self.delivered += 1
        item = self._items.popleft()
        self._fanout._made_room()  # noqa: SLF001
        return item

    def close(self, end: StreamEnd = CANCELLED) -> None:
        """Leave: what is pending is discarded and counted, the others never notice. Idempotent."""
        self._fanout._remove(self)  # noqa: SLF001
        self.discarded += len(self._items)
        self._items.clear()
        self._finish(end)

    async def aclose(self) -> None:
        """Leave, see ``close``."""
        self.close()

    def _room(self) -> int | None:
        """Items for which the producer need not wait; None without a limit."""
        if self._overflow is not OverflowPolicy.BLOCK or not self._limit:
            return None
        credit = self._demand.credit if self._demand is not None else 0
        return max(0, self._limit + credit - len(self._items))

    def _offer(self, chunk: Sequence[T]) -> None:
        """Add a chunk, losing what does not fit."""
        if self.end is not None:  # left while this chunk was given to others
            return
        count = len(chunk)
        self.offered += count
        items = self._items
        if self._demand is not None and self._demand.credit and not items:
            claimed = min(self._demand.credit, count)
            self._demand.claim(chunk[:claimed])
            self.delivered += claimed
            chunk = chunk[claimed:]
            count -= claimed
        excess = len(items) + count - self._limit if self._limit else 0
        if excess <= 0:
            items.extend(chunk)
        elif self._overflow in (OverflowPolicy.BLOCK, OverflowPolicy.DROP_NEWEST):
            self.dropped_newest += excess
            items.extend(chunk[: count - excess])
        else:
            self.dropped_oldest += excess
            items.extend(chunk[-self._limit :])
            while len(items) > self._limit:
                items.popleft()
        if self._waiter is not None and len(items) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def _finish(self, end: StreamEnd) -> None:
        self.end = self.end or end
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Fanout[T]:
    """Gives every item to every consumer.

    A slow consumer changes nothing for the others unless it chose BLOCK. Belongs to one event loop; ``Stream``
    carries items over from other threads.
    """

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription[T], ...] = ()
        self._putters: list[asyncio.Future[None]] = []
        self._since_turn = 0
        self.accepted = 0
        """Items that were given to whoever was there."""
        self.end: StreamEnd | None = None

    @property
    def subscriptions(self) -> tuple[Subscription[T], ...]:
        """The consumers at this moment."""
        return self._subscriptions

    def subscribe(
        self, *, overflow: OverflowPolicy = OverflowPolicy.BLOCK, buffer_size: int = DEFAULT_BUFFER_SIZE
    ) -> Subscription[T]:
        """Return a consumer of what is put from now on; after the end, one that ends at once."""
        subscription = Subscription(self, overflow=overflow, buffer_size=buffer_size)
        if self.end is not None:
            subscription._finish(self.end)  # noqa: SLF001
        else:
            self._subscriptions += (subscription,)
        return subscription

    def listen(self, listener: Callable[[Sequence[T]], None]) -> Callable[[], None]:
        """Call ``listener`` with every chunk in the turn in which it is given; the returned function ends that.

        For consumers that never wait: waking a task costs more than the work on a small chunk.
        """
        subscription = self.subscribe(overflow=OverflowPolicy.DROP_NEWEST)
        subscription.serve(_Listener(listener))
        return subscription.close

    async def put(self, item: T) -> bool:
        """Give one item to all, waiting for those that chose BLOCK; False when the stream has ended.

        A cancelled put delivers nothing.
        """
        return await self.put_many((item,)) == 1

    async def put_many(self, items: Sequence[T]) -> int:
        """Give items to all in as few chunks as there is room for; return how many before the stream ended.

        When it is cancelled, what was given before stays given and nothing more follows.
        """
        done, count = 0, len(items)
        self._since_turn += count
        if self._since_turn >= _ITEMS_PER_TURN:
            self._since_turn = 0
            await asyncio.sleep(0)
        while done < count and self.end is None:
            room = self._room()
            if room is None or room >= count - done:
                self._give(items[done:] if done else items)
                done = count
            elif room:
                self._give(items[done : done + room])
                done += room
            else:
                await self._wait_for_room()
        return done

    def put_now(self, items: Sequence[T]) -> bool:
        """Give items to all if there is room for them, or nobody waits for room; False, and nothing given, if not."""
        if self.end is not None:
            return False
        for subscription in self._subscriptions:
            room = subscription._room()  # noqa: SLF001
            if room is not None and room < len(items):
                return False
        self._give(items)
        return True

    def push(self, items: Sequence[T]) -> None:
        """Give items to all without waiting; a BLOCK consumer that has no room loses them, counted."""
        if self.end is None:
            self._give(items)

    async def drained(self) -> None:
        """Wait until every consumer took what is pending."""
        while any(subscription.pending for subscription in self._subscriptions):
            await self._wait_for_room()

    def finish(self, end: StreamEnd = COMPLETED) -> None:
        """Accept nothing more; every consumer ends once it took what is pending. Idempotent."""
        if self.end is not None:
            return
        self.end = end
        for subscription in self._subscriptions:
            subscription._finish(end)  # noqa: SLF001
        self._made_room()

    def _give(self, chunk: Sequence[T]) -> None:
        self.accepted += len(chunk)
        for subscription in self._subscriptions:
            subscription._offer(chunk)  # noqa: SLF001

    def _room(self) -> int | None:
        """Items that can be given without waiting; None when nobody makes the producer wait."""
        least: int | None = None
        for subscription in self._subscriptions:
            room = subscription._room()  # noqa: SLF001
            if room is not None and (least is None or room < least):
                least = room
        return least

    async def _wait_for_room(self) -> None:
        putter = asyncio.get_running_loop().create_future()
        self._putters.append(putter)
        try:
            await putter
        finally:
            if putter in self._putters:  # cancelled
                self._putters.remove(putter)

    def _made_room(self) -> None:
        """Wake all who wait: one that was cancelled meanwhile then takes no wake-up from another."""
        if self._putters:
            putters, self._putters = self._putters, []
            for putter in putters:
                if not putter.done():
                    putter.set_result(None)

    def _remove(self, subscription: Subscription[T]) -> None:
        self._subscriptions = tuple(kept for kept in self._subscriptions if kept is not subscription)
        self._made_room()
