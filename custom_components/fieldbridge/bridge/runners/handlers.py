"""Running user code: a handler may be a coroutine function or an asynchronous generator function."""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import aclosing
import inspect


class HandlerKindError(TypeError):
    """A handler is neither a coroutine function nor an asynchronous generator: running it again is of no use."""


async def drive(
    func: Callable[..., object], arguments: Mapping[str, object], react: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Run a handler to its end; ``react`` is called there and wherever a generator yields, whatever it yields.

    Raises HandlerKindError (a TypeError), and whatever the handler raises.
    """
    running = func(**arguments)
    if isinstance(running, Awaitable):
        running = await running
        if running is None:
            if react is not None:
                await react()
            return
    if inspect.isasyncgen(running):
        async with aclosing(running):
            await _exhaust(running, react)
    elif isinstance(running, AsyncIterable):
        await _exhaust(running, react)
    else:
        name = getattr(func, "__qualname__", repr(func))
        raise HandlerKindError(f"{name} must return an async generator or be a coroutine function")


async def _exhaust(items: AsyncIterable[object], react: Callable[[], Awaitable[None]] | None) -> None:
    if react is None:
        async for _ in items:
            pass
        return
    async for _ in items:
        await react()
    await react()
