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
        return self.registry.of_kind(DeviceRegistration)

    @property
    def telemetry_registrations(self) -> tuple[TelemetryRegistration, ...]:
        """The registered telemetry."""
        return self.registry.of_kind(TelemetryRegistration)

    @property
    def stream_registrations(self) -> tuple[StreamRegistration, ...]:
        """The registered streams."""
        return self.registry.of_kind(StreamRegistration)

    @property
    def periodic_registrations(self) -> tuple[PeriodicRegistration, ...]:
        """The registered side jobs."""
        return self.registry.of_kind(PeriodicRegistration)

    @property
    def commands(self) -> tuple[CommandRegistration, ...]:
        """The registered commands."""
        return self.registry.of_kind(CommandRegistration)

    @property
    def adapters(self) -> Mapping[Any, AdapterRegistration]:
        """The registered adapters by port type."""
        return dict(self.adapter_registry.by_port)

    @property
    def registered_names(self) -> frozenset[str]:
        """All names; of what the settings have to resolve, that of the function."""
        kinds = (self.devices, self.telemetry_registrations, self.commands)
        others = (self.stream_registrations, self.periodic_registrations)
        return frozenset(each.name for registrations in (*kinds, *others) for each in registrations)
