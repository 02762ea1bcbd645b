"""A device and a newer version of the profile that it was made with: what would change, and the device after it."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from ..channels import Channel, DeviceProfile
from ..modbus import RegisterDecoder
from .profile import Profile

_OF_THE_USER = ("name", "filters", "publish", "min_interval", "stale_after", "live", "enabled", "category", "private")
"""What a person chooses for a channel; a newer profile leaves it alone."""


def newer_profile(device: DeviceProfile, profiles: Iterable[Profile]) -> Profile | None:
    """Return the profile that the device was made with in a later version, None when there is none."""
    name, _, version = (device.origin or "").rpartition("@")
    return next((profile for profile in profiles if profile.id == name and profile.version > int(version)), None)


def updated(device: DeviceProfile, profile: Profile) -> DeviceProfile:
    """Return the device as the profile describes it now.

    What a person chose stays: names, filters and pace of channels, channels of their own, the unit and its intervals.
    Channels that the profile dropped stay as well: taking them away is a person's decision.
    """
    new = profile.device
    stored = {channel.key: channel for channel in device.channels}
    channels = [_merged(stored.pop(channel.key, None), channel) for channel in new.channels]
    decoder = new.decoder
    if isinstance(device.decoder, RegisterDecoder) and isinstance(decoder, RegisterDecoder):
        decoder = replace(
            decoder, registers={**device.decoder.registers, **decoder.registers}, device=device.decoder.device
        )
    kept = {each.name: getattr(device, each.name) for each in fields(device)}
    return replace(new, **kept | {"decoder": decoder, "channels": (*channels, *stored.values()), "origin": new.origin})


def changes(device: DeviceProfile, profile: Profile) -> list[str]:
    """Return what ``updated`` changes, one line per channel: ``+`` new, ``~`` different."""
    stored = {channel.key: channel.to_dict() for channel in device.channels}
    lines = []
    after = updated(device, profile)
    for channel in after.channels:
        before = stored.get(channel.key)
        if before is None:
            lines.append(f"+ {channel.name}")
            continue
        form = channel.to_dict()
        parts = [f"{name}: {before[name]} → {form[name]}" for name in form if before[name] != form[name]]
        parts += _register_changes(device, after, channel.source)
        if parts:
            lines.append(f"~ {channel.name}: {'; '.join(parts)}")
    return lines


def _merged(stored: Channel | None, new: Channel) -> Channel:
    if stored is None:
        return new
    return replace(new, **{name: getattr(stored, name) for name in _OF_THE_USER})


def _register_changes(before: DeviceProfile, after: DeviceProfile, source: str) -> list[str]:
    old, new = (_register(device, source) for device in (before, after))
    return [f"{name}: {old.get(name)} → {new.get(name)}" for name in {**old, **new} if old.get(name) != new.get(name)]


def _register(device: DeviceProfile, source: str) -> dict[str, Any]:
    register = device.decoder.registers.get(source) if isinstance(device.decoder, RegisterDecoder) else None
    return {} if register is None else register.to_dict()
