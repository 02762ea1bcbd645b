"""The description of one device: how its frames are read and which channels they carry."""

from dataclasses import dataclass
import re
from typing import Any

from ..codecs.decoders import Decoder, decoder_from_dict
from ..codecs.escapes import escape_bytes, parse_bytes
from ..codecs.talk import Talk
from ..errors import ProfileError
from .channel import Channel, require_number
from .targets import check_target

SCHEMA_VERSION = 1
"""Stands in every stored description, since a device keeps the form that it was made with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameCondition:
    """Which frames of a shared link belong to a device: those whose ``source`` has the text ``equals``.

    With ``prefix`` also, or only, those that begin with these bytes; others are not even decoded.
    """

    source: str = ""
    equals: str = ""
    prefix: bytes = b""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        form = {"source": self.source, "equals": self.equals}
        return {**form, "prefix": escape_bytes(self.prefix)} if self.prefix else form


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceProfile:
    """Everything that the bridge has to know about one device on a frame link."""

    decoder: Decoder
    channels: tuple[Channel, ...]
    condition: FrameCondition | None = None
    stale_after: float | None = None
    """Seconds of silence after which values are stale; None learns it from the device's usual interval."""
    event_like: bool = False
    """The device speaks only when something happens: its silence means nothing."""
    manufacturer: str | None = None
    model: str | None = None
    talk: Talk | None = None
    """What it is told and asked by itself, on links that can send."""
    origin: str | None = None
    """The profile that the device was made with, as ``id@version``."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that is stored and shared."""
        condition = self.condition
        return {
            "schema_version": SCHEMA_VERSION,
            "decoder": self.decoder.to_dict(),
            "channels": [channel.to_dict() for channel in self.channels],
            "condition": condition.to_dict() if condition else None,
            "stale_after": self.stale_after,
            "event_like": self.event_like,
            "manufacturer": self.manufacturer,
            "model": self.model,
            **({} if self.talk is None else {"talk": self.talk.to_dict()}),
            **({} if self.origin is None else {"origin": self.origin}),
        }

    @classmethod
    def from_dict(cls, data: Any) -> DeviceProfile:
        """Return the profile described by ``data``; raises ProfileError that names the wrong place."""
        if not isinstance(data, dict):
            raise ProfileError("", "a profile must be an object")
        if data.get("schema_version") != SCHEMA_VERSION:
            raise ProfileError("schema_version", f"must be {SCHEMA_VERSION}, got {data.get('schema_version')!r}")
        decoder_data = data.get("decoder")
        if not isinstance(decoder_data, dict):
            raise ProfileError("decoder", "is missing")
        decoder = decoder_from_dict(decoder_data)
        channels_data = data.get("channels")
        if not isinstance(channels_data, list):
            raise ProfileError("channels", "must be a list")
        channels = tuple(
            Channel.from_dict(channel, f"channels[{index}]") for index, channel in enumerate(channels_data)
        )
        if len({channel.key for channel in channels}) != len(channels):
            raise ProfileError("channels", "every key must be used only once")
        for index, channel in enumerate(channels):
            _check_ends(decoder, channel, f"channels[{index}]")
        stale_after = data.get("stale_after")
        if stale_after is not None and require_number(stale_after, "stale_after") < 1:
            raise ProfileError("stale_after", "must be at least one second")
        origin = data.get("origin")
        if origin is not None and not (isinstance(origin, str) and re.fullmatch(r"\w+@\d{1,9}", origin)):
            raise ProfileError("origin", "must be the id of a profile, @ and its version")
        for name in ("manufacturer", "model"):
            if data.get(name) is not None and not isinstance(data[name], str):
                raise ProfileError(name, "must be a text")
        return cls(
            decoder=decoder,
            channels=channels,
            condition=_condition(data.get("condition"), decoder),
            stale_after=stale_after,
            event_like=bool(data.get("event_like", False)),
            manufacturer=data.get("manufacturer"),
            model=data.get("model"),
            talk=None if data.get("talk") is None else Talk.from_dict(data["talk"]),
            origin=origin,
        )


def unique_key(name: str, taken: set[str]) -> str:
    """Return a key of lower-case letters, digits and underscores that is not among ``taken``."""
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "channel"
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}_{number}"
    return key


def _condition(data: Any, decoder: Decoder) -> FrameCondition | None:
    if data is None:
        return None
    if not isinstance(data, dict):
        raise ProfileError("condition", "must be an object")
    source, equals, prefix = data.get("source", ""), data.get("equals", ""), data.get("prefix", "")
    if not all(isinstance(text, str) for text in (source, equals, prefix)) or not (source or prefix):
        raise ProfileError("condition", "needs source and equals, or a prefix")
    if source:
        _require_source(decoder, source, "condition.source")
    try:
        return FrameCondition(source=source, equals=equals, prefix=parse_bytes(prefix))
    except ValueError as err:
        raise ProfileError("condition.prefix", str(err)) from err


def _check_ends(decoder: Decoder, channel: Channel, path: str) -> None:
    """Raise ProfileError where a channel's value comes from nothing, or is written to nothing."""
    if channel.source:
        _require_source(decoder, channel.source, f"{path}.source")
    if channel.write is not None:
        check_target(decoder, channel.write.target, f"{path}.write.target")


def _require_source(decoder: Decoder, source: str, path: str) -> None:
    try:
        decoder.getter(source)
    except ValueError as err:
        raise ProfileError(path, f"{source!r} is no field of this decoder") from err
