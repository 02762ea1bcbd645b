"""Running a handler again when it crashed, so that one bad frame does not end a device."""

import asyncio
from collections.abc import Awaitable, Callable
import logging

from ..retry import ExponentialBackoff
from .handlers import HandlerKindError
from .retrying import Retrier
from .services import Services

_LOGGER = logging.getLogger(__name__)

RESTART = ExponentialBackoff(1.0, 60.0)
"""Seconds before a crashed handler runs again, and before a lost link is opened again."""


class UnrunnableError(Exception):
    """A handler asks for what does not exist, so running it again is of no use; ``cause`` says what."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def keep_running(
    name: str, run: Callable[[], Awaitable[None]], services: Services, *, is_root: bool = False
) -> bool:
    """Await ``run()`` until it returns; after a crash again, for ever, with capped back-off.

    An error is reported once, until it changes its type; the device is well again when it has run for as long as it was
    down. UnrunnableError and HandlerKindError end the device. Returns whether it ended well or by the shutdown.
    """
    recovery = _Recovery(name, services)
    retrier = Retrier(RESTART, services.shutdown, services.clock)
    reported: type[Exception] | None = None
    while True:
        started_at = services.clock.now()
        try:
            with recovery:
                await run()
        except Exception as err:
            crashed_at = services.clock.now()
            cause = err.cause if isinstance(err, UnrunnableError) else err
            # What ran for long was well meanwhile: its next crash is news again.
            if crashed_at - started_at > RESTART.max_delay:
                retrier.succeeded()
                reported = None
            services.health.set_device_status(name, "error")
            if type(cause) is not reported:
                reported = type(cause)
                _LOGGER.error("%s crashed", name, exc_info=cause)  # noqa: TRY400 - the cause is what happened
                await services.errors.publish(cause, device=name, is_root=is_root)
            if isinstance(err, UnrunnableError | HandlerKindError):
                return False
            if not await retrier.pause():
                return True
            recovery.down_for = services.clock.now() - crashed_at
        else:
            return True


class _Recovery:
    """Calls a device well when it has run for as long as it was down, or ended in good order."""

    def __init__(self, name: str, services: Services) -> None:
        self.down_for = 0.0
        self._name = name
        self._services = services
        self._proof: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        if self.down_for:
            self._proof = asyncio.create_task(self._prove(), name=f"recovery {self._name}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        proof, self._proof = self._proof, None
        if proof is not None and proof.cancel() and kind is None:
            self._services.health.set_device_status(self._name)

    async def _prove(self) -> None:
        await self._services.clock.sleep(self.down_for)
        self._services.health.set_device_status(self._name)
