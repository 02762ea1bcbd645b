"""What every kind of link offers to whoever shows it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..channels import DeviceProfile, DeviceSession
from ..channels.listeners import Unsubscribe
from ..codecs.frame import Batch, Frame
from ..health.link_status import LinkStatus
from ..interfaces import ClockPort, MqttPort


class Link(Protocol):
    """One connection with the devices behind it, which come and go while it runs."""

    name: str

    @property
    def sessions(self) -> Mapping[str, DeviceSession]:
        """The running devices by id."""
        ...

    @property
    def recent_frames(self) -> list[Frame]:
        """The last messages as they came, oldest first."""
        ...

    @property
    def status(self) -> LinkStatus:
        """Whether the link is up, and if not why."""
        ...

    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        """Begin a device, or begin it anew with another profile; the link and other devices go on.

        ``topic`` names the device on the MQTT mirror; empty: the device id.
        """
        ...

    async def remove_device(self, device_id: str) -> None:
        """Forget a device and clear its retained topics; unknown ids are ignored."""
        ...

    def on_status(self, listener: Callable[[LinkStatus], None]) -> Unsubscribe:
        """Call ``listener`` when the link comes or goes; returns the unsubscribe."""
        ...

    def on_frames(self, listener: Callable[[Batch], None]) -> Unsubscribe:
        """Show every batch of messages to ``listener``; returns the unsubscribe."""
        ...

    def statistics(self) -> dict[str, Any]:
        """Return all counters of the link as plain data."""
        ...

    async def run(
        self,
        shutdown_event: asyncio.Event,
        *,
        mqtt: MqttPort | None = None,
        topic_prefix: str = "",
        clock: ClockPort | None = None,
    ) -> None:
        """Run until ``shutdown_event`` is set; a link that cannot open is tried again for ever."""
        ...
