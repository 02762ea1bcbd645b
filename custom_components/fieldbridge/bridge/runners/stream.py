"""Streams: what a port delivers by callback, iterated by a handler that never notices a reconnect."""

import asyncio
from collections.abc import Callable, Mapping
import logging
from typing import Any, get_args, get_origin, override

from ..health import LinkState, LinkStatus
from ..interfaces import StreamablePort
from ..stores import DeviceStore
from ..streams import Stream
from .contexts import DeviceContext
from .freshness import Freshness, freshness_of
from .handlers import drive
from .injection import resolve
from .link import LinkKeeper
from .registrations import StreamRegistration
from .services import Services, load_store, save_store
from .supervision import UnrunnableError, keep_running

_LOGGER = logging.getLogger(__name__)

_LIFECYCLE = frozenset({"open", "close", "start_scan", "stop_scan"})


class StreamHandlerProxy:
    """An adapter as its handler sees it: everything but the lifecycle, which belongs to the runner."""

    __slots__ = ("__target",)

    def __init__(self, adapter: object) -> None:
        object.__setattr__(self, "_StreamHandlerProxy__target", adapter)

    def __getattr__(self, name: str) -> Any:
        if name in _LIFECYCLE:
            raise AttributeError(f"'{name}' is a lifecycle method and belongs to the stream runner")
        return getattr(self.__target, name)

    @override
    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__target, name, value)


class StreamDevice:
    """One stream registration: its port, its stream, and the handler at the end of it."""

    def __init__(self, registration: StreamRegistration, services: Services, *, restart: bool = True) -> None:
        self._registration = registration
        self._services = services
        self._restart = restart
        self._announced: LinkState | None = None
        self._ctx = services.context(registration.name, is_root=registration.is_root)
        self._freshness: Freshness | None = None
        self.stream: Stream[Any] = Stream(registration.maxsize, backpressure=registration.backpressure)
        services.health.count_drops(registration.name, self.stream)

    async def run(self) -> None:
        """Keep the link up and the handler running until shutdown or the handler's end, then drain the stream.

        Without ``restart`` raises what the handler raises.
        """
        try:
            port = find_port(self._registration, self._services.adapters)
            self._freshness = freshness_of(self._registration, self._ctx, self._services)
        except (TypeError, ValueError) as err:
            self._give_up(err)
            await self._publish_error(err)
            return
        shutdown = self._services.shutdown
        link = LinkKeeper(
            self._registration.name,
            port,
            self.stream.put if self._freshness is None else self._put_fresh(self._freshness),
            on_status=self._announce,
            stop=shutdown,
            clock=self._services.clock,
        )
        keeping = asyncio.create_task(link.run(), name=f"link {self._registration.name}")
        handling = asyncio.create_task(self._handle(link, port), name=f"stream {self._registration.name}")
        stopping = asyncio.create_task(shutdown.wait())
        watching = [] if self._freshness is None else [asyncio.create_task(self._freshness.watch())]
        try:
            await asyncio.wait((keeping, handling, stopping), return_when=asyncio.FIRST_COMPLETED)
            await self._close(keeping)
            self.stream.finish()
            if link.opened.is_set():
                await handling
        finally:
            tasks = (keeping, handling, stopping, *watching)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.stream.shutdown()

    def _put_fresh(self, freshness: Freshness) -> Callable[[Any], None]:
        def put(item: Any) -> None:
            freshness.renewed()
            self.stream.put(item)

        return put

    async def _close(self, keeping: asyncio.Task[None]) -> None:
        """Close the port; an error other than I/O has ended the link, which told it to the broker."""
        keeping.cancel()
        (result,) = await asyncio.gather(keeping, return_exceptions=True)
        if isinstance(result, Exception):
            self._give_up(result)

    def _give_up(self, error: Exception) -> None:
        _LOGGER.error("Stream %s ends", self._registration.name, exc_info=error)
        self._services.health.set_device_status(self._registration.name, "error")

    async def _handle(self, link: LinkKeeper[Any], port: StreamablePort[Any]) -> None:
        await link.opened.wait()

        async def run_once() -> None:
            await self._run_once(port)

        if not self._restart:
            await run_once()
            return
        registration = self._registration
        await keep_running(registration.name, run_once, self._services, is_root=registration.is_root)

    async def _run_once(self, port: StreamablePort[Any]) -> None:
        registration, services, name = self._registration, self._services, self._registration.name
        # The port is the runner's: the handler finds it neither by its type nor through its context.
        services = services.without_adapter(port)
        ctx = services.context(name, is_root=registration.is_root)
        store = services.device_store(name)
        await load_store(store)
        providers = stream_providers(registration, services, ctx, store, self.stream)
        providers[type(port)] = StreamHandlerProxy(port)
        try:
            arguments = resolve(registration.plan, providers)
        except (TypeError, LookupError) as err:
            raise UnrunnableError(err) from err
        try:
            await drive(registration.func, arguments, services.reactors.bound(providers))
        finally:
            await save_store(store, name)

    async def _announce(self, status: LinkStatus) -> None:
        """Tell the listeners every change, and the broker when the link comes or goes."""
        self._services.links.report(status)
        if status.state is self._announced:
            return
        self._announced = status.state
        if status.state is LinkState.UP:
            if self._freshness is not None:
                self._freshness.renewed()  # it gets its time anew
            await self._ctx.mark_available("link")
            return
        await self._ctx.mark_unavailable("link")
        if status.error is not None:
            await self._publish_error(status.error)

    async def _publish_error(self, error: Exception) -> None:
        await self._services.errors.publish(error, device=self._registration.name, is_root=self._registration.is_root)


def stream_providers(
    registration: StreamRegistration,
    services: Services,
    ctx: DeviceContext,
    store: DeviceStore | None,
    stream: Stream[Any],
) -> dict[Any, object]:
    """Return what a stream handler may be given."""
    providers = services.device_providers(f"fieldbridge.stream.{registration.name}", ctx, store)
    key = next(one.annotation for one in registration.plan.parameters if get_origin(one.annotation) is Stream)
    return {**providers, key: stream}


def find_port(registration: StreamRegistration, adapters: Mapping[Any, object]) -> StreamablePort[Any]:
    """Return the adapter that delivers what the handler iterates over, or a subclass of it. Raises TypeError."""
    wanted = registration.item_type
    for key, adapter in adapters.items():
        if get_origin(key) is not StreamablePort:
            continue
        (delivered,) = get_args(key)
        if delivered == wanted or (isinstance(wanted, type) and wanted in getattr(delivered, "__mro__", ())):
            return adapter  # type: ignore[return-value]
    name = getattr(wanted, "__name__", wanted)
    raise TypeError(f"'{registration.name}' requires StreamablePort[{name}] but no matching adapter is registered")
