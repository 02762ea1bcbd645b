"""What user code is given to act with: DeviceContext for a device, AppContext for the lifespan."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import time, tzinfo
from types import MappingProxyType
from typing import Any, cast, overload

from .. import lazy
from ..cron import WallClock, local_clock, next_of
from ..health import HealthReporter
from ..interfaces import ClockPort, CommandHandler, MqttPort
from ..mqtt import NullMqttClient
from ..payloads import to_json
from ..topics import check_segment, device_topic
from .command_handlers import CommandHandlers
from .commands import Command
from .retrying import sleep_unless, sleep_until
from .sub_entity import SubEntityContext

type StateListener = Callable[[str, dict[str, object]], Awaitable[None]]
"""Called with the name of a device and its state."""


class AppContext:
    """Context of the application lifespan: settings and adapters, nothing of a single device."""

    def __init__(self, *, settings: lazy.Settings, adapters: dict[type, object]) -> None:
        self._settings = settings
        self._adapters = adapters

    @property
    def settings(self) -> lazy.Settings:
        """The app's settings."""
        return self._settings

    def adapter[T](self, port_type: type[T]) -> T:
        """Return the adapter registered for ``port_type``. Raises LookupError."""
        return _adapter(self._adapters, port_type)


class DeviceContext:
    """Context of one device: publishing, commands, sleeping, adapters."""

    def __init__(
        self,
        *,
        name: str,
        settings: lazy.Settings,
        mqtt: MqttPort,
        topic_prefix: str,
        shutdown_event: asyncio.Event,
        adapters: dict[type, object],
        clock: ClockPort,
        is_root: bool = False,
        health_reporter: HealthReporter | None = None,
        adapter_users: dict[Any, set[str]] | None = None,
        wall_clock: WallClock | None = None,
        on_state: StateListener | None = None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._mqtt = mqtt
        self._topic_prefix = topic_prefix
        self._shutdown_event = shutdown_event
        self._adapters = adapters
        self._clock = clock
        self._is_root = is_root
        self._health = health_reporter or HealthReporter(mqtt, topic_prefix, "", clock)
        self._is_silent = isinstance(mqtt, NullMqttClient)
        # Who asked for which adapter: a device depends on it as much as one that is given it.
        self._adapter_users = {} if adapter_users is None else adapter_users
        self._wall_clock = wall_clock
        self._on_state = on_state
        self._on_published: Callable[[], None] | None = None
        self._commands = CommandHandlers(shutdown_event, clock)
        self._sub_entities: set[str] = set()

    @property
    def name(self) -> str:
        """The device's name."""
        return self._name

    @property
    def settings(self) -> lazy.Settings:
        """The app's settings."""
        return self._settings

    @property
    def clock(self) -> ClockPort:
        """The app's clock."""
        return self._clock

    @property
    def shutdown_requested(self) -> bool:
        """True when the app is shutting down."""
        return self._shutdown_event.is_set()

    def for_device(self, name: str) -> DeviceContext:
        """Return a context of the same app for another device, for links that carry several."""
        return DeviceContext(
            name=name,
            settings=self._settings,
            mqtt=self._mqtt,
            topic_prefix=self._topic_prefix,
            shutdown_event=self._shutdown_event,
            adapters=self._adapters,
            clock=self._clock,
            health_reporter=self._health,
            adapter_users=self._adapter_users,
            wall_clock=self._wall_clock,
            on_state=self._on_state,
        )

    async def publish_state(self, payload: dict[str, object], *, retain: bool = True) -> None:
        """Publish ``payload`` as JSON on the device's state topic."""
        if self._on_state is not None:
            await self._on_state(self._name, payload)
        await self.publish_json("state", payload, retain=retain)

    async def publish_json(self, channel: str, payload: dict[str, object], *, retain: bool = False) -> None:
        """Publish ``payload`` as JSON on ``{prefix}/{device}/{channel}``."""
        # Without a broker nothing is serialised: a link may publish thousands of times a second.
        if not self._is_silent:
            await self.publish(channel, to_json(payload), retain=retain)
        elif self._on_published is not None:
            self._on_published()

    async def publish(self, channel: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish a string on ``{prefix}/{device}/{channel}``."""
        if self._on_published is not None:
            self._on_published()
        await self._mqtt.publish(self._topic(channel), payload, retain=retain, qos=qos)

    def when_published(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` with everything that the device publishes; framework-internal."""
        self._on_published = callback

    async def publish_available(self) -> None:
        """Say that the device is available."""
        await self._health.publish_device_available(self._name, is_root=self._is_root)

    async def publish_unavailable(self) -> None:
        """Say that the device is not available."""
        await self._health.publish_device_unavailable(self._name, is_root=self._is_root)

    async def mark_unavailable(self, reason: str = "app") -> None:
        """Have the device unavailable until this reason, and every other one, is taken back."""
        await self._health.mark_unavailable(self._name, reason, is_root=self._is_root)

    async def mark_available(self, reason: str = "app") -> None:
        """Take a reason back; without any other the device is available again."""
        await self._health.mark_available(self._name, reason, is_root=self._is_root)

    @asynccontextmanager
    async def sub_entity(self, name: str) -> AsyncIterator[SubEntityContext]:
        """Have something come for the length of a ``with`` block and go after it, its retained state included.

        Raises ValueError for a name that is no segment of a topic, is reserved, or is in use.
        """
        entity = SubEntityContext(self, name)
        if name in self._sub_entities:
            raise ValueError(f"Sub-entity {name!r} is already active")
        self._sub_entities.add(name)
        try:
            await entity.enter()
            try:
                yield entity
            finally:
                await entity.leave()
        finally:
            self._sub_entities.discard(name)

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``; returns early when the app shuts down."""
        await sleep_unless(self._shutdown_event, seconds, self._clock)

    async def sleep_until(self, target: time | Sequence[time], *, tz: tzinfo | None = None) -> None:
        """Sleep until it is ``target``, or the next of several times, in ``tz``, by default the local zone.

        Returns early when the app shuts down. Raises ValueError for an empty sequence.
        """
        now = self._wall_clock or local_clock()
        times = (target,) if isinstance(target, time) else target
        due = next_of(times, now().astimezone(tz) if tz is not None else now())
        await sleep_until(due, now, self._clock, self._shutdown_event)

    def adapter[T](self, port_type: type[T]) -> T:
        """Return the adapter registered for ``port_type``. Raises LookupError."""
        self._adapter_users.setdefault(port_type, set()).add(self._name)
        return _adapter(self._adapters, port_type)

    @overload
    def on_command[F: CommandHandler](self, handler_or_sub_topic: str | None = None) -> Callable[[F], F]: ...
    @overload
    def on_command[F: CommandHandler](self, handler_or_sub_topic: F) -> F: ...
    def on_command(
        self, handler_or_sub_topic: CommandHandler | str | None = None
    ) -> CommandHandler | Callable[[CommandHandler], CommandHandler]:
        """Register a command handler: ``@on_command``, ``on_command(handler)`` or ``@on_command("sub")``.

        Raises RuntimeError for a second handler of a sub-topic or beside ``commands()``, ValueError for a sub-topic
        that is empty or holds ``/``, ``+`` or ``#``.
        """
        if callable(handler_or_sub_topic):
            self._commands.register(None, handler_or_sub_topic)
            return handler_or_sub_topic
        sub_topic = handler_or_sub_topic
        if sub_topic is not None:
            check_segment(sub_topic, "Sub-topic")

        def register(handler: CommandHandler) -> CommandHandler:
            self._commands.register(sub_topic, handler)
            return handler

        return register

    def commands(self, timeout: float | None = None) -> AsyncIterator[Command | None]:
        """Iterate over commands without a sub-topic; with ``timeout`` (s) yields None whenever none came in time.

        At shutdown what is queued is still yielded. Raises RuntimeError on a second call or beside a root handler.
        """
        return self._commands.iterate(timeout)

    @property
    def command_handler(self) -> CommandHandler | None:
        """The handler of commands without a sub-topic."""
        return self._commands.by_sub_topic.get(None)

    @property
    def command_handlers(self) -> Mapping[str | None, CommandHandler]:
        """All command handlers by sub-topic, read-only."""
        return MappingProxyType(self._commands.by_sub_topic)

    def get_command_handler(self, sub_topic: str | None = None) -> CommandHandler | None:
        """Return the handler of ``sub_topic``, or None."""
        return self._commands.by_sub_topic.get(sub_topic)

    @property
    def command_inlet(self) -> CommandHandlers:
        """Where the runner delivers commands; framework-internal."""
        return self._commands

    def _topic(self, channel: str) -> str:
        return device_topic(self._topic_prefix, self._name, channel, is_root=self._is_root)


def _adapter[T](adapters: dict[type, object], port_type: type[T]) -> T:
    try:
        return cast("T", adapters[port_type])
    except KeyError:
        raise LookupError(f"No adapter registered for {port_type}") from None
