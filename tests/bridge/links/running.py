"""A running link with a clock of the test's, and what its devices look like."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.interfaces import MqttPort
from custom_components.fieldbridge.bridge.links import FrameLink, SerialLink
from custom_components.fieldbridge.bridge.links.frame_link import FrameTransport
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport

PATIENCE = 10.0
"""Seconds until a test gives up; reached only when something is broken."""


def profile_of(name: str, **more: object) -> DeviceProfile:
    """Return the profile of the device whose frames are ``name;number``."""
    return DeviceProfile.from_dict(
        {
            "schema_version": 1,
            "decoder": {"kind": "separated", "separator": ";"},
            "channels": [{"key": "x", "name": "X", "source": "1"}],
            "condition": {"source": "0", "equals": name},
            **more,
        }
    )


def json_profile(*keys: str, **more: Any) -> DeviceProfile:
    """Return the profile of a device that sends JSON objects."""
    channels = [{"key": key, "name": key, "source": key} for key in keys]
    return DeviceProfile.from_dict({"schema_version": 1, "decoder": {"kind": "json"}, "channels": channels, **more})


class RunningLinkMixin(FrameLink):
    """A link of any kind that can be waited for."""

    def wait_for(self, clock: ManualClock) -> None:
        """Begin to listen to what happens, by the clock of the test."""
        self.clock = clock
        self._news = asyncio.Event()
        self.frames_given = 0
        self.on_frames(self._count)
        self.on_status(lambda _: self._news.set())

    def _count(self, frames: Sequence[Frame]) -> None:
        self.frames_given += len(frames)
        self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until ``done()`` after any frame or change of the link. Raises TimeoutError when it never is."""
        async with asyncio.timeout(PATIENCE):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def until_state(self, state: str) -> None:
        """Wait until the link is ``up`` or ``down``."""
        await self.until(lambda: self.status.state == state)

    async def until_decoded(self, device: DeviceSession, count: int) -> None:
        """Wait until ``device`` decoded so many frames in all."""
        await self.until(lambda: device.counters.decoded >= count)

    async def until_frames(self, count: int) -> None:
        """Wait until so many frames in all were given to the devices."""
        await self.until(lambda: self.frames_given >= count)

    async def until_attempts(self, count: int) -> None:
        """Wait until so many attempts to open the link failed in a row."""
        await self.until(lambda: self.status.attempts >= count)

    @asynccontextmanager
    async def running(self, mqtt: MqttPort | None = None) -> AsyncIterator[None]:
        """Run until the end of the block."""
        shutdown = asyncio.Event()
        task = asyncio.create_task(self.run(shutdown, mqtt=mqtt, topic_prefix="site", clock=self.clock))
        try:
            yield
        finally:
            shutdown.set()
            await asyncio.wait_for(task, PATIENCE)


class RunningLink(RunningLinkMixin):
    """A link of frames that can be waited for."""

    def __init__(self, transport: FrameTransport, clock: ManualClock) -> None:
        super().__init__("test link", transport)
        self.wait_for(clock)


def serial_link(url: object) -> RunningLink:
    """Return a link over a serial port or TCP stream."""
    clock = ManualClock()
    transport = SerialTransport(SerialSettings(url=str(url)), DelimiterFramer(), clock=clock)
    return RunningLink(transport, clock)


class RunningSerialLink(RunningLinkMixin, SerialLink):
    """A link in both directions that can be waited for."""


def talking_link(url: object) -> RunningSerialLink:
    """Return a link in both directions over a serial port."""
    clock = ManualClock()
    link = RunningSerialLink("test link", SerialTransport(SerialSettings(url=str(url)), DelimiterFramer(), clock=clock))
    link.wait_for(clock)
    return link
