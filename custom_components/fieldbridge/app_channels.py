"""What the values of a bridge app's devices are: as the user corrected them, as the app says, or as they look."""

from collections.abc import Mapping
import logging
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass

from .bridge.app.registry import Registry
from .bridge.channels import Channel, ValueKind
from .bridge.errors import ProfileError
from .bridge.runners.states import declared_fields
from .bridge.schema import StateField
from .units import state_class_fits, unit_fits

_LOGGER = logging.getLogger(__name__)


class AppChannels:
    """The channels of all devices of one app; ``corrections`` holds stored channels by device and path."""

    def __init__(self, registry: Registry, corrections: Mapping[str, Mapping[str, Any]]) -> None:
        self._corrections = corrections
        self._declared: dict[str, dict[tuple[str, ...], StateField]] = {}
        for registration in registry.all:
            for field in declared_fields(registration):
                self._declared.setdefault(registration.name, {}).setdefault(field.path, field)

    def declared(self, device: str) -> list[Channel]:
        """Return the channels that the app declares, corrected; they are there before the first value."""
        channels = [declared_channel(each) for each in self._declared.get(device, {}).values()]
        return [self._corrected(device, channel) for channel in channels]

    def inferred(self, device: str, path: str, kind: ValueKind) -> Channel:
        """Return the channel of a value that nobody declared."""
        return self._corrected(device, inferred_channel(path, kind))

    def _corrected(self, device: str, channel: Channel) -> Channel:
        stored = self._corrections.get(device, {}).get(channel.key)
        if stored is None:
            return channel
        try:
            return Channel.from_dict(dict(stored))
        except ProfileError as err:
            _LOGGER.warning("The correction of %s of %s cannot be used: %s", channel.key, device, err)
            return channel


def inferred_channel(path: str, kind: ValueKind) -> Channel:
    """Return the channel of a path of which nothing but the kind of its first value is known."""
    state_class = "measurement" if kind is ValueKind.NUMBER else None
    return Channel(key=path, name=readable(path), source=path, kind=kind, state_class=state_class)


def declared_channel(field: StateField) -> Channel:
    """Return the channel of a field of a state model; classes that Home Assistant does not accept are left out."""
    path, metadata, kind = ".".join(field.path), field.metadata, _kind_of_type(field.kind)
    unit = metadata.get("unit")
    device_class, state_class = metadata.get("device_class"), metadata.get("state_class")
    if kind is ValueKind.NUMBER:
        device_class = device_class if device_class in list(SensorDeviceClass) else None
        device_class = device_class if unit_fits(device_class, unit) else None
        state_class = state_class if state_class in list(SensorStateClass) else "measurement"
        state_class = state_class if state_class_fits(device_class, state_class, unit) else None
    else:
        is_known = kind is ValueKind.BINARY and device_class in list(BinarySensorDeviceClass)
        unit, state_class, device_class = None, None, device_class if is_known else None
    if device_class != metadata.get("device_class"):
        _LOGGER.warning("%s is no %s with the unit %s", path, metadata.get("device_class"), metadata.get("unit"))
    return Channel(
        key=path,
        name=metadata.get("display_name") or readable(path),
        source=path,
        kind=kind,
        unit=unit,
        device_class=device_class,
        state_class=state_class,
    )


def readable(name: str) -> str:
    """Return a name as people write it: ``motor.speed_limit`` is ``Motor speed limit``."""
    words = " ".join(name.translate(str.maketrans("._/-", "    ")).split())
    return words[:1].upper() + words[1:]


def _kind_of_type(kind: Any) -> ValueKind:
    if kind is bool:
        return ValueKind.BINARY
    return ValueKind.NUMBER if isinstance(kind, type) and issubclass(kind, int | float) else ValueKind.TEXT
