"""Health of an app and its devices: heartbeat, availability, error reports, state of the links."""

from .error_report import ErrorPayload, ErrorPublisher, build_error_payload
from .link_status import LinkBoard, LinkState, LinkStatus
from .reporter import DeviceStatus, HealthReporter, HeartbeatPayload

__all__ = [
    "DeviceStatus",
    "ErrorPayload",
    "ErrorPublisher",
    "HealthReporter",
    "HeartbeatPayload",
    "LinkBoard",
    "LinkState",
    "LinkStatus",
    "build_error_payload",
]
