"""Polling: call the handler on its interval, publish what changed enough, tell errors once."""

import asyncio
from collections.abc import Hashable, Mapping
from contextlib import AsyncExitStack
import copy
import logging
import math
from typing import Any

from ..cron import CronSchedule, local_clock
from ..errors import BridgeError
from ..retry import ExponentialBackoff
from ..stores import DeviceStore
from .commands import ENDED, Command, CommandQueue
from .contexts import DeviceContext
from .freshness import Freshness, freshness_of
from .injection import resolve
from .registrations import TelemetryRegistration
from .retrying import Beats, CronBeats, Retrier, sleep_unless, within
from .services import Services, load_store, save_store
from .states import state_writer
from .trigger import TriggerPayload

_LOGGER = logging.getLogger(__name__)


_TOGETHER = 0.001
"""Seconds within which two members of a group are due at the same moment."""


class CircuitOpenError(BridgeError):
    """The device was not asked, since it failed too often."""


class TelemetryDevice:
    """One polled device: its arguments, strategy, breaker, store and error state."""

    def __init__(self, registration: TelemetryRegistration, ctx: DeviceContext, services: Services) -> None:
        self.name = registration.name
        self.min_interval = registration.min_interval
        self._registration = registration
        self._ctx = ctx
        self._services = services
        # A strategy and a breaker of its own, also when several devices were registered with the same ones.
        self._strategy = copy.deepcopy(registration.publish)
        self._breaker = registration.circuit_breaker and registration.circuit_breaker.clone(services.clock.now)
        self._retrier = Retrier(registration.backoff or ExponentialBackoff(), services.shutdown, services.clock)
        self._store: DeviceStore | None = None
        self._interval = 0.0
        self._schedule: CronSchedule | None = None
        self._timeout: float | None = None
        self._trigger_parameter = registration.plan.parameter_for(TriggerPayload)
        self._bound = registration.plan.bound
        self._write = state_writer(registration)
        self._providers: Mapping[Any, object] = {}
        self._arguments: dict[str, object] = {}
        self._last_published: dict[str, object] | None = None
        self._reported: type[Exception] | None = None
        self._freshness: Freshness | None = None

    @property
    def adapters(self) -> list[Hashable]:
        """Keys of the adapters that the handler is given."""
        return [key for key in self._services.adapters if self._registration.plan.wants(key)]

    async def prepare(self) -> bool:
        """Load the store and resolve the arguments; a failure is reported, and then returns False."""
        services = self._services
        try:
            if self._registration.interval is not None:
                self._interval = services.interval(self._registration, self._registration.interval)
            self._schedule = services.schedule(self._registration)
            self._timeout = services.timeout(self._registration)
            self._freshness = freshness_of(self._registration, self._ctx, services)
            self._store = services.device_store(self.name)
            await load_store(self._store)
            providers = services.device_providers(f"fieldbridge.{self.name}", self._ctx, self._store)
            providers[TriggerPayload] = TriggerPayload()
            self._providers = services.with_own(self._registration, providers)
            self._arguments = resolve(self._registration.plan.unbound, self._providers)
        except Exception as err:
            _LOGGER.exception("Telemetry %s cannot start", self.name)
            await self._report(err)
            return False
        if self._strategy is not None:
            self._strategy._bind(services.clock)  # noqa: SLF001 - the hook's documented name
        return True

    def beats(self, start: float) -> Beats | CronBeats:
        """Return the moments at which it is called; an interval counts from ``start``."""
        services = self._services
        if self._schedule is None:
            return Beats(start, self._interval, services.clock, services.shutdown)
        return CronBeats(self._schedule, services.wall_clock or local_clock(), services.clock, services.shutdown)

    async def watch(self) -> None:
        """Make the device unavailable whenever it is stale."""
        if self._freshness is not None:
            await self._freshness.watch()

    async def cycle(self, command: Command | None) -> Exception | None:
        """Call the handler, for ``command`` or because it is time, with its retries; returns what went wrong."""
        if self._breaker is not None and not self._breaker.should_attempt():
            _LOGGER.warning("Telemetry %s is skipped: its circuit is open", self.name)
            self._services.health.set_device_status(self.name, "circuit_open")
            return CircuitOpenError(f"{self.name} failed too often and is left alone for a while")
        published, error = False, None
        if self._trigger_parameter is not None:
            self._arguments[self._trigger_parameter] = TriggerPayload.of(command)
        try:
            if self._bound.parameters:
                self._arguments |= resolve(self._bound, self._providers, command)
            reading = await self._read()
            await self._services.reactors.react(self._providers)
            if reading is not None:
                published = await self._publish(reading)
                await self._recovered()
            if self._freshness is not None:
                self._freshness.renewed()
        except Exception as err:  # noqa: BLE001 - it is reported, whatever user code raises
            await self._report(err)
            error = err
        policy = self._registration.persist
        if self._store is not None and policy is not None and policy.should_save(self._store, published):
            await save_store(self._store, self.name, even_clean=True)
        return error

    async def close(self) -> None:
        """Save the store."""
        await save_store(self._store, self.name)

    async def _read(self) -> dict[str, object] | None:
        """Call the handler up to ``retry + 1`` times; the last error is raised."""
        try:
            reading = await self._attempt(self._registration.retry)
        except Exception:
            if self._breaker is not None:
                self._breaker.record_failure()
            raise
        if self._breaker is not None:
            self._breaker.record_success()
        return reading

    async def _attempt(self, retries: int) -> dict[str, object] | None:
        try:
            call = self._registration.func(**self._arguments)
            reading = await within(self._timeout, call, self._services.clock)
        except self._registration.retry_on as err:
            if not retries:
                self._retrier.failures += 1
                raise
            log = _LOGGER.warning if self._reported is None else _LOGGER.debug
            log("Telemetry %s failed and is tried again: %s", self.name, err)
        else:
            self._retrier.succeeded()
            return self._write(reading)
        if not await self._retrier.pause():
            return None
        return await self._attempt(retries - 1)

    async def _publish(self, reading: dict[str, object]) -> bool:
        """Publish unless the strategy says no; the first reading is always published."""
        strategy, previous = self._strategy, self._last_published
        if strategy is not None and previous is not None and not strategy.should_publish(reading, previous):
            return False
        await self._ctx.publish_state(reading)
        # A copy: a handler may well return the same dict again, changed.
        self._last_published = copy.deepcopy(reading)
        if strategy is not None:
            strategy.on_published()
        return True

    async def _report(self, err: Exception) -> None:
        """Tell an error once, until it changes its type or the device recovers."""
        if isinstance(err, self._registration.unavailable_on):
            await self._ctx.mark_unavailable("read")
        self._services.health.set_device_status(self.name, "error")
        if self._reported is type(err):
            return
        self._reported = type(err)
        _LOGGER.error("Telemetry %s failed: %s", self.name, err)
        await self._services.errors.publish(err, device=self.name, is_root=self._registration.is_root)

    async def _recovered(self) -> None:
        await self._ctx.mark_available("read")
        if self._reported is None:
            if self._breaker is not None:
                self._services.health.set_device_status(self.name, "ok")
            return
        self._reported = None
        self._services.health.set_device_status(self.name, "ok")
        _LOGGER.info("Telemetry %s recovered", self.name)


class TelemetryGroup:
    """What the members of a group share: the moment from which they count, and turns at their adapters.

    Members that share an adapter, or have none, are called one after the other; those that are due at the same moment
    in the order of registration, whichever timer fires first.
    """

    def __init__(self, start: float) -> None:
        self.start = start
        self._turns: dict[Hashable, asyncio.Lock] = {}
        self._places: dict[str, int] = {}
        self._beats: dict[str, Beats] = {}
        self._held: dict[str, list[asyncio.Lock]] = {}
        self._moved = asyncio.Event()

    def join(self, device: TelemetryDevice, beats: Beats | CronBeats) -> list[asyncio.Lock]:
        """Take in a member; returns the locks that it holds while it is called."""
        turns = [self._turns.setdefault(key, asyncio.Lock()) for key in device.adapters or [None]]
        self._places.setdefault(device.name, len(self._places))
        self._held[device.name] = turns
        if isinstance(beats, Beats):
            beats.on_advance = self._member_moved
            self._beats[device.name] = beats
        return turns

    def leave(self, device: TelemetryDevice) -> None:
        """Let a member go; nobody waits for it any more."""
        self._beats.pop(device.name, None)
        self._member_moved()

    async def in_order(self, device: TelemetryDevice) -> None:
        """Wait for the members before this one that are due together with it and share a turn."""
        while any(self._goes_before(name, device) for name in self._beats):
            await self._moved.wait()

    def _member_moved(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _goes_before(self, name: str, device: TelemetryDevice) -> bool:
        mine = self._beats.get(device.name)
        if mine is None or self._places[name] >= self._places[device.name]:
            return False
        together = self._beats[name].due <= mine.due + _TOGETHER
        return together and any(turn in self._held[device.name] for turn in self._held[name])


async def run_telemetry(
    device: TelemetryDevice, group: TelemetryGroup, commands: CommandQueue | None, services: Services
) -> None:
    """Poll at ``group.start + k * interval``, or on schedule, until shutdown; calls that it missed are left out.

    Each of ``commands`` is a call out of turn; those that come before the device's ``min_interval`` is over are one.
    """
    if not await device.prepare():
        if commands is not None:
            commands.close(ENDED)
        return
    beats = device.beats(group.start)
    turns = group.join(device, beats)

    async def call(command: Command | None) -> Exception | None:
        async with AsyncExitStack() as stack:
            for turn in turns:
                await stack.enter_async_context(turn)
            return await device.cycle(command)

    called_at = -math.inf

    async def triggered(command: Command) -> None:
        nonlocal called_at
        pause = called_at + (device.min_interval or 0.0) - services.clock.now()
        meant = [command]
        if commands is not None and pause > 0:
            await sleep_unless(services.shutdown, pause, services.clock)
            meant += commands.take_waiting()
        called_at = services.clock.now()
        error = await call(meant[-1])
        for each in meant:
            each.settle(error=error)

    if commands is not None:
        commands.open(triggered)
    watching = asyncio.create_task(device.watch(), name=f"freshness {device.name}")
    try:
        while await beats.next():
            await group.in_order(device)
            await call(None)
    finally:
        watching.cancel()
        group.leave(device)
        await device.close()
