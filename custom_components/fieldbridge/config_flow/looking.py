"""Looking at a source while a person watches: a task per look, each of which may redraw the dialog."""

from abc import ABC, abstractmethod
import asyncio

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN

LOOK_INTERVAL = 0.5
"""Seconds; every look may redraw the dialog."""


class Looking(ABC):
    """Looks again and again until it is ``finished``; then what it looks at is closed."""

    def __init__(self, hass: HomeAssistant, name: str) -> None:
        """Prepare to look; ``name`` is that of the tasks."""
        self.finished = False
        self._hass = hass
        self._task_name = f"{DOMAIN} {name}"
        self._looks = 0
        self._look_task: asyncio.Task[None] | None = None

    @callback
    def look(self) -> asyncio.Task[None]:
        """Return the task of the next look; a flow shows it as its progress task.

        Home Assistant asks the flow again when that task is done, and the flow answers with the next one: so the
        text of a progress step changes.
        """
        if self._look_task is None or self._look_task.done():
            self._look_task = self._hass.async_create_background_task(self._look_once(), self._task_name)
        return self._look_task

    @callback
    def stop(self) -> None:
        """Give up: the flow has gone."""
        if self._look_task is not None:
            self._look_task.cancel()
        self._hass.async_create_task(self.close(), f"{self._task_name} stopped")

    @abstractmethod
    async def close(self) -> None:
        """Let go of what is looked at; idempotent."""

    @abstractmethod
    async def _look(self) -> None:
        """Wait for a moment and judge what came; ``_finish`` when that is enough."""

    async def _finish(self) -> None:
        """End with what is looked at free again."""
        await self.close()
        self.finished = True

    async def _look_once(self) -> None:
        try:
            await self._look()
        except asyncio.CancelledError:
            # The dialog was closed, or Home Assistant stops: no look follows this one.
            self.finished = True
            await self.close()
            raise
