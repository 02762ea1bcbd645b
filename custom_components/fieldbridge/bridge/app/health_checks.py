"""Adapters that can say whether they are healthy: asking them, and restarting those that can be restarted."""

import asyncio
from dataclasses import dataclass
import logging
from typing import Any

from ..interfaces import HealthCheckable
from ..runners.retrying import sleep_unless
from ..runners.services import Services
from .adapters import AdapterLifetime
from .registry import Registry
from .tasks import DeviceTasks

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When an unhealthy adapter is restarted; times in seconds, ``after_failures`` 0 for never."""

    after_failures: int
    max_restarts: int
    cooldown: float
    sustained_health_reset: float


@dataclass(slots=True)
class AdapterHealthStatus:
    """Health of one adapter; times are monotonic seconds."""

    healthy: bool = True
    consecutive_failures: int = 0
    last_check: float | None = None
    restart_count: int = 0
    restart_exhausted: bool = False
    last_restart: float | None = None
    last_healthy_since: float | None = None


class HealthMonitor:
    """Asks every HealthCheckable adapter each ``interval`` seconds and tells what depends on it."""

    def __init__(
        self,
        services: Services,
        registry: Registry,
        tasks: DeviceTasks,
        lifetimes: list[AdapterLifetime],
        *,
        interval: float,
        policy: RestartPolicy,
    ) -> None:
        self._services = services
        self._registry = registry
        self._tasks = tasks
        self._lifetimes = {id(lifetime.adapter): lifetime for lifetime in lifetimes}
        self._interval = interval
        self._policy = policy
        checkable = {port: each for port, each in services.adapters.items() if isinstance(each, HealthCheckable)}
        # An instance under several ports is one adapter: it is asked and restarted once, under the first of them.
        instances = [[port for port in checkable if checkable[port] is each] for each in checkable.values()]
        self._ports = {ports[0]: ports for ports in instances}
        self._adapters = {port: checkable[port] for port in self._ports}
        self.statuses: dict[Any, AdapterHealthStatus] = {port: AdapterHealthStatus() for port in self._adapters}

    async def run(self) -> None:
        """Check on every interval until shutdown."""
        while await sleep_unless(self._services.shutdown, self._interval, self._services.clock):
            await self.check()

    async def check(self) -> None:
        """Ask all adapters once, at the same time."""
        async with asyncio.TaskGroup() as group:
            for port, adapter in self._adapters.items():
                if not self.statuses[port].restart_exhausted:
                    group.create_task(self._check(port, adapter), name=f"health {port}")

    async def _check(self, port: Any, adapter: HealthCheckable) -> None:
        status = self.statuses[port]
        now = status.last_check = self._services.clock.now()
        if await self._is_healthy(adapter):
            await self._healthy(port, status, now)
            return
        status.consecutive_failures += 1
        status.last_healthy_since = None
        if status.healthy:
            status.healthy = False
            _LOGGER.warning("Adapter %s is not healthy", port)
        # Each time: a device may have asked its context for the adapter since the last check.
        await self._announce(port, available=False)
        if self._may_restart(adapter, status, now):
            await self._restart(port, adapter, status)

    async def _healthy(self, port: Any, status: AdapterHealthStatus, now: float) -> None:
        status.consecutive_failures = 0
        if status.last_healthy_since is None:
            status.last_healthy_since = now
        if now - status.last_healthy_since >= self._policy.sustained_health_reset:
            status.restart_count = 0
        if not status.healthy:
            status.healthy = True
            _LOGGER.info("Adapter %s is healthy again", port)
            await self._announce(port, available=True)

    async def _is_healthy(self, adapter: HealthCheckable) -> bool:
        """Ask within half an interval; an exception counts as no."""
        try:
            async with asyncio.timeout(self._interval / 2):
                return await adapter.health_check()
        except Exception as err:  # noqa: BLE001 - any failure to answer is the answer
            _LOGGER.debug("Health check of %s failed: %s", type(adapter).__name__, err)
            return False

    def _may_restart(self, adapter: object, status: AdapterHealthStatus, now: float) -> bool:
        policy = self._policy
        if id(adapter) not in self._lifetimes or not getattr(adapter, "restartable", True):
            return False
        cooled_down = status.last_restart is None or now - status.last_restart >= policy.cooldown
        return bool(policy.after_failures) and status.consecutive_failures >= policy.after_failures and cooled_down

    async def _restart(self, port: Any, adapter: HealthCheckable, status: AdapterHealthStatus) -> None:
        """Leave and enter the adapter while its devices are suspended and their commands held."""
        if status.restart_count >= self._policy.max_restarts:
            status.restart_exhausted = True
            _LOGGER.critical("Adapter %s is given up after %d restarts", port, status.restart_count)
            return
        status.restart_count += 1
        _LOGGER.warning("Adapter %s is restarted (%d of %d)", port, status.restart_count, self._policy.max_restarts)
        names = self._dependents(port)
        await self._tasks.suspend(names)
        try:
            healthy = await self._enter_anew(adapter)
        finally:
            now = status.last_restart = self._services.clock.now()
            self._tasks.resume(names)
        if healthy:
            await self._healthy(port, status, now)

    async def _enter_anew(self, adapter: HealthCheckable) -> bool:
        lifetime = self._lifetimes[id(adapter)]
        await lifetime.leave()
        if not await sleep_unless(self._services.shutdown, self._policy.cooldown, self._services.clock):
            return False
        try:
            await lifetime.enter()
        except Exception:
            _LOGGER.exception("Restarting %s failed", type(adapter).__name__)
            return False
        return await self._is_healthy(adapter)

    def _dependents(self, port: Any) -> list[str]:
        """Return the names of the devices that are given the adapter or asked their context for it."""
        ports = self._ports[port]
        users = {name for each in ports for name in self._services.adapter_users.get(each, ())}
        return [each.name for each in self._registry.unique if any(map(each.plan.wants, ports)) or each.name in users]

    async def _announce(self, port: Any, *, available: bool) -> None:
        health, names = self._services.health, set(self._dependents(port))
        for registration in self._registry.unique:
            if registration.name not in names:
                continue
            mark = health.mark_available if available else health.mark_unavailable
            await mark(registration.name, f"adapter {port}", is_root=registration.is_root)
