"""App: what a driver author writes against."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
import inspect
from typing import Any, Final, override

from .. import lazy
from ..cron import WallClock
from ..embedding import is_run_by_others
from ..health import LinkBoard, LinkStatus
from ..interfaces import ClockPort, MqttPort
from ..runners.commands import CommandRouter
from ..runners.contexts import AppContext
from ..runners.services import StoreSpec
from ..stores import NullStore, default_store
from ..topics import check_segment
from .adapters import AdapterMap
from .registration import Decorator, Handler, Registrations
from .router import Router
from .runtime import Runtime, shutdown_by_signal
from .shared_state import StateRegistration, type_of_state

type LifespanFunc = Callable[[AppContext], AbstractAsyncContextManager[Any]]
"""Runs around the devices of an app; what it yields can be injected by its type."""

type Enrich = Callable[[str, str, dict[str, Any]], None]
"""Changes the configuration of one discovered entity in place."""


_UNNAMED: Final = NullStore()
"""Stands for a store that nobody named."""

_SHOWN: Final[Mapping[str, Callable[[], object]]] = {"settings_class": lambda: lazy.Settings, "store": lambda: None}


class _Signature:
    """The constructor's signature with the defaults that people are to see, imported only for whoever asks."""

    def __get__(self, app: App | None, owner: type[App]) -> inspect.Signature:
        _, *parameters = inspect.signature(owner.__init__).parameters.values()
        return inspect.Signature(
            [each.replace(default=_SHOWN[each.name]()) if each.name in _SHOWN else each for each in parameters]
        )


class App(Registrations):
    """Registers devices and runs them until shutdown. Raises ValueError for numbers out of range.

    ``heartbeat_interval`` and ``health_check_interval`` are in seconds, None switches them off. ``settings_class`` is
    ``Settings`` unless given. Without ``store`` there is none, unless ``set_default_store_backend`` said otherwise.
    With ``retained_cleanup`` the retained topics of devices that an earlier run had, and that are registered no more,
    are emptied; the store remembers them.
    """

    __signature__ = _Signature()

    def __init__(
        self,
        name: str,
        version: str = "0.0.0",
        *,
        description: str = "IoT-to-MQTT bridge",
        settings_class: type[lazy.Settings] | None = None,
        dry_run: bool = False,
        heartbeat_interval: float | None = 60.0,
        health_check_interval: float | None = 30.0,
        lifespan: LifespanFunc | None = None,
        store: StoreSpec | None = _UNNAMED,
        adapters: AdapterMap | None = None,
        restart_after_failures: int = 5,
        max_restarts: int = 3,
        restart_cooldown: float = 5.0,
        sustained_health_reset: float = 300.0,
        error_type_map: dict[type[Exception], str] | None = None,
        retained_cleanup: bool | None = None,
    ) -> None:
        if not name.strip():
            raise ValueError(f"The name of an App must not be blank, got {name!r}")
        if set(name) & set("+#\0"):
            raise ValueError(f"The name of an App must not hold '+', '#' or NUL, got {name!r}")
        self.store_is_default = store is _UNNAMED
        super().__init__(default_store(name) if self.store_is_default else store)
        store = self.store
        if retained_cleanup and store is None:
            raise ValueError("retained_cleanup= requires a store= on the App")
        self.retained_cleanup = bool(retained_cleanup)
        self._name = name
        self._version = version
        self._description = description
        self.dry_run = dry_run
        self.lifespan = lifespan
        _check_positive("heartbeat_interval", heartbeat_interval)
        _check_positive("health_check_interval", health_check_interval)
        _check_positive("restart_cooldown", restart_cooldown)
        _check_positive("sustained_health_reset", sustained_health_reset)
        _check_not_negative("restart_after_failures", restart_after_failures)
        _check_not_negative("max_restarts", max_restarts)
        self.heartbeat_interval = heartbeat_interval
        self.health_check_interval = health_check_interval
        self.restart_after_failures = restart_after_failures
        self.max_restarts = max_restarts
        self.restart_cooldown = restart_cooldown
        self.sustained_health_reset = sustained_health_reset
        _check_error_types(error_type_map or {})
        self.error_type_map = error_type_map or {}
        # For a host that shows more than a broker is told, and hands in commands by itself.
        self.on_error: Callable[[Exception, str | None], None] | None = None
        self.on_status: Callable[[str, str], None] | None = None
        self.inlet: CommandRouter | None = None
        self.configure_hooks: list[Callable[..., Any]] = []
        self.state_overrides: dict[type, object] = {}
        self.discovery_prefix: str | None = None
        self.enrich: Enrich | None = None
        self.links = LinkBoard()
        self._settings_class = settings_class
        self._settings: lazy.Settings | None = None
        self.adapter_registry.add_all(adapters or {})
        if settings_class is not None:
            # Now: decorators may want app.settings. What is missing is told when they are asked for.
            with suppress(ValueError):
                self._settings = settings_class()

    @property
    def name(self) -> str:
        """What the app is called; its topics begin with it unless the settings name a prefix."""
        return self._name

    @property
    def version(self) -> str:
        """The version of the app."""
        return self._version

    @property
    def description(self) -> str:
        """One line about the app."""
        return self._description

    @property
    def state_factories(self) -> tuple[StateRegistration, ...]:
        """What makes the objects that handlers share."""
        return tuple(StateRegistration(type_of_state(factory), factory) for factory in self.shared_state)

    @property
    def has_dynamic_entities(self) -> bool:
        """True when the settings or a hook decide which devices there are."""
        return self.registry.is_dynamic or bool(self.configure_hooks)

    def asyncapi(self) -> dict[str, Any]:
        """Return what the app publishes and takes as an AsyncAPI 3.0 document, for tools and for other apps."""
        from .asyncapi import asyncapi_document

        return asyncapi_document(self)

    @property
    def settings_class(self) -> type[lazy.Settings]:
        """The class of the settings; pydantic is imported with the first need for it."""
        if self._settings_class is None:
            self._settings_class = lazy.Settings
        return self._settings_class

    @property
    def settings(self) -> lazy.Settings:
        """The settings from the environment and ``.env``. Raises RuntimeError when they are incomplete."""
        if self._settings is None:
            try:
                self._settings = self.settings_class()
            except ValueError as err:
                raise RuntimeError(f"{self.settings_class.__name__} could not be instantiated: {err}") from err
        return self._settings

    def on_configure[F: Handler](self, func: F) -> F:
        """Call ``func``, injected, after the adapters are made and before any device starts; it may register more."""
        self.configure_hooks.append(func)
        return func

    @override
    def react(self, state_type: type, *, drain: Callable[[Any], Any] | None = None) -> Decorator:
        self._check_state_type(state_type)
        return super().react(state_type, drain=drain)

    def _check_state_type(self, state_type: type) -> None:
        if state_type not in map(type_of_state, self.shared_state):
            raise ValueError(f"State type {state_type.__name__} is not registered")

    def discovery(self, *, discovery_prefix: str = "homeassistant", enrich: Enrich | None = None) -> None:
        """Have the devices appear in a Home Assistant on the same broker. Raises ValueError for a wrong prefix.

        ``enrich(device, key, config)`` may change the configuration of each entity in place, as the last word on it;
        ``key`` is the path of a value (``wind.speed``), or ``control NAME``.
        """
        check_segment(discovery_prefix)
        self.discovery_prefix = discovery_prefix
        self.enrich = enrich

    def include_router(
        self,
        router: Router,
        *,
        prefix: str | None = None,
        tags: list[str] | None = None,
        adapters: AdapterMap | None = None,
    ) -> None:
        """Take over what ``router`` registered, below ``prefix``, with further ``tags`` and ``adapters``.

        May be done again with another prefix. Raises ValueError for names and ports that are taken, and for reactors to
        what no ``state`` makes.
        """
        prefixes = [each for each in (prefix, router.prefix) if each is not None]
        for each in prefixes:
            check_segment(each)
        self.registry.include(router.registry, "/".join(prefixes) or None, [*router.tags, *(tags or ())])
        self.adapter_registry.add_all(adapters or {})
        for registration in router.adapter_registry.by_port.values():
            if self.adapter_registry.by_port.get(registration.port_type) != registration:
                self.adapter(registration.port_type, registration.impl, dry_run=registration.dry_run)
        self.shared_state += (each for each in router.shared_state if each not in self.shared_state)
        for reactor in router.reactors:
            self._check_state_type(reactor.state_type)
            if reactor not in self.reactors:
                self.reactors.append(reactor)

    def on_link_change(self, callback: Callable[[LinkStatus], None]) -> Callable[[], None]:
        """Call ``callback`` on every change of a stream's link; returns the unsubscribe."""
        return self.links.subscribe(callback)

    def link_status(self, name: str) -> LinkStatus:
        """Return the status of the link of stream ``name``. Raises LookupError before it runs."""
        return self.links.status(name)

    def run(
        self,
        *,
        mqtt: MqttPort | None = None,
        settings: lazy.Settings | None = None,
        shutdown_event: asyncio.Event | None = None,
        clock: ClockPort | None = None,
    ) -> None:
        """Run until shutdown, blocking; Ctrl-C ends it in good order. Where others run the app, this does nothing."""
        if is_run_by_others():
            return
        with suppress(KeyboardInterrupt):
            asyncio.run(self._run_async(mqtt=mqtt, settings=settings, shutdown_event=shutdown_event, clock=clock))

    def cli(self) -> None:
        """Run with the options of the command line and do not return; does nothing where others run the app."""
        if is_run_by_others():
            return
        from .cli import build_cli

        build_cli(self)()

    async def run_async(
        self,
        *,
        mqtt: MqttPort | None = None,
        settings: lazy.Settings | None = None,
        shutdown_event: asyncio.Event | None = None,
        clock: ClockPort | None = None,
        embedded: bool = False,
        wall_clock: WallClock | None = None,
    ) -> None:
        """Run until shutdown. Without ``shutdown_event`` SIGTERM and SIGINT end it.

        ``wall_clock`` is what schedules go by, unless given the local time. ``embedded`` is for running inside another
        process: logging, signals, environment and ``.env`` are left alone.
        """
        if settings is None:
            settings = self.settings_class.from_values() if embedded else self.settings
        if not embedded:
            from ..logging import configure_logging

            configure_logging(settings.logging, service=self.name, version=self.version)
        shutdown = shutdown_event or asyncio.Event()
        signals = nullcontext() if embedded or shutdown_event is not None else shutdown_by_signal(shutdown)
        async with signals:
            await Runtime(
                self, settings=settings, mqtt=mqtt, clock=clock, shutdown=shutdown, wall_clock=wall_clock
            ).run()

    _run_async = run_async


def _check_error_types(error_types: Mapping[Any, object]) -> None:
    for kind, name in error_types.items():
        if not (isinstance(kind, type) and issubclass(kind, Exception) and isinstance(name, str)):
            raise TypeError(f"error_type_map must map exception classes to strings, got {kind!r}: {name!r}")


def _check_positive(what: str, value: float | None) -> None:
    if value is not None and value <= 0:
        raise ValueError(f"{what} must be positive, got {value}")


def _check_not_negative(what: str, value: int) -> None:
    if value < 0:
        raise ValueError(f"{what} must be >= 0, got {value}")
