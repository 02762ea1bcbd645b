"""What an app registered, and the rules for its names."""

from collections.abc import Callable, Iterator
import copy
from dataclasses import dataclass, replace
import inspect
import logging
from typing import Any, get_args, get_origin

from .. import lazy
from ..interfaces import StreamablePort
from ..runners.injection import Plan, build_plan, message_parameters
from ..runners.registrations import (
    CommandRegistration,
    DeviceRegistration,
    InboundRegistration,
    PeriodicRegistration,
    Registration,
    Running,
    StreamRegistration,
    TelemetryRegistration,
)
from ..runners.services import check_interval, check_timeout
from ..streams import Stream
from ..topics import check_segment

_LOGGER = logging.getLogger(__name__)

# Telemetry or a stream reports what a command changes, so these may share a name; all else is unique.
_MAY_SHARE = {
    frozenset({TelemetryRegistration, CommandRegistration}),
    frozenset({StreamRegistration, CommandRegistration}),
}


@dataclass(frozen=True, slots=True)
class Deferred:
    """A registration whose names, or whether it is there at all, the settings decide."""

    registration: Registration
    prefix: str | None = None

    @property
    def unresolved(self) -> Registration:
        """The registration as it stands: a name that the settings decide is that of the function."""
        return _below(self.prefix, self.registration)

    def resolve(self, settings: lazy.Settings) -> Iterator[Registration]:
        """Yield the registrations. Raises TypeError for names that are neither a dict nor a list."""
        for registration in self._resolve(settings):
            yield _below(self.prefix, registration)

    def _resolve(self, settings: lazy.Settings) -> Iterator[Registration]:
        enabled, name_spec = self.registration.enabled_spec, self.registration.name_spec
        if callable(enabled) and not enabled(settings):
            return
        if name_spec is None:
            yield self.registration
            return
        names = name_spec(settings)
        if not isinstance(names, dict | list):
            raise TypeError(f"The names of {self.registration.plan.owner} must be a dict or a list, got {names!r}")
        if not names:
            _LOGGER.warning("%s has no devices", self.registration.plan.owner)
        for name in names:
            yield replace(self.registration, name=name, config=names[name] if isinstance(names, dict) else None)


class Registry:
    """The registrations of one app, in order."""

    def __init__(self) -> None:
        self.devices: list[DeviceRegistration] = []
        self.telemetry: list[TelemetryRegistration] = []
        self.commands: list[CommandRegistration] = []
        self.streams: list[StreamRegistration] = []
        self.periodic: list[PeriodicRegistration] = []
        self.inbound: list[InboundRegistration] = []
        self.deferred: list[Deferred] = []

    def include(self, other: Registry, prefix: str | None, tags: list[str]) -> None:
        """Take over another registry, its names below ``prefix``. Raises ValueError."""
        for registration in (*other.all, *other.without_topics):
            self.add(_below(prefix, _tagged(registration, tags)))
        for deferred in other.deferred:
            self.defer(replace(deferred, registration=_tagged(deferred.registration, tags), prefix=prefix))

    def defer(self, deferred: Deferred) -> None:
        """Add what is known only when the settings are."""
        self.deferred.append(deferred)

    def resolved(self, settings: lazy.Settings) -> Registry:
        """Return a registry in which nothing is deferred any more. Raises ValueError, TypeError."""
        registry = Registry()
        for registration in (*self.all, *self.without_topics):
            registry.add(registration)
        for deferred in self.deferred:
            for registration in deferred.resolve(settings):
                registry.add(registration)
        return registry

    @property
    def is_dynamic(self) -> bool:
        """True when the settings decide what there is."""
        return bool(self.deferred)

    def of_kind[R: Registration](self, kind: type[R]) -> tuple[R, ...]:
        """Return the registrations of one kind, those last that the settings have to resolve."""
        known = (*self.all, *self.without_topics, *(each.unresolved for each in self.deferred))
        return tuple(each for each in known if type(each) is kind)

    def without_periodic(self) -> Registry:
        """Return the same without side jobs."""
        registry = copy.copy(self)
        registry.periodic = []
        registry.deferred = [each for each in self.deferred if not isinstance(each.registration, PeriodicRegistration)]
        return registry

    @property
    def all(self) -> list[Registration]:
        """Everything that has topics, devices first, as availability is announced."""
        return [*self.devices, *self.telemetry, *self.commands, *self.streams]

    @property
    def without_topics(self) -> list[Registration]:
        """What publishes nothing of its own and is never announced."""
        return [*self.periodic, *self.inbound]

    @property
    def running(self) -> list[Running]:
        """What runs in a task of its own, in the order of starting."""
        return [*self.devices, *self.streams, *self.telemetry, *self.periodic]

    @property
    def commanded(self) -> list[Registration]:
        """What takes commands."""
        return [*self.devices, *self.commands, *(each for each in self.telemetry if each.triggerable)]

    @property
    def unique(self) -> list[Registration]:
        """One registration for each name, the first."""
        return list({registration.name: registration for registration in reversed(self.all)}.values())[::-1]

    @property
    def names(self) -> list[str]:
        """The names, each once."""
        return list(dict.fromkeys(registration.name for registration in self.all))

    def add(self, registration: Registration) -> None:
        """Add a registration. Raises ValueError when its name cannot be used."""
        self._check_name(registration)
        match registration:
            case DeviceRegistration():
                self.devices.append(registration)
            case TelemetryRegistration():
                self.telemetry.append(registration)
            case InboundRegistration():
                self.inbound.append(registration)
            case CommandRegistration():
                self.commands.append(registration)
            case StreamRegistration():
                self.streams.append(registration)
            case PeriodicRegistration():
                self.periodic.append(registration)

    def _check_name(self, new: Registration) -> None:
        check_segment(new.name.removeprefix(f"{new.prefix}/") if new.prefix else new.name)
        for old in (*self.all, *self.without_topics):
            same_name = old.name == new.name
            if same_name and _share_a_topic(old, new):
                continue
            if same_name and (_both_commanded(old, new) or frozenset({type(old), type(new)}) not in _MAY_SHARE):
                raise ValueError(f"Device name '{new.name}' is already registered")
            if same_name and old.is_root != new.is_root:
                raise ValueError(f"'{new.name}' cannot be registered both as root and named")
            if new.is_root and old.is_root and not same_name:
                raise ValueError("Only one root device (unnamed) is allowed per app")
        if any(old.is_root != new.is_root for old in self.all):
            _LOGGER.warning("Root and named devices are mixed: their topics may collide")


def _share_a_topic(old: Registration, new: Registration) -> bool:
    """True for two commands whose payload says which is meant. Raises ValueError when it could not be told."""
    commands = [each for each in (old, new) if isinstance(each, CommandRegistration) and each.sub is not None]
    if len(commands) < 2 or commands[0].sub == commands[1].sub or old.is_root != new.is_root:
        return False
    if commands[0].sub_key != commands[1].sub_key:
        raise ValueError(f"All sub-commands of '{new.name}' must use the same sub_key")
    return True


def _both_commanded(*registrations: Registration) -> bool:
    """True for triggerable telemetry beside a command: one message cannot mean both."""
    return any(isinstance(each, TelemetryRegistration) and each.triggerable for each in registrations)


def _tagged(registration: Registration, tags: list[str]) -> Registration:
    all_tags = [*tags, *(registration.described.get("tags") or ())]
    return replace(registration, described={**registration.described, "tags": all_tags}) if tags else registration


def _below(prefix: str | None, registration: Registration) -> Registration:
    if prefix is None:
        return registration
    return replace(registration, name=f"{prefix}/{registration.name}", prefix=prefix)


def plans(func: Callable[..., Any], init: Callable[..., Any] | None, *, triggerable: bool = False) -> dict[str, Any]:
    """Return the fields ``func``, ``plan``, ``init`` and ``init_plan``. Raises TypeError for wrong signatures."""
    return {"func": func, "plan": build_plan(func, may_lack_message=triggerable), **_init_plan(init)}


def command_plans(func: Callable[..., Any], init: Callable[..., Any] | None) -> dict[str, Any]:
    """Return the same for what handles messages, and ``mqtt_params``: which of its strings it is given as they are."""
    given = message_parameters(func)
    plan = build_plan(func, given=given, takes_message=True)
    return {"func": func, "plan": plan, "mqtt_params": given, **_init_plan(init)}


def payload_type(plan: Plan) -> Any:
    """Return the type that a handler reads the payload into, None for one that does not."""
    return next((each.annotation for each in plan.parameters if each.is_payload), None)


def _init_plan(init: Callable[..., Any] | None) -> dict[str, Any]:
    if init is not None and any(map(inspect.iscoroutinefunction, (init, type(init).__call__))):
        raise TypeError("init must be a synchronous callable")
    return {"init": init, "init_plan": None if init is None else build_plan(init)}


def check_limits(registration: Registration) -> None:
    """Raise ValueError for limits that every device would exceed at once."""
    if isinstance(registration, TelemetryRegistration | CommandRegistration) and not callable(registration.timeout):
        check_timeout(registration.timeout)
    if isinstance(registration.stale_after, int | float) and registration.stale_after <= 0:
        raise ValueError(f"stale_after must be positive, got {registration.stale_after}")


def check_telemetry(registration: TelemetryRegistration, *, has_store: bool) -> None:
    """Raise ValueError or TypeError for options that contradict each other."""
    if (registration.interval is None) is (registration.schedule is None):
        raise ValueError("Telemetry needs either interval= or schedule=")
    if registration.interval is not None and not callable(registration.interval):
        check_interval(registration.interval)
    if registration.min_interval is not None and not (registration.triggerable and registration.min_interval > 0):
        raise ValueError("min_interval must be positive, and needs triggerable=True")
    if registration.group == "":
        raise ValueError("group must be non-empty")
    if registration.persist is not None and not has_store:
        raise ValueError("persist= requires a store= on the App")
    if type(registration.retry) is not int or registration.retry < 0:
        raise ValueError(f"retry must be a non-negative integer, got {registration.retry!r}")
    if registration.retry and not registration.retry_on:
        raise ValueError("retry_on must not be empty when retry > 0")
    kinds: tuple[object, ...] = registration.retry_on
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"retry_on must hold exception types, got {kind!r}")


def streamed_type(plan: Plan) -> Any:
    """Return T of the one ``Stream[T]`` that a stream handler takes. Raises TypeError."""
    annotations = [parameter.annotation for parameter in plan.parameters]
    if Stream in annotations:
        raise TypeError(f"The Stream parameter of {plan.owner} must be parameterized, as in Stream[Reading]")
    streams = [annotation for annotation in annotations if get_origin(annotation) is Stream]
    if not streams:
        raise TypeError(f"{plan.owner} must declare a Stream[T] parameter")
    if len(streams) > 1:
        raise TypeError(f"{plan.owner} declares multiple Stream parameters")
    (item_type,) = get_args(streams[0])
    if any(get_origin(one) is StreamablePort and get_args(one) == (item_type,) for one in annotations):
        raise TypeError(f"{plan.owner} must not declare StreamablePort: the port belongs to the stream runner")
    return item_type
