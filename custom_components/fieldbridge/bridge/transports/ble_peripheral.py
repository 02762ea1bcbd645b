"""One connection to a Bluetooth LE peripheral, by bleak; its errors become LinkErrors here."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import logging
from typing import Protocol

import bleak
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService
from bleak.exc import BleakDBusError, BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import uuidstr_to_str
import bleak_retry_connector
from bleak_retry_connector import BleakNotFoundError, BleakOutOfConnectionSlotsError

from ..codecs.characteristics import CharacteristicInfo, ServiceInfo, short_uuid
from ..errors import LinkError, NoConnectionSlotError, NotInRangeError, PairingNeededError

_LOGGER = logging.getLogger(__name__)

_SEEN_TIMEOUT = 30.0
"""Seconds that an attempt to connect waits for a device that is not seen now."""
_OPERATION_TIMEOUT = 30.0
"""Seconds; a transaction of the attribute protocol that takes longer has failed by its own rules."""
_CLOSE_TIMEOUT = 5.0

_NEED_PAIRING = {
    0x05,  # insufficient authentication
    0x08,  # insufficient authorization
    0x0C,  # encryption key too short
    0x0F,  # insufficient encryption
}
_BLUEZ_NEEDS_PAIRING = ("Authentication", "NotAuthorized", "Not paired", "ATT error: 0x05", "ATT error: 0x0f")

type ValueCallback = Callable[[str, bytes], None]
"""Receives the reference of a characteristic and its value."""


class PeripheralFinder(Protocol):
    """Knows where a peripheral is reached now."""

    @property
    def name(self) -> str:
        """What the peripheral is called in messages."""
        ...

    def device(self) -> BLEDevice | None:
        """Return the device by its best path, None when nothing sees it."""
        ...

    def has_free_slot(self) -> bool:
        """Whether a connection may be had now, as far as that is known without trying."""
        ...

    async def wait_seen(self) -> None:
        """Return when the device shows itself next."""
        ...

    def why_unreachable(self) -> str:
        """Return why it cannot be reached, for a person."""
        ...


class Peripheral:
    """A connected peripheral."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection has ended, whoever ended it."""
        self._client: bleak.BleakClient | None = None
        self._characteristics: dict[str, BleakGATTCharacteristic] = {}

    @property
    def services(self) -> tuple[ServiceInfo, ...]:
        """What the peripheral offers, in its own order, which is that of the handles."""
        references = {found.handle: reference for reference, found in self._characteristics.items()}
        return tuple(
            ServiceInfo(
                uuid=short_uuid(service.uuid),
                name=_name(service.uuid),
                characteristics=tuple(
                    CharacteristicInfo(
                        reference=references[found.handle], name=_name(found.uuid), properties=tuple(found.properties)
                    )
                    for found in sorted(service.characteristics, key=_handle)
                ),
            )
            for service in sorted(self._client.services if self._client else (), key=_handle)
        )

    async def subscribe(self, reference: str, received: ValueCallback) -> None:
        """Give every notification to ``received``. Raises LinkError."""

        def deliver(_: BleakGATTCharacteristic, data: bytearray) -> None:
            received(reference, bytes(data))

        client, characteristic = self._find(reference)
        with self._explained(f"subscribe to {reference}"):
            async with asyncio.timeout(_OPERATION_TIMEOUT):
                await client.start_notify(characteristic, deliver)

    async def read(self, reference: str) -> bytes:
        """Return the value now. Raises LinkError."""
        client, characteristic = self._find(reference)
        with self._explained(f"read {reference}"):
            async with asyncio.timeout(_OPERATION_TIMEOUT):
                return bytes(await client.read_gatt_char(characteristic))

    async def write(self, reference: str, data: bytes, *, response: bool | None = None) -> None:
        """Write ``data``, in pieces where it is longer than one takes; ``response`` None: as the device can."""
        client, characteristic = self._find(reference)
        acknowledged = "write" in characteristic.properties if response is None else response
        size = characteristic.max_write_without_response_size
        with self._explained(f"write {reference}"):
            async with asyncio.timeout(_OPERATION_TIMEOUT):
                for start in range(0, len(data) or 1, size):
                    await client.write_gatt_char(characteristic, data[start : start + size], response=acknowledged)

    async def disconnect(self) -> None:
        """Free the connection slot; idempotent, never raises."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await client.disconnect()
        except (BleakError, OSError, EOFError) as err:
            _LOGGER.debug("Disconnecting %s: %s", self.name, err)

    def attach(self, client: bleak.BleakClient) -> None:
        """Use the connected ``client`` from now on."""
        self._client = client
        seen: Counter[str] = Counter()
        for found in sorted(client.services.characteristics.values(), key=_handle):
            uuid = short_uuid(found.uuid)
            seen[uuid] += 1
            self._characteristics[uuid if seen[uuid] == 1 else f"{uuid}#{seen[uuid]}"] = found

    def detach(self, _: bleak.BleakClient) -> None:
        """The connection has ended."""
        if not self.gone.done():
            self.gone.set_result(None)

    def _find(self, reference: str) -> tuple[bleak.BleakClient, BleakGATTCharacteristic]:
        if self._client is None or self.gone.done():
            raise LinkError(f"{self.name}: not connected")
        if reference not in self._characteristics:
            raise LinkError(f"{self.name} has no characteristic {reference}")
        return self._client, self._characteristics[reference]

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BleakError, OSError, EOFError) as err:
            raise explain(err, f"{self.name}: cannot {doing}") from err


async def connect(finder: PeripheralFinder, *, pair: bool = False) -> Peripheral:
    """Return the connected peripheral; waits a while for one that is not seen. Raises LinkError that says why not."""
    device = finder.device()
    if device is None:
        try:
            async with asyncio.timeout(_SEEN_TIMEOUT):
                await finder.wait_seen()
        except TimeoutError as err:
            raise NotInRangeError(f"{finder.name}: {finder.why_unreachable()}") from err
        if (device := finder.device()) is None:
            raise NotInRangeError(f"{finder.name}: {finder.why_unreachable()}")
    if not finder.has_free_slot():
        # Tried all the same it would be half a minute before anybody is told.
        raise NoConnectionSlotError(f"{finder.name}: {finder.why_unreachable()}")
    peripheral = Peripheral(finder.name)
    found = device
    try:
        client = await bleak_retry_connector.establish_connection(
            # By its module: Home Assistant puts a class in its place that knows all adapters and proxies.
            bleak_retry_connector.BleakClientWithServiceCache,
            found,
            finder.name,
            peripheral.detach,
            max_attempts=2,  # the runner of the link tries again, with back-off
            ble_device_callback=lambda: finder.device() or found,
            pair=pair,
        )
    except (BleakError, OSError, EOFError) as err:
        raise explain(err, f"{finder.name}: cannot connect") from err
    peripheral.attach(client)
    return peripheral


async def survey(finder: PeripheralFinder, *, pair: bool = False) -> Sequence[ServiceInfo]:
    """Return what a peripheral offers; the connection is closed again. Raises LinkError."""
    peripheral = await connect(finder, pair=pair)
    try:
        return peripheral.services
    finally:
        await peripheral.disconnect()


def explain(error: Exception, doing: str) -> LinkError:
    """Return the LinkError that tells what a person can do about an error of bleak's."""
    text = f"{doing}: {str(error) or type(error).__name__}"
    if isinstance(error, TimeoutError) and not str(error):
        return LinkError(f"{doing}: no answer in time")
    if isinstance(error, BleakOutOfConnectionSlotsError):
        return NoConnectionSlotError(text)
    if isinstance(error, BleakNotFoundError | BleakDeviceNotFoundError):
        return NotInRangeError(text)
    if _needs_pairing(error):
        return PairingNeededError(text)
    return LinkError(text)


def _needs_pairing(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, BleakGATTProtocolError) and error.code in _NEED_PAIRING:
            return True
        if isinstance(error, BleakDBusError) and any(sign in str(error) for sign in _BLUEZ_NEEDS_PAIRING):
            return True
        error = error.__cause__
    return False


def _handle(attribute: BleakGATTService | BleakGATTCharacteristic) -> int:
    return attribute.handle


def _name(uuid: str) -> str:
    """Return the assigned name, the short UUID where there is none."""
    name = uuidstr_to_str(uuid)
    return short_uuid(uuid) if name in {"Unknown", "Vendor specific"} else name.replace("\textsubscript{2}", "2")
