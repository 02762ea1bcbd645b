"""Functions that are called when the handlers of an app have left events in a shared object."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import inspect
from typing import Any

from .injection import Plan, build_plan, resolve


@dataclass(frozen=True, slots=True)
class Reactor:
    """Is called with the events that ``drain`` takes out of the object of ``state_type``."""

    state_type: type
    func: Callable[..., Any]
    plan: Plan
    takes_events: bool
    drain: Callable[[Any], Any] | None = None
    """None: the object's method ``drain_events``."""


def make_reactor(state_type: type, func: Callable[..., Any], drain: Callable[[Any], Any] | None) -> Reactor:
    """Return the reactor. Raises TypeError for what is no coroutine function, or cannot be injected."""
    if not inspect.iscoroutinefunction(func):
        raise TypeError(f"Reactor {func!r} must be async")
    takes_events = "events" in inspect.signature(func).parameters
    plan = build_plan(func, given=frozenset({"events"}))
    return Reactor(state_type, func, plan, takes_events=takes_events, drain=drain)


class Reactors:
    """All reactors of an app; those of one object and one ``drain`` are given the same events."""

    def __init__(self, reactors: list[Reactor]) -> None:
        # By the identity of the drain: a callable object need not be hashable.
        self._by_source: dict[tuple[type, int], list[Reactor]] = {}
        for reactor in reactors:
            self._by_source.setdefault((reactor.state_type, id(reactor.drain)), []).append(reactor)

    def bound(self, providers: Mapping[Any, object]) -> Callable[[], Awaitable[None]] | None:
        """Return ``react`` with these providers, None when there are no reactors: streams are to cost nothing more."""
        return (lambda: self.react(providers)) if self._by_source else None

    async def react(self, providers: Mapping[Any, object]) -> None:
        """Drain every object and call its reactors. Raises what a reactor raises, AttributeError without a drain."""
        for (state_type, _), reactors in self._by_source.items():
            state: Any = providers[state_type]
            drain = reactors[0].drain
            drained = state.drain_events() if drain is None else drain(state)
            events = list((await drained) if inspect.isawaitable(drained) else drained or ())
            for reactor in reactors if events else ():
                given = {"events": events} if reactor.takes_events else {}
                await reactor.func(**resolve(reactor.plan, providers), **given)
