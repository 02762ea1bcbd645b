"""What an App or a Router holds, for whoever wants to look."""

from collections.abc import Mapping
from typing import Any

from ..runners.registrations import (
    CommandRegistration,
    DeviceRegistration,
    PeriodicRegistration,
    StreamRegistration,
    TelemetryRegistration,
)
from .adapters import AdapterRegistration, AdapterRegistry
from .registry import Registry


class Listed:
    """Shows the registrations, each as it stands at this moment."""

    registry: Registry
    adapter_registry: AdapterRegistry

    @property
    def devices(self) -> tuple[DeviceRegistration, ...]:
        """The registered devices."""
        return tuple(self.registry.devices)

    @property
    def telemetry_registrations(self) -> tuple[TelemetryRegistration, ...]:
        """The registered telemetry."""
        return tuple(self.registry.telemetry)

    @property
    def stream_registrations(self) -> tuple[StreamRegistration, ...]:
        """The registered streams."""
        return tuple(self.registry.streams)

    @property
    def periodic_registrations(self) -> tuple[PeriodicRegistration, ...]:
        """The registered side jobs."""
        return tuple(self.registry.periodic)

    @property
    def commands(self) -> tuple[CommandRegistration, ...]:
        """The registered commands."""
        return tuple(self.registry.commands)

    @property
    def adapters(self) -> Mapping[Any, AdapterRegistration]:
        """The registered adapters by port type."""
        return dict(self.adapter_registry.by_port)

    @property
    def registered_names(self) -> tuple[str, ...]:
        """All names, each once."""
        return tuple(self.registry.names)
