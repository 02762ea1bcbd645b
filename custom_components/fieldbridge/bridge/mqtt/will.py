"""The last will: what the broker says for us when we are gone without a word."""

from dataclasses import dataclass

from ..topics import status_topic


@dataclass(frozen=True, slots=True)
class WillConfig:
    """Last will, independent of the MQTT library."""

    topic: str
    payload: str = "offline"
    qos: int = 1
    retain: bool = True


def build_will_config(topic_prefix: str) -> WillConfig:
    """Return the will of an app: a retained ``offline`` on ``{topic_prefix}/status``."""
    return WillConfig(status_topic(topic_prefix))
