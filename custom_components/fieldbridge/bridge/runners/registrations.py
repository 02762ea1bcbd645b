"""What an app registered: one frozen description for each thing that a runner runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypedDict, override

from ..cron import CronSchedule
from ..interfaces import BackoffStrategy, PersistPolicy, PublishStrategy
from ..retry import CircuitBreaker
from ..streams import BackpressurePolicy
from ..streams.stream import DEFAULT_MAXSIZE
from .injection import Plan

type IntervalSpec = float | Callable[[Any], float]
"""Seconds, or a function of the settings (of its own configuration for one of many devices) that returns seconds."""

type TimeoutSpec = float | Callable[[Any], float | None]
"""Seconds, or a function of the settings (of its own configuration for one of many devices) that returns them."""

type CronSpec = str | CronSchedule | Callable[[Any], str | CronSchedule]
"""A schedule in Quartz cron syntax, or a function of the settings that returns one."""

type NameSpec = str | Callable[[Any], Mapping[str, object] | list[str]]
"""A name, or a function of the settings that returns many: a list, or a dict with a configuration for each."""

type EnabledSpec = bool | Callable[[Any], bool]
"""Whether something is registered at all, or a function of the settings that says so."""

type Errors = tuple[type[Exception], ...]


class Description(TypedDict, total=False):
    """What a registration says of itself to people; shown by ``--show-devices-json``."""

    summary: str | None
    behavior: list[str] | None
    effects: list[str] | None
    tags: list[str] | None


class DeviceDescription(Description, total=False):
    """The same for what takes no payload of its own, but may be told what its commands hold."""

    payload_model: Any


class SettingRef:
    """Reads one setting; ``field_name`` may be dotted (``"mqtt.host"``). Raises AttributeError for an unknown one."""

    def __init__(self, field_name: str) -> None:
        self.field_name = field_name
        self._read: Callable[[Any], Any] = attrgetter(field_name)

    def __call__(self, settings: Any) -> Any:
        """Return the setting."""
        return self._read(settings)

    @override
    def __repr__(self) -> str:
        return f"SettingRef({self.field_name!r})"


def setting_ref(field_name: str) -> SettingRef:
    """Return a reference to a setting, for intervals and the like that are registered before the settings are known."""
    return SettingRef(field_name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """What all kinds have in common."""

    name: str
    func: Callable[..., Any]
    plan: Plan
    init: Callable[..., Any] | None = None
    init_plan: Plan | None = None
    is_root: bool = False
    config: object = None
    """The configuration of one of many devices, injected by its type."""
    prefix: str | None = None
    """First segment of the name, of a router's device."""
    state_model: type | None = None
    """Describes the published state, see ``schema.state_fields``."""
    name_spec: Callable[[Any], Mapping[str, object] | list[str]] | None = None
    """What names the devices, where the settings do."""
    enabled_spec: EnabledSpec = True
    described: DeviceDescription | Description = field(default_factory=Description)
    stale_after: IntervalSpec | None = None
    """Seconds without a sign of life after which the device is unavailable: a call that succeeded, an item of the
    stream, anything that a device with a loop of its own publishes."""

    @property
    def summary(self) -> str | None:
        """What it is, in a line."""
        return self.described.get("summary")

    @property
    def behavior(self) -> list[str] | None:
        """How it behaves."""
        return self.described.get("behavior")

    @property
    def effects(self) -> list[str] | None:
        """What it does to the world."""
        return self.described.get("effects")

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find it by."""
        return tuple(self.described.get("tags") or ())

    @property
    def injection_plan(self) -> list[tuple[str, Any]]:
        """Names and types of what the handler is given."""
        return [(each.name, each.annotation) for each in self.plan.parameters]

    @property
    def init_injection_plan(self) -> list[tuple[str, Any]] | None:
        """The same of ``init``, None without one."""
        return None if self.init_plan is None else [(each.name, each.annotation) for each in self.init_plan.parameters]

    @property
    def per_device_config(self) -> object:
        """Another name of ``config``."""
        return self.config


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DescribedPayload(Registration):
    """What takes no payload of its own, but may say what its commands hold."""

    @property
    def payload_model(self) -> Any:
        """Type of what its commands hold, None when nobody says."""
        return self.described.get("payload_model")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceRegistration(DescribedPayload):
    """A loop of the user's own, with commands."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TelemetryRegistration(DescribedPayload):
    """A function that is polled."""

    interval: IntervalSpec | None
    schedule: CronSchedule | Callable[[Any], str | CronSchedule] | None = None
    """Given instead of an interval."""
    triggerable: bool = False
    """True: a command is a call out of turn."""
    min_interval: float | None = None
    """Least seconds between two calls out of turn; commands that come sooner are one call."""
    publish: PublishStrategy | None = None
    persist: PersistPolicy | None = None
    group: str | None = None
    retry: int = 0
    retry_on: tuple[type[BaseException], ...] = ()
    backoff: BackoffStrategy | None = None
    circuit_breaker: CircuitBreaker | None = None
    timeout: TimeoutSpec | None = None
    """Seconds after which a call is given up."""
    unavailable_on: Errors = ()
    """Errors that make the device unavailable until its next success."""

    @property
    def publish_strategy(self) -> PublishStrategy | None:
        """Another name of ``publish``."""
        return self.publish

    @property
    def persist_policy(self) -> PersistPolicy | None:
        """Another name of ``persist``."""
        return self.persist

    @property
    def schedule_spec(self) -> Callable[[Any], str | CronSchedule] | None:
        """What makes the schedule of the settings, None when it is known."""
        return self.schedule if callable(self.schedule) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommandRegistration(Registration):
    """A function that is called for each command; ``mqtt_params`` are those named ``topic`` and ``payload``."""

    mqtt_params: frozenset[str] = frozenset()
    payload_model: Any = None
    """Type of the payload, None when nobody says."""
    sub: str | None = None
    """Value of the payload's field ``sub_key`` that is meant for this handler, None for all payloads."""
    sub_key: str = "command"
    timeout: TimeoutSpec | None = None
    unavailable_on: Errors = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InboundRegistration(CommandRegistration):
    """A function that is called for each message on a topic that is not the app's own."""

    topic: str | Callable[[Any], str]
    """A topic, wildcards allowed, or a function of the settings that returns it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamRegistration(Registration):
    """A handler that iterates over what a StreamablePort delivers."""

    item_type: Any
    maxsize: int = DEFAULT_MAXSIZE
    backpressure: BackpressurePolicy = "drop_oldest"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodicRegistration(Registration):
    """A function that is called for its effect alone; it has no topics."""

    interval: IntervalSpec


type Running = DeviceRegistration | TelemetryRegistration | StreamRegistration | PeriodicRegistration
"""What runs in a task of its own."""
