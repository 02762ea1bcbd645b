"""A device of a known model on a port that nobody runs yet: it is initialised, asked and read as on a running link."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..bridge.codecs.frame import Frame
from ..bridge.links import SerialLink
from ..bridge.profiles import Profile
from ..bridge.profiles.matching import reads
from ..connections.serial import make_serial
from ..const import DOMAIN
from .listening import LOOK_INTERVAL
from .presentation import NOTHING, timed_frames_text
from .serial_models import values_text

_DEVICE: Final = "trial"
_FEWEST_LOOKS: Final = 2
_MOST_LOOKS: Final = 40
"""Twenty seconds; the slowest of common devices speak every ten."""


class ModelTrial:
    """Runs a link with one device until its values come or time is up; then frees the port."""

    def __init__(self, hass: HomeAssistant, data: Mapping[str, Any], profile: Profile) -> None:
        """Prepare to run the link of an entry's data with the device that a profile describes."""
        self.finished = False
        self.understood: list[Frame] = []
        """Frames that the profile reads."""
        self._hass = hass
        self._profile = profile
        self._link = SerialLink(profile.name, make_serial(data))
        self._link.set_device(_DEVICE, profile.device)
        self._looks = 0
        self._shutdown = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._look_task: asyncio.Task[None] | None = None

    @property
    def placeholders(self) -> dict[str, str]:
        """What was seen so far."""
        frames = self._link.recent_frames
        status = self._link.status
        return {
            "model": self._profile.name,
            "frames": timed_frames_text(frames),
            "frame_count": str(len(frames)),
            "values": values_text(self._profile.device, self.understood),
            "error": str(status.error or NOTHING),
        }

    @callback
    def look(self) -> asyncio.Task[None]:
        """Return the task of the next look; a flow shows it as its progress task."""
        if self._running is None:
            self._running = self._hass.async_create_background_task(
                self._link.run(self._shutdown), f"{DOMAIN} trial of a model"
            )
        if self._look_task is None or self._look_task.done():
            self._look_task = self._hass.async_create_background_task(self._look(), f"{DOMAIN} look at a model")
        return self._look_task

    @callback
    def stop(self) -> None:
        """Give up: the dialog was closed."""
        if self._look_task is not None:
            self._look_task.cancel()
        self._hass.async_create_task(self._end(), f"{DOMAIN} trial of a model ended")

    async def _look(self) -> None:
        try:
            await asyncio.sleep(LOOK_INTERVAL)
        except asyncio.CancelledError:
            self.finished = True
            await self._end()
            raise
        self._looks += 1
        device = self._profile.device
        self.understood = [frame for frame in self._link.recent_frames if reads(device, frame.data)]
        if self._looks >= _MOST_LOOKS or (self._looks >= _FEWEST_LOOKS and self.understood):
            await self._end()
            self.finished = True

    async def _end(self) -> None:
        self._shutdown.set()
        if self._running is not None:
            await asyncio.wait([self._running])
