"""A Bluetooth proxy as Home Assistant knows them: a scanner that hears peripherals, and a few connection slots."""

from collections.abc import Callable
from typing import Any, override

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from bluetooth_data_tools import monotonic_time_coarse
from habluetooth import BaseHaRemoteScanner, HaBluetoothConnector
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from tests.bluez import Peripheral, full_uuid

_SOURCE = "E0:E0:E0:E0:E0:01"


class Proxy:
    """A proxy within range of some peripherals."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.clients: list[ProxyClient] = []
        """The connections that it holds now."""
        self.peripherals: dict[str, Peripheral] = {}
        self._scanner: BaseHaRemoteScanner | None = None
        self._stops: list[Callable[[], None]] = []

    async def start(self, hass: HomeAssistant) -> None:
        """Become a scanner of Home Assistant."""
        assert await async_setup_component(hass, "bluetooth", {})
        await hass.async_block_till_done()
        proxy = self

        class Client(ProxyClient):
            @override
            def __init__(self, address_or_ble_device: Any, **kwargs: Any) -> None:
                super().__init__(proxy, address_or_ble_device, **kwargs)

        connector = HaBluetoothConnector(
            client=Client, source=_SOURCE, can_connect=lambda: len(self.clients) < self.slots
        )
        self._scanner = BaseHaRemoteScanner(_SOURCE, "Proxy", connector, True)
        self._stops = [self._scanner.async_setup(), bluetooth.async_register_scanner(hass, self._scanner)]

    def stop(self) -> None:
        """Leave Home Assistant."""
        for stop in reversed(self._stops):
            stop()

    def hear(self, peripheral: Peripheral) -> Peripheral:
        """Hear one advertisement."""
        assert self._scanner is not None
        self.peripherals[peripheral.address] = peripheral
        self._scanner._async_on_advertisement(  # noqa: SLF001 - what proxies of other integrations call
            peripheral.address,
            -60,
            peripheral.name,
            [full_uuid(uuid) for uuid in peripheral.advertised],
            {},
            {},
            None,
            {"source": _SOURCE},
            monotonic_time_coarse(),
        )
        return peripheral

    def notify(self, peripheral: Peripheral, uuid: str, data: bytes) -> None:
        """Notify a value to whoever is subscribed."""
        for client in self.clients:
            if client.peripheral is peripheral and (callback := client.subscribed.get(full_uuid(uuid))):
                callback(bytearray(data))

    def drop(self, peripheral: Peripheral) -> None:
        """Let the connection break."""
        for client in list(self.clients):
            if client.peripheral is peripheral:
                client.end()


class ProxyClient(BaseBleakClient):
    """One connection through a proxy."""

    def __init__(self, proxy: Proxy, address_or_ble_device: Any, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self.peripheral = proxy.peripherals[address_or_ble_device.address]
        self.subscribed: dict[str, Callable[[bytearray], None]] = {}
        self._proxy = proxy

    @property
    @override
    def mtu_size(self) -> int:
        return 247

    @property
    @override
    def is_connected(self) -> bool:
        return self in self._proxy.clients

    def end(self) -> None:
        """The connection breaks."""
        if self.is_connected:
            self._proxy.clients.remove(self)
            if self._disconnected_callback is not None:
                self._disconnected_callback()

    @override
    async def connect(self, pair: bool, **kwargs: Any) -> None:
        if not self.peripheral.reachable:
            raise BleakError("the proxy gets no answer")
        self._proxy.clients.append(self)
        self.services = _services(self.peripheral)

    @override
    async def disconnect(self) -> None:
        self.end()

    @override
    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    @override
    async def unpair(self) -> None:
        raise NotImplementedError

    @override
    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return bytearray(characteristic.obj.value)

    @override
    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        raise NotImplementedError

    @override
    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:
        characteristic.obj.written.append(bytes(data))

    @override
    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        raise NotImplementedError

    @override
    async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: Any, **kwargs: Any) -> None:
        self.subscribed[characteristic.uuid] = callback

    @override
    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        del self.subscribed[characteristic.uuid]


def _services(peripheral: Peripheral) -> BleakGATTServiceCollection:
    found, handle = BleakGATTServiceCollection(), 0
    for uuid, characteristics in peripheral.services.items():
        handle += 1
        service = BleakGATTService(None, handle, full_uuid(uuid))
        found.add_service(service)
        for one in characteristics:
            handle += 2
            found.add_characteristic(
                BleakGATTCharacteristic(one, handle, full_uuid(one.uuid), list(one.flags), lambda: 244, service)  # type: ignore[arg-type]
            )
    return found
