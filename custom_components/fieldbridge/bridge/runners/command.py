"""Functions that are called for each command."""

from collections.abc import Mapping
from dataclasses import replace
import json
import logging
from typing import Any

from ..stores import DeviceStore
from .commands import Command, CommandQueue
from .contexts import DeviceContext
from .injection import resolve
from .refusals import InvalidJsonError, MissingSubKeyError, RefusedCommandError, UnknownSubCommandError
from .registrations import CommandRegistration
from .retrying import within
from .services import Services, load_store, save_store
from .states import state_writer

_LOGGER = logging.getLogger(__name__)


class CommandDevice:
    """One command handler with its arguments and its store."""

    def __init__(self, registration: CommandRegistration, ctx: DeviceContext, services: Services) -> None:
        self._registration = registration
        self._ctx = ctx
        self._services = services
        self._store: DeviceStore | None = None
        self._providers: Mapping[Any, object] = {}
        self._arguments: dict[str, object] | None = None
        self._bound = registration.plan.bound
        self._write = state_writer(registration)
        self._timeout: float | None = None

    @property
    def sub(self) -> str | None:
        """The value of the payload's field that is meant for it."""
        return self._registration.sub

    async def load(self) -> None:
        """Load the store and resolve the arguments. Raises what ``init`` or the store raises, TypeError."""
        await self._load(self._registration)

    async def _load(self, registration: CommandRegistration) -> None:
        services = self._services
        self._timeout = services.timeout(registration)
        self._store = services.device_store(registration.name)
        await load_store(self._store)
        providers = services.device_providers(f"fieldbridge.{registration.name}", self._ctx, self._store)
        self._providers = services.with_own(registration, providers)
        self._arguments = resolve(registration.plan.unbound, self._providers)

    async def prepare(self) -> None:
        """Load; a failure is reported, and with the first command it is tried again."""
        try:
            await self.load()
        except Exception as err:
            _LOGGER.exception("Command %s cannot start", self._registration.name)
            await self.report(err)

    async def _prepared(self) -> dict[str, object]:
        """Return the arguments; a handler can do without an ``init`` that fails when it takes nothing from it."""
        try:
            await self.load()
        except Exception as err:  # noqa: BLE001 - it is raised when there is no other way
            try:
                await self._load(replace(self._registration, init=None))
            except Exception:  # noqa: BLE001 - the first error is the reason
                raise err from None
        assert self._arguments is not None  # noqa: S101 - loaded
        return self._arguments

    async def handle(self, command: Command) -> None:
        """Call the handler and publish what it returns; never raises but for cancellation."""
        try:
            state = await self.call(command)
            if state is not None:
                await self._ctx.publish_state(state)
            await self._ctx.mark_available("command")
            command.settle(state)
        except RefusedCommandError as err:
            _LOGGER.warning("Command for %s refused: %s", self._registration.name, err)
            await self.report(err)
            command.settle(error=err)
        except Exception as err:
            _LOGGER.exception("Command for %s failed", self._registration.name)
            if isinstance(err, self._registration.unavailable_on):
                await self._ctx.mark_unavailable("command")
            await self.report(err)
            command.settle(error=err)
        await save_store(self._store, self._registration.name)

    async def call(self, command: Command) -> dict[str, object] | None:
        """Return what the handler returns. Raises what it raises, RefusedCommandError, TimeoutError."""
        message = {"topic": command.topic, "payload": command.payload}
        prepared = await self._prepared() if self._arguments is None else self._arguments
        arguments = {**prepared, **{name: message[name] for name in self._registration.mqtt_params}}
        if self._bound.parameters:
            arguments |= resolve(self._bound, self._providers, command)
        call = self._registration.func(**arguments)
        state = await within(self._timeout, call, self._services.clock)
        await self._services.reactors.react(self._providers)
        return self._write(state)

    async def report(self, err: Exception) -> None:
        """Publish an error of the device."""
        await self._services.errors.publish(err, device=self._registration.name, is_root=self._registration.is_root)


class CommandGroup:
    """All handlers of one topic: a single one, or several of which a field of the payload names one."""

    def __init__(self, registrations: list[CommandRegistration], ctx: DeviceContext, services: Services) -> None:
        self._name = registrations[0].name
        self._sub_key = registrations[0].sub_key
        self._all = [CommandDevice(registration, ctx, services) for registration in registrations]
        self._by_sub = {device.sub: device for device in self._all}

    async def start(self, commands: CommandQueue) -> None:
        """Prepare the handlers and take commands."""
        for device in self._all:
            await device.prepare()
        self.listen(commands)

    async def call(self, command: Command) -> dict[str, object] | None:
        """Prepare and call the one handler that is meant, for tests. Raises whatever goes wrong."""
        for device in self._all:
            await device.load()
        device = self._by_sub.get(None) or self._meant_by(command)
        return await device.call(command)

    def listen(self, commands: CommandQueue) -> None:
        """Take commands."""
        commands.open(self._by_sub[None].handle if None in self._by_sub else self._dispatch)

    async def _dispatch(self, command: Command) -> None:
        try:
            device = self._meant_by(command)
        except RefusedCommandError as err:
            _LOGGER.warning("Command for %s refused: %s", self._name, err)
            await self._all[0].report(err)
            command.settle(error=err)
        else:
            await device.handle(command)

    def _meant_by(self, command: Command) -> CommandDevice:
        """Return the handler that the payload names. Raises RefusedCommandError."""
        try:
            message = json.loads(command.payload)
        except (ValueError, RecursionError) as err:
            raise InvalidJsonError(str(err)) from err
        if not isinstance(message, dict):
            raise InvalidJsonError(f"a JSON object is needed, got {type(message).__name__}")
        if self._sub_key not in message:
            raise MissingSubKeyError(f"the payload has no field '{self._sub_key}'")
        try:
            return self._by_sub[str(message[self._sub_key])]
        except KeyError:
            # Not the value itself: whatever somebody sent would go out again on a topic that others read.
            raise UnknownSubCommandError(f"'{self._name}' has no such sub-command") from None
