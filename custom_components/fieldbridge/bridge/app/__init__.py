"""App, and the contexts that user code is given."""

from ..runners.commands import Command
from ..runners.contexts import AppContext, DeviceContext
from ..runners.registrations import EnabledSpec, IntervalSpec, NameSpec, SettingRef, setting_ref
from ..runners.sub_entity import SubEntityContext
from ..runners.trigger import TriggerPayload
from .app import App, LifespanFunc
from .health_checks import AdapterHealthStatus
from .router import Router

__all__ = [
    "AdapterHealthStatus",
    "App",
    "AppContext",
    "Command",
    "DeviceContext",
    "EnabledSpec",
    "IntervalSpec",
    "LifespanFunc",
    "NameSpec",
    "Router",
    "SettingRef",
    "SubEntityContext",
    "TriggerPayload",
    "setting_ref",
]
