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
        if not session.available:
            return
        # A channel that fell silent must not look fresh beside those that speak.
        fresh = {key: value if session.is_available(key) else None for key, value in session.live_values.items()}
        if fresh != self._published:
            self._published = fresh
            await self._context.publish_state(dict(fresh))

    async def clear(self) -> None:
        """Say that the device is gone for good, and take its retained topics back from the broker."""
        await self._context.publish_unavailable()
        for channel in ("state", "availability"):
            await self._context.publish(channel, "", retain=True)
