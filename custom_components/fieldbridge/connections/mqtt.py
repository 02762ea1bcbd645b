"""Topics of a broker: the one of Home Assistant's own MQTT client, or one of the user's."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.importlib import async_import_module

from ..bridge.errors import LinkError
from ..bridge.interfaces import MqttFeed, PayloadCallback
from ..bridge.links import Link
from ..bridge.links.mqtt_link import MqttLink
from ..bridge.mqtt import MqttClient
from ..bridge.topics import matches
from ..bridge.transports.mqtt import MqttTransport
from ..brokers import HomeAssistantClient, async_broker_client, async_client_id
from ..const import CONF_BROKER, CONF_TOPICS, MIRROR_HOME_ASSISTANT, REAUTH_OF_LINK
from ..mqtt_mirror import async_own_topics


async def async_make_mqtt(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Link:
    """Return the link to the topics that an entry names. Raises ConfigEntryError."""
    feed = await _async_make_feed(hass, entry.data, await async_client_id(hass, entry, "-link"))
    if isinstance(feed, MqttClient):
        feed.on_auth_refused = lambda _: entry.async_start_reauth(hass, data={REAUTH_OF_LINK: True})
    return MqttLink(entry.title, await _async_make_transport(hass, feed, entry.data))


async def async_make_topics(hass: HomeAssistant, data: Mapping[str, Any]) -> MqttTransport:
    """Return the topics that a flow's data names, for a look. Raises ConfigEntryError."""
    return await _async_make_transport(hass, await _async_make_feed(hass, data), data)


async def _async_make_transport(hass: HomeAssistant, feed: MqttFeed, data: Mapping[str, Any]) -> MqttTransport:
    return MqttTransport(feed, data[CONF_TOPICS], ignored=await async_own_topics(hass))


async def _async_make_feed(hass: HomeAssistant, data: Mapping[str, Any], client_id: str = "") -> MqttFeed:
    if data[CONF_BROKER] == MIRROR_HOME_ASSISTANT:
        return HomeAssistantFeed(hass, await async_import_module(hass, "homeassistant.components.mqtt"))
    return await async_broker_client(hass, data, client_id)


class HomeAssistantFeed(HomeAssistantClient):
    """Messages as Home Assistant's own client receives them."""

    refused: Collection[str] = ()
    """Home Assistant's client does not tell."""

    def __init__(self, hass: HomeAssistant, mqtt: Any) -> None:
        """Listen through the ``mqtt`` integration of ``hass``."""
        super().__init__(hass, mqtt)
        self._callback: PayloadCallback | None = None
        self._subscriptions: dict[str, Callable[[], None]] = {}
        self._unwatch: list[Callable[[], None]] = []

    def on_payload(self, callback: PayloadCallback | None) -> None:
        """Hand every message to ``callback``; None ends it."""
        self._callback = callback

    async def connect(self) -> None:
        """Return when Home Assistant's client is connected. Raises LinkError when there is none."""
        if self._mqtt.DATA_MQTT not in self._hass.data:
            raise LinkError("Home Assistant's MQTT integration is not set up")
        connected = asyncio.Event()
        unsubscribe = self.on_connection_change(lambda up: connected.set() if up else None)
        try:
            if not self.is_connected:
                await connected.wait()
        finally:
            unsubscribe()
        if not self._unwatch:
            self._unwatch = [self.on_connection_change(self._connection_changed)]
            for entry in self._hass.config_entries.async_loaded_entries("mqtt"):
                self._unwatch.append(entry.async_on_state_change(partial(self._entry_changed, entry)))

    async def subscribe(self, topic: str) -> None:
        """Subscribe at QoS 1; a new subscription of a topic brings what the broker keeps. Raises LinkError."""
        self._unsubscribe(topic)

        @callback
        def received(message: Any) -> None:
            self._received(topic, message)

        try:
            self._subscriptions[topic] = await self._mqtt.async_subscribe(
                self._hass, topic, received, qos=1, encoding=None
            )
        except HomeAssistantError as err:
            raise LinkError(f"Home Assistant could not subscribe to {topic}: {err}") from err

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish one message. Raises LinkError."""
        try:
            await self._mqtt.async_publish(self._hass, topic, payload, qos, retain)
        except HomeAssistantError as err:
            raise LinkError(f"Home Assistant could not publish on {topic}: {err}") from err

    async def stop(self) -> None:
        """Take all subscriptions back; idempotent."""
        while self._unwatch:
            self._unwatch.pop()()
        self._unsubscribe_all()

    def _received(self, topic_filter: str, message: Any) -> None:
        """Take a message; Home Assistant hands it over once for each subscription that covers its topic."""
        if self._callback is None:
            return
        if len(self._subscriptions) > 1:
            covering = (each for each in self._subscriptions if matches(each, message.topic))
            if topic_filter != min(covering, default=topic_filter):
                return
        self._callback(message.topic, message.payload, message.retain)

    def _connection_changed(self, connected: bool) -> None:
        if not connected:
            self._unsubscribe_all()

    @callback
    def _entry_changed(self, entry: ConfigEntry[Any]) -> None:
        # What the integration still has when it was unloaded, it restores behind our back.
        if entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS:
            self._unsubscribe_all()

    def _unsubscribe_all(self) -> None:
        for topic in tuple(self._subscriptions):
            self._unsubscribe(topic)

    def _unsubscribe(self, topic: str) -> None:
        if (unsubscribe := self._subscriptions.pop(topic, None)) is not None:
            unsubscribe()
