"""A link to one Bluetooth LE peripheral, and what profiles make of the characteristics that it offers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, override

from ..channels import Channel, DeviceProfile, DeviceSession
from ..channels.profile import unique_key
from ..codecs.characteristics import CharacteristicsDecoder, is_reference
from ..codecs.decoders import Decoder
from ..codecs.framing import Framer, framer_from_dict
from ..codecs.gatt import encode
from ..errors import ProfileError, WriteError
from ..profiles import Profile
from ..transports.ble import BleSettings, BleTransport, Connecting
from ..transports.ble_peripheral import CharacteristicInfo, ServiceInfo
from .frame_link import FrameLink

READ_INTERVAL = 60.0
"""Seconds between two readings where no profile says otherwise."""
_MISSED_READINGS = 3
"""Readings that may fail to come before a value is stale."""


class BleLink(FrameLink):
    """Runs one peripheral; its channels are written to characteristics.

    The ``target`` of a write has the ``characteristic`` (of a byte stream: its own, when left out), the ``type``
    (``uint8`` ..., ``text``, ``hex``) and ``response``: whether the device acknowledges.
    """

    def __init__(self, name: str, transport: BleTransport, *, send: str | None = None) -> None:
        super().__init__(name, transport)
        self._ble = transport
        self._send = send

    @override
    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        session = super().set_device(device_id, profile, topic=topic)
        session.writer = self._write
        return session

    async def _write(self, channel: Channel, raw: object) -> None:
        """Raises WriteError for what cannot be encoded, LinkError when the device does not take it."""
        target = channel.write.target if channel.write else {}
        reference = target.get("characteristic", self._send)
        if not is_reference(reference):
            raise WriteError(f"{channel.name}: no characteristic is named to write to")
        try:
            data = encode(raw, target.get("type", "text"))
        except (ValueError, OverflowError) as err:
            raise WriteError(f"{channel.name}: {err}") from err
        await self._ble.write(reference, data, response=target.get("response"))


@dataclass(frozen=True, kw_only=True, slots=True)
class BleDescription:
    """What an entry says about a peripheral."""

    settings: BleSettings
    framer: Framer | None = None
    send: str | None = None
    """Characteristic to which a byte stream is written."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BleDescription:
        """Return what ``data`` describes; raises ProfileError that names the wrong value."""
        try:
            connecting = Connecting(data.get("connecting", Connecting.ALWAYS))
        except ValueError as err:
            raise ProfileError("connecting", f"must be one of {', '.join(Connecting)}") from err
        stream = data.get("stream")
        notify = [stream["receive"]] if stream else data.get("notify", [])
        read = data.get("read", {})
        for name, references in (("notify", notify), ("read", read)):
            if not all(map(is_reference, references)):
                raise ProfileError(name, "must name characteristics")
        settings = BleSettings(
            notify=tuple(notify),
            read={} if stream else {reference: max(float(seconds), 1.0) for reference, seconds in read.items()},
            start=tuple((one["characteristic"], parse_hex(one["hex"])) for one in data.get("start", [])),
            pair=bool(data.get("pair", False)),
            connecting=connecting,
            interval=max(float(data.get("interval", 600.0)), 10.0),
        )
        if not stream:
            return cls(settings=settings)
        framer = framer_from_dict(stream.get("framing", {"kind": "line"}), "stream.framing")
        return cls(settings=settings, framer=framer, send=stream.get("send"))


def parse_hex(text: str) -> bytes:
    """Return the bytes that a person wrote in hexadecimal, with or without spaces. Raises ProfileError."""
    try:
        return bytes.fromhex(text.replace("0x", "").replace(":", " "))
    except ValueError as err:
        raise ProfileError("hex", f"{text[:40]!r} is not hexadecimal") from err


def matching(profiles: Iterable[Profile], services: Sequence[ServiceInfo]) -> list[Profile]:
    """Return the profiles whose service a peripheral has; of those with channels, any of their characteristics."""
    offered = {service.uuid for service in services}
    references = {one.reference for one in characteristics(services)}
    return [
        profile
        for profile in profiles
        if profile.kind == "ble"
        and profile.link.get("service") in offered
        and ("stream" in profile.link or references & set(_decoders(profile)))
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
        "connecting": connecting or Connecting.ALWAYS.value,
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


def with_patience(device: DeviceProfile, settings: BleSettings) -> DeviceProfile:
    """Return the device whose values may be as old as the link lets them become: a few readings, a few connections."""
    by_rate = settings.connecting is Connecting.RATE

    def patient(channel: Channel) -> Channel:
        reference = channel.source.partition(":")[0]
        rate = settings.interval if by_rate else settings.read.get(reference)
        return replace(channel, stale_after=None if rate is None else max(_MISSED_READINGS * rate, 30.0))

    return replace(device, channels=tuple(patient(channel) for channel in device.channels))


def _decoders(profile: Profile) -> Mapping[str, Decoder]:
    decoder = profile.device.decoder
    return decoder.characteristics if isinstance(decoder, CharacteristicsDecoder) else {}
