"""One run of an app: bring everything up in order, wait for shutdown, take it down in reverse."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
import inspect
import logging
import signal
from typing import TYPE_CHECKING, Any
import uuid

from .. import lazy
from ..clock import SystemClock
from ..cron import WallClock
from ..embedding import embedded_settings
from ..health import ErrorPublisher, HealthReporter
from ..interfaces import ClockPort, MqttLifecycle, MqttMessageHandler, MqttPort
from ..mqtt import MqttClient, Outbox, PublishOnlyMqtt, build_will_config, with_outbox
from ..runners.commands import CommandRouter
from ..runners.contexts import AppContext
from ..runners.injection import build_plan, resolve
from ..runners.reactors import Reactors
from ..runners.refusals import ERROR_TYPES
from ..runners.retrying import sleep_unless
from ..runners.services import Services, make_store, save_store
from .adapters import AdapterLifetime, lifetimes
from .health_checks import HealthMonitor, RestartPolicy
from .registry import Registry
from .retained import take_back
from .shared_state import make_shared_state
from .tasks import DeviceTasks

if TYPE_CHECKING:
    from .app import App

_LOGGER = logging.getLogger(__name__)


class Runtime:
    """Everything that exists only while an app runs."""

    def __init__(
        self,
        app: App,
        *,
        settings: lazy.Settings,
        mqtt: MqttPort | None,
        clock: ClockPort | None,
        shutdown: asyncio.Event,
        wall_clock: WallClock | None,
    ) -> None:
        self._app = app
        self._registry: Registry
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
            health=HealthReporter(port, prefix, app.version, clock, app.on_status),
            errors=ErrorPublisher(
                port,
                prefix,
                {**ERROR_TYPES, **app.error_type_map},
                verbose=settings.mqtt.error_publish_verbose,
                on_error=app.on_error,
            ),
            links=app.links,
            wall_clock=wall_clock,
            reactors=Reactors(app.reactors),
        )
        self._router = CommandRouter(prefix, clock.now)

    async def run(self) -> None:
        """Run until shutdown. Raises what the configuration, an adapter or the lifespan raises."""
        services = self._services
        async with AsyncExitStack() as stack:
            await self._configure()
            # Hooks may have registered more, and some names are known only now.
            self._registry = self._app.registry.resolved(services.settings)
            tasks = DeviceTasks(self._registry, self._router, services)
            self._listen()
            stack.callback(self._router.close)
            await stack.enter_async_context(self._connected())
            await make_shared_state(self._app.shared_state, self._app.state_overrides, services, stack)
            entered = await self._enter_adapters(stack)
            await self._announce()
            await stack.enter_async_context(self._lifespan())
            monitor = self._monitor(tasks, entered)
            if monitor is not None:
                await monitor.check()
            await services.health.publish_heartbeat()
            await stack.enter_async_context(self._running(tasks, monitor))
            await services.shutdown.wait()
        _LOGGER.info("Shutdown complete")

    async def _configure(self) -> None:
        """Make the adapters, then let the app's hooks have a look."""
        services, app = self._services, self._app
        services.adapters = app.adapter_registry.make(
            services.base_providers(f"fieldbridge.{app.name}"), dry_run=app.dry_run
        )
        services.store = make_store(app.store, services.base_providers("fieldbridge.store"))
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
        """Say which devices are there, and subscribe to their commands."""
        services = self._services
        streams = {registration.name for registration in self._registry.streams}
        for registration in self._registry.unique:
            # A stream is online once its link is up: its runner says so.
            if registration.name not in streams:
                await services.health.publish_device_available(registration.name, is_root=registration.is_root)
        for topic in self._router.topics:
            await services.mqtt.subscribe(topic)
        if self._app.retained_cleanup:
            await take_back(services, self._registry.unique)
        app, offered_below = self._app, self._app.discovery_prefix
        # In Home Assistant itself the devices are there already.
        if offered_below is not None and embedded_settings() is None:
            from .discovery import Discovery, DiscoveryPublisher

            discovery = Discovery(app.name, app.version, offered_below, services.topic_prefix, app.enrich)
            publisher = DiscoveryPublisher(discovery, self._registry, services)
            await publisher.start()
            services.on_state = publisher.take_state

    def _listen(self) -> None:
        """Have a queue for every command before there is a connection: a broker may have kept some."""
        services = self._services
        for registration in self._registry.commanded:
            self._router.add(registration.name, is_root=registration.is_root)
        for inbound in self._registry.inbound:
            topic = inbound.topic(services.settings) if callable(inbound.topic) else inbound.topic
            self._router.add_inbound(inbound.name, topic)
        for queue in self._router.queues:
            services.health.count_drops(queue.name, queue)
        self._app.inlet = self._router
        mqtt = services.mqtt
        if isinstance(mqtt, Outbox | PublishOnlyMqtt):
            services.health.count_drops("outbox", mqtt)
        if isinstance(mqtt, Outbox):
            mqtt.on_message(self._router.route, retained=services.settings.mqtt.retained_commands)
        elif isinstance(mqtt, MqttMessageHandler):
            mqtt.on_message(self._router.route)
        if isinstance(mqtt, MqttMessageHandler) and self._registry.inbound:
            mqtt.on_message(self._router.route_inbound)

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

    async def _enter_adapters(self, stack: AsyncExitStack) -> list[AdapterLifetime]:
        """Enter the adapters in the order of registration; a shutdown meanwhile skips the rest."""
        entered = []
        for lifetime in lifetimes(self._services.adapters):
            if not await self._unless_shutdown(lifetime.enter()):
                _LOGGER.warning("Shutdown while adapters are starting: the rest is skipped")
                break
            stack.push_async_callback(lifetime.leave)
            entered.append(lifetime)
        return entered

    async def _unless_shutdown(self, work: Coroutine[Any, Any, None]) -> bool:
        """Await ``work``; returns False when the shutdown came first."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._services.shutdown.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
        if working.cancelled():
            return False
        working.result()
        return True

    def _monitor(self, tasks: DeviceTasks, entered: list[AdapterLifetime]) -> HealthMonitor | None:
        app = self._app
        if app.health_check_interval is None:
            return None
        policy = RestartPolicy(
            app.restart_after_failures, app.max_restarts, app.restart_cooldown, app.sustained_health_reset
        )
        return HealthMonitor(
            self._services, self._registry, tasks, entered, interval=app.health_check_interval, policy=policy
        )

    @asynccontextmanager
    async def _running(self, tasks: DeviceTasks, monitor: HealthMonitor | None) -> AsyncIterator[None]:
        """Run all devices, the heartbeat and the health checks."""
        await tasks.start()
        watching = [asyncio.create_task(self._heartbeat(), name="heartbeat")]
        if monitor is not None:
            watching.append(asyncio.create_task(monitor.run(), name="health-checks"))
        try:
            yield
        finally:
            self._services.shutdown.set()
            await tasks.finish()
            for name, store in self._services.stores.items():
                await save_store(store, name, even_clean=True)
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _heartbeat(self) -> None:
        services, interval = self._services, self._app.heartbeat_interval
        while interval is not None and await sleep_unless(services.shutdown, interval, services.clock):
            await services.health.publish_heartbeat()

    def _client(self, settings: lazy.Settings, prefix: str, clock: ClockPort) -> MqttPort:
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
