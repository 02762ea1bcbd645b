"""What a recorder can poll, whatever its method is called and takes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
import inspect
from typing import Any, Protocol

from .sample import Sample

type Poll = Callable[[], Sequence[Sample] | Awaitable[Sequence[Sample]]]


class ParameterPollSource(Protocol):
    """Reads chosen parameters of its devices."""

    async def poll(
        self, parameters: Sequence[str | int], names: Sequence[str] | None = None, instances: Sequence[int] = (1,)
    ) -> Sequence[Sample]:
        """Return one sample per device, parameter and instance that could be read; failed ones are left out."""
        ...


class ManyPollSource(Protocol):
    """Reads chosen parameters of its devices."""

    async def poll_many(
        self, parameters: Sequence[str | int], names: Sequence[str] | None = None, instances: Sequence[int] = (1,)
    ) -> Sequence[Sample]:
        """Return one sample per device, parameter and instance that could be read; failed ones are left out."""
        ...


class SamplesPollSource(Protocol):
    """Reads all channels of its devices."""

    async def poll_samples(
        self,
        *,
        names: Sequence[str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  - the documented signature
    ) -> Sequence[Sample]:
        """Return one sample per channel; empty when every read failed."""
        ...


class PlainPollSource(Protocol):
    """Reads all that it has."""

    async def poll(self) -> Sequence[Sample]:
        """Return one sample per value."""
        ...


class HeldPollSource(Protocol):
    """Has all that it says at hand, and is asked without a task being woken for it."""

    def poll(self) -> Sequence[Sample]:
        """Return one sample per value, at once."""
        ...


type PollSource = ParameterPollSource | ManyPollSource | SamplesPollSource | PlainPollSource | HeldPollSource

_METHODS = ("poll_samples", "poll_many", "poll")
"""The most particular name first: some sources also have a ``poll`` that means something else."""


def make_poll(
    source: PollSource,
    *,
    parameters: Sequence[str | int] | None,
    instances: Sequence[int],
    names: Sequence[str] | None,
    within: float | None,
) -> Poll:
    """Return a call without arguments that polls ``source`` once; its answer may have to be awaited.

    Arguments are handed on as far as the source's signature has them. Where it has no ``timeout``, ``within``
    (seconds) is kept from outside. Raises TypeError for what cannot be polled, ValueError for a missing argument.
    """
    method: Callable[..., Sequence[Sample] | Awaitable[Sequence[Sample]]] | None = None
    for name in _METHODS:
        if (method := getattr(source, name, None)) is not None:
            break
    if method is None:
        raise TypeError(f"{type(source).__name__} has none of {', '.join(_METHODS)}")
    accepted = inspect.signature(method).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values())
    wanted: dict[str, Any] = {"parameters": parameters, "instances": instances, "names": names, "timeout": within}
    arguments = {
        name: value
        for name, value in wanted.items()
        if (name in accepted or takes_any) and not (name in ("parameters", "timeout") and value is None)
    }
    for name, parameter in accepted.items():
        if parameter.default is parameter.empty and name in wanted and name not in arguments:
            raise ValueError(f"{name} is required by {type(source).__name__}.{method.__name__}")
    if within is None or "timeout" in arguments:
        return partial(method, **arguments) if arguments else method

    async def poll_within() -> Sequence[Sample]:
        async with asyncio.timeout(within):
            answer = method(**arguments)
            return await answer if isinstance(answer, Awaitable) else answer

    return poll_within
