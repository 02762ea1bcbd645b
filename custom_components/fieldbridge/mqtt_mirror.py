"""The optional copy of a link's devices on MQTT, through Home Assistant's broker or one of the user's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError, HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import instance_id
from homeassistant.helpers.importlib import async_import_module
from homeassistant.util import slugify

from .bridge.errors import LinkError
from .bridge.interfaces import MqttPort, PayloadCallback
from .bridge.mqtt import MqttClient, PublishOnlyMqtt, build_will_config
from .brokers import HomeAssistantClient, async_broker_client, async_client_id
from .const import (
    CONF_COMMANDS,
    CONF_KIND,
    CONF_MIRROR,
    CONF_PREFIX,
    DOMAIN,
    KIND_APP,
    MIRROR_BROKER,
    MIRROR_HOME_ASSISTANT,
    MIRROR_NONE,
    SUBENTRY_DEVICE,
)
from .coordinator import app_device_name, device_topic

_HEARTBEATS_KEPT: Final = 180
"""Seconds, three heartbeats: how long what Home Assistant's broker keeps of us outlives us."""
_CLEAR_TIMEOUT: Final = 5.0


type Listen = Callable[[str, PayloadCallback], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where a link is mirrored to."""

    mqtt: MqttPort
    prefix: str
    options: Mapping[str, Any]
    """What it was made from."""
    listen: Listen | None = None
    """Subscribes to a topic and hands its messages on; there where commands are allowed."""


async def async_make_mirror(hass: HomeAssistant, entry: ConfigEntry) -> Mirror | None:
    """Return the mirror that the entry's options ask for; the app or link behind it cannot subscribe to anything."""
    options = entry.options.get(CONF_MIRROR, {})
    kind = options.get(CONF_KIND, MIRROR_NONE)
    if kind == MIRROR_NONE:
        return None
    prefix = await async_mirror_prefix(hass, entry)
    allowed = options.get(CONF_COMMANDS, False)
    if kind == MIRROR_HOME_ASSISTANT:
        mqtt = await async_import_module(hass, "homeassistant.components.mqtt")
        port = HomeAssistantMqtt(hass, mqtt)
        return Mirror(PublishOnlyMqtt(port), prefix, options, partial(port.listen, entry) if allowed else None)
    client = await async_broker_client(hass, options, await async_client_id(hass, entry))
    client.will = build_will_config(prefix)
    client.on_auth_refused = lambda _: entry.async_start_reauth(hass)

    async def listen(topic: str, take: PayloadCallback) -> None:
        client.on_payload(take)
        await client.subscribe(topic)

    return Mirror(PublishOnlyMqtt(client), prefix, options, listen if allowed else None)


@callback
def async_watch_place(
    hass: HomeAssistant, entry: ConfigEntry, mirror: Mirror, stop: Callable[[], Awaitable[None]]
) -> None:
    """Have a link that is mirrored elsewhere from now on, or nowhere, leave nothing behind that looks like its values.

    A new title may be a new prefix, for which the entry is reloaded. ``stop`` ends the link.
    """
    place = _place(mirror.options, mirror.prefix)

    async def updated(hass: HomeAssistant, entry: ConfigEntry) -> None:
        is_renamed = await async_mirror_prefix(hass, entry) != mirror.prefix
        if is_renamed and entry.options.get(CONF_MIRROR) == mirror.options:  # other options reload it anyway
            hass.config_entries.async_schedule_reload(entry.entry_id)

    async def unloaded() -> None:
        await stop()  # it says goodbye first
        if _place(entry.options.get(CONF_MIRROR, {}), await async_mirror_prefix(hass, entry)) != place:
            await _async_clear(hass, entry, mirror.options, mirror.prefix)

    entry.async_on_unload(entry.add_update_listener(updated))
    entry.async_on_unload(unloaded)


async def async_mirror_prefix(hass: HomeAssistant, entry: ConfigEntry) -> str:
    """Return the topic prefix: the user's, or one that no other instance or link uses."""
    if chosen := entry.options.get(CONF_MIRROR, {}).get(CONF_PREFIX):
        return str(chosen).strip("/")
    name = slugify(entry.title)
    others = (other for other in hass.config_entries.async_entries(DOMAIN) if other.entry_id != entry.entry_id)
    if any(slugify(other.title) == name for other in others):
        name = f"{name}_{entry.entry_id[-4:].lower()}"
    return f"{DOMAIN}_{(await instance_id.async_get(hass))[:8]}/{name}"


async def async_clear_mirror(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take all retained topics of a removed link back; an unreachable broker keeps them."""
    options = entry.options.get(CONF_MIRROR, {})
    if options.get(CONF_KIND, MIRROR_NONE) != MIRROR_NONE:
        await _async_clear(hass, entry, options, await async_mirror_prefix(hass, entry))


async def _async_clear(hass: HomeAssistant, entry: ConfigEntry, options: Mapping[str, Any], prefix: str) -> None:
    topics = [f"{above}/{leaf}" for above in _above(hass, entry, prefix) for leaf in ("state", "availability")]
    topics.append(f"{prefix}/status")
    if options[CONF_KIND] == MIRROR_BROKER:
        with suppress(ConfigEntryError):  # a certificate that has gone takes the broker with it
            client = await async_broker_client(hass, options, await async_client_id(hass, entry))
            await _clear_by_client(client, topics)
        return
    mqtt = await async_import_module(hass, "homeassistant.components.mqtt")
    port = HomeAssistantMqtt(hass, mqtt)
    if port.is_connected:
        for topic in topics:
            await port.publish(topic, "", retain=True)


async def async_own_topics(hass: HomeAssistant) -> tuple[str, ...]:
    """Return the beginnings of all topics on which this integration publishes."""
    own = {f"{DOMAIN}_{(await instance_id.async_get(hass))[:8]}/"}
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.options.get(CONF_MIRROR, {}).get(CONF_KIND, MIRROR_NONE) != MIRROR_NONE:
            own.add(f"{await async_mirror_prefix(hass, entry)}/")
    return tuple(sorted(own))


def _place(options: Mapping[str, Any], prefix: str) -> tuple[object, ...]:
    """Return what tells one place of topics from another."""
    return (options.get(CONF_KIND, MIRROR_NONE), options.get(CONF_HOST), options.get(CONF_PORT), prefix)


def _above(hass: HomeAssistant, entry: ConfigEntry, prefix: str) -> list[str]:
    """Return the topics above those on which an entry's devices have published."""
    if entry.data[CONF_KIND] == KIND_APP:
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        names = [name for device in devices if (name := app_device_name(entry, device)) is not None]
        return [prefix, *(f"{prefix}/{name}" for name in names)]
    names = [device_topic(entry, subentry) for subentry in entry.get_subentries_of_type(SUBENTRY_DEVICE)]
    return [f"{prefix}/{name}" for name in ("link", "frames", *names)]


async def _clear_by_client(client: MqttClient, topics: list[str]) -> None:
    connected = asyncio.Event()
    client.on_connection_change(lambda up: connected.set() if up else None)
    await client.start()
    try:
        async with asyncio.timeout(_CLEAR_TIMEOUT):
            await connected.wait()
            for topic in topics:
                await client.publish(topic, "", retain=True)
    except TimeoutError, LinkError:
        return  # nothing more can be done: the link is gone from here
    finally:
        await client.stop()


class HomeAssistantMqtt(HomeAssistantClient):
    """MQTT port on Home Assistant's own client.

    Home Assistant's will is not ours: what says that we are alive is published with an expiry and refreshed by every
    heartbeat (MQTT 5), or not retained at all (MQTT 3.1.1), so that a killed Home Assistant leaves no "online" behind.
    """

    def __init__(self, hass: HomeAssistant, mqtt: Any) -> None:
        """Publish through the ``mqtt`` integration of ``hass``."""
        super().__init__(hass, mqtt)
        self._alive: dict[str, str] = {}

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish one message. Raises LinkError while there is no connection."""
        if not self.is_connected:
            raise LinkError("Home Assistant's MQTT client is not connected")
        if not topic.endswith(("/availability", "/status")):
            await self._send(topic, payload, qos, retain)
            return
        if payload:
            self._alive[topic] = payload
        else:
            self._alive.pop(topic, None)
        refreshed = {**self._alive, topic: payload} if topic.endswith("/status") else {topic: payload}
        for alive_topic, alive_payload in refreshed.items():
            await self._send_alive(alive_topic, alive_payload, qos)

    async def subscribe(self, topic: str) -> None:
        """Nothing is subscribed for the bridge."""

    async def listen(self, entry: ConfigEntry, topic: str, take: PayloadCallback) -> None:
        """Subscribe until the entry is unloaded; Home Assistant renews it after every reconnect. Raises LinkError."""
        loaded = True

        @callback
        def received(message: Any) -> None:
            if loaded:
                take(message.topic, message.payload, message.retain)

        try:
            unsubscribe = await self._mqtt.async_subscribe(self._hass, topic, received, qos=1, encoding=None)
        except HomeAssistantError as err:
            raise LinkError(f"Home Assistant could not subscribe to {topic}: {err}") from err

        @callback
        def stop() -> None:
            # When the MQTT integration was reloaded, its copy of the subscription cannot be taken back.
            nonlocal loaded
            loaded = False
            unsubscribe()

        entry.async_on_unload(stop)

    async def _send_alive(self, topic: str, payload: str, qos: int) -> None:
        if self._speaks_mqtt5:
            await self._send(topic, payload, qos, True, message_expiry_interval=_HEARTBEATS_KEPT)
        else:
            await self._send(topic, payload, qos, not payload)

    @property
    def _speaks_mqtt5(self) -> bool:
        entries = self._hass.config_entries.async_loaded_entries("mqtt")
        return bool(entries) and entries[0].data.get("protocol") == "5"

    async def _send(self, topic: str, payload: str, qos: int, retain: bool, **expiry: int) -> None:
        try:
            await self._mqtt.async_publish(self._hass, topic, payload, qos, retain, **expiry)
        except HomeAssistantError as err:
            raise LinkError(f"Home Assistant could not publish on {topic}: {err}") from err
