"""The contract of an app as an AsyncAPI 3.0 document: what it publishes and takes, where, and of which form.

Its shape is the one that tools for cosalette read: a channel for every state and every command, an operation on each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..runners.registrations import CommandRegistration, Registration
from ..runners.states import kind_of_state
from ..schema import json_schema
from ..topics import device_topic

if TYPE_CHECKING:
    from .app import App

CONTRACT_VERSION = "1"
"""Of the shape of the document, not of the app."""
_REFERENCES = "#/components/schemas/{model}"
_ANYTHING = {"type": "object"}


@dataclass(frozen=True, slots=True)
class _Channel:
    """One topic; ``payload`` is a JSON schema."""

    registration: Registration
    archetype: str
    direction: Literal["publish", "receive"]
    payload: dict[str, Any]

    @property
    def noun(self) -> str:
        """What goes over it."""
        return "State" if self.direction == "publish" else "Command"

    @property
    def name(self) -> str:
        """Its key in the document: no slashes, since others refer to it by a JSON pointer."""
        first, *others = self.registration.name.split("/")
        return first + "".join(map(_camel, others)) + self.noun

    @property
    def operation(self) -> str:
        """The key of its operation."""
        return self.direction + "".join(map(_camel, self.registration.name.split("/"))) + self.noun

    def topic(self, prefix: str) -> str:
        """Return its topic below ``prefix``; that of a router's root device keeps the router's prefix."""
        registration = self.registration
        above, _, _ = registration.name.rpartition("/")
        below = f"{prefix}/{above}" if registration.is_root and above else prefix
        channel = "state" if self.direction == "publish" else "set"
        return device_topic(below, registration.name, channel, is_root=registration.is_root)


def asyncapi_document(app: App) -> dict[str, Any]:
    """Return the document of what is registered, as a dict that ``json.dumps`` takes."""
    channels: dict[str, dict[str, Any]] = {}
    operations: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for channel in _channels(app):
        schemas |= channel.payload.pop("$defs", {})
        if channel.name in channels:
            message = channels[channel.name]["messages"]["message"]
            message["payload"] = _either(message["payload"], channel.payload)
        else:
            channels[channel.name] = _described_channel(channel, app.name)
            operations[channel.operation] = _described_operation(channel)
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {"title": app.name, "version": app.version, "x-cosalette-contract-version": CONTRACT_VERSION},
    }
    if channels:
        document |= {"channels": dict(sorted(channels.items())), "operations": dict(sorted(operations.items()))}
    if schemas:
        document["components"] = {"schemas": dict(sorted(schemas.items()))}
    return document


def _channels(app: App) -> Iterator[_Channel]:
    for telemetry in app.telemetry_registrations:
        yield _Channel(telemetry, "telemetry", "publish", _state(telemetry) or dict(_ANYTHING))
    for command in app.commands:
        yield _Channel(command, "command", "receive", _payload(command))
        if (state := _state(command)) is not None:
            yield _Channel(command, "command", "publish", state)
    for device in app.devices:
        yield _Channel(device, "device", "publish", _state(device) or dict(_ANYTHING))
    for stream in app.stream_registrations:
        if stream.state_model is not None:
            yield _Channel(stream, "stream", "publish", _state(stream) or dict(_ANYTHING))


def _state(registration: Registration) -> dict[str, Any] | None:
    """Return the schema of what is published, None for a handler that does not say."""
    kind = registration.state_model or kind_of_state(registration)
    return None if kind is None else json_schema(kind, _REFERENCES)


def _payload(command: CommandRegistration) -> dict[str, Any]:
    kind = command.payload_model
    if kind is None and any(each.is_raw for each in command.plan.parameters):
        kind = str
    return (None if kind is None else json_schema(kind, _REFERENCES)) or dict(_ANYTHING)


def _described_channel(channel: _Channel, app: str) -> dict[str, Any]:
    registration = channel.registration
    said = {
        "x-cosalette-summary": registration.summary,
        "x-cosalette-behavior": registration.behavior,
        "x-cosalette-effects": registration.effects,
    }
    return {
        "address": channel.topic(app),
        "x-cosalette-app": app,
        "messages": {"message": {"payload": channel.payload}},
        "x-cosalette-archetype": channel.archetype,
        **_tags(registration),
        **{key: value for key, value in said.items() if value is not None},
    }


def _described_operation(channel: _Channel) -> dict[str, Any]:
    registration = channel.registration
    return {
        "action": "send" if channel.direction == "publish" else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        **({} if registration.summary is None else {"summary": registration.summary}),
        **_tags(registration),
    }


def _tags(registration: Registration) -> dict[str, Any]:
    return {"tags": [{"name": tag} for tag in sorted(registration.tags)]} if registration.tags else {}


def _either(known: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what is one of two forms: a topic may have several handlers."""
    forms = known["oneOf"] if known.keys() == {"oneOf"} else [known]
    return known if other in forms else {"oneOf": [*forms, other]}


def _camel(segment: str) -> str:
    return "".join(word.capitalize() for word in segment.split("_"))
