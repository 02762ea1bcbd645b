"""Things that belong to a device and come and go: a person in a room, a sensor on a bus."""

from .. import lazy
from ..interfaces import CommandHandler
from ..topics import check_segment

# Channels of the device itself, or words that consumers give a meaning to.
_RESERVED = frozenset(
    {
        "state",
        "set",
        "availability",
        "status",
        "error",
        "config",
        "attributes",
        "json_attributes",
        "diagnostic",
        "firmware",
    }
)


class SubEntityContext:
    """Publishes below ``{prefix}/{device}/{name}``. Raises ValueError for a name that is no segment or is reserved."""

    def __init__(self, parent: lazy.DeviceContext, name: str) -> None:
        check_segment(name, "Sub-entity")
        if name in _RESERVED:
            raise ValueError(f"Sub-entity must not have a reserved word as its name, got {name!r}")
        self.parent = parent
        self.name = name

    async def publish_state(self, payload: dict[str, object], *, retain: bool = True) -> None:
        """Publish ``payload`` as JSON on the state topic of the sub-entity."""
        await self.parent.publish_json(f"{self.name}/state", payload, retain=retain)

    async def publish(self, channel: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish a string on a channel of the sub-entity."""
        await self.parent.publish(f"{self.name}/{channel}", payload, retain=retain, qos=qos)

    def on_command(self, handler: CommandHandler) -> CommandHandler:
        """Call ``handler`` for commands on the sub-topic of this name, for as long as the sub-entity is there."""
        self.parent.on_command(self.name)(handler)
        return handler

    async def enter(self) -> None:
        """Say that it is there."""
        await self.publish("availability", "online", retain=True)

    async def leave(self) -> None:
        """Take its state back and say that it is gone."""
        self.parent.command_inlet.forget(self.name)
        await self.publish("state", "", retain=True)
        await self.publish("availability", "offline", retain=True)
