"""A device of a known model on a port that nobody runs yet: it is initialised, asked and read as on a running link."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.core import HomeAssistant, callback

from ..bridge.codecs.frame import Frame
from ..bridge.links import SerialLink
from ..bridge.profiles import Profile
from ..bridge.profiles.matching import reads
from ..connections.serial import make_serial
from ..const import DOMAIN
from .looking import LOOK_INTERVAL, Looking
from .presentation import NOTHING, timed_frames_text
from .serial_models import values_text

_DEVICE: Final = "trial"
_FEWEST_LOOKS: Final = 2
_MOST_LOOKS: Final = 40
"""Twenty seconds; the slowest of common devices speak every ten."""


class ModelTrial(Looking):
    """Runs a link with one device until its values come or time is up; then frees the port."""

    def __init__(self, hass: HomeAssistant, data: Mapping[str, Any], profile: Profile) -> None:
        """Prepare to run the link of an entry's data with the device that a profile describes."""
        super().__init__(hass, "trial of a model")
        self.understood: list[Frame] = []
        """Frames that the profile reads."""
        self._profile = profile
        self._link = SerialLink(profile.name, make_serial(data))
        self._link.set_device(_DEVICE, profile.device)
        self._shutdown = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

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
    @override
    def look(self) -> asyncio.Task[None]:
        """Run the link, and return the task of the next look."""
        if self._running is None:
            self._running = self._hass.async_create_background_task(
                self._link.run(self._shutdown), f"{DOMAIN} link of a model"
            )
        return super().look()

    @override
    async def _look(self) -> None:
        await asyncio.sleep(LOOK_INTERVAL)
        self._looks += 1
        device = self._profile.device
        self.understood = [frame for frame in self._link.recent_frames if reads(device, frame.data)]
        if self._looks >= _MOST_LOOKS or (self._looks >= _FEWEST_LOOKS and self.understood):
            await self._finish()

    @override
    async def close(self) -> None:
        """End the link."""
        self._shutdown.set()
        if self._running is not None:
            await asyncio.wait([self._running])
