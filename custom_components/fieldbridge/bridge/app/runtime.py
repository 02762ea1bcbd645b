"""One run of an app: bring everything up in order, wait for shutdown, take it down in reverse."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
import inspect
import logging
import signal
from typing import TYPE_CHECKING, Any
import uuid

from ..clock import SystemClock
from ..health import ErrorPublisher, HealthReporter
from ..interfaces import ClockPort, MqttLifecycle, MqttMessageHandler, MqttPort
from ..mqtt import MqttClient, Outbox, build_will_config, with_outbox
from ..runners.command import CommandDevice
from ..runners.commands import CommandRouter
from ..runners.contexts import AppContext, DeviceContext
from ..runners.device import run_device
from ..runners.injection import build_plan, resolve
from ..runners.retrying import sleep_unless
from ..runners.services import Services
from ..runners.stream import StreamDevice
from ..runners.telemetry import TelemetryDevice, run_telemetry
from .adapters import enter

if TYPE_CHECKING:
    from ..settings import Settings
    from .app import App

_LOGGER = logging.getLogger(__name__)

SHUTDOWN_DEADLINE = 2.0
"""Seconds that devices, queued commands and stream items are given to end in good order."""


class Runtime:
    """Everything that exists only while an app runs."""

    def __init__(
        self,
        app: App,
        *,
        settings: Settings,
        mqtt: MqttPort | None,
        clock: ClockPort | None,
        shutdown: asyncio.Event,
    ) -> None:
        self._app = app
        self._registry = app.registry
        prefix = settings.mqtt.topic_prefix.strip("/") or app.name
        clock = clock or SystemClock()
        port = with_outbox(mqtt or self._client(settings, prefix, clock))
        self._services = Services(
            settings=settings,
            clock=clock,
            mqtt=port,
            topic_prefix=prefix,
            shutdown=shutdown,
            adapters={},
            health=HealthReporter(port, prefix, app.version, clock),
            errors=ErrorPublisher(port, prefix),
            links=app.links,
            store=app.store,
        )
        self._router = CommandRouter(prefix, clock.now)
        self._polling: list[asyncio.Task[None]] = []
        self._draining: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Run until shutdown. Raises what the configuration, an adapter or the lifespan raises."""
        services = self._services
        async with AsyncExitStack() as stack:
            await self._configure()
            await stack.enter_async_context(self._connected())
            await enter(services.adapters, stack)
            await self._announce()
            await stack.enter_async_context(self._lifespan())
            await services.health.publish_heartbeat()
            await stack.enter_async_context(self._tasks())
            await services.shutdown.wait()
        _LOGGER.info("Shutdown complete")

    async def _configure(self) -> None:
        """Make the adapters, then let the app's hooks have a look."""
        services, app = self._services, self._app
        services.adapters = app.adapter_registry.make(
            services.base_providers(f"fieldbridge.{app.name}"), dry_run=app.dry_run
        )
        for hook in app.configure_hooks:
            result = hook(**resolve(build_plan(hook), services.base_providers("fieldbridge.configure")))
            if inspect.isawaitable(result):
                await result

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        """Have the broker connected; at the end everything is said to be offline first."""
        mqtt = self._services.mqtt
        if isinstance(mqtt, MqttLifecycle):
            await mqtt.start()
        try:
            yield
        finally:
            await self._services.health.shutdown()
            if isinstance(mqtt, MqttLifecycle):
                await mqtt.stop()

    async def _announce(self) -> None:
        """Say which devices are there, and take commands."""
        services = self._services
        streams = {registration.name for registration in self._registry.streams}
        announced = {registration.name: registration for registration in reversed(self._registry.all)}
        for name in self._registry.names:
            # A stream is online once its link is up: its runner says so.
            if name not in streams:
                await services.health.publish_device_available(name, is_root=announced[name].is_root)
        for registration in (*self._registry.devices, *self._registry.commands):
            self._router.add(registration.name, is_root=registration.is_root)
        for topic in self._router.topics:
            await services.mqtt.subscribe(topic)
        if isinstance(services.mqtt, Outbox):
            services.mqtt.on_message(self._router.route, retained=services.settings.mqtt.retained_commands)
        elif isinstance(services.mqtt, MqttMessageHandler):
            services.mqtt.on_message(self._router.route)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        """Run the app's lifespan around its devices; what it yields can be injected by its type."""
        services = self._services
        if self._app.lifespan is None:
            yield
            return
        manager = self._app.lifespan(AppContext(settings=services.settings, adapters=services.adapters))
        made = await manager.__aenter__()
        if made is not None:
            if type(made) in services.base_providers(""):
                raise RuntimeError(f"Lifespan yielded type {type(made).__name__}, which conflicts with another")
            services.extra[type(made)] = made
        try:
            yield
        except BaseException as err:
            await _leave(manager, err)
            raise
        else:
            await _leave(manager)

    @asynccontextmanager
    async def _tasks(self) -> AsyncIterator[None]:
        """Run all devices; at the end polling stops at once and the others are given time to drain."""
        contexts = self._contexts()
        await self._start_commands(contexts)
        self._start_devices(contexts)
        self._start(self._polling, "heartbeat", self._heartbeat())
        try:
            yield
        finally:
            self._services.shutdown.set()
            for task in self._polling:
                task.cancel()
            for queue in self._router.queues:
                self._start(self._draining, "drain", queue.drain())
            if self._draining:
                await asyncio.wait(self._draining, timeout=SHUTDOWN_DEADLINE)
            for task in self._draining:
                task.cancel()
            for queue in self._router.queues:
                queue.close()
            await asyncio.gather(*self._polling, *self._draining, return_exceptions=True)

    def _contexts(self) -> dict[str, DeviceContext]:
        """One context for each name that telemetry and commands share; devices and streams make their own."""
        return {
            registration.name: self._services.context(registration.name, is_root=registration.is_root)
            for registration in (*self._registry.telemetry, *self._registry.commands)
        }

    async def _start_commands(self, contexts: dict[str, DeviceContext]) -> None:
        for registration in self._registry.commands:
            device = CommandDevice(registration, contexts[registration.name], self._services)
            await device.start(self._router.queue(registration.name))

    def _start_devices(self, contexts: dict[str, DeviceContext]) -> None:
        services = self._services
        for registration in self._registry.devices:
            queue = self._router.queue(registration.name)
            self._start(self._draining, registration.name, run_device(registration, queue, services))
        for stream in self._registry.streams:
            self._start(self._draining, stream.name, StreamDevice(stream, services).run())
        groups: dict[str, list[TelemetryDevice]] = {}
        for telemetry in self._registry.telemetry:
            device = TelemetryDevice(telemetry, contexts[telemetry.name], services)
            # A name may not hold a slash, so a group never meets a device that polls alone.
            key = telemetry.name if telemetry.group is None else f"group/{telemetry.group}"
            groups.setdefault(key, []).append(device)
        for name, members in groups.items():
            self._start(self._polling, name, run_telemetry(members, services))

    def _start(self, tasks: list[asyncio.Task[None]], name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_crash)
        tasks.append(task)

    async def _heartbeat(self) -> None:
        services, interval = self._services, self._app.heartbeat_interval
        while interval is not None and await sleep_unless(services.shutdown, interval, services.clock):
            await services.health.publish_heartbeat()

    def _client(self, settings: Settings, prefix: str, clock: ClockPort) -> MqttPort:
        client_id = f"{self._app.name}-{uuid.uuid4().hex[:8]}"
        return MqttClient(settings.mqtt, build_will_config(prefix), client_id=client_id, clock=clock)


@asynccontextmanager
async def shutdown_by_signal(shutdown: asyncio.Event) -> AsyncIterator[None]:
    """Set ``shutdown`` on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        with suppress(NotImplementedError):  # not on Windows
            loop.add_signal_handler(number, shutdown.set)
    try:
        yield
    finally:
        for number in signals:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)


async def _leave(manager: AbstractAsyncContextManager[Any], error: BaseException | None = None) -> None:
    """Leave the app's lifespan; an error in it must not hide why the app ends."""
    try:
        if error is None:
            await manager.__aexit__(None, None, None)
        else:
            await manager.__aexit__(type(error), error, error.__traceback__)
    except Exception:
        _LOGGER.exception("Lifespan teardown error")


def _log_crash(task: asyncio.Task[None]) -> None:
    """Say what ended a task: the others go on."""
    if not task.cancelled() and (err := task.exception()) is not None:
        _LOGGER.error("Task %s crashed", task.get_name(), exc_info=err)
