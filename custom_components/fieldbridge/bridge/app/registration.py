"""The registering half of an App: decorators, and the same as plain calls."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
import inspect
from typing import Any, Protocol, Unpack

from ..cron import CronSchedule
from ..interfaces import BackoffStrategy, PersistPolicy, PublishStrategy
from ..retry import CircuitBreaker
from ..runners.reactors import Reactor, make_reactor
from ..runners.registrations import (
    CommandRegistration,
    CronSpec,
    Description,
    DeviceDescription,
    DeviceRegistration,
    EnabledSpec,
    Errors,
    InboundRegistration,
    IntervalSpec,
    NameSpec,
    PeriodicRegistration,
    Registration,
    StreamRegistration,
    TelemetryRegistration,
    TimeoutSpec,
)
from ..runners.services import StoreSpec, check_interval
from ..streams import BackpressurePolicy
from ..streams.stream import DEFAULT_MAXSIZE
from .adapters import AdapterRegistry, Implementation
from .listing import Listed
from .registry import (
    Deferred,
    Registry,
    check_limits,
    check_telemetry,
    command_plans,
    payload_type,
    plans,
    streamed_type,
)
from .shared_state import StateFactory

type Handler = Callable[..., Any]


class Decorator(Protocol):
    """Registers a function and returns it as it is."""

    def __call__[F: Handler](self, func: F, /) -> F:
        """Register ``func``."""
        ...


class Registrations(Listed):
    """Devices, telemetry, commands, streams and adapters of an app.

    All forms raise ValueError for a name that is taken or an option that contradicts another, and TypeError for a
    signature that cannot be injected. What describes a registration to people has no effect but in lists of them.
    """

    def __init__(self, store: StoreSpec | None) -> None:
        self.store = store
        self.registry = Registry()
        self.adapter_registry = AdapterRegistry()
        self.shared_state: list[StateFactory] = []
        self.reactors: list[Reactor] = []

    def device(
        self,
        name: NameSpec | None = None,
        *,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        stale_after: IntervalSpec | None = None,
        **described: Unpack[DeviceDescription],
    ) -> Decorator:
        """Register a device with a loop of its own and commands on ``{name}/set``; without name a root device."""
        _refuse_bare(name, "Use @app.device(), not @app.device (parentheses required)")

        def register[F: Handler](func: F) -> F:
            self.add_device(
                name or func.__name__,
                func,
                init=init,
                enabled=enabled,
                is_root=name is None,
                state_model=state_model,
                stale_after=stale_after,
                **described,
            )
            return func

        return register

    def add_device(
        self,
        name: NameSpec,
        func: Handler,
        *,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        stale_after: IntervalSpec | None = None,
        is_root: bool = False,
        **described: Unpack[DeviceDescription],
    ) -> None:
        """Register a device: a coroutine function or an asynchronous generator function.

        It is unavailable when it published nothing for ``stale_after`` seconds.
        """
        if enabled:
            made = DeviceRegistration(
                name=_name_of(name, func),
                is_root=is_root,
                state_model=state_model,
                stale_after=stale_after,
                described=described,
                **plans(func, init),
            )
            self._add(made, name, enabled)

    def command(
        self,
        name: NameSpec | None = None,
        *,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        payload_model: Any = None,
        sub: str | None = None,
        sub_key: str = "command",
        timeout: TimeoutSpec | None = None,
        unavailable_on: Errors | None = None,
        **described: Unpack[Description],
    ) -> Decorator:
        """Register a handler of commands; its parameters ``topic`` and ``payload`` receive the MQTT strings.

        With ``sub`` it takes only JSON objects whose field ``sub_key`` says so; others may share its name.
        """
        _refuse_bare(name, "Use @app.command(), not @app.command (parentheses required)")

        def register[F: Handler](func: F) -> F:
            self.add_command(
                name or func.__name__,
                func,
                init=init,
                enabled=enabled,
                is_root=name is None,
                state_model=state_model,
                payload_model=payload_model,
                sub=sub,
                sub_key=sub_key,
                timeout=timeout,
                unavailable_on=unavailable_on,
                **described,
            )
            return func

        return register

    def add_command(
        self,
        name: NameSpec,
        func: Callable[..., Awaitable[object]],
        *,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        payload_model: Any = None,
        is_root: bool = False,
        sub: str | None = None,
        sub_key: str = "command",
        timeout: TimeoutSpec | None = None,
        unavailable_on: Errors | None = None,
        **described: Unpack[Description],
    ) -> None:
        """Register a handler of commands; a dict, dataclass or model that it returns is published as state.

        ``payload_model`` says what the payload is, unless the handler's own annotation does.
        """
        if enabled:
            fields = command_plans(func, init)
            made = CommandRegistration(
                name=_name_of(name, func),
                is_root=is_root,
                state_model=state_model,
                payload_model=payload_model or payload_type(fields["plan"]),
                sub=sub,
                sub_key=sub_key,
                timeout=timeout,
                unavailable_on=unavailable_on or (),
                described=described,
                **fields,
            )
            self._add(made, name, enabled)

    def telemetry(
        self,
        name: NameSpec | None = None,
        *,
        interval: IntervalSpec | None = None,
        schedule: CronSpec | None = None,
        triggerable: bool = False,
        min_interval: float | None = None,
        stale_after: IntervalSpec | None = None,
        publish: PublishStrategy | None = None,
        persist: PersistPolicy | None = None,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        group: str | None = None,
        retry: int = 0,
        retry_on: tuple[type[BaseException], ...] | None = None,
        backoff: BackoffStrategy | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        timeout: TimeoutSpec | None = None,
        unavailable_on: Errors | None = None,
        **described: Unpack[DeviceDescription],
    ) -> Decorator:
        """Register a function that is called every ``interval`` s or on ``schedule``; what it returns is published."""
        _refuse_bare(name, "Use @app.telemetry(interval=...), not @app.telemetry (parentheses required)")

        def register[F: Handler](func: F) -> F:
            self.add_telemetry(
                name or func.__name__,
                func,
                interval=interval,
                schedule=schedule,
                triggerable=triggerable,
                min_interval=min_interval,
                stale_after=stale_after,
                publish=publish,
                persist=persist,
                init=init,
                enabled=enabled,
                group=group,
                is_root=name is None,
                state_model=state_model,
                retry=retry,
                retry_on=retry_on,
                backoff=backoff,
                circuit_breaker=circuit_breaker,
                timeout=timeout,
                unavailable_on=unavailable_on,
                **described,
            )
            return func

        return register

    def add_telemetry(
        self,
        name: NameSpec,
        func: Callable[..., Awaitable[object]],
        *,
        interval: IntervalSpec | None = None,
        schedule: CronSpec | None = None,
        schedule_spec: CronSpec | None = None,
        triggerable: bool = False,
        min_interval: float | None = None,
        stale_after: IntervalSpec | None = None,
        publish: PublishStrategy | None = None,
        persist: PersistPolicy | None = None,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        group: str | None = None,
        is_root: bool = False,
        retry: int = 0,
        retry_on: tuple[type[BaseException], ...] | None = None,
        backoff: BackoffStrategy | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        timeout: TimeoutSpec | None = None,
        unavailable_on: Errors | None = None,
        **described: Unpack[DeviceDescription],
    ) -> None:
        """Register a polled function; ``schedule`` is in Quartz cron syntax, ``retry_on`` OSError unless given.

        ``schedule_spec`` is another name of ``schedule``.
        """
        if not enabled:
            return
        schedule = schedule if schedule_spec is None else schedule_spec
        registration = TelemetryRegistration(
            name=_name_of(name, func),
            is_root=is_root,
            state_model=state_model,
            interval=interval,
            schedule=CronSchedule(schedule) if isinstance(schedule, str) else schedule,
            triggerable=triggerable,
            min_interval=min_interval,
            stale_after=stale_after,
            publish=publish,
            persist=persist,
            group=group,
            retry=retry,
            retry_on=(OSError,) if retry_on is None else retry_on,
            backoff=backoff,
            circuit_breaker=circuit_breaker,
            timeout=timeout,
            unavailable_on=unavailable_on or (),
            described=described,
            **plans(func, init, triggerable=triggerable),
        )
        check_telemetry(registration, has_store=self.store is not None)
        self._add(registration, name, enabled)

    def stream(
        self,
        name: NameSpec | None = None,
        *,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        maxsize: int = DEFAULT_MAXSIZE,
        backpressure: BackpressurePolicy = "drop_oldest",
        stale_after: IntervalSpec | None = None,
        **described: Unpack[Description],
    ) -> Decorator:
        """Register a handler that iterates over the ``Stream[T]`` that the adapter ``StreamablePort[T]`` fills."""
        _refuse_bare(name, "Use @app.stream(), not @app.stream (parentheses required)")

        def register[F: Handler](func: F) -> F:
            self.add_stream(
                name or func.__name__,
                func,
                enabled=enabled,
                maxsize=maxsize,
                backpressure=backpressure,
                stale_after=stale_after,
                is_root=name is None,
                state_model=state_model,
                **described,
            )
            return func

        return register

    def add_stream(
        self,
        name: NameSpec,
        func: Handler,
        *,
        enabled: EnabledSpec = True,
        state_model: type | None = None,
        maxsize: int = DEFAULT_MAXSIZE,
        backpressure: BackpressurePolicy = "drop_oldest",
        stale_after: IntervalSpec | None = None,
        is_root: bool = False,
        **described: Unpack[Description],
    ) -> None:
        """Register a stream handler: an asynchronous generator function or a coroutine function.

        Its device is unavailable when no item came for ``stale_after`` seconds.
        """
        if not enabled:
            return
        fields = plans(func, None)
        registration = StreamRegistration(
            name=_name_of(name, func),
            is_root=is_root,
            state_model=state_model,
            item_type=streamed_type(fields["plan"]),
            maxsize=maxsize,
            backpressure=backpressure,
            stale_after=stale_after,
            described=described,
            **fields,
        )
        self._add(registration, name, enabled)

    def inbound(
        self,
        name: str | None = None,
        *,
        topic: str | Callable[[Any], str],
        enabled: EnabledSpec = True,
        **described: Unpack[Description],
    ) -> Decorator:
        """Register a handler of messages on a foreign ``topic``, wildcards allowed, retained ones included."""

        def register[F: Handler](func: F) -> F:
            self.add_inbound(name or func.__name__, func, topic=topic, enabled=enabled, **described)
            return func

        return register

    def add_inbound(
        self,
        name: str,
        func: Handler,
        *,
        topic: str | Callable[[Any], str],
        enabled: EnabledSpec = True,
        **described: Unpack[Description],
    ) -> None:
        """Register a handler of messages on a foreign ``topic``, or on the one that the settings name."""
        if enabled:
            made = InboundRegistration(name=name, topic=topic, described=described, **command_plans(func, None))
            self._add(made, name, enabled)

    def periodic(
        self,
        name: str | None = None,
        *,
        interval: IntervalSpec | timedelta,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        **described: Unpack[Description],
    ) -> Decorator:
        """Register a function that is called every ``interval`` seconds for its effect alone."""

        def register[F: Handler](func: F) -> F:
            self.add_periodic(name or func.__name__, func, interval=interval, init=init, enabled=enabled, **described)
            return func

        return register

    def add_periodic(
        self,
        name: str,
        func: Handler,
        *,
        interval: IntervalSpec | timedelta,
        init: Callable[..., Any] | None = None,
        enabled: EnabledSpec = True,
        **described: Unpack[Description],
    ) -> None:
        """Register a function that is called every ``interval`` seconds for its effect alone."""
        if enabled:
            seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
            if not callable(seconds):
                check_interval(seconds)
            made = PeriodicRegistration(name=name, interval=seconds, described=described, **plans(func, init))
            self._add(made, name, enabled)

    def state[F: StateFactory](self, factory: F) -> F:
        """Make an object once per run, before any adapter starts; it is injected by its type."""
        self.shared_state.append(factory)
        return factory

    def react(self, state_type: type, *, drain: Callable[[Any], Any] | None = None) -> Decorator:
        """Call a coroutine function whenever a handler left events in the shared object of ``state_type``.

        They are taken out by ``drain``, else by the object's ``drain_events()``, and given to a parameter ``events``;
        all other parameters are injected. An App raises ValueError for a type that no ``state`` makes, for a router
        when it is included.
        """

        def register[F: Handler](func: F) -> F:
            self.reactors.append(make_reactor(state_type, func, drain))
            return func

        return register

    def adapter(self, port_type: Any, impl: Implementation, *, dry_run: Implementation | None = None) -> None:
        """Register the implementation of a port: a class, a factory, or ``"module:Attribute"``."""
        self.adapter_registry.add(port_type, impl, dry_run)

    def _add(self, registration: Registration, name: NameSpec, enabled: EnabledSpec) -> None:
        check_limits(registration)
        if callable(name) or callable(enabled):
            name_spec = name if callable(name) else None
            self.registry.defer(Deferred(replace(registration, name_spec=name_spec, enabled_spec=enabled)))
        else:
            self.registry.add(registration)


def _name_of(name: NameSpec, func: Handler) -> str:
    return func.__name__ if callable(name) else name


def _refuse_bare(name: object, message: str) -> None:
    """Raise TypeError for a decorator that was used without its parentheses."""
    if callable(name) and inspect.iscoroutinefunction(name) | inspect.isasyncgenfunction(name):
        raise TypeError(message)
