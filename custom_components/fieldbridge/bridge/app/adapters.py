"""Adapters: implementations registered under the type of a port, made once per run with their settings."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
import importlib
import inspect
import logging
from typing import Any, TypeIs

from ..runners.injection import build_plan, resolve

_LOGGER = logging.getLogger(__name__)

type Implementation = type | str | Callable[..., object]
"""A class, a ``"module:Attribute"`` string, or a factory."""

type AdapterMap = Mapping[Any, Implementation | tuple[Implementation, Implementation]]
"""Implementations by port type, alone or with their dry-run variant."""


@dataclass(frozen=True, slots=True)
class AdapterRegistration:
    """An implementation and its dry-run variant."""

    port_type: Any
    impl: Implementation
    dry_run: Implementation | None = None


class AdapterRegistry:
    """The adapters of one app by port type."""

    def __init__(self) -> None:
        self.by_port: dict[Any, AdapterRegistration] = {}

    def add(self, port_type: Any, impl: Implementation, dry_run: Implementation | None = None) -> None:
        """Register. Raises ValueError for a second registration, TypeError for a signature that cannot be injected."""
        if port_type in self.by_port:
            raise ValueError(f"An adapter is already registered for {_name(port_type)}")
        for variant in (impl, dry_run):
            if isinstance(variant, str):
                _split(variant)
            elif variant is not None:
                _plan(variant)
        self.by_port[port_type] = AdapterRegistration(port_type, impl, dry_run)

    def add_all(self, adapters: Mapping[Any, Any]) -> None:
        """Register from a mapping to an implementation or to ``(implementation, dry_run)``. Raises ValueError."""
        for port_type, value in adapters.items():
            variants = value if isinstance(value, tuple) else (value, None)
            if len(variants) != 2:
                raise ValueError(f"Adapter of {_name(port_type)} must be an implementation or a 2-tuple with dry_run")
            self.add(port_type, *variants)

    def make(self, providers: Mapping[Any, object], *, dry_run: bool) -> dict[Any, object]:
        """Make every adapter, imported by its name where it is given as a string."""
        made: dict[Any, object] = {}
        for port_type, registration in self.by_port.items():
            variant = registration.dry_run if dry_run and registration.dry_run is not None else registration.impl
            made[port_type] = _make(variant, providers)
        return made


class AdapterLifetime:
    """Enters and leaves one adapter that is an asynchronous context manager, as often as needed."""

    def __init__(self, adapter: AbstractAsyncContextManager[object]) -> None:
        self.adapter = adapter
        self._entered = False

    async def enter(self) -> None:
        """Enter. Raises what ``__aenter__`` does."""
        await self.adapter.__aenter__()
        self._entered = True

    async def leave(self) -> None:
        """Leave when entered; an error is logged."""
        if not self._entered:
            return
        self._entered = False
        try:
            await self.adapter.__aexit__(None, None, None)
        except Exception:
            _LOGGER.exception("Closing adapter %s failed", type(self.adapter).__name__)


def lifetimes(adapters: Mapping[Any, object]) -> list[AdapterLifetime]:
    """Return the lifetimes of all adapters that have one, each instance once. Raises TypeError for half of one."""
    instances = {id(adapter): adapter for adapter in adapters.values()}.values()
    return [AdapterLifetime(adapter) for adapter in instances if is_context_manager(adapter)]


def is_context_manager(adapter: object) -> TypeIs[AbstractAsyncContextManager[object]]:
    """True for an adapter with ``__aenter__`` and ``__aexit__``. Raises TypeError when they are not callable."""
    if not (hasattr(adapter, "__aenter__") and hasattr(adapter, "__aexit__")):
        return False
    if not callable(adapter.__aenter__):
        raise TypeError(f"{type(adapter).__name__} has __aenter__ but it's not callable")
    return True


def _make(variant: Implementation, providers: Mapping[Any, object]) -> object:
    if isinstance(variant, str):
        module, attribute = _split(variant)
        return _make(getattr(importlib.import_module(module), attribute), providers)
    return variant(**resolve(_plan(variant), providers))


def _plan(variant: Callable[..., object]) -> Any:
    try:
        return build_plan(variant)
    except ValueError as err:  # a class of C code without a signature takes nothing
        if inspect.isclass(variant):
            return build_plan(object)
        raise TypeError(f"{variant!r} has no signature") from err


def _split(path: str) -> tuple[str, str]:
    module, separator, attribute = path.partition(":")
    if not (module and separator and attribute) or ":" in attribute:
        raise ValueError(f"Adapter must be given as 'module:Attribute', got {path!r}")
    return module, attribute


def _name(port_type: Any) -> str:
    return getattr(port_type, "__name__", str(port_type))
