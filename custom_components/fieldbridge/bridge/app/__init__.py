"""App, and the contexts that user code is given."""

from ..runners.commands import Command
from ..runners.contexts import AppContext, DeviceContext
from ..runners.registrations import IntervalSpec
from .app import App, LifespanFunc

__all__ = ["App", "AppContext", "Command", "DeviceContext", "IntervalSpec", "LifespanFunc"]
