"""App, and the contexts that user code is given."""

from ..runners.commands import Command
from ..runners.contexts import AppContext, DeviceContext
from ..runners.registrations import IntervalSpec, setting_ref
from ..runners.trigger import TriggerPayload
from .app import App, LifespanFunc
from .router import Router

__all__ = [
    "App",
    "AppContext",
    "Command",
    "DeviceContext",
    "IntervalSpec",
    "LifespanFunc",
    "Router",
    "TriggerPayload",
    "setting_ref",
]
