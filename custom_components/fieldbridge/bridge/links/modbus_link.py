"""A link to devices that are asked: the units on one Modbus connection."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, override

from ..channels import DeviceProfile, DeviceSession
from ..clock import SystemClock
from ..codecs.frame import Frame
from ..errors import ProfileError
from ..health.link_status import LinkState, LinkStatus
from ..interfaces import ClockPort, MqttPort
from ..modbus import RegisterDecoder, Table
from ..modbus.device import Image
from ..transports.modbus import Identification, ModbusTransport
from .frame_link import FrameLink
from .modbus_device import PolledDevice
from .modbus_poller import ModbusPoller
from .modbus_writer import ModbusWriter

_KEPT_IMAGES = 50
_MAX_READ = 2000
"""Addresses that one call may read; more would keep the link from everybody else."""


class ModbusLink(FrameLink):
    """Polls the devices on one connection and writes to them.

    What requests read is shown as frames in the text form of images; values never go through that form.
    """

    def __init__(self, name: str, transport: ModbusTransport, *, version: str = "0.0.0") -> None:
        self._poller = ModbusPoller(transport, self._show)
        self._modbus = transport
        self._images: deque[tuple[float, Image]] = deque(maxlen=_KEPT_IMAGES)
        self._writers: dict[str, ModbusWriter] = {}
        super().__init__(name, self._poller, version=version)

    @property
    @override
    def recent_frames(self) -> list[Frame]:
        """What the last requests read, oldest first."""
        return [Frame(time, image.to_bytes()) for time, image in self._images]

    @override
    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        """Begin a device, or begin it anew with another profile; others go on. Raises ProfileError."""
        if not isinstance(profile.decoder, RegisterDecoder):
            raise ProfileError("decoder", "must be of registers")
        # Whether a polled device is there is known by its answers, not by an interval that has to be learned.
        session = super().set_device(device_id, replace(profile, event_like=True), topic=topic)
        now = self._poller.clock.now()
        device = PolledDevice(session, profile.decoder, self._poller.timing, now, self._flusher.look)
        if (before := self._poller.devices.get(device_id)) is not None:
            device.planner.restore(before.planner.knowledge(), now)
            self._poller.remove(device_id)
        self._poller.devices[device_id] = device
        writer = self._writers[device_id] = ModbusWriter(device, self._poller, self._modbus)
        session.writer = writer.write
        self._poller.wake()
        return session

    @override
    async def remove_device(self, device_id: str) -> None:
        """Forget a device."""
        self._poller.remove(device_id)
        self._writers.pop(device_id, None)
        await super().remove_device(device_id)

    @override
    def statistics(self) -> dict[str, Any]:
        """Return all counters of the link as plain data; ``refused_registers`` by device."""
        refused = {
            device_id: {name: each.code for name, each in device.planner.quarantine.items()}
            for device_id, device in self._poller.devices.items()
        }
        return {**super().statistics(), "refused_registers": refused}

    @override
    async def run(
        self,
        shutdown_event: asyncio.Event,
        *,
        mqtt: MqttPort | None = None,
        topic_prefix: str = "",
        clock: ClockPort | None = None,
    ) -> None:
        """Run until ``shutdown_event`` is set; a link that cannot open is tried again for ever."""
        self._poller.clock = clock or SystemClock()
        for device in self._poller.devices.values():
            device.ask_now(self._poller.clock.now())
        try:
            await super().run(shutdown_event, mqtt=mqtt, topic_prefix=topic_prefix, clock=clock)
        finally:
            await self._modbus.close()

    def want(self, device_id: str, keys: Collection[str] | None) -> None:
        """Read only what these channels of a device need, None for all of them."""
        self._poller.devices[device_id].want(keys)
        self._poller.wake()

    async def poll_now(self, device_id: str) -> None:
        """Read everything of a device as soon as possible. Raises RequestError for no answer, LinkError if down."""
        await self._poller.poll_now(self._poller.devices[device_id])

    async def read_registers(self, unit: int, table: Table, address: int, count: int) -> list[int]:
        """Return words or bits as they are; goes before polls. Raises RequestError, LinkError, ValueError."""
        if not 1 <= count <= _MAX_READ or address < 0 or address + count > 0x10000:
            raise ValueError(f"1 to {_MAX_READ} addresses from 0 to 65535 can be read")
        return await self._poller.read_long(unit, table, address, count)

    async def write_registers(self, device_id: str, table: Table, address: int, words: Sequence[int]) -> None:
        """Write words or bits as they are. Raises WriteError, LinkError."""
        await self._writers[device_id].write_words(table, address, words)

    async def identify(self, unit: int) -> Identification | None:
        """Return what a unit says of itself, None when it does not tell. Raises LinkError."""
        async with self._poller.turn(unit, urgent=True):
            return await self._modbus.identify(unit)

    def knowledge(self, device_id: str) -> dict[str, Any]:
        """Return what was learned of a device's holes and limits, as JSON."""
        return self._poller.devices[device_id].planner.knowledge()

    def restore_knowledge(self, device_id: str, data: Any) -> None:
        """Take over what ``knowledge`` returned; anything else is ignored."""
        self._poller.devices[device_id].planner.restore(data, self._poller.clock.now())

    def _show(self, time: float, image: Image) -> None:
        self._images.append((time, image))
        if self._frame_listeners.anybody:
            self._frame_listeners.tell([Frame(time, image.to_bytes())])

    @override
    def _link_changed(self, status: LinkStatus) -> None:
        """Count an attempt on a link that is down as a poll without answer: the user's tolerance holds for both."""
        if status.state is LinkState.DOWN:
            for device in self._poller.devices.values():
                device.failed(self._poller.clock.now())
