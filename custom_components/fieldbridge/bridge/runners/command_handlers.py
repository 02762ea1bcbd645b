"""The command side of one device context: its handlers, or the iterator that takes their place."""

import asyncio
from collections.abc import AsyncIterator, Callable
import logging

from ..interfaces import ClockPort, CommandHandler
from ..streams import Stream
from .commands import Command
from .injection import first_annotation

_LOGGER = logging.getLogger(__name__)


class CommandHandlers:
    """Handlers by sub-topic (None: the device itself), or one iterator over the commands without sub-topic."""

    def __init__(self, shutdown: asyncio.Event, clock: ClockPort) -> None:
        self._shutdown = shutdown
        self._clock = clock
        self.by_sub_topic: dict[str | None, CommandHandler] = {}
        self._takes_command: set[str | None] = set()
        self._stream: Stream[Command] | None = None
        self._on_wired: Callable[[], None] | None = None

    def register(self, sub_topic: str | None, handler: CommandHandler) -> None:
        """Add a handler. Raises RuntimeError for a second one, or a root handler beside the iterator."""
        if sub_topic in self.by_sub_topic:
            raise RuntimeError(f"Command handler already registered for {sub_topic or 'the device'}")
        if sub_topic is None and self._stream is not None:
            raise RuntimeError("commands() iterator already active, a root handler cannot be registered as well")
        self.by_sub_topic[sub_topic] = handler
        if first_annotation(handler) is Command:
            self._takes_command.add(sub_topic)
        self._wired()

    def forget(self, sub_topic: str) -> None:
        """Take the handler of a sub-topic back, if there is one."""
        self.by_sub_topic.pop(sub_topic, None)
        self._takes_command.discard(sub_topic)

    def iterate(self, timeout: float | None) -> AsyncIterator[Command | None]:
        """Return the iterator. Raises RuntimeError on a second call or beside a root handler."""
        if self._stream is not None:
            raise RuntimeError("commands() is already active on this context")
        if None in self.by_sub_topic:
            raise RuntimeError("A root on_command handler already registered, commands() cannot be used as well")
        self._stream = Stream[Command]()
        self._wired()
        return self._until_shutdown(self._stream, timeout)

    async def handle(self, command: Command) -> None:
        """Give a command to whoever wants it."""
        handler = self.by_sub_topic.get(command.sub_topic)
        if handler is None:
            if self._stream is not None and command.sub_topic is None:
                self._stream.put(command)
            else:
                _LOGGER.debug("no handler for %s", command.topic)
                command.settle(error=LookupError(f"No handler for {command.topic}"))
        elif command.sub_topic in self._takes_command:
            await handler(command)
        else:
            await handler(command.sub_topic, command.payload)

    def when_wired(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the first handler or the iterator was registered."""
        self._on_wired = callback

    def _wired(self) -> None:
        callback, self._on_wired = self._on_wired, None
        if callback is not None:
            # In the next turn: a device registers all its handlers before it first waits.
            asyncio.get_running_loop().call_soon(callback)

    async def _until_shutdown(self, stream: Stream[Command], patience: float | None) -> AsyncIterator[Command | None]:
        """Yield commands, and None after every ``patience`` s without one; drains what is queued at shutdown."""
        ending = asyncio.create_task(self._finish_at_shutdown(stream), name="commands-until-shutdown")
        arriving: asyncio.Task[Command | None] | None = None
        try:
            while True:
                arriving = arriving or asyncio.ensure_future(_next(stream))
                if not await self._arrived(arriving, patience):
                    yield None
                    continue
                command, arriving = arriving.result(), None
                if command is None:
                    return
                yield command
        finally:
            ending.cancel()
            if arriving is not None:
                arriving.cancel()

    async def _finish_at_shutdown(self, stream: Stream[Command]) -> None:
        await self._shutdown.wait()
        stream.finish()

    async def _arrived(self, arriving: asyncio.Task[Command | None], patience: float | None) -> bool:
        """Wait for the task; returns False when ``patience`` seconds passed first."""
        if patience is None:
            await asyncio.wait([arriving])
            return True
        expiring = asyncio.ensure_future(self._clock.sleep(patience))
        try:
            await asyncio.wait((arriving, expiring), return_when=asyncio.FIRST_COMPLETED)
        finally:
            expiring.cancel()
        return arriving.done()


async def _next(stream: Stream[Command]) -> Command | None:
    async for command in stream:
        return command
    return None
