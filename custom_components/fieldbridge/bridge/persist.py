"""When a device's store is saved between start and shutdown; policies combine with ``|`` and ``&``."""

from typing import override

from . import lazy
from .interfaces import PersistPolicy


class _SavePolicy:
    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        """Return True to save now."""
        raise NotImplementedError

    def __or__(self, other: PersistPolicy) -> AnySavePolicy:
        return AnySavePolicy(self, other)

    def __and__(self, other: PersistPolicy) -> AllSavePolicy:
        return AllSavePolicy(self, other)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class SaveOnPublish(_SavePolicy):
    """Save after each successful publish."""

    @override
    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        return published


class SaveOnChange(_SavePolicy):
    """Save whenever the store was modified."""

    @override
    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        return store.dirty


class SaveOnShutdown(_SavePolicy):
    """Save only at shutdown, which happens whatever the policy."""

    @override
    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        return False


class _CombinedPolicy(_SavePolicy):
    def __init__(self, *children: PersistPolicy) -> None:
        if not children:
            raise ValueError(f"{type(self).__name__} needs at least one child")
        self.children: tuple[PersistPolicy, ...] = tuple(
            grandchild
            for child in children
            for grandchild in (child.children if isinstance(child, type(self)) else (child,))
        )

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.children))})"


class AnySavePolicy(_CombinedPolicy):
    """Save when any child says so."""

    @override
    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        return any(child.should_save(store, published) for child in self.children)


class AllSavePolicy(_CombinedPolicy):
    """Save when all children say so."""

    @override
    def should_save(self, store: lazy.DeviceStore, published: bool) -> bool:
        return all(child.should_save(store, published) for child in self.children)
