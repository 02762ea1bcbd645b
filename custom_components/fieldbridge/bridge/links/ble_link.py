"""A link to one Bluetooth LE peripheral."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from ..channels import Channel, DeviceProfile, DeviceSession
from ..codecs.characteristics import is_reference
from ..codecs.framing import Framer, framer_from_dict
from ..codecs.gatt import encode
from ..errors import ProfileError, WriteError
from ..transports.ble import BleSettings, BleTransport, Connecting
from .frame_link import FrameLink


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
