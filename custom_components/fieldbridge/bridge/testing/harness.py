"""An App with everything around it replaced by what a test can see and command."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
import logging
from typing import Any, Self, overload

from .. import lazy
from ..app import App, LifespanFunc
from ..app.registration import Handler, Registrations
from ..cron import WallClock
from ..health import ErrorPublisher, HealthReporter
from ..mqtt import MockMqttClient
from ..runners.command import CommandGroup
from ..runners.commands import Command
from ..runners.contexts import DeviceContext
from ..runners.handlers import drive
from ..runners.injection import resolve
from ..runners.registrations import StreamRegistration
from ..runners.services import Services, StoreSpec, load_store, make_store, save_store
from ..runners.stream import StreamDevice, stream_providers
from ..stores import DeviceStore
from ..streams import Stream
from ..topics import device_topic
from .clocks import TURNS_TO_SETTLE, FakeClock, ManualClock

_LOGGER = logging.getLogger(__name__)


def make_settings(**values: object) -> lazy.Settings:
    """Return settings from ``values`` alone: no environment, no ``.env``."""
    return lazy.Settings.from_values(**values)


@dataclass
class AppHarness:
    """An app with a recording broker, a clock of the test's, and settings without environment."""

    app: App
    mqtt: MockMqttClient
    clock: FakeClock | ManualClock
    settings: lazy.Settings
    shutdown_event: asyncio.Event = field(default_factory=asyncio.Event)
    run_periodic: bool = True
    """False: periodic functions are called by ``tick_periodic`` alone."""
    wall_clock: WallClock | None = None
    """What schedules go by."""

    @classmethod
    def create(
        cls,
        *,
        name: str = "testapp",
        version: str = "1.0.0",
        dry_run: bool = False,
        lifespan: LifespanFunc | None = None,
        store: StoreSpec | None = None,
        run_periodic: bool = True,
        error_type_map: dict[type[Exception], str] | None = None,
        clock: FakeClock | ManualClock | None = None,
        **settings_overrides: object,
    ) -> Self:
        """Return a harness around a new app."""
        app = App(name, version, dry_run=dry_run, lifespan=lifespan, store=store, error_type_map=error_type_map)
        settings = make_settings(**settings_overrides)
        return cls(app, MockMqttClient(), clock or FakeClock(), settings, run_periodic=run_periodic)

    async def run(self) -> None:
        """Run the app until shutdown."""
        everything = self.app.registry
        if not self.run_periodic:
            self.app.registry = everything.without_periodic()
        try:
            await self.app.run_async(
                mqtt=self.mqtt,
                settings=self.settings,
                shutdown_event=self.shutdown_event,
                clock=self.clock,
                embedded=True,
                wall_clock=self.wall_clock,
            )
        finally:
            self.app.registry = everything

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the app for the length of a ``with`` block; whatever ended it early is raised at its end."""
        task = asyncio.create_task(self.run(), name=self.app.name)
        try:
            for _ in range(TURNS_TO_SETTLE):
                await asyncio.sleep(0)
            yield
        finally:
            self.trigger_shutdown()
            await task

    def trigger_shutdown(self) -> None:
        """Ask the app to shut down."""
        self.shutdown_event.set()

    @property
    def topic_prefix(self) -> str:
        """The prefix of the app's topics."""
        return self.settings.mqtt.topic_prefix or self.app.name

    async def inject_stream(
        self,
        name: str,
        *items: object,
        shutdown: bool = True,
        ctx: DeviceContext | None = None,
        store: DeviceStore | None = None,
        providers: Mapping[Any, object] | None = None,
        adapters: Mapping[Any, object] | None = None,
    ) -> None:
        """Run the handler of stream ``name`` on ``items`` to its end, without a port.

        ``shutdown=False`` leaves the stream open after them. Raises ValueError for an unknown name, TypeError for what
        cannot be injected, and whatever the handler raises.
        """
        registration = self._stream_registration(name)
        services = self._services(dict(adapters or {}))
        stream: Stream[Any] = Stream(max(registration.maxsize, len(items)), backpressure=registration.backpressure)
        stream.put_many(items)
        if shutdown:
            stream.finish()
        if store is None:
            store = services.device_store(name)
            await load_store(store)
        context = ctx or services.context(name, is_root=registration.is_root)
        available = {**stream_providers(registration, services, context, store, stream), **(providers or {})}
        try:
            arguments = services.arguments(registration, available)
            await drive(registration.func, arguments, services.reactors.bound(available))
        finally:
            await save_store(store, name, even_clean=True)

    async def inject_command(
        self, device: str | None, payload: str | Mapping[str, object], *, topic: str | None = None
    ) -> None:
        """Deliver a command to ``device``, None for the root one, as if it came from the broker."""
        at = topic or device_topic(self.topic_prefix, device or "", "set", is_root=device is None)
        await self.mqtt.deliver(at, payload if isinstance(payload, str) else json.dumps(payload))

    async def run_stream(
        self, func: Handler, adapters: Mapping[Any, object], *, shutdown: asyncio.Event | None = None
    ) -> None:
        """Run a stream handler with its port, from opening to closing, until ``shutdown`` or the handler's end.

        What the handler raises is logged, as in an app; ``inject_stream`` raises it.
        """
        registrations = Registrations(self.app.store)
        registrations.add_stream("test_stream", func)
        (registration,) = registrations.registry.streams
        services = self._services(dict(adapters))
        services.shutdown = shutdown or self.shutdown_event
        try:
            await StreamDevice(registration, services, restart=False).run()
        except Exception:
            _LOGGER.exception("The stream handler failed")

    async def call_command(self, name: str, payload: str | dict[str, object], *, topic: str | None = None) -> None:
        """Call the handler of command ``name`` and publish what it returns, without running the app.

        Raises ValueError for an unknown name, and whatever the handler raises.
        """
        commands = [each for each in self.app.registry.resolved(self.settings).commands if each.name == name]
        if not commands:
            raise ValueError(f"No command named '{name}'")
        services = self._services({})
        context = services.context(name, is_root=commands[0].is_root)
        text = payload if isinstance(payload, str) else json.dumps(payload)
        at = topic or device_topic(self.topic_prefix, name, "set", is_root=commands[0].is_root)
        state = await CommandGroup(commands, context, services).call(Command(at, text, None, self.clock.now()))
        if state is not None:
            await context.publish_state(state)

    async def tick_periodic(self, name: str) -> None:
        """Call periodic function ``name`` once. Raises ValueError for an unknown name, and what the function raises."""
        for registration in self.app.registry.periodic:
            if registration.name == name:
                providers = self._services({}).base_providers(f"fieldbridge.{name}")
                await registration.func(**resolve(registration.plan, providers))
                return
        raise ValueError(f"No periodic named '{name}'")

    def override_state[T](self, state_type: type[T], instance: T) -> None:
        """Let ``instance`` stand for what the app's factory of this type makes. Raises TypeError for another type."""
        if not isinstance(instance, state_type):
            raise TypeError(f"{instance!r} is no {state_type.__name__}")
        self.app.state_overrides[state_type] = instance

    async def advance_time(self, seconds: float) -> None:
        """Move the app's clock on."""
        moved = self.clock.advance(seconds)
        if moved is not None:
            await moved

    def published(self) -> list[tuple[str, str, bool, int]]:
        """Return everything published as (topic, payload, retain, qos)."""
        return list(self.mqtt.published)

    def messages_for(self, topic: str) -> list[str]:
        """Return the payloads published on ``topic``, oldest first."""
        return [payload for payload, _, _ in self.mqtt.get_messages_for(topic)]

    @overload
    def last_published(self, topic: str) -> str | None: ...
    @overload
    def last_published(self) -> tuple[str, str, bool, int] | None: ...
    def last_published(self, topic: str | None = None) -> str | tuple[str, str, bool, int] | None:
        """Return the newest payload on ``topic``, else the newest message on any; None when there is none."""
        if topic is None:
            return self.mqtt.published[-1] if self.mqtt.published else None
        payloads = self.messages_for(topic)
        return payloads[-1] if payloads else None

    def assert_published(self, topic: str, *, contains: str | None = None, count: int | None = None) -> None:
        """Raise AssertionError unless ``topic`` saw messages, so many of them, and one that contains a text."""
        payloads = self.messages_for(topic)
        if not payloads or (count is not None and len(payloads) != count):
            expected = "at least 1" if count is None else str(count)
            seen = sorted({message[0] for message in self.mqtt.published})
            raise AssertionError(f"{topic}: {len(payloads)} messages, expected {expected}; topics: {seen}")
        if contains is not None and not any(contains in payload for payload in payloads):
            raise AssertionError(f"{topic}: nothing contains {contains!r}: {payloads}")

    def assert_state(self, topic: str, expected: Mapping[str, object], *, count: int | None = None) -> None:
        """Raise AssertionError unless a retained payload on ``topic`` holds ``expected``, nested dicts too.

        ``count`` is how many messages the topic has to have seen.
        """
        messages = self.mqtt.get_messages_for(topic)
        if count is not None and len(messages) != count:
            raise AssertionError(f"{topic}: {len(messages)} states, expected {count}")
        states = [json.loads(payload) for payload, retain, _ in messages if retain and payload.startswith("{")]
        if not any(_holds(state, expected) for state in states):
            raise AssertionError(f"{topic}: {states or 'no state'}, expected {dict(expected)}")

    def assert_subscribed(self, topic: str) -> None:
        """Raise AssertionError unless the app subscribed to ``topic``."""
        if topic not in self.mqtt.subscriptions:
            raise AssertionError(f"{topic} is not among {self.mqtt.subscriptions}")

    async def wait_for_publish_count(self, topic: str, count: int, *, max_rounds: int = 10_000) -> None:
        """Give the loop turns until ``topic`` saw ``count`` messages; time stands still.

        Raises RuntimeError when ``max_rounds`` turns were not enough.
        """
        for _ in range(max_rounds):
            if len(self.messages_for(topic)) >= count:
                return
            await asyncio.sleep(0)
        raise RuntimeError(f"{topic}: {len(self.messages_for(topic))} of {count} messages after {max_rounds} turns")

    def _stream_registration(self, name: str) -> StreamRegistration:
        for registration in self.app.registry.streams:
            if registration.name == name:
                return registration
        raise ValueError(f"No stream named '{name}'")

    def _services(self, adapters: dict[Any, object]) -> Services:
        services = Services(
            settings=self.settings,
            clock=self.clock,
            mqtt=self.mqtt,
            topic_prefix=self.topic_prefix,
            shutdown=self.shutdown_event,
            adapters=adapters,
            health=HealthReporter(self.mqtt, self.topic_prefix, self.app.version, self.clock),
            errors=ErrorPublisher(self.mqtt, self.topic_prefix),
            links=self.app.links,
            extra=dict(self.app.state_overrides),
        )
        services.store = make_store(self.app.store, services.base_providers("fieldbridge.store"))
        return services


def _holds(whole: object, part: object) -> bool:
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(key in whole and _holds(whole[key], part[key]) for key in part)
    return whole == part
