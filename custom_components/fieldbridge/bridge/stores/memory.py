"""Stores that touch no disk."""

from collections.abc import Mapping
import copy
from typing import override


class NullStore:
    """Keeps nothing."""

    def load(self, key: str) -> dict[str, object] | None:
        """Return None."""
        return None

    def save(self, key: str, data: dict[str, object]) -> None:
        """Do nothing."""


class MemoryStore:
    """Keeps deep copies in memory, for tests."""

    def __init__(self, initial: Mapping[str, dict[str, object]] | None = None) -> None:
        self._data = copy.deepcopy(dict(initial or {}))

    def load(self, key: str) -> dict[str, object] | None:
        """Return a deep copy of what is stored under ``key``, or None."""
        return copy.deepcopy(self._data.get(key))

    def save(self, key: str, data: dict[str, object]) -> None:
        """Store a deep copy."""
        self._data[key] = copy.deepcopy(data)

    @override
    def __repr__(self) -> str:
        return f"MemoryStore(keys={list(self._data)})"
