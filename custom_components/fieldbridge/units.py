"""What a unit says about a number, and whether Home Assistant accepts a unit with a device class."""

from enum import StrEnum
import logging
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import (
    AMBIGUOUS_UNITS,
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
    NON_NUMERIC_DEVICE_CLASSES,
    STATE_CLASS_UNITS,
)

_LOGGER = logging.getLogger(__name__)

_CERTAIN: Final = {
    SensorDeviceClass.APPARENT_POWER: ("VA", "kVA"),
    SensorDeviceClass.CURRENT: ("A", "mA"),
    SensorDeviceClass.DISTANCE: ("mm", "cm", "m", "km"),
    SensorDeviceClass.DURATION: ("ms", "s", "min", "h", "d"),
    SensorDeviceClass.ENERGY: ("Wh", "kWh", "MWh"),
    SensorDeviceClass.FREQUENCY: ("Hz", "kHz"),
    SensorDeviceClass.ILLUMINANCE: ("lx",),
    SensorDeviceClass.POWER: ("W", "kW", "MW"),
    SensorDeviceClass.PRESSURE: ("Pa", "hPa", "kPa", "bar", "mbar", "psi"),
    SensorDeviceClass.REACTIVE_POWER: ("var",),
    SensorDeviceClass.SIGNAL_STRENGTH: ("dBm",),
    SensorDeviceClass.SPEED: ("m/s", "km/h"),
    SensorDeviceClass.TEMPERATURE: ("°C", "°F"),
    SensorDeviceClass.VOLTAGE: ("mV", "V", "kV"),
    SensorDeviceClass.VOLUME_FLOW_RATE: ("L/min", "m³/h"),
    SensorDeviceClass.WEIGHT: ("mg", "g", "kg", "oz", "lb"),
}
"""Units that belong to one quantity only; a percentage or ppm can be anything."""
_CLASS_OF_UNIT: Final = {unit: device_class for device_class, units in _CERTAIN.items() for unit in units}
_SPELLINGS: Final = {
    **AMBIGUOUS_UNITS,
    "l": "L",
    "ml": "mL",
    "l/min": "L/min",
    "deg": "°",
    "deg/s": "°/s",
    "uT": "μT",
    "degC": "°C",
    "degF": "°F",
    "VDC": "V",
    "VAC": "V",
}
"""How devices write a unit, and how Home Assistant does."""


def usual_unit(unit: str | None) -> str | None:
    """Return the unit as Home Assistant writes it."""
    return _SPELLINGS.get(unit, unit)


def suggest_classes(unit: str | None) -> tuple[SensorDeviceClass | None, SensorStateClass]:
    """Return the device class that ``unit`` makes certain, and the state class of such a number."""
    device_class = _CLASS_OF_UNIT.get(unit) if unit else None
    if device_class is SensorDeviceClass.ENERGY:
        return device_class, SensorStateClass.TOTAL_INCREASING
    return device_class, SensorStateClass.MEASUREMENT


def known_class[C: StrEnum](classes: type[C], name: str | None, channel: str) -> C | None:
    """Return the class of a number or switch state, None with a warning for one that this Home Assistant does not have.

    A profile may come from anywhere; what Home Assistant refuses would take the entities of all devices with it.
    """
    if not name:
        return None
    if name in NON_NUMERIC_DEVICE_CLASSES or name not in classes:
        _LOGGER.warning("%s is shown without the class %s, which Home Assistant does not have for it", channel, name)
        return None
    return classes(name)


def unit_fits(device_class: str | None, unit: str | None) -> bool:
    """Whether Home Assistant accepts a number with the pair; without a device class every unit is accepted."""
    if device_class is None:
        return True
    if device_class in NON_NUMERIC_DEVICE_CLASSES:
        return False
    allowed = DEVICE_CLASS_UNITS.get(SensorDeviceClass(device_class))
    return allowed is None or unit in allowed


def state_class_fits(device_class: str | None, state_class: str | None, unit: str | None) -> bool:
    """Whether Home Assistant accepts the state class with the other two."""
    if state_class is None:
        return True
    units = STATE_CLASS_UNITS.get(SensorStateClass(state_class))
    if units is not None and unit not in units:
        return False
    allowed = DEVICE_CLASS_STATE_CLASSES.get(SensorDeviceClass(device_class)) if device_class else None
    return allowed is None or state_class in allowed
