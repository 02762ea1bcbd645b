"""Profiles of serial devices: what there is, what each asks of its link, and how it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.const import CONF_MODEL

from ..bridge.channels import DeviceProfile
from ..bridge.channels.examine import examine
from ..bridge.codecs.frame import Frame
from ..bridge.errors import ProfileError
from ..bridge.profiles import Profile, read_profile
from ..const import CONF_BAUDRATE, CONF_BYTESIZE, CONF_PARITY, CONF_STOPBITS, KIND_SERIAL
from ..presentable import printable
from .modbus_definition import own_and_shipped
from .presentation import NOTHING

_PORT: Final = (CONF_BAUDRATE, CONF_BYTESIZE, CONF_PARITY, CONF_STOPBITS)
_SHOWN_VALUES: Final = 20


def serial_profiles(config_dir: str) -> list[Profile]:
    """Return the good profiles of serial devices; blocking."""
    good, _ = own_and_shipped(config_dir, KIND_SERIAL)
    return [file.profile for file in good if file.profile]


def read_serial_profile(text: str) -> Profile:
    """Return the profile of a serial device that somebody exported; blocking. Raises ProfileError."""
    found = read_profile(text)
    if found.profile is None:
        raise ProfileError("", "; ".join(map(str, found.mistakes)))
    if found.profile.kind != KIND_SERIAL:
        raise ProfileError("kind", f"is {found.profile.kind}, not {KIND_SERIAL}")
    return found.profile


def port_settings(profile: Profile) -> dict[str, Any]:
    """Return what a profile says about the port, as an entry stores it."""
    settings = {name: profile.link[name] for name in _PORT if name in profile.link}
    if CONF_PARITY in settings:
        settings[CONF_PARITY] = str(settings[CONF_PARITY]).upper()
    return settings


def model_title(profile: Profile) -> str:
    """Return how a device of this model is called at first."""
    texts = (profile.device.manufacturer, profile.device.model)
    return " ".join(text for text in texts if text) if all(texts) else profile.name


def values_text(device: DeviceProfile, frames: Sequence[Frame]) -> str:
    """Return the newest value of each channel in some frames, one per line."""
    values: dict[str, object] = {}
    for frame in frames:
        values |= {key: value for key, value in examine(device, frame.data).values.items() if value is not None}
    lines = []
    for channel in device.channels:
        if channel.key in values:
            unit = f" {channel.unit}" if channel.unit else ""
            lines.append(printable(f"{channel.name} = {values[channel.key]}{unit}"))
    return "\n".join(lines[:_SHOWN_VALUES]) or NOTHING


def model_placeholders(profile: Profile, frames: Sequence[Frame]) -> Mapping[str, str]:
    """Return what a step tells about a model."""
    return {CONF_MODEL: printable(profile.name), "values": values_text(profile.device, frames)}
