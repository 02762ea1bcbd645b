"""What an app consists of, as plain data."""

import json
from typing import TYPE_CHECKING, Any, get_origin

from . import lazy
from .runners.registrations import (
    CommandRegistration,
    InboundRegistration,
    Registration,
    SettingRef,
    StreamRegistration,
    TelemetryRegistration,
)

if TYPE_CHECKING:
    from .app.adapters import AdapterRegistration, Implementation


def build_registry_snapshot(app: lazy.App) -> dict[str, Any]:
    """Return all registrations of ``app`` as a dict that ``json.dumps`` takes."""
    return {
        "app": {"name": app.name, "version": app.version, "description": app.description},
        "devices": [_common(registration, "device") for registration in app.devices],
        "telemetry": [_telemetry(registration) for registration in app.telemetry_registrations],
        "commands": [_command(registration) for registration in app.commands],
        "inbound": [_command(registration) for registration in app.registry.inbound],
        "periodic": [_common(registration, "periodic") for registration in app.periodic_registrations],
        "streams": [_stream(registration) for registration in app.stream_registrations],
        "adapters": [_adapter(registration) for registration in app.adapters.values()],
    }


def format_registry_json(snapshot: dict[str, Any]) -> str:
    """Return a snapshot as indented JSON."""
    return json.dumps(snapshot, indent=2)


def format_registry_table(snapshot: dict[str, Any]) -> str:
    """Return a line for everything in a snapshot that runs: its name, its kind and its function."""
    rows = [
        f"{item['name']:<24} {item['type']:<10} {item['func']}"
        for kind in ("devices", "telemetry", "commands", "streams")
        for item in snapshot[kind]
    ]
    return "\n".join(rows) or "nothing is registered"


def _common(registration: Registration, kind: str) -> dict[str, Any]:
    return {
        "name": registration.name,
        "type": kind,
        "func": _name(registration.func),
        "is_root": registration.is_root,
        "enabled": _spec(registration.enabled_spec),
        "has_init": registration.init is not None,
        "dependencies": [[parameter.name, _name(parameter.annotation)] for parameter in registration.plan.parameters],
        "tags": list(registration.tags),
        "summary": registration.summary,
        "behavior": registration.behavior,
        "effects": registration.effects,
        "state_model": _model(registration.state_model),
        "payload_model": _model(getattr(registration, "payload_model", None)),
    }


def _telemetry(registration: TelemetryRegistration) -> dict[str, Any]:
    return {
        **_common(registration, "telemetry"),
        "interval": _spec(registration.interval),
        "schedule": _spec(registration.schedule) if callable(registration.schedule) else _repr(registration.schedule),
        "strategy": _repr(registration.publish),
        "persist": _repr(registration.persist),
        "group": registration.group,
        "retry": registration.retry,
        "retry_on": [_name(kind) for kind in registration.retry_on] if registration.retry else None,
        "backoff": _repr(registration.backoff),
        "circuit_breaker": _repr(registration.circuit_breaker),
        "triggerable": registration.triggerable,
        "timeout": _spec(registration.timeout),
    }


def _command(registration: CommandRegistration) -> dict[str, Any]:
    kind = "inbound" if isinstance(registration, InboundRegistration) else "command"
    return {
        **_common(registration, kind),
        "mqtt_params": sorted(registration.mqtt_params),
        "sub": registration.sub,
        "sub_key": None if registration.sub is None else registration.sub_key,
    }


def _stream(registration: StreamRegistration) -> dict[str, Any]:
    return {
        **_common(registration, "stream"),
        "item_type": _name(registration.item_type),
        "maxsize": registration.maxsize,
        "backpressure": registration.backpressure,
    }


def _adapter(registration: AdapterRegistration) -> dict[str, Any]:
    return {
        "port": _name(registration.port_type),
        "impl": _implementation(registration.impl),
        "dry_run": None if registration.dry_run is None else _implementation(registration.dry_run),
    }


def _implementation(implementation: Implementation) -> str:
    return implementation if isinstance(implementation, str) else _name(implementation)


def _spec(value: Any) -> Any:
    """Return a value as it is; of what the settings decide, the name of the setting where it is one."""
    if isinstance(value, SettingRef):
        return value.field_name
    return "<deferred>" if callable(value) else value


def _model(model: Any) -> str | None:
    return None if model is None else _name(model)


def _repr(value: object) -> str | None:
    return None if value is None else repr(value)


def _name(value: Any) -> str:
    """Return a class's or function's name, a parametrised type in full."""
    if get_origin(value) is not None:
        return str(value)
    return getattr(value, "__qualname__", None) or repr(value)
