"""Objects that all devices of an app share, made once per run and injected by their type."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
import inspect
from typing import Any, get_args

from ..runners.injection import build_plan, resolve, return_annotation
from ..runners.services import Services


@dataclass(frozen=True, slots=True)
class StateRegistration:
    """A function that makes a shared object, and the type that it says it makes."""

    state_type: Any
    factory: StateFactory


type StateFactory = Callable[..., Any]
"""A function that returns the object, or a generator function (synchronous or not) that yields it and cleans up."""


async def make_shared_state(
    factories: list[StateFactory], overrides: Mapping[type, object], services: Services, stack: AsyncExitStack
) -> None:
    """Make all objects, in order; what is to be cleaned up is left to ``stack``. ``overrides`` stand for their types.

    Raises ValueError when a type is injectable already, and what a factory raises.
    """
    services.extra.update(overrides)
    for factory in factories:
        if type_of_state(factory) in overrides:
            continue
        made = await _make(factory, services, stack)
        if type(made) in services.base_providers(""):
            raise ValueError(f"State of type {type(made).__name__} is already registered")
        services.extra[type(made)] = made


def type_of_state(factory: StateFactory) -> Any:
    """Return the type that a factory says it makes, None when it does not say."""
    if isinstance(factory, type):
        return factory
    made = return_annotation(factory)
    is_generator = inspect.isgeneratorfunction(factory) or inspect.isasyncgenfunction(factory)
    return next(iter(get_args(made)), None) if is_generator else made


async def _make(factory: StateFactory, services: Services, stack: AsyncExitStack) -> Any:
    arguments = resolve(build_plan(factory), services.base_providers("fieldbridge.state"))
    if inspect.isasyncgenfunction(factory):
        return await stack.enter_async_context(_as_async_context(factory)(**arguments))
    if inspect.isgeneratorfunction(factory):
        return stack.enter_context(_as_context(factory)(**arguments))
    made = factory(**arguments)
    return await made if inspect.isawaitable(made) else made


def _as_async_context(factory: Callable[..., AsyncIterator[Any]]) -> Callable[..., AbstractAsyncContextManager[Any]]:
    return asynccontextmanager(factory)


def _as_context(factory: Callable[..., Iterator[Any]]) -> Callable[..., AbstractContextManager[Any]]:
    return contextmanager(factory)
