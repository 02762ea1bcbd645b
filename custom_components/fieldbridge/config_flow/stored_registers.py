"""The registers and channels of a device as a flow changes them, and as the device stores them."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..bridge.channels import Channel, DeviceProfile
from ..bridge.errors import ProfileError
from ..bridge.modbus import Register, RegisterDecoder


def registers_of(device: Mapping[str, Any]) -> tuple[int, dict[str, Register], tuple[Channel, ...]]:
    """Return the unit id of a stored Modbus device, its registers and its channels; raises ProfileError."""
    profile = DeviceProfile.from_dict(dict(device))
    decoder: Any = profile.decoder
    if not isinstance(decoder, RegisterDecoder):
        raise ProfileError("decoder", "is not for Modbus")
    return decoder.device.unit, dict(decoder.registers), profile.channels


def with_registers(
    device: Mapping[str, Any], registers: Mapping[str, Register], channels: Iterable[Channel]
) -> dict[str, Any]:
    """Return what is to be stored of a device whose registers and channels have changed."""
    stored = {name: register.to_dict() for name, register in registers.items()}
    return {
        "decoder": {**device["decoder"], "registers": stored},
        "channels": [channel.to_dict() for channel in channels],
    }
