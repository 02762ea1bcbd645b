"""Running user code: a handler may be a coroutine function or an asynchronous generator function."""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import aclosing
import inspect


class HandlerKindError(TypeError):
    """A handler is neither a coroutine function nor an asynchronous generator: running it again is of no use."""


async def drive(func: Callable[..., object], arguments: Mapping[str, object]) -> None:
    """Run a handler to its end; what a generator yields marks a point of reaction and is not used.

    Raises HandlerKindError (a TypeError), and whatever the handler raises.
    """
    running = func(**arguments)
    if isinstance(running, Awaitable):
        running = await running
        if running is None:
            return
    if inspect.isasyncgen(running):
        async with aclosing(running):
            await _exhaust(running)
    elif isinstance(running, AsyncIterable):
        await _exhaust(running)
    else:
        name = getattr(func, "__qualname__", repr(func))
        raise HandlerKindError(f"{name} must return an async generator or be a coroutine function")


async def _exhaust(items: AsyncIterable[object]) -> None:
    async for _ in items:
        pass
