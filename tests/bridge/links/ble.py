"""Links to peripherals of the mocked BlueZ, by the real bleak."""

import asyncio
from collections.abc import Callable
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice

from custom_components.fieldbridge.bridge.codecs.framing import Framer
from custom_components.fieldbridge.bridge.links.ble_link import BleStreamLink
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.ble import BleSettings, BleTransport
from tests.bluez import Peripheral

from .running import PATIENCE, RunningLink, RunningLinkMixin


class Finder:
    """Finds one peripheral by a scan of its own."""

    def __init__(self, peripheral: Peripheral) -> None:
        self.name = peripheral.name
        self._address = peripheral.address
        self._device: BLEDevice | None = None

    def device(self) -> BLEDevice | None:
        """Return the device once it was seen."""
        return self._device

    async def wait_seen(self) -> None:
        """Scan until the peripheral advertises."""
        while True:
            self._device = await BleakScanner.find_device_by_address(self._address, timeout=PATIENCE)
            if self._device is not None:
                return

    def has_free_slot(self) -> bool:
        """Nothing is known before it is tried."""
        return True

    def why_unreachable(self) -> str:
        """Return the same for everything."""
        return "not seen"


def ble_transport(peripheral: Peripheral, framer: Framer | None = None, **settings: Any) -> BleTransport:
    """Return a transport with a clock that stands still."""
    return BleTransport(Finder(peripheral), BleSettings(**settings), framer, clock=ManualClock())


def ble_link(peripheral: Peripheral, framer: Framer | None = None, **settings: Any) -> RunningLink:
    """Return a link to one peripheral."""
    clock = ManualClock()
    return RunningLink(BleTransport(Finder(peripheral), BleSettings(**settings), framer, clock=clock), clock)


class RunningStream(RunningLinkMixin, BleStreamLink):
    """A byte stream over Bluetooth that can be waited for."""


def ble_stream(peripheral: Peripheral, framer: Framer, **settings: Any) -> RunningStream:
    """Return a link over the byte stream of one peripheral."""
    clock = ManualClock()
    link = RunningStream("stream", BleTransport(Finder(peripheral), BleSettings(**settings), framer, clock=clock))
    link.wait_for(clock)
    return link


async def until(condition: Callable[[], bool], clock: ManualClock | None = None) -> None:
    """Wait for something that D-Bus brings; with a clock its time passes quickly. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)
            if clock is not None:
                await clock.advance(1.0)
