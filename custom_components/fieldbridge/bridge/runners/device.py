"""Devices with a loop of their own."""

import asyncio
import logging

from .commands import ENDED, Command, CommandQueue
from .freshness import Freshness, freshness_of
from .handlers import drive
from .injection import resolve
from .registrations import DeviceRegistration
from .services import Services, load_store, save_store
from .supervision import UnrunnableError, keep_running

_LOGGER = logging.getLogger(__name__)


async def run_device(registration: DeviceRegistration, commands: CommandQueue, services: Services) -> None:
    """Run a device until it ends by itself or the app shuts down; after a crash again, with a fresh context.

    Commands that arrive before it listens, or while it is down, are held for it.
    """
    name, is_root = registration.name, registration.is_root
    try:
        freshness = freshness_of(registration, services.context(name, is_root=is_root), services)
    except Exception as err:
        _LOGGER.exception("Device %s cannot start", name)
        services.health.set_device_status(name, "error")
        await services.errors.publish(err, device=name, is_root=is_root)
        commands.close(ENDED)
        return

    async def run_once() -> None:
        await _run_once(registration, commands, services, freshness)

    watching = None if freshness is None else asyncio.create_task(freshness.watch(), name=f"freshness {name}")
    try:
        if not await keep_running(name, run_once, services, is_root=is_root):
            commands.close(ENDED)
    finally:
        if watching is not None:
            watching.cancel()


async def _run_once(
    registration: DeviceRegistration, commands: CommandQueue, services: Services, freshness: Freshness | None
) -> None:
    name = registration.name
    ctx = services.context(name, is_root=registration.is_root)

    async def handle(command: Command) -> None:
        try:
            await ctx.command_inlet.handle(command)
        except Exception as err:
            _LOGGER.exception("Command for %s failed", name)
            await services.errors.publish(err, device=name, is_root=registration.is_root)
            command.settle(error=err)

    if freshness is not None:
        ctx.when_published(freshness.renewed)
    ctx.command_inlet.when_wired(lambda: commands.open(handle))
    store = services.device_store(name)
    await load_store(store)
    try:
        providers = services.with_own(registration, services.device_providers(f"fieldbridge.{name}", ctx, store))
        arguments = resolve(registration.plan, providers)
    except (TypeError, LookupError) as err:
        raise UnrunnableError(err) from err
    try:
        await drive(registration.func, arguments, services.reactors.bound(providers))
    except BaseException:
        commands.hold(ctx.command_inlet.abandon())
        raise
    finally:
        await save_store(store, name)
