"""A mirror that may speak and never listens."""

from dataclasses import dataclass

from ..interfaces import MqttLifecycle, MqttPort
from .outbox import Outbox, ReconnectingMqtt


@dataclass(frozen=True, slots=True)
class PublishOnlyMqtt:
    """MQTT port that publishes through ``port`` and ignores every subscription: nobody can command through it."""

    port: MqttPort

    @property
    def dropped(self) -> int:
        """Events that the port lost, where it counts them."""
        return self.port.dropped if isinstance(self.port, Outbox) else 0

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish through the port."""
        await self.port.publish(topic, payload, retain=retain, qos=qos)

    async def subscribe(self, topic: str) -> None:
        """Do nothing."""

    async def start(self) -> None:
        """Start the port where it has a lifecycle."""
        if isinstance(self.port, MqttLifecycle):
            await self.port.start()

    async def stop(self) -> None:
        """Stop the port where it has a lifecycle."""
        if isinstance(self.port, MqttLifecycle):
            await self.port.stop()


def with_outbox(port: MqttPort) -> MqttPort:
    """Return ``port`` behind an Outbox when it is a client whose broker comes and goes."""
    if isinstance(port, PublishOnlyMqtt):
        return PublishOnlyMqtt(with_outbox(port.port))
    if isinstance(port, ReconnectingMqtt) and not isinstance(port, Outbox):
        return Outbox(port)
    return port
