"""What an app registered: one frozen description for each thing that a runner runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..interfaces import BackoffStrategy, PersistPolicy, PublishStrategy
from ..retry import CircuitBreaker
from ..streams import Backpressure
from ..streams.stream import DEFAULT_MAXSIZE
from .injection import Plan

if TYPE_CHECKING:
    from ..settings import Settings

type IntervalSpec = float | Callable[[Settings], float]
"""Seconds, or a function of the settings that returns seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """What all kinds have in common."""

    name: str
    func: Callable[..., Any]
    plan: Plan
    init: Callable[..., Any] | None = None
    init_plan: Plan | None = None
    is_root: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceRegistration(Registration):
    """A loop of the user's own, with commands."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TelemetryRegistration(Registration):
    """A function that is polled."""

    interval: IntervalSpec
    publish: PublishStrategy | None = None
    persist: PersistPolicy | None = None
    group: str | None = None
    retry: int = 0
    retry_on: tuple[type[BaseException], ...] = ()
    backoff: BackoffStrategy | None = None
    circuit_breaker: CircuitBreaker | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommandRegistration(Registration):
    """A function that is called for each command; ``mqtt_params`` are those named ``topic`` and ``payload``."""

    mqtt_params: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamRegistration(Registration):
    """A handler that iterates over what a StreamablePort delivers."""

    item_type: Any
    maxsize: int = DEFAULT_MAXSIZE
    backpressure: Backpressure = "drop_oldest"


type Running = DeviceRegistration | TelemetryRegistration | StreamRegistration
"""What runs in a task of its own."""
