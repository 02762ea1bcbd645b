"""Where state outlives a restart."""

from ..interfaces import Store
from .default import default_store, keep_state_by_default, set_default_store_backend
from .device_store import DeviceStore
from .json_file import JsonFileStore
from .memory import MemoryStore, NullStore
from .sqlite import SqliteStore

__all__ = [
    "DeviceStore",
    "JsonFileStore",
    "MemoryStore",
    "NullStore",
    "SqliteStore",
    "Store",
    "default_store",
    "keep_state_by_default",
    "set_default_store_backend",
]
