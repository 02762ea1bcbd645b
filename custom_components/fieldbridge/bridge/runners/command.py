"""Functions that are called for each command."""

import logging

from ..stores import DeviceStore
from .commands import Command, CommandQueue
from .contexts import DeviceContext
from .registrations import CommandRegistration
from .retrying import within
from .services import Services, load_store, save_store

_LOGGER = logging.getLogger(__name__)


class CommandDevice:
    """One command handler with its arguments and its store."""

    def __init__(self, registration: CommandRegistration, ctx: DeviceContext, services: Services) -> None:
        self._registration = registration
        self._ctx = ctx
        self._services = services
        self._store: DeviceStore | None = None
        self._arguments: dict[str, object] = {}
        self._ready = False
        self._unavailable = False

    async def start(self, commands: CommandQueue) -> None:
        """Resolve the arguments and take commands; a failure is reported and leaves the commands unhandled."""
        registration, services = self._registration, self._services
        try:
            self._store = services.device_store(registration.name)
            await load_store(self._store)
            providers = services.device_providers(f"fieldbridge.{registration.name}", self._ctx, self._store)
            self._arguments = services.arguments(registration, providers)
        except Exception as err:
            _LOGGER.exception("Command %s cannot start", registration.name)
            await self._report(err)
        else:
            self._ready = True
            self.listen(commands)

    def listen(self, commands: CommandQueue) -> None:
        """Take commands, unless starting failed."""
        if self._ready:
            commands.open(self._handle)

    async def _handle(self, command: Command) -> None:
        """Call the handler and publish what it returns; never raises but for cancellation."""
        message = {"topic": command.topic, "payload": command.payload}
        given = {name: message[name] for name in self._registration.mqtt_params}
        try:
            call = self._registration.func(**self._arguments, **given)
            state = await within(self._registration.timeout, call, self._services.clock)
            if self._unavailable:
                self._unavailable = False
                await self._ctx.publish_available()
            if state is not None:
                await self._ctx.publish_state(state)
        except Exception as err:
            _LOGGER.exception("Command for %s failed", self._registration.name)
            if isinstance(err, self._registration.unavailable_on) and not self._unavailable:
                self._unavailable = True
                await self._ctx.publish_unavailable()
            await self._report(err)
        await save_store(self._store, self._registration.name)

    async def _report(self, err: Exception) -> None:
        await self._services.errors.publish(err, device=self._registration.name, is_root=self._registration.is_root)
