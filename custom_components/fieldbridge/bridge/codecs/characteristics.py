"""Messages of a device with several Bluetooth LE characteristics: each says which one it comes from.

A message is the reference of the characteristic, a colon and the value: ``2a37:`` and the bytes. A reference is the
UUID in its shortest form; a second characteristic with the same UUID is ``2a6e#2``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re
from typing import TYPE_CHECKING, Any

from ..errors import DecodeError, ProfileError
from .gatt import WRITE_TYPES

if TYPE_CHECKING:
    from .decoders import Decoder

_BASE = "-0000-1000-8000-00805f9b34fb"
_REFERENCE = re.compile(r"([0-9a-f]{4}|[0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(#[1-9][0-9]?)?")
_MAX_CHARACTERISTICS = 64


def short_uuid(uuid: str) -> str:
    """Return the shortest form of a UUID: four digits where the Bluetooth SIG assigned it."""
    uuid = uuid.lower()
    if not uuid.endswith(_BASE):
        return uuid
    return uuid[4:8] if uuid.startswith("0000") else uuid[:8]


def is_reference(text: object) -> bool:
    """Whether ``text`` refers to a characteristic."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def message(reference: str, value: bytes) -> bytes:
    """Return the value of a characteristic as a message."""
    return b"%b:%b" % (reference.encode(), value)


def split_message(data: bytes) -> tuple[str, bytes]:
    """Return reference and value. Raises DecodeError ``characteristic`` for what is no such message."""
    reference, colon, value = data.partition(b":")
    if not colon:
        raise DecodeError("characteristic", "the message names none")
    return reference.decode("ascii", "replace"), value


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacteristicInfo:
    """A characteristic as a person chooses it."""

    reference: str
    name: str
    """As assigned by the Bluetooth SIG; the UUID where it is the maker's own."""
    properties: tuple[str, ...]

    @property
    def notifies(self) -> bool:
        """Whether it can be subscribed to."""
        return bool({"notify", "indicate"} & set(self.properties))

    @property
    def is_readable(self) -> bool:
        """Whether its value can be read at any time."""
        return "read" in self.properties

    @property
    def is_writable(self) -> bool:
        """Whether a value can be written."""
        return bool({"write", "write-without-response"} & set(self.properties))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceInfo:
    """A service with its characteristics."""

    uuid: str
    name: str
    characteristics: tuple[CharacteristicInfo, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacteristicTarget:
    """Where a write goes: the ``target`` of a channel's Write."""

    characteristic: str
    type: str = "text"
    response: bool | None = None
    """Whether the device acknowledges; None leaves it to the characteristic."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], path: str = "target") -> CharacteristicTarget:
        """Return the target described by ``data``; raises ProfileError."""
        if unknown := sorted(set(data) - set(cls.__slots__)):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        if not is_reference(data.get("characteristic")):
            raise ProfileError(f"{path}.characteristic", f"{data.get('characteristic')!r} is no characteristic")
        if data.get("type", "text") not in WRITE_TYPES:
            raise ProfileError(f"{path}.type", f"must be one of {', '.join(WRITE_TYPES)}")
        if not isinstance(data.get("response"), bool | None):
            raise ProfileError(f"{path}.response", "must be true or false")
        return cls(**data)


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacteristicsDecoder:
    """One decoder per characteristic; a source is ``reference:source`` of that decoder (``2a37:rate``)."""

    characteristics: Mapping[str, Decoder]

    def parse(self, data: bytes) -> tuple[str, Any]:
        """Return reference and parsed value. Reasons: ``characteristic``, and those of the decoders."""
        reference, value = split_message(data)
        decoder = self.characteristics.get(reference)
        if decoder is None:
            raise DecodeError("characteristic", f"nothing is known of {reference[:40]}")
        return reference, decoder.parse(value)

    def getter(self, source: str) -> Callable[[Any], object]:
        """Return the picker of one field of one characteristic."""
        reference, _, inner = source.partition(":")
        if reference not in self.characteristics:
            raise ValueError(f"no characteristic {reference!r}")
        get = self.characteristics[reference].getter(inner)

        def pick(fields: tuple[str, Any]) -> object:
            if fields[0] != reference:
                raise LookupError(reference)
            return get(fields[1])

        return pick

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": "characteristics",
            "characteristics": {reference: decoder.to_dict() for reference, decoder in self.characteristics.items()},
        }

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], path: str, read: Callable[[dict[str, Any], str], Decoder]
    ) -> CharacteristicsDecoder:
        """Return the decoder described by ``data``, whose parts ``read`` returns; raises ProfileError."""
        described = data.get("characteristics")
        if not isinstance(described, dict) or not 0 < len(described) <= _MAX_CHARACTERISTICS:
            raise ProfileError(f"{path}.characteristics", f"must be 1 to {_MAX_CHARACTERISTICS} characteristics")
        decoders = {}
        for reference, part in described.items():
            where = f"{path}.characteristics.{reference}"
            if not is_reference(reference):
                raise ProfileError(where, "is no characteristic: 2a37, a whole UUID, or either with #2")
            if not isinstance(part, dict) or part.get("kind") == "characteristics":
                raise ProfileError(where, "must be the decoder of a value")
            decoders[reference] = read(part, where)
        return cls(characteristics=decoders)
