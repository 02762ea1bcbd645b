"""Names for annotations whose modules are expensive, or above the one that annotates: imported when they are read.

An annotation is evaluated by whoever asks for it (``inspect.signature``, ``typing.get_type_hints``), not by the import.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import App, DeviceContext
    from .settings import LoggingSettings, MqttSettings, Settings
    from .stores import DeviceStore
    from .streams import SinkRef, SourceRef

__all__ = ["App", "DeviceContext", "DeviceStore", "LoggingSettings", "MqttSettings", "Settings", "SinkRef", "SourceRef"]

_WHERE = {
    "App": "app",
    "DeviceContext": "app",
    "DeviceStore": "stores",
    "LoggingSettings": "settings",
    "MqttSettings": "settings",
    "Settings": "settings",
    "SinkRef": "streams",
    "SourceRef": "streams",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __package__), name)
