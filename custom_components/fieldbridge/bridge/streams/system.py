"""The small host that runs producers and consumers: mailboxes without a task of their own.

Why one run queue: a message costs an append, and one turn of the event loop handles all that are waiting in the
order in which they were told, whoever they are for.
"""

import asyncio
from collections import deque
from collections.abc import Callable
import logging
from typing import Any, Protocol, Self, override

from .messages import Tellable

_LOGGER = logging.getLogger(__name__)

ASK_TIMEOUT = 5.0
"""Seconds."""

_MESSAGES_PER_TURN = 1000

type Receive[M] = Callable[[M], None]
"""Handles one message; never waits."""


class StreamRef[M]:
    """Address of something that was spawned."""

    def __init__(self, system: StreamSystem, name: str) -> None:
        self.name = name
        self._system = system
        self._receive: Receive[M] = _refuse
        self._stopped = False

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    @property
    def stopped(self) -> bool:
        """Whether what is told is not handled any more."""
        return self._stopped

    def tell(self, message: M) -> None:
        """Send one message; never waits."""
        self._system._post(self, message)  # noqa: SLF001  - address and host are one mechanism

    async def _ask[R](self, make: Callable[[Tellable[R]], M], within: float) -> R:
        return await self._system.ask(self, make, timeout=within)


class StreamContext[M]:
    """What a behaviour may do with itself."""

    def __init__(self, ref: StreamRef[M]) -> None:
        self.self = ref
        self.afterwards: Receive[M] = _refuse
        """Answers what is told to this after it stopped; a dead letter unless it is said otherwise."""
        self._on_stop: list[Callable[[], object]] = []

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once when this stops, whatever the reason."""
        self._on_stop.append(callback)

    def later(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when all messages that wait were handled, however often it is asked for."""
        self.self._system._defer(callback)  # noqa: SLF001

    def stop(self) -> None:
        """Handle no further message. Idempotent."""
        self.self._stopped = True  # noqa: SLF001
        self.self._receive = self.afterwards  # noqa: SLF001
        callbacks, self._on_stop = self._on_stop, []
        for callback in callbacks:
            _guard(callback)


class Behavior[R: StreamRef[Any]](Protocol):
    """What can be spawned."""

    def make_ref(self, system: StreamSystem, name: str) -> R:
        """Return the address under which it will be known."""
        ...

    def start(self, context: StreamContext[Any]) -> Receive[Any]:
        """Start; return what handles the messages."""
        ...


class UnhandledMessageError(Exception):
    """Raised by a behaviour for a message that it has no use for in its state."""


def _refuse(_: object) -> None:
    raise UnhandledMessageError


def _guard(callback: Callable[[], object]) -> None:
    """Call ``callback``; when it fails, neither the system nor the other callbacks do."""
    try:
        callback()
    except Exception:
        _LOGGER.exception("%r failed", callback)


class _Reply[R]:
    """Where the answer to one question goes."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()

    def tell(self, message: R) -> None:
        """Raise when nobody waits any more: what can be given away once is then kept for the next who asks."""
        if self.answer.done():
            raise UnhandledMessageError
        self.answer.set_result(message)


class StreamSystem:
    """Runs what is spawned in it, within ``async with``, on one event loop."""

    def __init__(self) -> None:
        self._contexts: dict[str, StreamContext[Any]] = {}
        self._posted: deque[tuple[StreamRef[Any], Any]] = deque()
        self._deferred: dict[Callable[[], None], None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self.dead_letters = 0
        """Messages that nobody handled: told to something stopped, or not understood."""

    async def __aenter__(self) -> Self:
        """Begin to run."""
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop all: puts return, sources end as cancelled."""
        for context in tuple(self._contexts.values()):
            context.stop()
        self.dead_letters += len(self._posted)
        self._posted.clear()
        self._deferred.clear()
        self._loop = None

    def spawn[R: StreamRef[Any]](self, behavior: Behavior[R], name: str) -> R:
        """Start a behaviour under a name that is not in use. Raises ValueError, RuntimeError when not entered."""
        if self._loop is None:
            raise RuntimeError("the system is not running: use 'async with StreamSystem()'")
        if name in self._contexts:
            raise ValueError(f"there is already a {name!r}")
        ref = behavior.make_ref(self, name)
        context: StreamContext[Any] = StreamContext(ref)
        self._contexts[name] = context
        context.on_stop(lambda: self._contexts.pop(name, None))
        try:
            ref._receive = behavior.start(context)  # noqa: SLF001
        except BaseException:
            context.stop()
            raise
        return ref

    async def ask[M, R](
        self,
        ref: Tellable[M],
        make: Callable[[Tellable[R]], M],
        *,
        timeout: float = ASK_TIMEOUT,  # noqa: ASYNC109
    ) -> R:
        """Send what ``make`` returns for the place of the answer, and wait for it. Raises TimeoutError."""
        reply: _Reply[R] = _Reply()
        ref.tell(make(reply))
        async with asyncio.timeout(timeout):
            return await reply.answer

    def _post(self, ref: StreamRef[Any], message: object) -> None:
        if self._loop is None:
            self.dead_letters += 1
            return
        self._posted.append((ref, message))
        if not self._scheduled:
            self._schedule(self._loop)

    def _defer(self, callback: Callable[[], None]) -> None:
        self._deferred[callback] = None
        if not self._scheduled and self._loop is not None:
            self._schedule(self._loop)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = True
        loop.call_soon(self._run)

    def _run(self) -> None:
        posted = self._posted
        for _ in range(_MESSAGES_PER_TURN):
            if posted:
                ref, message = posted.popleft()
                self._handle(ref, message)
            elif self._deferred:
                deferred, self._deferred = self._deferred, {}
                for callback in deferred:
                    _guard(callback)
            else:
                break
        self._scheduled = False
        if (posted or self._deferred) and self._loop is not None:
            self._schedule(self._loop)

    def _handle(self, ref: StreamRef[Any], message: object) -> None:
        try:
            ref._receive(message)  # noqa: SLF001
        except UnhandledMessageError:
            self.dead_letters += 1
        except Exception:
            _LOGGER.exception("%r failed and is stopped", ref)
            if not ref.stopped:
                self._contexts[ref.name].stop()
