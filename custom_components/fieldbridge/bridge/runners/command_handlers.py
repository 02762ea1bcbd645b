"""The command side of one device context: its handlers, or the iterator that takes their place."""

import asyncio
from collections.abc import AsyncIterator, Callable
import logging

from ..interfaces import ClockPort, CommandHandler
from .commands import Command, LostCommandError
from .injection import first_annotation

_LOGGER = logging.getLogger(__name__)

_MAX_WAITING = 1000
"""Commands that an iterator has not come to; those beyond it wait, and are counted, in the device's queue."""


class CommandHandlers:
    """Handlers by sub-topic (None: the device itself), or one iterator over the commands without sub-topic."""

    def __init__(self, shutdown: asyncio.Event, clock: ClockPort) -> None:
        self._shutdown = shutdown
        self._clock = clock
        self.by_sub_topic: dict[str | None, CommandHandler] = {}
        self._takes_command: set[str | None] = set()
        self._waiting: asyncio.Queue[Command] | None = None
        self._arriving: asyncio.Task[Command | None] | None = None
        self._on_wired: Callable[[], None] | None = None

    def register(self, sub_topic: str | None, handler: CommandHandler) -> None:
        """Add a handler. Raises RuntimeError for a second one, or a root handler beside the iterator."""
        if sub_topic in self.by_sub_topic:
            raise RuntimeError(f"Command handler already registered for {sub_topic or 'the device'}")
        if sub_topic is None and self._waiting is not None:
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
        if self._waiting is not None:
            raise RuntimeError("commands() is already active on this context")
        if None in self.by_sub_topic:
            raise RuntimeError("A root on_command handler already registered, commands() cannot be used as well")
        self._waiting = asyncio.Queue(_MAX_WAITING)
        self._wired()
        return self._until_shutdown(self._waiting, timeout)

    async def handle(self, command: Command) -> None:
        """Give a command to whoever wants it."""
        handler = self.by_sub_topic.get(command.sub_topic)
        if handler is None:
            if self._waiting is not None and command.sub_topic is None:
                await self._enqueue(self._waiting, command)
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

    def abandon(self) -> list[Command]:
        """Take no more commands, since the device is down; returns those that its iterator has not yielded."""
        self._on_wired = None
        unhandled: list[Command] = []
        arriving, self._arriving = self._arriving, None
        if arriving is not None and not (arriving.cancel() or arriving.cancelled()) and (first := arriving.result()):
            unhandled.append(first)
        while self._waiting is not None and not self._waiting.empty():
            unhandled.append(self._waiting.get_nowait())
        return unhandled

    def _wired(self) -> None:
        if self._on_wired is not None:
            # In the next turn: a device registers all its handlers before it first waits.
            asyncio.get_running_loop().call_soon(self._tell_wired)

    def _tell_wired(self) -> None:
        callback, self._on_wired = self._on_wired, None
        if callback is not None:
            callback()

    async def _enqueue(self, waiting: asyncio.Queue[Command], command: Command) -> None:
        try:
            await waiting.put(command)
        except asyncio.QueueShutDown:
            command.settle(error=LostCommandError("The app ended before the command was handled"))

    async def _until_shutdown(
        self, waiting: asyncio.Queue[Command], patience: float | None
    ) -> AsyncIterator[Command | None]:
        """Yield commands, and None after every ``patience`` s without one; drains what is queued at shutdown."""
        ending = asyncio.create_task(self._finish_at_shutdown(waiting), name="commands-until-shutdown")
        try:
            while True:
                arriving = self._arriving = self._arriving or asyncio.ensure_future(_next(waiting))
                if not await self._arrived(arriving, patience):
                    yield None
                    continue
                command, self._arriving = arriving.result(), None
                if command is None:
                    return
                yield command
        finally:
            ending.cancel()
            if self._arriving is not None:
                self._arriving.cancel()

    async def _finish_at_shutdown(self, waiting: asyncio.Queue[Command]) -> None:
        await self._shutdown.wait()
        waiting.shutdown()

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


async def _next(waiting: asyncio.Queue[Command]) -> Command | None:
    try:
        return await waiting.get()
    except asyncio.QueueShutDown:
        return None
