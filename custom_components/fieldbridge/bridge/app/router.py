"""Devices that are registered in a module of their own and taken over by an App."""

from ..runners.services import StoreSpec
from .adapters import AdapterMap
from .registration import Registrations


class Router(Registrations):
    """Registers like an App; ``App.include_router`` takes everything over.

    With ``prefix`` the names become ``{prefix}/{name}``; ``tags`` are added to those of all that it registers.
    ``store`` is only checked against ``persist=``; the app's is used.
    """

    def __init__(
        self,
        *,
        prefix: str | None = None,
        tags: list[str] | None = None,
        adapters: AdapterMap | None = None,
        store: StoreSpec | None = None,
    ) -> None:
        super().__init__(store)
        self.prefix = prefix
        self.tags = tags or []
        self.adapter_registry.add_all(adapters or {})
