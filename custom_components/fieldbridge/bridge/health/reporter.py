"""Heartbeat and availability over MQTT. Reporting never fails the app: an error is logged and that is all."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import logging
from typing import Protocol

from ..interfaces import ClockPort, MqttPort
from ..payloads import to_json
from ..topics import device_topic, status_topic

_LOGGER = logging.getLogger(__name__)


class Dropping(Protocol):
    """What counts the things that it could not keep."""

    @property
    def dropped(self) -> int:
        """How many so far."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Status of one device: ``ok``, ``error``, ``circuit_open`` or a word of the app."""

    status: str = "ok"
    dropped: int = 0
    """Stream items and commands that were lost because too many waited."""

    def to_dict(self) -> dict[str, str | int]:
        """Return the form used inside the heartbeat."""
        return {"status": self.status, "dropped": self.dropped} if self.dropped else {"status": self.status}


@dataclass(frozen=True, slots=True)
class HeartbeatPayload:
    """Snapshot of the app; ``uptime_s`` in seconds."""

    status: str
    uptime_s: float
    version: str
    devices: dict[str, DeviceStatus] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    """What was lost elsewhere: by the outbox, by a handler of foreign messages, for a device that is offline."""

    def to_json(self) -> str:
        """Return the payload as JSON."""
        devices = {name: status.to_dict() for name, status in self.devices.items()}
        payload = {"status": self.status, "uptime_s": self.uptime_s, "version": self.version, "devices": devices}
        return to_json({**payload, "dropped": self.dropped} if self.dropped else payload)


@dataclass
class HealthReporter:
    """Publishes heartbeats and the availability of each device; errors are logged, never raised."""

    mqtt: MqttPort
    topic_prefix: str
    version: str
    clock: ClockPort
    on_status: Callable[[str, str], None] | None = None
    """Called with every changed status of a device, for a host that does not wait for the heartbeat."""
    _statuses: dict[str, DeviceStatus] = field(default_factory=dict, init=False)
    _roots: set[str] = field(default_factory=set, init=False)
    _reasons: dict[str, set[str]] = field(default_factory=dict, init=False)
    _losers: dict[str, list[Dropping]] = field(default_factory=dict, init=False)
    _started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._started_at = self.clock.now()

    def set_device_status(self, device: str, status: str = "ok") -> None:
        """Track ``device`` in the heartbeat with this status."""
        is_news = self._statuses.get(device) != DeviceStatus(status)
        self._statuses[device] = DeviceStatus(status)
        if is_news and self.on_status is not None:
            self.on_status(device, status)

    def count_drops(self, name: str, loser: Dropping) -> None:
        """Tell in the heartbeat what ``loser`` dropped, with all that was dropped under this name before.

        ``name`` is a device, or else whatever the payload's own ``dropped`` is to name.
        """
        self._losers.setdefault(name, []).append(loser)

    def remove_device(self, device: str) -> None:
        """Stop tracking ``device``; unknown names are ignored."""
        self._statuses.pop(device, None)

    async def publish_device_available(self, device: str, *, is_root: bool = False) -> None:
        """Publish ``online`` for the device and track it as ``ok``."""
        await self._publish(device_topic(self.topic_prefix, device, "availability", is_root=is_root), "online")
        self.set_device_status(device)
        if is_root:
            self._roots.add(device)

    async def publish_device_unavailable(self, device: str, *, is_root: bool = False) -> None:
        """Publish ``offline`` for the device and stop tracking it."""
        await self._publish(device_topic(self.topic_prefix, device, "availability", is_root=is_root), "offline")
        self.remove_device(device)

    async def mark_unavailable(self, device: str, reason: str, *, is_root: bool = False) -> None:
        """Add a reason against the device; with the first one it is published as ``offline``."""
        reasons = self._reasons.setdefault(device, set())
        is_first = not reasons
        reasons.add(reason)
        if is_first:
            await self.publish_device_unavailable(device, is_root=is_root)

    async def mark_available(self, device: str, reason: str, *, is_root: bool = False) -> None:
        """Take a reason back; when it was the last one, the device is published as ``online``."""
        reasons = self._reasons.get(device, set())
        if reason in reasons:
            reasons.remove(reason)
            if not reasons:
                await self.publish_device_available(device, is_root=is_root)

    async def reannounce(self) -> None:
        """Publish ``online`` again for every device that is, for a broker that may have forgotten it."""
        for device in list(self._statuses):
            if not self._reasons.get(device):
                await self._publish(self._availability_topic(device), "online")

    async def publish_heartbeat(self) -> None:
        """Publish a heartbeat on ``{prefix}/status``."""
        uptime = self.clock.now() - self._started_at
        devices = {name: replace(status, dropped=self._dropped(name)) for name, status in self._statuses.items()}
        others = {name: count for name in self._losers.keys() - devices.keys() if (count := self._dropped(name))}
        payload = HeartbeatPayload("online", uptime, self.version, devices, others)
        await self._publish(status_topic(self.topic_prefix), payload.to_json())

    async def shutdown(self) -> None:
        """Publish ``offline`` for every tracked device and for the app, and forget the devices."""
        for device in list(self._statuses):
            await self.publish_device_unavailable(device, is_root=device in self._roots)
        await self._publish(status_topic(self.topic_prefix), "offline")

    def _availability_topic(self, device: str) -> str:
        return device_topic(self.topic_prefix, device, "availability", is_root=device in self._roots)

    def _dropped(self, device: str) -> int:
        return sum(loser.dropped for loser in self._losers.get(device, ()))

    async def _publish(self, topic: str, payload: str) -> None:
        try:
            await self.mqtt.publish(topic, payload, retain=True, qos=1)
        except Exception as err:  # noqa: BLE001 - a report never fails the app
            _LOGGER.warning("Health report on %s failed: %s", topic, err)
