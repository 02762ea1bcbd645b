"""A running bridge app: what it publishes goes to its devices, and to the mirror where there is one."""

import asyncio
from collections.abc import Callable
import json
import logging
from typing import Any, Final

from .app_channels import AppChannels
from .app_device import AppDevice
from .app_loader import LoadedApp
from .bridge.channels.listeners import Listeners, Unsubscribe
from .bridge.clock import SystemClock
from .bridge.controls import Control, controls_of
from .bridge.embedding import embedded
from .bridge.interfaces import ClockPort, MessageCallback, MqttLifecycle, MqttPort
from .bridge.mqtt import NullMqttClient, PublishOnlyMqtt, with_outbox
from .bridge.retry import ExponentialBackoff
from .bridge.runners.commands import Outcome
from .bridge.runners.retrying import sleep_unless

_LOGGER = logging.getLogger(__name__)

_ONLINE: Final = "online"
_RETRY: Final = ExponentialBackoff(1.0, 60.0)
"""Seconds before an app that could not open what it needs is run again."""


class AppLink:
    """Runs one app and keeps its devices. It is up from the app's first heartbeat to its end.

    It is the app's MQTT port, too: states, availability and heartbeats are taken from the topics on which the app
    publishes them, so that an app needs to know nothing of Home Assistant.
    """

    def __init__(
        self,
        loaded: LoadedApp,
        prefix: str,
        channels: AppChannels,
        *,
        mirror: MqttPort | None = None,
        stale_after: float | None = None,
        clock: ClockPort | None = None,
    ) -> None:
        self.loaded = loaded
        self.prefix = prefix
        self.is_up = False
        self._came_up = False
        self._dropped = 0
        self.devices: dict[str, AppDevice] = {}
        self._channels = channels
        self._mirror: MqttPort = NullMqttClient() if mirror is None else with_outbox(mirror)
        self._stale_after = stale_after
        self._clock = clock or SystemClock()
        self._roots = {each.name for each in loaded.registry.all if each.is_root}
        loaded.app.on_error = self._note_error
        loaded.app.on_status = self._note_status
        # Home Assistant has the devices already: discovered over its broker, they would be there twice.
        loaded.app.discovery_prefix = None
        self._topics: set[str] = set()
        self._device_listeners: Listeners[AppDevice] = Listeners()
        self._status_listeners: Listeners[[]] = Listeners()

    @property
    def name(self) -> str:
        """The app's name."""
        return self.loaded.app.name

    async def run(self, shutdown: asyncio.Event) -> None:
        """Run the app until ``shutdown``; what cannot be opened is tried again for ever, other errors are raised."""
        for name in self.loaded.registry.names:
            self._device(name)
        failures = 0
        while not shutdown.is_set():
            try:
                await self._run_once(shutdown)
            except OSError as err:
                failures = 1 if self._came_up else failures + 1
                if failures == 1:
                    _LOGGER.warning("%s cannot be run and is tried again until it can: %s", self.name, err)
                await sleep_unless(shutdown, _RETRY.delay(failures), self._clock)
            else:
                return

    async def _run_once(self, shutdown: asyncio.Event) -> None:
        self._came_up = False
        try:
            with embedded(self.loaded.values):
                await self.loaded.app.run_async(
                    mqtt=self, settings=self.loaded.settings, shutdown_event=shutdown, clock=self._clock, embedded=True
                )
        finally:
            self._set_up(False)
            for device in self.devices.values():
                device.set_online(False, self._clock.now())

    def on_device(self, listener: Callable[[AppDevice], None]) -> Unsubscribe:
        """Call ``listener`` with every device that is there, and with each one that comes."""
        for device in tuple(self.devices.values()):
            listener(device)
        return self._device_listeners.add(listener)

    def on_status(self, listener: Callable[[], None]) -> Unsubscribe:
        """Call ``listener`` when the app comes up or ends."""
        return self._status_listeners.add(listener)

    def owner(self, device: str) -> str | None:
        """Return the registered device of which ``device`` is a part that comes and goes, None where it is none."""
        names = self.loaded.registry.names
        if device in names:
            return None
        above = device
        while above := above.rpartition("/")[0]:
            if above in names:
                return above
        return next(iter(self._roots), None)

    def controls(self, device: str) -> list[Control]:
        """Return what the handlers of a device offer to people."""
        handlers = [each.func for each in self.loaded.registry.all if each.name == device]
        return [control for handler in handlers for control in controls_of(handler)]

    def check_silence(self) -> None:
        """Find out which devices are silent for too long."""
        now = self._clock.now()
        for device in self.devices.values():
            device.check_silence(now)

    def takes_commands(self, device: str) -> bool:
        """Whether the running app listens to commands for a device."""
        return self._command_topic(device) in self._topics

    def send_command(self, device: str, payload: str, sub_topic: str | None = None) -> asyncio.Future[Outcome]:
        """Queue a command for a device and return its end. Raises LookupError when the device takes none now."""
        inlet = self.loaded.app.inlet
        if inlet is None or not self.takes_commands(device):
            raise LookupError(f"{device} takes no commands")
        return inlet.submit(self._command_topic(device, sub_topic), payload)

    def statistics(self) -> dict[str, Any]:
        """Return what is counted as plain data."""
        devices = self.devices.values()
        not_copied = self._mirror.dropped if isinstance(self._mirror, PublishOnlyMqtt) else 0
        return {
            "unreadable": sum(device.unreadable for device in devices),
            "dropped": self._dropped + not_copied + sum(device.dropped + device.ignored for device in devices),
        }

    # ---- the app's MQTT port ----

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Take what the app says, and hand a copy to the mirror."""
        if topic.startswith(f"{self.prefix}/"):
            self._take(topic.removeprefix(f"{self.prefix}/"), payload)
        await self._mirror.publish(topic, payload, retain=retain, qos=qos)

    async def subscribe(self, topic: str) -> None:
        """Note where the app listens."""
        self._topics.add(topic)

    def on_message(self, callback: MessageCallback) -> None:
        """Do nothing: commands go to the app's inlet, and there is no broker that other messages could come from."""

    async def start(self) -> None:
        """Start the mirror."""
        if isinstance(self._mirror, MqttLifecycle):
            await self._mirror.start()

    async def stop(self) -> None:
        """Stop the mirror and take no more commands."""
        self._topics.clear()
        if isinstance(self._mirror, MqttLifecycle):
            await self._mirror.stop()

    def _take(self, rest: str, payload: str) -> None:
        name, _, leaf = rest.rpartition("/")
        now = self._clock.now()
        match leaf:
            case "state":
                self._device(name).take_state(payload, now)
            case "availability":
                self._device(name).set_online(payload == _ONLINE, now)
            case "status" if not name:
                self._take_heartbeat(payload, now)

    def _take_heartbeat(self, payload: str, now: float) -> None:
        if payload == "offline":
            return
        try:
            heartbeat = json.loads(payload)
            devices, dropped = heartbeat["devices"].items(), sum(heartbeat.get("dropped", {}).values())
            statuses = [(name, device["status"], device.get("dropped", 0)) for name, device in devices]
        except ValueError, TypeError, LookupError, AttributeError:
            return  # what a root device says there is its own
        for name, status, lost in statuses:
            self._device(name).set_status(status, lost, now)
        self._dropped = dropped
        self._set_up(True)

    def _note_error(self, error: Exception, device: str | None) -> None:
        if device is not None:
            self._device(device).set_error(error)

    def _note_status(self, device: str, status: str) -> None:
        seen = self._device(device)
        seen.set_status(status, seen.dropped, self._clock.now())

    def _device(self, name: str) -> AppDevice:
        """Return a device, the first time a new one; the topics of a root device do not name it."""
        name = name or next(iter(self._roots), self.name)
        if name not in self.devices:
            device = self.devices[name] = AppDevice(name, self._channels, stale_after=self._stale_after)
            self._device_listeners.tell(device)
        return self.devices[name]

    def _set_up(self, is_up: bool) -> None:
        if is_up != self.is_up:
            self.is_up = is_up
            self._came_up = self._came_up or is_up
            self._status_listeners.tell()

    def _command_topic(self, device: str, sub_topic: str | None = None) -> str:
        parts = [self.prefix, *([] if device in self._roots else [device]), *([sub_topic] if sub_topic else []), "set"]
        return "/".join(parts)
