"""The signals that a simulated link offers, each with the channel that shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import PERCENTAGE, UnitOfEnergy, UnitOfPower, UnitOfTemperature

from .bridge.channels import Channel, DeviceProfile, ValueKind
from .bridge.codecs.decoders import JsonDecoder
from .bridge.filters import default_filters
from .bridge.transports.simulated import Signal


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """One generated signal and how it is shown."""

    signal: Signal
    channel: Channel


def _number(
    signal: Signal, name: str, unit: str, device_class: SensorDeviceClass, state_class: SensorStateClass
) -> Preset:
    channel = Channel(
        key=signal.key,
        name=name,
        source=signal.key,
        unit=unit,
        device_class=device_class,
        state_class=state_class,
        filters=default_filters(state_class),
        precision=signal.decimals,
        min_interval=2.0,  # a first look should move
    )
    return Preset(signal=signal, channel=channel)


_PRESETS = (
    _number(
        Signal(key="temperature", waveform="sine", period=120, low=18, high=24, decimals=1),
        "Temperature",
        UnitOfTemperature.CELSIUS,
        SensorDeviceClass.TEMPERATURE,
        SensorStateClass.MEASUREMENT,
    ),
    _number(
        Signal(key="humidity", waveform="wander", period=300, low=35, high=60, decimals=1),
        "Humidity",
        PERCENTAGE,
        SensorDeviceClass.HUMIDITY,
        SensorStateClass.MEASUREMENT,
    ),
    _number(
        Signal(key="power", waveform="sawtooth", period=60, low=100, high=2000, decimals=0),
        "Power",
        UnitOfPower.WATT,
        SensorDeviceClass.POWER,
        SensorStateClass.MEASUREMENT,
    ),
    _number(
        Signal(key="energy", waveform="counter", period=3600, low=0, high=1, decimals=3),
        "Energy",
        UnitOfEnergy.KILO_WATT_HOUR,
        SensorDeviceClass.ENERGY,
        SensorStateClass.TOTAL_INCREASING,
    ),
    Preset(
        signal=Signal(key="door", waveform="square", period=60),
        channel=Channel(
            key="door", name="Door", source="door", kind=ValueKind.BINARY, device_class=BinarySensorDeviceClass.DOOR
        ),
    ),
)

PRESETS: Final = {preset.signal.key: preset for preset in _PRESETS}


def simulated_profile(keys: Iterable[str]) -> DeviceProfile:
    """Return the profile of a simulated device that shows the chosen signals."""
    return DeviceProfile(
        decoder=JsonDecoder(),
        channels=tuple(PRESETS[key].channel for key in keys),
        manufacturer="Fieldbridge",
        model="Signal generator",
    )
