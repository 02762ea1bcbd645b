"""MQTT: the client on a real broker, the outbox before it, and the two clients without a broker."""

from ..di import Message, Payload, Topic
from ..interfaces import MessageCallback, MqttLifecycle, MqttMessageHandler, MqttPort
from .client import MqttAuthError, MqttClient, MqttNotConnectedError
from .doubles import MockMqttClient, NullMqttClient
from .outbox import Outbox
from .publish_only import PublishOnlyMqtt, with_outbox
from .will import WillConfig, build_will_config

__all__ = [
    "Message",
    "MessageCallback",
    "MockMqttClient",
    "MqttAuthError",
    "MqttClient",
    "MqttLifecycle",
    "MqttMessageHandler",
    "MqttNotConnectedError",
    "MqttPort",
    "NullMqttClient",
    "Outbox",
    "Payload",
    "PublishOnlyMqtt",
    "Topic",
    "WillConfig",
    "build_will_config",
    "with_outbox",
]
