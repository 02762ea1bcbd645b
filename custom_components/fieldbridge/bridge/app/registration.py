"""The registering half of an App: decorators, and the same as plain calls."""

from collections.abc import Awaitable, Callable
from typing import Any

from ..interfaces import BackoffStrategy, PersistPolicy, PublishStrategy, Store
from ..retry import CircuitBreaker
from ..runners.registrations import (
    CommandRegistration,
    DeviceRegistration,
    IntervalSpec,
    StreamRegistration,
    TelemetryRegistration,
)
from ..streams import Backpressure
from ..streams.stream import DEFAULT_MAXSIZE
from .adapters import AdapterRegistry, Implementation
from .registry import Registry, check_telemetry, mqtt_params, plans, streamed_type

type Handler = Callable[..., Any]
type Decorator = Callable[[Handler], Handler]


class Registrations:
    """Devices, telemetry, commands, streams and adapters of an app.

    All forms raise ValueError for a name that is taken or an option that contradicts another, and TypeError for a
    signature that cannot be injected.
    """

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self.registry = Registry()
        self.adapter_registry = AdapterRegistry()

    def device(
        self, name: str | None = None, *, init: Callable[..., Any] | None = None, enabled: bool = True
    ) -> Decorator:
        """Register a device with a loop of its own and commands on ``{name}/set``; without name a root device."""
        _refuse_bare(name, "Use @app.device(), not @app.device (parentheses required)")

        def register(func: Handler) -> Handler:
            self.add_device(name or func.__name__, func, init=init, enabled=enabled, is_root=name is None)
            return func

        return register

    def add_device(
        self,
        name: str,
        func: Handler,
        *,
        init: Callable[..., Any] | None = None,
        enabled: bool = True,
        is_root: bool = False,
    ) -> None:
        """Register a device: a coroutine function or an asynchronous generator function."""
        if enabled:
            self.registry.add(DeviceRegistration(name=name, is_root=is_root, **plans(func, init)))

    def command(
        self, name: str | None = None, *, init: Callable[..., Any] | None = None, enabled: bool = True
    ) -> Decorator:
        """Register a handler of commands; its parameters ``topic`` and ``payload`` receive the MQTT strings."""
        _refuse_bare(name, "Use @app.command(), not @app.command (parentheses required)")

        def register(func: Handler) -> Handler:
            self.add_command(name or func.__name__, func, init=init, enabled=enabled, is_root=name is None)
            return func

        return register

    def add_command(
        self,
        name: str,
        func: Callable[..., Awaitable[dict[str, object] | None]],
        *,
        init: Callable[..., Any] | None = None,
        enabled: bool = True,
        is_root: bool = False,
    ) -> None:
        """Register a handler of commands; a dict that it returns is published as state."""
        if enabled:
            given = mqtt_params(func)
            fields = plans(func, init, given)
            self.registry.add(CommandRegistration(name=name, is_root=is_root, mqtt_params=given, **fields))

    def telemetry(
        self,
        name: str | None = None,
        *,
        interval: IntervalSpec,
        publish: PublishStrategy | None = None,
        persist: PersistPolicy | None = None,
        init: Callable[..., Any] | None = None,
        enabled: bool = True,
        group: str | None = None,
        retry: int = 0,
        retry_on: tuple[type[BaseException], ...] | None = None,
        backoff: BackoffStrategy | None = None,
        circuit_breaker: CircuitBreaker | None = None,
    ) -> Decorator:
        """Register a function that is called every ``interval`` seconds; a dict that it returns is published."""

        def register(func: Handler) -> Handler:
            self.add_telemetry(
                name or func.__name__,
                func,
                interval=interval,
                publish=publish,
                persist=persist,
                init=init,
                enabled=enabled,
                group=group,
                is_root=name is None,
                retry=retry,
                retry_on=retry_on,
                backoff=backoff,
                circuit_breaker=circuit_breaker,
            )
            return func

        return register

    def add_telemetry(
        self,
        name: str,
        func: Callable[..., Awaitable[dict[str, object] | None]],
        *,
        interval: IntervalSpec,
        publish: PublishStrategy | None = None,
        persist: PersistPolicy | None = None,
        init: Callable[..., Any] | None = None,
        enabled: bool = True,
        group: str | None = None,
        is_root: bool = False,
        retry: int = 0,
        retry_on: tuple[type[BaseException], ...] | None = None,
        backoff: BackoffStrategy | None = None,
        circuit_breaker: CircuitBreaker | None = None,
    ) -> None:
        """Register a polled function; ``retry_on`` is OSError unless given."""
        if not enabled:
            return
        registration = TelemetryRegistration(
            name=name,
            is_root=is_root,
            interval=interval,
            publish=publish,
            persist=persist,
            group=group,
            retry=retry,
            retry_on=(OSError,) if retry_on is None else retry_on,
            backoff=backoff,
            circuit_breaker=circuit_breaker,
            **plans(func, init),
        )
        check_telemetry(registration, has_store=self.store is not None)
        self.registry.add(registration)

    def stream(
        self,
        name: str | None = None,
        *,
        enabled: bool = True,
        maxsize: int = DEFAULT_MAXSIZE,
        backpressure: Backpressure = "drop_oldest",
    ) -> Decorator:
        """Register a handler that iterates over the ``Stream[T]`` that the adapter ``StreamablePort[T]`` fills."""
        _refuse_bare(name, "Use @app.stream(), not @app.stream (parentheses required)")

        def register(func: Handler) -> Handler:
            self.add_stream(
                name or func.__name__,
                func,
                enabled=enabled,
                maxsize=maxsize,
                backpressure=backpressure,
                is_root=name is None,
            )
            return func

        return register

    def add_stream(
        self,
        name: str,
        func: Handler,
        *,
        enabled: bool = True,
        maxsize: int = DEFAULT_MAXSIZE,
        backpressure: Backpressure = "drop_oldest",
        is_root: bool = False,
    ) -> None:
        """Register a stream handler: an asynchronous generator function or a coroutine function."""
        if not enabled:
            return
        fields = plans(func, None)
        registration = StreamRegistration(
            name=name,
            is_root=is_root,
            item_type=streamed_type(fields["plan"]),
            maxsize=maxsize,
            backpressure=backpressure,
            **fields,
        )
        self.registry.add(registration)

    def adapter(self, port_type: Any, impl: Implementation, *, dry_run: Implementation | None = None) -> None:
        """Register the implementation of a port: a class, a factory, or ``"module:Attribute"``."""
        self.adapter_registry.add(port_type, impl, dry_run)


def _refuse_bare(name: object, message: str) -> None:
    """Raise TypeError for a decorator that was used without its parentheses."""
    if callable(name):
        raise TypeError(message)
