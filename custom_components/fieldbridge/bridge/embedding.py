"""Being imported by who runs the app: it does not start by itself, and a guest in another process is given settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Guest:
    """What an app finds where it runs."""

    settings: Mapping[str, object]
    state_folder: Path | None = None
    """Where an app that names no place keeps its state; None: where the user's state is."""
    store_backend: Callable[[Path], Any] | None = None
    """What makes the store of an app that names none."""


_GUEST: ContextVar[Guest | None] = ContextVar("embedded_guest", default=None)
_IMPORTED: ContextVar[bool] = ContextVar("only_imported", default=False)


@contextmanager
def embedded(settings: Mapping[str, object], state_folder: Path | None = None) -> Iterator[None]:
    """In the block, and in tasks that it starts, every Settings is made from ``settings``, and App.run does nothing."""
    token = _GUEST.set(Guest(settings, state_folder))
    try:
        yield
    finally:
        _GUEST.reset(token)


@contextmanager
def only_imported() -> Iterator[None]:
    """In the block App.run and App.cli do nothing: the app is run by who imports it."""
    token = _IMPORTED.set(True)
    try:
        yield
    finally:
        _IMPORTED.reset(token)


def is_run_by_others() -> bool:
    """Return whether App.run is to do nothing."""
    return _IMPORTED.get() or guest() is not None


def guest() -> Guest | None:
    """Return what the host gave, None for an app that is on its own."""
    return _GUEST.get()


def embedded_settings() -> Mapping[str, object] | None:
    """Return the settings that the host gave, None for an app that is on its own."""
    host = guest()
    return None if host is None else host.settings
