# The public names with their types, for type checkers; at run time the table in ``__init__.py`` finds them.

from .app import (
    App,
    AppContext,
    Command,
    DeviceContext,
    IntervalSpec,
    LifespanFunc,
    Router,
    TriggerPayload,
    setting_ref,
)
from .clock import (
    SystemClock,
)
from .di import (
    Depends,
    Message,
    Optional,
    Payload,
    Topic,
)
from .filters import (
    MedianFilter,
    OneEuroFilter,
    Pt1Filter,
)
from .health import (
    DeviceStatus,
    ErrorPayload,
    ErrorPublisher,
    HealthReporter,
    HeartbeatPayload,
    LinkState,
    LinkStatus,
    build_error_payload,
)
from .interfaces import (
    BackoffStrategy,
    ClockPort,
    CommandHandler,
    Filter,
    HealthCheckable,
    LossReporting,
    MessageCallback,
    MqttLifecycle,
    MqttMessageHandler,
    MqttPort,
    PersistPolicy,
    PublishStrategy,
    Store,
    StreamablePort,
)
from .introspection import (
    build_registry_snapshot,
)
from .logging import (
    JsonFormatter,
    configure_logging,
)
from .mqtt import (
    MockMqttClient,
    MqttClient,
    NullMqttClient,
    PublishOnlyMqtt,
    WillConfig,
    build_will_config,
)
from .persist import (
    AllSavePolicy,
    AnySavePolicy,
    SaveOnChange,
    SaveOnPublish,
    SaveOnShutdown,
)
from .retry import (
    CircuitBreaker,
    ExponentialBackoff,
    FixedBackoff,
    LinearBackoff,
)
from .settings import (
    LoggingSettings,
    MqttSettings,
    Settings,
)
from .stores import (
    DeviceStore,
    JsonFileStore,
    MemoryStore,
    NullStore,
    SqliteStore,
)
from .strategies import (
    AllStrategy,
    AnyStrategy,
    Every,
    OnChange,
)
from .streams import (
    Stream,
)

__all__ = [
    "AllSavePolicy",
    "AllStrategy",
    "AnySavePolicy",
    "AnyStrategy",
    "App",
    "AppContext",
    "BackoffStrategy",
    "CircuitBreaker",
    "ClockPort",
    "Command",
    "CommandHandler",
    "Depends",
    "DeviceContext",
    "DeviceStatus",
    "DeviceStore",
    "ErrorPayload",
    "ErrorPublisher",
    "Every",
    "ExponentialBackoff",
    "Filter",
    "FixedBackoff",
    "HealthCheckable",
    "HealthReporter",
    "HeartbeatPayload",
    "IntervalSpec",
    "JsonFileStore",
    "JsonFormatter",
    "LifespanFunc",
    "LinearBackoff",
    "LinkState",
    "LinkStatus",
    "LoggingSettings",
    "LossReporting",
    "MedianFilter",
    "MemoryStore",
    "Message",
    "MessageCallback",
    "MockMqttClient",
    "MqttClient",
    "MqttLifecycle",
    "MqttMessageHandler",
    "MqttPort",
    "MqttSettings",
    "NullMqttClient",
    "NullStore",
    "OnChange",
    "OneEuroFilter",
    "Optional",
    "Payload",
    "PersistPolicy",
    "Pt1Filter",
    "PublishOnlyMqtt",
    "PublishStrategy",
    "Router",
    "SaveOnChange",
    "SaveOnPublish",
    "SaveOnShutdown",
    "Settings",
    "SqliteStore",
    "Store",
    "Stream",
    "StreamablePort",
    "SystemClock",
    "Topic",
    "TriggerPayload",
    "WillConfig",
    "build_error_payload",
    "build_registry_snapshot",
    "build_will_config",
    "configure_logging",
    "setting_ref",
]
