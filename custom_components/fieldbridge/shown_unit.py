"""The unit in which a person sees a channel, which need not be the unit that its device sends."""

from collections.abc import Callable

from homeassistant.components.sensor.const import UNIT_CONVERTERS
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .bridge.channels import Channel, Value, ValueKind


def unit_conversion(device_class: str | None, unit: str | None, wanted: str | None) -> Callable[[float], float] | None:
    """Return what makes numbers in ``unit`` numbers in ``wanted``, None where Home Assistant has no way."""
    converter = UNIT_CONVERTERS.get(device_class)
    if converter is None or unit not in converter.VALID_UNITS or wanted not in converter.VALID_UNITS:
        return None
    return converter.converter_factory(unit, wanted)


class ShownUnit:
    """Follows the unit of an entity: Home Assistant and the person may have chosen another than the channel's."""

    def __init__(self, hass: HomeAssistant, entity_id: str) -> None:
        """Follow the entity; ``describe`` says what it shows."""
        self._hass = hass
        self._entity_id = entity_id
        self._channel: Channel | None = None
        self._seen: str | None = None
        self.unit: str | None = None
        self.convert: Callable[[Value], Value] | None = None
        """Value as the channel has it -> value as it is shown; None where they are the same."""

    def describe(self, channel: Channel | None) -> None:
        """Take what is known of the channel, None when the device has none such."""
        self._channel, self._seen = channel, None
        self.unit, self.convert = (channel.unit if channel is not None else None), None
        self.update()

    def update(self) -> bool:
        """Look at the entity; return whether it is shown in another unit than before."""
        channel = self._channel
        if channel is None or channel.kind is not ValueKind.NUMBER:
            return False
        shown = self._unit_of_entity()
        if shown == self._seen:
            return False
        before, self._seen = self.unit, shown
        conversion = unit_conversion(channel.device_class, channel.unit, shown) if shown != channel.unit else None
        self.unit = shown if conversion is not None else channel.unit
        self.convert = _of_numbers(conversion) if conversion is not None else None
        return self.unit != before

    def limit(self, number: float, unit: str | None) -> float | None:
        """Return a limit in the shown unit, None when it cannot be had; without a unit it is in that unit already."""
        if unit is None or unit == self.unit:
            return number
        device_class = self._channel.device_class if self._channel is not None else None
        conversion = unit_conversion(device_class, unit, self.unit)
        return None if conversion is None else conversion(number)

    def _unit_of_entity(self) -> str | None:
        if (state := self._hass.states.get(self._entity_id)) is not None:
            unit: str | None = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
            return unit
        registered = er.async_get(self._hass).async_get(self._entity_id)
        return registered.unit_of_measurement if registered is not None else None


def _of_numbers(conversion: Callable[[float], float]) -> Callable[[Value], Value]:
    return lambda value: value if isinstance(value, str) else conversion(value)
