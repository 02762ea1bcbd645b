"""Commands that come in over the copy on MQTT, where the user allows it: ``{prefix}/{device}/{channel}/set``."""

import asyncio
import logging

from homeassistant.core import HomeAssistant, callback

from .bridge.channels import Channel, Value, WriteControl
from .bridge.channels.channel import parse_number, to_bool
from .bridge.errors import LinkError, WriteError
from .const import DOMAIN, SUBENTRY_DEVICE
from .coordinator import FieldbridgeConfigEntry, device_topic

_LOGGER = logging.getLogger(__name__)


class MirrorCommands:
    """Writes what comes in to the channels that can be written, one after the other.

    A command that waits is replaced by a newer one for the same channel, so no flood can pile up. What the broker kept
    is no command: nobody means it now.
    """

    def __init__(self, hass: HomeAssistant, entry: FieldbridgeConfigEntry, prefix: str) -> None:
        """Take commands for the devices of a link that is set up."""
        self._hass = hass
        self._entry = entry
        self._prefix = prefix
        self._waiting: dict[tuple[str, str], str] = {}
        self._working: asyncio.Task[None] | None = None
        entry.async_on_unload(self._stop)

    @property
    def topic_filter(self) -> str:
        """The topics to subscribe to."""
        return f"{self._prefix}/+/+/set"

    @callback
    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take one message."""
        device, _, rest = topic.removeprefix(f"{self._prefix}/").partition("/")
        if retained or (found := self._find(device, rest.removesuffix("/set"))) is None:
            return
        try:
            self._waiting[found] = payload.decode()
        except UnicodeDecodeError:
            _LOGGER.warning("The command on %s is no text", topic)
            return
        if self._working is None or self._working.done():
            self._working = self._hass.async_create_background_task(self._work(), f"{DOMAIN} commands over MQTT")

    def _find(self, device: str, key: str) -> tuple[str, str] | None:
        """Return subentry id and channel key of what can be written."""
        for subentry in self._entry.get_subentries_of_type(SUBENTRY_DEVICE):
            if device_topic(self._entry, subentry) == device:
                channel = self._channel(subentry.subentry_id, key)
                return (subentry.subentry_id, key) if channel and channel.write else None
        return None

    def _channel(self, device_id: str, key: str) -> Channel | None:
        session = self._entry.runtime_data.link.sessions.get(device_id)
        channels = session.profile.channels if session is not None else ()
        return next((channel for channel in channels if channel.key == key), None)

    async def _work(self) -> None:
        while self._waiting:
            device_id, key = next(iter(self._waiting))
            text = self._waiting.pop((device_id, key))
            session = self._entry.runtime_data.link.sessions.get(device_id)
            if session is None or (channel := self._channel(device_id, key)) is None:
                continue
            try:
                await session.write(key, _value(channel, text))
            except (WriteError, LinkError, ValueError) as err:
                _LOGGER.warning("%s was not set by a command over MQTT: %s", channel.name, err)

    async def _stop(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)


def _value(channel: Channel, text: str) -> Value:
    """Return the value that a command carries; raises ValueError."""
    match channel.write and channel.write.control:
        case WriteControl.NUMBER:
            return parse_number(text.strip())
        case WriteControl.SWITCH:
            return to_bool(text)
        case WriteControl.BUTTON:
            return True
        case _:
            return text
