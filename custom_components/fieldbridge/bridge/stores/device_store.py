"""The part of a store that belongs to one device."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
import copy
import threading
from typing import Any, override

from ..interfaces import Store


class DeviceStore:
    """Dict-like state of one device with dirty tracking; nested changes need ``mark_dirty``."""

    def __init__(self, backend: Store, key: str) -> None:
        self._backend = backend
        self._key = key
        self._data: dict[str, Any] | None = None
        self._dirty = False
        self._prepared = 0
        self._written = 0
        self._writing = threading.Lock()

    @property
    def backend(self) -> Store:
        """The store behind it."""
        return self._backend

    @property
    def dirty(self) -> bool:
        """True when something changed since the last load or save."""
        return self._dirty

    @property
    def loaded(self) -> bool:
        """True once it was loaded."""
        return self._data is not None

    def load(self) -> None:
        """Read the state from the backend; blocking."""
        self._data = self._backend.load(self._key) or {}
        self._dirty = False

    def save(self) -> None:
        """Write the state to the backend; blocking."""
        self.prepare_save()()

    def prepare_save(self) -> Callable[[], None]:
        """Return what writes the state as it is now, to be called in another thread; it raises what the backend does.

        What changes meanwhile makes the store dirty again, and so does a failure. Called after a later one it does
        nothing.
        """
        snapshot = copy.deepcopy(self._loaded())
        self._dirty = False
        self._prepared += 1
        number = self._prepared

        def write() -> None:
            with self._writing:
                if number < self._written:
                    return
                try:
                    self._backend.save(self._key, snapshot)
                except BaseException:
                    self._dirty = True
                    raise
                self._written = number

        return write

    def mark_dirty(self) -> None:
        """Say that a nested value changed."""
        self._loaded()
        self._dirty = True

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key``, or ``default``."""
        return self._loaded().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key``, set to ``default`` when it is missing."""
        if key not in self._loaded():
            self[key] = default
        return self[key]

    def update(self, other: Mapping[str, Any] | None = None, /, **values: Any) -> None:
        """Take over all given values."""
        new = {**(other or {}), **values}
        self._loaded().update(new)
        self._dirty = self._dirty or bool(new)

    def to_dict(self) -> dict[str, Any]:
        """Return a shallow copy."""
        return self._loaded().copy()

    def keys(self) -> KeysView[str]:
        """Return the keys."""
        return self._loaded().keys()

    def values(self) -> ValuesView[Any]:
        """Return the values."""
        return self._loaded().values()

    def items(self) -> ItemsView[str, Any]:
        """Return the items."""
        return self._loaded().items()

    @override
    def __repr__(self) -> str:
        return f"DeviceStore(key={self._key!r}, dirty={self._dirty})"

    def __getitem__(self, key: str) -> Any:
        return self._loaded()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._loaded()[key] = value
        self._dirty = True

    def __delitem__(self, key: str) -> None:
        del self._loaded()[key]
        self._dirty = True

    def __contains__(self, key: object) -> bool:
        return key in self._loaded()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def _loaded(self) -> dict[str, Any]:
        if self._data is None:
            raise RuntimeError("DeviceStore.load() must be called before accessing data")
        return self._data
