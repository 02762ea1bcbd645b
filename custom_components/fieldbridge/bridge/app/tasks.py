"""The tasks of an app's devices: starting them, ending them in good order, and restarting some of them."""

import asyncio
from collections.abc import Collection, Coroutine
import logging
from typing import Any

from ..runners.command import CommandGroup
from ..runners.commands import CommandRouter
from ..runners.contexts import DeviceContext
from ..runners.device import run_device
from ..runners.periodic import run_periodic
from ..runners.registrations import (
    CommandRegistration,
    DeviceRegistration,
    PeriodicRegistration,
    Registration,
    Running,
    TelemetryRegistration,
)
from ..runners.services import Services
from ..runners.stream import StreamDevice
from ..runners.telemetry import TelemetryDevice, TelemetryGroup, run_telemetry
from .registry import Registry

_LOGGER = logging.getLogger(__name__)

_POLLED = (TelemetryRegistration, PeriodicRegistration)

SHUTDOWN_DEADLINE = 2.0
"""Seconds that devices, queued commands and stream items are given to end in good order."""


class DeviceTasks:
    """One task for each device, telemetry and stream; commands are handled by queues of their own."""

    def __init__(self, registry: Registry, router: CommandRouter, services: Services) -> None:
        self._registry = registry
        self._router = router
        self._services = services
        self._tasks: dict[Running, asyncio.Task[None]] = {}
        self._commands: dict[str, CommandGroup] = {}
        self._groups: dict[str, TelemetryGroup] = {}
        # Telemetry and a command of the same name are one device, with one context.
        self._contexts: dict[str, DeviceContext] = {}

    async def start(self) -> None:
        """Take commands and start everything."""
        by_name: dict[str, list[CommandRegistration]] = {}
        for command in (*self._registry.commands, *self._registry.inbound):
            by_name.setdefault(command.name, []).append(command)
        for name, commands in by_name.items():
            self._commands[name] = CommandGroup(commands, self._context(commands[0]), self._services)
            await self._commands[name].start(self._router.queue(name))
        for registration in self._registry.running:
            self._start(registration)

    async def suspend(self, names: Collection[str]) -> None:
        """End the tasks of some devices at once; their commands are held."""
        tasks = [task for registration, task in self._tasks.items() if registration.name in names]
        for name in names:
            if name in self._router:
                self._router.queue(name).hold()
        await _cancel(tasks)

    def resume(self, names: Collection[str]) -> None:
        """Start suspended devices anew, unless the app ends; what was held is handled."""
        if self._services.shutdown.is_set():
            return
        for registration in self._registry.running:
            if registration.name in names:
                self._start(registration)
        for name in names:
            if name in self._commands:
                self._commands[name].listen(self._router.queue(name))

    async def finish(self) -> None:
        """End everything: polling at once, the rest after it drained or when the deadline is over."""
        polling = [task for each, task in self._tasks.items() if isinstance(each, _POLLED)]
        draining = [task for task in self._tasks.values() if task not in polling]
        draining += [asyncio.create_task(queue.drain(), name="drain") for queue in self._router.queues]
        for task in polling:
            task.cancel()
        if draining:
            await asyncio.wait(draining, timeout=SHUTDOWN_DEADLINE)
        await _cancel([*polling, *draining])
        self._router.close()
        # A handler that was cut short may have something to clean up.
        await asyncio.gather(*(queue.drain() for queue in self._router.queues))

    def _start(self, registration: Running) -> None:
        task = asyncio.create_task(self._run(registration), name=registration.name)
        task.add_done_callback(_log_crash)
        self._tasks[registration] = task

    def _run(self, registration: Running) -> Coroutine[Any, Any, None]:
        services = self._services
        if isinstance(registration, DeviceRegistration):
            return run_device(registration, self._router.queue(registration.name), services)
        if isinstance(registration, TelemetryRegistration):
            # A name may not hold a slash, so a group never meets a device that polls alone.
            key = registration.name if registration.group is None else f"group/{registration.group}"
            group = self._groups.setdefault(key, TelemetryGroup(services.clock.now()))
            device = TelemetryDevice(registration, self._context(registration), services)
            commands = self._router.queue(registration.name) if registration.triggerable else None
            return run_telemetry(device, group, commands, services)
        if isinstance(registration, PeriodicRegistration):
            return run_periodic(registration, services)
        return StreamDevice(registration, services).run()

    def _context(self, registration: Registration) -> DeviceContext:
        name = registration.name
        if name not in self._contexts:
            self._contexts[name] = self._services.context(name, is_root=registration.is_root)
        return self._contexts[name]


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _log_crash(task: asyncio.Task[None]) -> None:
    """Say what ended a task: the others go on."""
    if not task.cancelled() and (err := task.exception()) is not None:
        _LOGGER.error("Task %s crashed", task.get_name(), exc_info=err)
