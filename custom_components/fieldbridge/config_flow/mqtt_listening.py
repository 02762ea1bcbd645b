"""Listening to topics while a person watches: a look twice a second, until nothing new comes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import override

from homeassistant.core import HomeAssistant

from ..bridge.errors import LinkError
from ..bridge.links.mqtt_link import MqttLink
from ..bridge.transports.mqtt import MqttTransport
from ..presentable import printable
from .looking import LOOK_INTERVAL, Looking
from .presentation import NOTHING

_FEWEST_LOOKS = 8
"""Four seconds: what the broker keeps comes at once, what devices say comes when they like."""
_QUIET_LOOKS = 6
_MOST_LOOKS = 40
_MOST_TOPICS = 1000
_MOST_BYTES = 16 * 1024
"""Of one payload; a longer one is no description of values."""
_SHOWN_TOPICS = 12


class TopicListening(Looking):
    """Collects the last message of each topic until no new topic came for three seconds, or 20 seconds are over."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing heard."""
        super().__init__(hass, "listening")
        self.heard: dict[str, bytes] = {}
        self._count = 0
        self._quiet = 0
        self._topics_before = 0
        self._close: Callable[[], Awaitable[None]] = _nothing_to_close

    async def open(self, transport: MqttTransport) -> None:
        """Listen by a connection of its own. Raises LinkError."""

        async def close() -> None:
            await transport.stop_scan()
            await transport.close()

        self._close = close
        transport.watch(self._take)
        try:
            await transport.open()
            await transport.start_scan()
        except LinkError:
            await self.close()
            raise

    def follow(self, link: MqttLink) -> None:
        """Listen to a link that runs."""
        unwatch = link.watch(self._take)

        async def close() -> None:
            unwatch()

        self._close = close

    @override
    async def close(self) -> None:
        """Stop listening; idempotent."""
        close, self._close = self._close, _nothing_to_close
        await close()

    @property
    def placeholders(self) -> dict[str, str]:
        """What a person sees of it."""
        latest = list(self.heard.items())[-_SHOWN_TOPICS:]
        return {
            "message_count": str(self._count),
            "topic_count": str(len(self.heard)),
            "messages": "\n".join(f"{printable(topic)}  {printable(payload)}" for topic, payload in latest) or NOTHING,
        }

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        self._count += 1
        if len(self.heard) >= _MOST_TOPICS and topic not in self.heard:
            return
        self.heard.pop(topic, None)  # the latest stands last
        self.heard[topic] = payload[:_MOST_BYTES]

    @override
    async def _look(self) -> None:
        await asyncio.sleep(LOOK_INTERVAL)
        self._looks += 1
        self._quiet = 0 if len(self.heard) > self._topics_before else self._quiet + 1
        self._topics_before = len(self.heard)
        is_quiet = bool(self.heard) and self._looks >= _FEWEST_LOOKS and self._quiet >= _QUIET_LOOKS
        if is_quiet or self._looks >= _MOST_LOOKS:
            await self._finish()


async def _nothing_to_close() -> None:
    """Nothing is listened to."""
