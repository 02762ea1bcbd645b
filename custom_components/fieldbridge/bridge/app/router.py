"""Devices that are registered in a module of their own and taken over by an App."""

from collections.abc import Mapping
from typing import Any

from ..interfaces import Store
from .adapters import Implementation
from .registration import Registrations


class Router(Registrations):
    """Registers like an App; ``App.include_router`` takes everything over.

    With ``prefix`` the names become ``{prefix}/{name}``. ``store`` is only checked against ``persist=``; the app's is
    used.
    """

    def __init__(
        self,
        *,
        prefix: str | None = None,
        adapters: Mapping[Any, Implementation | tuple[Implementation, Implementation]] | None = None,
        store: Store | None = None,
    ) -> None:
        super().__init__(store)
        self.prefix = prefix
        self.adapter_registry.add_all(adapters or {})
