"""Keeping one StreamablePort open for ever: opening, noticing the loss, closing, opening again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
import logging

from ..errors import LinkError
from ..health import LinkState, LinkStatus
from ..interfaces import ClockPort, LossReporting, StreamablePort
from .retrying import Retrier
from .supervision import RESTART

_LOGGER = logging.getLogger(__name__)

type StatusListener = Callable[[LinkStatus], Awaitable[None]]


class LinkKeeper[T]:
    """Opens a port, and opens it again whenever it is lost; only I/O errors (OSError) are retried."""

    def __init__(
        self,
        name: str,
        port: StreamablePort[T],
        deliver: Callable[[T], None],
        *,
        on_status: StatusListener,
        stop: asyncio.Event,
        clock: ClockPort,
    ) -> None:
        self._port = port
        self._deliver = deliver
        self._on_status = on_status
        self._clock = clock
        self._retrier = Retrier(RESTART, stop, clock)
        self._status = LinkStatus(name, LinkState.CONNECTING, since=clock.now())
        self._registered = False
        self._lost: asyncio.Future[LinkError] | None = None
        self.opened = asyncio.Event()
        """Set once the port was open for the first time."""

    async def run(self) -> None:
        """Keep the port open until shutdown or cancellation. Raises what is no I/O error."""
        if isinstance(self._port, LossReporting):
            self._listen_for_loss(self._port, asyncio.get_running_loop())
        await self._on_status(self._status)
        try:
            while True:
                error = await self._open_until_lost()
                await self._changed(LinkState.DOWN, error, attempts=self._retrier.failures + 1)
                if not await self._retrier.pause():
                    return
        except Exception as err:
            self._status = replace(self._status, error=err)
            raise
        finally:
            self._status = replace(self._status, state=LinkState.DOWN, since=self._clock.now())
            await self._on_status(self._status)

    async def _open_until_lost(self) -> OSError:
        """Open the port and wait; returns why it could not be opened, or why it was lost."""
        self._lost = asyncio.get_running_loop().create_future()
        try:
            await self._open()
            self._retrier.succeeded()
            await self._changed(LinkState.UP)
            self.opened.set()
            return await self._lost
        except OSError as err:
            return err
        finally:
            self._lost = None
            await self._close()

    async def _open(self) -> None:
        await self._port.open()
        if not self._registered:
            # Once: a port may keep a list of callbacks, and would deliver twice after a reconnect.
            self._port.register_callback(self._deliver)
            self._registered = True
        await self._port.start_scan()

    def _listen_for_loss(self, port: LossReporting, loop: asyncio.AbstractEventLoop) -> None:
        def settle(error: LinkError) -> None:
            if self._lost is not None and not self._lost.done():
                self._lost.set_result(error)

        def report(error: LinkError) -> None:
            # A port may read in a thread of its own.
            loop.call_soon_threadsafe(settle, error)

        port.register_loss_callback(report)

    async def _close(self) -> None:
        for step in (self._port.stop_scan, self._port.close):
            try:
                await step()
            except Exception as err:  # noqa: BLE001 - the port is given up anyway
                _LOGGER.debug("Closing link %s: %s", self._status.name, err)

    async def _changed(self, state: LinkState, error: Exception | None = None, *, attempts: int = 0) -> None:
        """Note the status, log once when the link goes and once when it is back, and tell the listener."""
        old = self._status
        came_back = state is LinkState.UP and self.opened.is_set()
        self._status = replace(
            old,
            state=state,
            error=error,
            attempts=attempts,
            reconnects=old.reconnects + came_back,
            since=old.since if state is old.state else self._clock.now(),
        )
        if state is LinkState.DOWN and old.state is not LinkState.DOWN:
            _LOGGER.warning("Link %s is down: %s", old.name, error)
        elif state is LinkState.UP and old.state is LinkState.DOWN:
            _LOGGER.info("Link %s is up", old.name)
        await self._on_status(self._status)
