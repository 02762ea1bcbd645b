"""The optional copy of a device on MQTT, at a pace of its own."""

from ..app import DeviceContext
from ..channels import DeviceSession, Value


class DeviceMirror:
    """Publishes what changed since the last look: availability first, then all values as one JSON object."""

    def __init__(self, session: DeviceSession, context: DeviceContext) -> None:
        self._session = session
        self._context = context
        self._announced: bool | None = None
        self._published: dict[str, Value | None] | None = None

    async def sync(self) -> None:
        """Publish what changed; a missing broker is the outbox's business."""
        session = self._session
        if session.available != self._announced:
            self._announced = session.available
            if session.available:
                await self._context.publish_available()
            else:
                await self._context.publish_unavailable()
        if session.available and session.values != self._published:
            self._published = session.values
            await self._context.publish_state(dict(self._published))
