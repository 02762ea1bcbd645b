"""Errors as payloads over MQTT. A report that cannot be published is logged and that is all."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
import logging

from ..interfaces import MqttPort
from ..payloads import to_json
from ..topics import device_topic, error_topic

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorPayload:
    """One error event; ``timestamp`` is ISO 8601 in UTC."""

    error_type: str
    message: str
    device: str | None
    timestamp: str
    details: dict[str, object] = field(default_factory=dict)
    id: str = ""
    """What the log calls the same event; left out of the payload where nobody gave one."""

    def to_json(self) -> str:
        """Return the payload as JSON."""
        payload = asdict(self)
        if not self.id:
            del payload["id"]
        return to_json(payload)


def build_error_payload(
    error: Exception,
    *,
    error_type_map: dict[type[Exception], str] | None = None,
    device: str | None = None,
    details: dict[str, object] | None = None,
    clock: Callable[[], datetime] | None = None,
    verbose: bool = True,
    correlation_id: str = "",
) -> ErrorPayload:
    """Describe ``error``; its exact class (no subclass) is looked up in ``error_type_map``, else ``"error"``.

    With ``verbose=False`` the words of an error that is not in the map stay out: its class stands for them.
    """
    now = clock() if clock is not None else datetime.now(UTC)
    known = error_type_map or {}
    return ErrorPayload(
        error_type=known.get(type(error), "error"),
        message=str(error) if verbose or type(error) in known else type(error).__name__,
        device=device,
        timestamp=now.isoformat(),
        details=details or {},
        id=correlation_id,
    )


@dataclass
class ErrorPublisher:
    """Publishes errors on ``{prefix}/error`` and, for a named device, on ``{prefix}/{device}/error``."""

    mqtt: MqttPort
    topic_prefix: str
    error_type_map: dict[type[Exception], str] = field(default_factory=dict)
    clock: Callable[[], datetime] | None = None
    verbose: bool = True
    """False: only errors of the map are published in their own words."""
    on_error: Callable[[Exception, str | None], None] | None = None
    """Called with every error and the name of its device, for a host that shows more than a payload holds."""

    async def publish(self, error: Exception, *, device: str | None = None, is_root: bool = False) -> None:
        """Publish ``error``, not retained; never raises."""
        _LOGGER.debug("Error of %s: %s", device or "the app", error)
        try:
            if self.on_error is not None:
                self.on_error(error, device)
            payload = build_error_payload(
                error,
                error_type_map=self.error_type_map,
                device=device,
                clock=self.clock,
                verbose=self.verbose,
            ).to_json()
        except Exception:
            _LOGGER.exception("Describing an error of %s failed", device or "the app")
            return
        await self._publish(error_topic(self.topic_prefix), payload)
        if device is not None and not is_root:
            await self._publish(device_topic(self.topic_prefix, device, "error"), payload)

    async def _publish(self, topic: str, payload: str) -> None:
        try:
            await self.mqtt.publish(topic, payload, retain=False, qos=1)
        except Exception as err:  # noqa: BLE001 - a report never fails the app
            _LOGGER.warning("Error report on %s failed: %s", topic, err)
