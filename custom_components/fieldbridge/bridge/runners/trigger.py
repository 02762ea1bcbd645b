"""Why a polled function is called: because it is time, or because somebody asked."""

from dataclasses import dataclass
import json
from typing import Any, Literal

from .commands import Command


@dataclass(frozen=True, slots=True)
class TriggerPayload:
    """Injected into telemetry that can be triggered; ``data`` is the message where it is a JSON object."""

    is_triggered: bool = False
    raw: str | None = None
    data: dict[str, Any] | None = None
    source: Literal["scheduled", "mqtt"] = "scheduled"

    @classmethod
    def scheduled(cls) -> TriggerPayload:
        """Return that it is time."""
        return cls()

    @classmethod
    def of(cls, command: Command | None) -> TriggerPayload:
        """Return that somebody asked, where there is a command, else that it is time."""
        return cls.scheduled() if command is None else cls.from_mqtt(command.payload)

    @classmethod
    def from_mqtt(cls, payload: str) -> TriggerPayload:
        """Return that somebody asked, and what with."""
        try:
            # Nothing is the plain trigger, the same as an empty object.
            data = json.loads(payload) if payload.strip() else {}
        except ValueError:
            data = None
        return cls(True, payload, data if isinstance(data, dict) else None, "mqtt")

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value of ``data``, or ``default``."""
        return default if self.data is None else self.data.get(key, default)
