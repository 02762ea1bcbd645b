"""Markers for parameters that are not found by their type alone: ``Annotated[Setpoint, Payload()]``."""

from collections.abc import Callable
from dataclasses import dataclass
import inspect
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One inbound message, injected into handlers of commands by its type; its content is as the broker gave it."""

    topic: str
    payload: str


@dataclass(frozen=True, slots=True)
class Payload:
    """The message, read as JSON into the annotated type; ``raw`` leaves it a string."""

    raw: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic of the message."""


@dataclass(frozen=True, slots=True)
class Optional:
    """None, or the parameter's default, where nobody provides the type."""


@dataclass(frozen=True, slots=True)
class Depends:
    """What ``dependency`` returns, itself injected; called anew for each message. Raises TypeError for a coroutine."""

    dependency: Callable[..., Any]

    def __post_init__(self) -> None:
        for function in (self.dependency, type(self.dependency).__call__):
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                raise TypeError(f"Depends takes a synchronous callable, got {self.dependency!r}")
