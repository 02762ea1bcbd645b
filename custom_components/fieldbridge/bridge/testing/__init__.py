"""What tests of bridge apps need: a harness around an App, clocks that the test owns, settings without environment."""

from ..mqtt import MockMqttClient, NullMqttClient
from ..runners.stream import StreamHandlerProxy
from .clocks import FakeClock, ManualClock
from .harness import AppHarness, make_settings

__all__ = [
    "AppHarness",
    "FakeClock",
    "ManualClock",
    "MockMqttClient",
    "NullMqttClient",
    "StreamHandlerProxy",
    "make_settings",
]
