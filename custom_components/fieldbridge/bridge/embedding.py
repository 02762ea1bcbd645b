"""Being a guest in another process: settings come from the host alone, and importing an app starts nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_SETTINGS: ContextVar[Mapping[str, object] | None] = ContextVar("embedded_settings", default=None)


@contextmanager
def embedded(settings: Mapping[str, object]) -> Iterator[None]:
    """In the block, and in tasks that it starts, every Settings is made from ``settings``, and App.run does nothing."""
    token = _SETTINGS.set(settings)
    try:
        yield
    finally:
        _SETTINGS.reset(token)


def embedded_settings() -> Mapping[str, object] | None:
    """Return what the host gave, None for an app that is on its own."""
    return _SETTINGS.get()
