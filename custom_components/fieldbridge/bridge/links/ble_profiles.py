"""What profiles make of the characteristics that a Bluetooth LE peripheral offers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..channels import Channel, DeviceProfile
from ..channels.profile import unique_key
from ..codecs.characteristics import CharacteristicInfo, CharacteristicsDecoder, ServiceInfo
from ..codecs.decoders import Decoder
from ..profiles import Profile

READ_INTERVAL = 60.0
"""Seconds between two readings where no profile says otherwise."""
_MISSED_READINGS = 3
"""Readings that may fail to come before a value is stale."""


def matching(profiles: Iterable[Profile], services: Sequence[ServiceInfo]) -> list[Profile]:
    """Return the profiles whose service a peripheral has, with any of their characteristics."""
    offered = {service.uuid for service in services}
    references = {one.reference for one in characteristics(services)}
    return [
        profile
        for profile in profiles
        if profile.kind == "ble"
        and profile.link.get("service") in offered
        and references & {*_decoders(profile), profile.link.get("stream", {}).get("receive")}
    ]


def characteristics(services: Iterable[ServiceInfo]) -> list[CharacteristicInfo]:
    """Return all characteristics in order."""
    return [one for service in services for one in service.characteristics]


def link_data(profiles: Sequence[Profile], offered: Sequence[CharacteristicInfo]) -> dict[str, Any]:
    """Return what the link does so that ``profiles`` have their values: subscribes, and reads on rates."""
    wanted = {reference for profile in profiles for reference in _decoders(profile)}
    rates = {reference: float(rate) for profile in profiles for reference, rate in profile.link.get("read", {}).items()}
    used = [one for one in offered if one.reference in wanted]
    connecting = next((profile.link["connecting"] for profile in profiles if "connecting" in profile.link), None)
    return {
        "notify": [one.reference for one in used if one.notifies],
        "read": {one.reference: rates.get(one.reference, READ_INTERVAL) for one in used if one.is_readable},
        "connecting": connecting or "always",
    }


def combined(profiles: Sequence[Profile], offered: Sequence[CharacteristicInfo]) -> DeviceProfile:
    """Return one device with the channels of all ``profiles`` whose characteristics are offered."""
    references = {one.reference for one in offered}
    decoders: dict[str, Decoder] = {}
    channels: list[Channel] = []
    for profile in profiles:
        decoders |= {name: decoder for name, decoder in _decoders(profile).items() if name in references}
        for channel in profile.device.channels:
            if channel.source.partition(":")[0] in references:
                key = unique_key(channel.key, {other.key for other in channels})
                channels.append(replace(channel, key=key))
    return DeviceProfile(
        decoder=CharacteristicsDecoder(characteristics=decoders),
        channels=tuple(channels),
        event_like=any(profile.device.event_like for profile in profiles),
    )


def with_patience(device: DeviceProfile, data: Mapping[str, Any]) -> DeviceProfile:
    """Return the device whose values may be as old as the link lets them become: a few readings, a few connections.

    ``data`` is that of the link's entry.
    """
    by_rate = data["connecting"] == "rate"

    def patient(channel: Channel) -> Channel:
        reference = channel.source.partition(":")[0]
        rate = data["interval"] if by_rate else data["read"].get(reference)
        return replace(channel, stale_after=None if rate is None else max(_MISSED_READINGS * rate, 30.0))

    return replace(device, channels=tuple(patient(channel) for channel in device.channels))


def _decoders(profile: Profile) -> Mapping[str, Decoder]:
    decoder = profile.device.decoder
    return decoder.characteristics if isinstance(decoder, CharacteristicsDecoder) else {}
