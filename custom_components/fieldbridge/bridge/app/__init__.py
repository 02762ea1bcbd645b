"""App, and the contexts that user code is given."""

from ..runners.commands import Command
from ..runners.contexts import AppContext, DeviceContext
from ..runners.refusals import PayloadValidationError, ReturnValidationError
from ..runners.registrations import (
    CommandRegistration,
    CronSpec,
    DeviceRegistration,
    EnabledSpec,
    IntervalSpec,
    NameSpec,
    PeriodicRegistration,
    SettingRef,
    StreamRegistration,
    TelemetryRegistration,
    TimeoutSpec,
    setting_ref,
)
from ..runners.sub_entity import SubEntityContext
from ..runners.trigger import TriggerPayload
from .app import App, LifespanFunc
from .health_checks import AdapterHealthStatus
from .router import Router
from .shared_state import StateRegistration

__all__ = [
    "AdapterHealthStatus",
    "App",
    "AppContext",
    "Command",
    "CommandRegistration",
    "CronSpec",
    "DeviceContext",
    "DeviceRegistration",
    "EnabledSpec",
    "IntervalSpec",
    "LifespanFunc",
    "NameSpec",
    "PayloadValidationError",
    "PeriodicRegistration",
    "ReturnValidationError",
    "Router",
    "SettingRef",
    "StateRegistration",
    "StreamRegistration",
    "SubEntityContext",
    "TelemetryRegistration",
    "TimeoutSpec",
    "TriggerPayload",
    "setting_ref",
]
