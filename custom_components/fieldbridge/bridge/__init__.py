"""The bridge: signals in, devices out. It runs inside Home Assistant or headless, and never imports Home Assistant.

    App and its contexts          app/         what a driver author writes against
    running what was registered   runners/     telemetry, device, command, stream; retry, links, injection
    push meets pull               streams/     Stream
    bytes to values               codecs/ channels/ filters/   pure logic
    when to publish, when to save strategies.py persist.py retry.py
    the edges                     transports/ mqtt/ health/ stores/   they never import each other
    links made in a UI            links/       compiled into registrations on an App
    the ground                    interfaces.py errors.py clock.py di.py topics.py payloads.py settings.py

Imports point downwards only: errors <- interfaces, clock <- logic <- edges <- runners <- app <- links. A value goes
transport -> codec -> channel -> filter -> publish strategy -> context -> broker, or straight to whoever listens.

A bridge app in full::

    from fieldbridge import App

    app = App("roof")

    @app.telemetry("sun", interval=10.0)
    async def sun() -> dict[str, object]:
        return {"lux": 1200}

    app.run()

The names below are imported with the first use of each, so that a part that is not used costs nothing.
"""

import importlib

_WHERE = {
    "app": (
        "AdapterHealthStatus",
        "App",
        "AppContext",
        "Command",
        "CommandRegistration",
        "CronSpec",
        "DeviceContext",
        "DeviceRegistration",
        "EnabledSpec",
        "IntervalSpec",
        "LifespanFunc",
        "NameSpec",
        "PayloadValidationError",
        "PeriodicRegistration",
        "ReturnValidationError",
        "Router",
        "SettingRef",
        "StateRegistration",
        "StreamRegistration",
        "SubEntityContext",
        "TelemetryRegistration",
        "TimeoutSpec",
        "TriggerPayload",
        "setting_ref",
    ),
    "clock": ("SystemClock",),
    "cron": ("CronSchedule",),
    "di": ("Depends", "Message", "Optional", "Payload", "Topic"),
    "filters": ("MedianFilter", "OneEuroFilter", "Pt1Filter"),
    "health": (
        "DeviceStatus",
        "ErrorPayload",
        "ErrorPublisher",
        "HealthReporter",
        "HeartbeatPayload",
        "LinkState",
        "LinkStatus",
        "build_error_payload",
    ),
    "interfaces": (
        "BackoffStrategy",
        "ClockPort",
        "CommandHandler",
        "Filter",
        "HealthCheckable",
        "LossReporting",
        "MessageCallback",
        "MqttLifecycle",
        "MqttMessageHandler",
        "MqttPort",
        "PersistPolicy",
        "PublishStrategy",
        "Store",
        "StreamablePort",
    ),
    "introspection": ("build_registry_snapshot", "format_registry_json", "format_registry_table"),
    "logging": ("JsonFormatter", "configure_logging"),
    "mqtt": (
        "MockMqttClient",
        "MqttClient",
        "NullMqttClient",
        "PublishOnlyMqtt",
        "WillConfig",
        "build_will_config",
    ),
    "persist": ("AllSavePolicy", "AnySavePolicy", "SaveOnChange", "SaveOnPublish", "SaveOnShutdown"),
    "retry": ("CircuitBreaker", "ExponentialBackoff", "FixedBackoff", "LinearBackoff"),
    "settings": ("LoggingSettings", "MqttSettings", "Settings"),
    "stores": ("DeviceStore", "JsonFileStore", "MemoryStore", "NullStore", "SqliteStore", "set_default_store_backend"),
    "strategies": ("AllStrategy", "AnyStrategy", "Every", "OnChange"),
    "streams": ("BackpressurePolicy", "Stream"),
    "version": ("__version__",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - the table is the list


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
