"""What every runner works with, and how a handler's arguments come together."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
import inspect
import logging
from typing import Any

from .. import lazy
from ..cron import CronSchedule, WallClock
from ..health import ErrorPublisher, HealthReporter, LinkBoard
from ..interfaces import ClockPort, MqttPort, Store
from ..stores import DeviceStore, MemoryStore, NullStore
from .contexts import DeviceContext, StateListener
from .injection import build_plan, resolve
from .reactors import Reactors
from .registrations import CommandRegistration, IntervalSpec, Registration, TelemetryRegistration

_LOGGER = logging.getLogger(__name__)

type StoreSpec = Store | Callable[..., Store]
"""A store, or a function that makes it from what can be injected: the settings, adapters."""


def make_store(store: StoreSpec | None, providers: Mapping[Any, object]) -> Store | None:
    """Return the store, made where a function was given. Raises TypeError for one that makes none."""
    if store is None or (isinstance(store, Store) and not isinstance(store, type)):
        return store
    if inspect.iscoroutinefunction(store):
        raise TypeError("The factory of a store must not be async")
    made = store(**resolve(build_plan(store), providers))
    if not isinstance(made, Store):
        raise TypeError(f"The factory of the store: expected a Store, got {type(made).__name__}")
    return made


def check_interval(seconds: float) -> None:
    """Raise ValueError when an interval is not positive."""
    if not seconds > 0:  # NaN is not, either
        raise ValueError(f"Telemetry interval must be positive, got {seconds}")


def check_timeout(seconds: float | None) -> None:
    """Raise ValueError when a limit is not positive."""
    if seconds is not None and not seconds > 0:
        raise ValueError(f"timeout must be positive, got {seconds}")


@dataclass(slots=True, kw_only=True)
class Services:
    """The parts that one run of an app shares among its runners."""

    settings: "lazy.Settings"  # noqa: UP037 - a dataclass reads its annotations at once
    clock: ClockPort
    mqtt: MqttPort
    topic_prefix: str
    shutdown: asyncio.Event
    adapters: dict[Any, object]
    health: HealthReporter
    errors: ErrorPublisher
    links: LinkBoard
    store: Store | None = None
    wall_clock: WallClock | None = None
    """What schedules go by; None: the local time, whose rules are read from disk when first needed."""
    extra: dict[Any, object] = field(default_factory=dict)
    """Further injectables by type, such as what the lifespan yielded."""

    on_state: StateListener | None = None
    """Told every state before it is published."""
    adapter_users: dict[Any, set[str]] = field(default_factory=dict)
    """Names of the devices that asked their context for an adapter, by port type."""
    reactors: Reactors = field(default_factory=lambda: Reactors([]))
    stores: dict[str, DeviceStore] = field(default_factory=dict)
    """Of devices by name: those that share a name share a store."""

    def context(self, name: str, *, is_root: bool = False) -> DeviceContext:
        """Return a fresh context for a device."""
        return DeviceContext(
            name=name,
            settings=self.settings,
            mqtt=self.mqtt,
            topic_prefix=self.topic_prefix,
            shutdown_event=self.shutdown,
            adapters=self.adapters,
            clock=self.clock,
            is_root=is_root,
            health_reporter=self.health,
            adapter_users=self.adapter_users,
            wall_clock=self.wall_clock,
            on_state=self.on_state,
        )

    def without_adapter(self, adapter: object) -> Services:
        """Return the same services without one adapter, under whatever keys it is registered."""
        return replace(self, adapters={key: other for key, other in self.adapters.items() if other is not adapter})

    def base_providers(self, logger: str) -> dict[Any, object]:
        """Return what every function of the app may be given."""
        return {
            **self.adapters,
            **self.extra,
            type(self.settings): self.settings,
            logging.Logger: logging.getLogger(logger),
            ClockPort: self.clock,
            asyncio.Event: self.shutdown,
        }

    def device_providers(self, logger: str, ctx: DeviceContext, store: DeviceStore | None) -> dict[Any, object]:
        """Return what the handler of a device may be given."""
        stores = {} if store is None else {DeviceStore: store}
        return {**self.base_providers(logger), DeviceContext: ctx, **stores}

    def interval(self, registration: Registration, spec: IntervalSpec) -> float:
        """Return an interval in seconds. Raises ValueError when it is not positive."""
        seconds: float = self._value(registration, spec)
        check_interval(seconds)
        return seconds

    def timeout(self, registration: TelemetryRegistration | CommandRegistration) -> float | None:
        """Return how many seconds a call may take, None without a limit. Raises ValueError when it is not positive."""
        seconds: float | None = self._value(registration, registration.timeout)
        check_timeout(seconds)
        return seconds

    def schedule(self, registration: TelemetryRegistration) -> CronSchedule | None:
        """Return when it is called, None for one with an interval. Raises ValueError for what is no schedule."""
        schedule: str | CronSchedule | None = self._value(registration, registration.schedule)
        return CronSchedule(schedule) if isinstance(schedule, str) else schedule

    def _value(self, registration: Registration, spec: Any) -> Any:
        """Return what was registered, or what its function makes of the configuration."""
        source = self.settings if registration.config is None else registration.config
        return spec(source) if callable(spec) else spec

    def arguments(self, registration: Registration, providers: Mapping[Any, object]) -> dict[str, object]:
        """Return the handler's arguments, ``init`` called first. Raises TypeError, and whatever ``init`` raises."""
        return resolve(registration.plan, self.with_own(registration, providers))

    def with_own(self, registration: Registration, providers: Mapping[Any, object]) -> dict[Any, object]:
        """Return the providers and what belongs to one registration: its configuration and what ``init`` makes.

        Raises TypeError, and whatever ``init`` raises.
        """
        available = dict(providers)
        config = registration.config
        if config is not None:
            if type(config) in providers:
                kind = type(config).__name__
                raise TypeError(f"The configuration of {registration.name} is a {kind}, which shadows another")
            available[type(config)] = config
        if registration.init is not None and registration.init_plan is not None:
            made = registration.init(**resolve(registration.init_plan, available))
            if type(made) in available:
                raise TypeError(f"init of {registration.name} returns {type(made).__name__}, which shadows another")
            available[type(made)] = made
        return available

    def device_store(self, name: str) -> DeviceStore | None:
        """Return the store of a device, None when the app has no store."""
        if self.store is None:
            return None
        return self.stores.setdefault(name, DeviceStore(self.store, name))


async def load_store(store: DeviceStore | None) -> None:
    """Load for the first time, without blocking the loop. Raises OSError."""
    if store is not None and not store.loaded:
        await _off_loop(store, store.load)


async def save_store(store: DeviceStore | None, name: str, *, even_clean: bool = False) -> None:
    """Save without blocking the loop; a failure is logged, and the store stays dirty.

    A store that is clean is left alone but with ``even_clean``: a list or dict within it changes without its knowing.
    One that is clean and empty holds neither.
    """
    if store is None or not store.loaded or not (store.dirty or (even_clean and len(store))):
        return
    try:
        await _off_loop(store, store.prepare_save())
    except Exception:
        _LOGGER.exception("Saving the store of %s failed", name)


async def _off_loop(store: DeviceStore, work: Callable[[], None]) -> None:
    if isinstance(store.backend, MemoryStore | NullStore):
        work()
    else:
        await asyncio.to_thread(work)
