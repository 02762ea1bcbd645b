"""MQTT messages to fields. One message is one frame: its topic, a NUL that no topic can hold, its payload.

So whatever is made for frames (captures, previews, replay) works for messages as well. A source is
``TOPIC`` for the whole payload as text or ``TOPIC#PATH`` for a leaf of its JSON object; a ``~`` in front of the topic
stands for the device's base topic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import json
from typing import Any, NamedTuple

from ..errors import DecodeError, ProfileError
from .decoders import Getter, JsonDecoder

VALUE = "{value}"
"""Stands in a payload template for the value that is sent."""

_NUL = b"\0"
_JSON = JsonDecoder()


def pack(topic: str, payload: bytes) -> bytes:
    """Return a message as one frame."""
    return b"%b\0%b" % (topic.encode(), payload)


def unpack(frame: bytes) -> tuple[str, bytes]:
    """Return topic and payload of a frame. Raises DecodeError (``topic``, ``encoding``)."""
    topic, nul, payload = frame.partition(_NUL)
    if not nul:
        raise DecodeError("topic", "is missing")
    try:
        return topic.decode(), payload
    except UnicodeDecodeError as err:
        raise DecodeError("encoding", "the topic is no UTF-8") from err


def fill(template: str, value: object) -> str:
    """Return the payload that carries ``value``: in place of ``{value}``, as JSON where the template is JSON."""
    if template in ("", VALUE):
        return value if isinstance(value, str) else json.dumps(value)
    try:
        json.loads(template.replace(VALUE, "0"))
    except ValueError:
        return template.replace(VALUE, value if isinstance(value, str) else json.dumps(value))
    within_quotes = value if isinstance(value, str) else json.dumps(value)
    return template.replace(f'"{VALUE}"', json.dumps(within_quotes)).replace(VALUE, json.dumps(value))


class TopicFields(NamedTuple):
    """One message taken apart."""

    topic: str
    text: str
    document: dict[str, Any] | list[Any] | None
    """The payload's JSON object, None where it is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Availability:
    """A topic on which somebody says whether a device is there; the device itself, its bridge, or the broker (will)."""

    source: str
    online: str = "online"
    offline: str = "offline"


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicDecoder:
    """The messages of a group of topics; what another topic carries is no field of this device."""

    base: str = ""
    """Topic that ``~`` stands for."""
    availability: tuple[Availability, ...] = ()
    """All of them must say that the device is online."""

    def parse(self, data: bytes) -> TopicFields:
        """Return a message's fields. Reasons: ``topic``, ``encoding``, ``json`` (an object that is cut or garbled)."""
        topic, payload = unpack(data)
        try:
            text = payload.decode()
        except UnicodeDecodeError as err:
            raise DecodeError("encoding", f"byte {err.start} is 0x{payload[err.start]:02X}") from err
        return TopicFields(topic, text, _JSON.parse(payload) if text.lstrip().startswith("{") else None)

    def getter(self, source: str) -> Getter:
        """Return the picker of one source; a payload that is no object has None where a leaf is expected."""
        topic, path = self.split(source)
        if not path:
            return _when(topic, lambda fields: fields.text)
        walk = _JSON.getter(path)
        return _when(topic, lambda fields: None if fields.document is None else walk(fields.document))

    def split(self, source: str) -> tuple[str, str]:
        """Return full topic and JSON path of a source, the path empty for the whole payload. Raises ValueError."""
        name, _, path = source.partition("#")
        return self.topic(name), path

    def topic(self, name: str) -> str:
        """Return the full topic that ``name`` stands for. Raises ValueError for what is no topic."""
        topic = self.base + name[1:] if name.startswith("~") else name
        if not topic or "+" in topic or "\0" in topic or "#" in topic:
            raise ValueError(f"{topic!r} is no topic")
        return topic

    def is_availability(self, fields: TopicFields) -> bool:
        """Whether a message is one that says whether the device is there."""
        return any(self.split(each.source)[0] == fields.topic for each in self.availability)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        availability = [
            {"source": each.source, "online": each.online, "offline": each.offline} for each in self.availability
        ]
        return {"kind": "topics", "base": self.base, "availability": availability}

    @classmethod
    def from_dict(cls, data: dict[str, Any], path: str = "decoder") -> TopicDecoder:
        """Return the decoder described by ``data``; raises ProfileError."""
        base, given = data.get("base", ""), data.get("availability", [])
        if not isinstance(base, str) or any(sign in base for sign in "+#\0"):
            raise ProfileError(f"{path}.base", "must be a topic without wildcards")
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise ProfileError(f"{path}.availability", "must be a list of objects")
        for index, each in enumerate(given):
            if not all(isinstance(each.get(key, "-"), str) for key in ("source", "online", "offline")):
                raise ProfileError(f"{path}.availability[{index}]", "must hold texts")
        availability = tuple(
            Availability(**{key: each[key] for key in ("source", "online", "offline") if key in each}) for each in given
        )
        decoder = cls(base=base, availability=availability)
        for index, one in enumerate(availability):
            try:
                decoder.getter(one.source)
            except ValueError as err:
                raise ProfileError(f"{path}.availability[{index}].source", str(err)) from err
        return decoder


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicTarget:
    """Where a write goes: the ``target`` of a channel's Write."""

    topic: str
    """The full topic."""
    payload: str = ""
    """A template for ``fill``."""
    retain: bool = False
    qos: int = 1

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], decoder: TopicDecoder, path: str = "target") -> TopicTarget:
        """Return the target described by ``data``; raises ProfileError."""
        if unknown := sorted(set(data) - set(cls.__slots__)):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        for name in ("topic", "payload"):
            if not isinstance(data.get(name, ""), str):
                raise ProfileError(f"{path}.{name}", "must be a text")
        if not isinstance(data.get("retain", False), bool):
            raise ProfileError(f"{path}.retain", "must be true or false")
        if type(data.get("qos", 1)) is not int or data.get("qos", 1) not in (0, 1, 2):
            raise ProfileError(f"{path}.qos", "must be 0, 1 or 2")
        try:
            topic = decoder.topic(data.get("topic", ""))
        except ValueError as err:
            raise ProfileError(f"{path}.topic", str(err)) from err
        return cls(**{**data, "topic": topic})


def _when(topic: str, pick: Callable[[TopicFields], object]) -> Getter:
    def get(fields: TopicFields) -> object:
        if fields.topic != topic:
            raise LookupError(topic)
        return pick(fields)

    return get
