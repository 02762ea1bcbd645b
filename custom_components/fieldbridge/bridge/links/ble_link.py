"""A link to one Bluetooth LE peripheral: its characteristics, or one stream of bytes over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from ..channels import Channel, DeviceProfile, DeviceSession
from ..codecs.characteristics import CharacteristicTarget, ServiceInfo, is_reference, split_message
from ..codecs.frame import Batch, Frame
from ..codecs.framing import Framer, framer_from_dict
from ..codecs.gatt import encode
from ..errors import ProfileError, WriteError
from ..health.link_status import LinkState, LinkStatus
from ..transports.ble import FRAME_PAUSE, BleSettings, BleTransport, Connecting
from .frame_link import FrameLink
from .serial_link import SerialLink


class BleLink(FrameLink):
    """Runs one peripheral; its channels are written to characteristics.

    The ``target`` of a write has the ``characteristic``, the ``type`` (``uint8`` ..., ``text``, ``hex``) and
    ``response``: whether the device acknowledges.
    """

    def __init__(self, name: str, transport: BleTransport) -> None:
        super().__init__(name, transport)
        self._ble = transport
        self._last: dict[str, Frame] = {}
        """The last message of each characteristic since the link came up."""
        self.on_frames(self._remember)
        self.on_status(self._forget)

    @property
    def services(self) -> tuple[ServiceInfo, ...]:
        """What the peripheral offers, empty while it is not connected."""
        return self._ble.services

    @override
    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        session = super().set_device(device_id, profile, topic=topic)
        session.writer = self._write
        # What is read once an hour must not be unknown for an hour because a name was changed.
        session.accept(sorted(self._last.values()))
        return session

    def _remember(self, batch: Batch) -> None:
        for frame in batch:
            self._last[split_message(frame.data)[0]] = frame

    def _forget(self, status: LinkStatus) -> None:
        if status.state is LinkState.DOWN:
            self._last.clear()

    async def _write(self, channel: Channel, raw: object) -> None:
        """Raises WriteError for what cannot be encoded, LinkError when the device does not take it."""
        try:
            target = CharacteristicTarget.from_dict(channel.write.target if channel.write else {})
            data = encode(raw, target.type)
        except (ValueError, OverflowError) as err:
            raise WriteError(f"{channel.name}: {err}") from err
        await self._ble.write(target.characteristic, data, response=target.response)


class BleStreamLink(SerialLink):
    """A stream of bytes over two characteristics: what a serial port is to everything above."""

    quiet = 2 * FRAME_PAUSE


@dataclass(frozen=True, kw_only=True, slots=True)
class BleDescription:
    """What an entry says about a peripheral."""

    settings: BleSettings
    framer: Framer | None = None
    """Of a byte stream; None for messages of characteristics."""

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
            send=(stream.get("send") or "") if stream else "",
            start=tuple(_write(one) for one in data.get("start", [])),
            pair=bool(data.get("pair", False)),
            connecting=connecting,
            interval=max(float(data.get("interval", 600.0)), 10.0),
        )
        if not stream:
            return cls(settings=settings)
        framer = framer_from_dict(stream.get("framing", {"kind": "line"}), "stream.framing")
        return cls(settings=settings, framer=framer)


def _write(data: Mapping[str, str]) -> tuple[str, bytes]:
    if not is_reference(data["characteristic"]):
        raise ProfileError("start", f"{data['characteristic']!r} is no characteristic")
    return data["characteristic"], parse_hex(data["hex"])


def parse_hex(text: str) -> bytes:
    """Return the bytes that a person wrote in hexadecimal, with or without spaces. Raises ProfileError."""
    try:
        return bytes.fromhex(text.replace("0x", "").replace(":", " "))
    except ValueError as err:
        raise ProfileError("hex", f"{text[:40]!r} is not hexadecimal") from err
