"""Bluetooth without a radio: a mocked BlueZ on a private D-Bus, which the real bleak takes for the system's.

Peripherals are objects of the test: what they offer, what they notify, when they drop the connection.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import fcntl
from pathlib import Path
import shutil
import socket
import struct
import subprocess
import termios
from typing import Any, Self, cast

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

_PROPERTIES = "org.freedesktop.DBus.Properties"
_ADAPTER, _DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
_SERVICE, _CHARACTERISTIC = "org.bluez.GattService1", "org.bluez.GattCharacteristic1"
_HCI = "/org/bluez/hci0"
_ADVERTISING = 0.1
"""Seconds between two advertisements."""
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>{address}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


class PrivateBus:
    """A dbus-daemon of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder}/bus"
        config = folder / "bus.conf"
        config.write_text(_BUS.format(address=self.address))
        program = shutil.which("dbus-daemon")
        assert program, "dbus-daemon is not on PATH; scripts/test and scripts/run provide it"
        command = [program, f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "dbus-daemon does not start"

    def stop(self) -> None:
        """Take the bus away."""
        self._process.terminate()
        self._process.communicate()


def full_uuid(short: str) -> str:
    """Return a UUID in full."""
    return f"0000{short}-0000-1000-8000-00805f9b34fb" if len(short) == 4 else short


@dataclass(kw_only=True)
class Characteristic:
    """What a peripheral offers under one UUID."""

    uuid: str
    flags: Sequence[str] = ("read", "notify")
    value: bytes = b""
    refuses: str | None = None
    """D-Bus error with which every access is answered, until the peripheral is paired."""
    written: list[bytes] = field(default_factory=list)
    reads: int = 0
    notifying: bool = False
    on_write: Callable[[], None] | None = None
    path: str = ""


@dataclass(kw_only=True)
class Peripheral:
    """A device that advertises, is connected to and sends."""

    address: str
    name: str
    services: dict[str, list[Characteristic]]
    advertised: Sequence[str] = ()
    """UUIDs of the services that it advertises."""
    advertising: bool = True
    reachable: bool = True
    """Whether it accepts connections."""
    connected: bool = False
    pairs: bool = True
    """Whether it agrees to be paired."""
    paired: bool = False
    connections: int = 0
    """How often it was connected to."""

    @property
    def path(self) -> str:
        """The D-Bus object."""
        return f"{_HCI}/dev_{self.address.replace(':', '_')}"

    def __getitem__(self, uuid: str) -> Characteristic:
        """Return the first characteristic with this UUID."""
        wanted = full_uuid(uuid)
        return next(one for each in self.services.values() for one in each if full_uuid(one.uuid) == wanted)


class MockBlueZ:
    """The side of the daemon: adapter hci0 and any number of peripherals."""

    def __init__(self) -> None:
        self.peripherals: dict[str, Peripheral] = {}
        self.slots: int | None = None
        """Connections that the adapter holds at once; None: any number."""
        self._objects: dict[str, dict[str, dict[str, Any]]] = {
            "/org/bluez": {"org.bluez.AgentManager1": {}},
            _HCI: {
                _ADAPTER: {
                    "Address": Variant("s", "00:00:00:00:00:01"),
                    "AddressType": Variant("s", "public"),
                    "Name": Variant("s", "mock"),
                    "Alias": Variant("s", "mock"),
                    "Class": Variant("u", 0),
                    "Powered": Variant("b", True),
                    "Discoverable": Variant("b", False),
                    "DiscoverableTimeout": Variant("u", 0),
                    "Pairable": Variant("b", False),
                    "PairableTimeout": Variant("u", 0),
                    "Discovering": Variant("b", False),
                    "UUIDs": Variant("as", []),
                    "Modalias": Variant("s", "usb:v1D6Bp0246d0542"),
                    "Roles": Variant("as", ["central", "peripheral"]),
                }
            },
        }
        self._advertising: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, address: str) -> Self:
        """Take BlueZ's place on the bus."""
        self._bus = await MessageBus(bus_address=address).connect()
        self._socket: socket.socket = cast(Any, self._bus)._sock  # noqa: SLF001 - dbus-fast has no back-pressure of its own
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name("org.bluez")
        return self

    async def stop(self) -> None:
        """Leave the bus."""
        tasks = [*self._tasks, *([self._advertising] if self._advertising else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._bus.disconnect()
        await cast(Any, self._bus).wait_for_disconnect()

    def add(self, peripheral: Peripheral) -> Peripheral:
        """Bring a peripheral within range."""
        self.peripherals[peripheral.path] = peripheral
        return peripheral

    @property
    def connected(self) -> list[str]:
        """The addresses that are connected now: the slots in use."""
        return [one.address for one in self.peripherals.values() if one.connected]

    def notify(self, characteristic: Characteristic, data: bytes) -> None:
        """Notify a value; nobody hears it who has not subscribed."""
        characteristic.value = data
        if characteristic.notifying:
            self._set(characteristic.path, _CHARACTERISTIC, Value=Variant("ay", data))

    async def notify_all(self, characteristic: Characteristic, values: Sequence[bytes]) -> None:
        """Notify many values as fast as the bus takes them."""
        for number, data in enumerate(values):
            self.notify(characteristic, data)
            if number % 20 == 19:
                await self._drain()

    def drop(self, peripheral: Peripheral) -> None:
        """Let the connection break."""
        if not peripheral.connected:
            return
        peripheral.connected = False
        for each in peripheral.services.values():
            for one in each:
                one.notifying = False
        self._set(peripheral.path, _DEVICE, ServicesResolved=Variant("b", False), Connected=Variant("b", False))

    # ---- D-Bus ----

    async def _drain(self) -> None:
        """dbus-fast's writer takes a full socket for a lost connection."""
        while struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)))[0] > 1 << 19:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._bus.send(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )

    def _set(self, path: str, interface: str, **properties: Variant) -> None:
        self._objects[path][interface].update(properties)
        self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])

    def _appear(self, path: str, interfaces: dict[str, dict[str, Any]]) -> None:
        if path not in self._objects:
            self._objects[path] = interfaces
            self._signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    async def _advertise(self) -> None:
        number = 0
        while True:
            number += 1
            for one in self.peripherals.values():
                if not one.advertising or one.connected:
                    continue
                self._appear(one.path, {_DEVICE: _device_properties(one)})
                self._set(
                    one.path,
                    _DEVICE,
                    RSSI=Variant("n", -50 - number % 5),
                    ManufacturerData=Variant("a{qv}", {0xF00D: Variant("ay", number.to_bytes(4, "little"))}),
                )
            await asyncio.sleep(_ADVERTISING)

    async def _connect(self, peripheral: Peripheral, message: Message) -> None:
        await asyncio.sleep(0)
        if not peripheral.reachable:
            self._bus.send(Message.new_error(message, "org.bluez.Error.Failed", "br-connection-canceled"))
            return
        if self.slots is not None and len(self.connected) >= self.slots:
            self._bus.send(
                Message.new_error(message, "org.bluez.Error.Failed", "Not enough connection slots, out of slots")
            )
            return
        if message.member == "Pair":
            if not peripheral.pairs:
                self._bus.send(Message.new_error(message, "org.bluez.Error.AuthenticationFailed", "refused"))
                return
            peripheral.paired = True
            self._set(peripheral.path, _DEVICE, Paired=Variant("b", True))
        peripheral.connected = True
        peripheral.connections += 1
        self._set(peripheral.path, _DEVICE, Connected=Variant("b", True))
        for path, interfaces in _gatt(peripheral):
            self._appear(path, interfaces)
        self._bus.send(Message.new_method_return(message))
        await asyncio.sleep(0)
        self._set(peripheral.path, _DEVICE, ServicesResolved=Variant("b", True))

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type != MessageType.METHOD_CALL:
            return None
        if message.destination not in ("org.bluez", self._bus.unique_name):
            return None
        return self._answer(message)

    def _answer(self, message: Message) -> Message | bool:
        path = message.path or ""
        match message.interface:
            case "org.freedesktop.DBus.Peer":
                return Message.new_method_return(message)
            case "org.freedesktop.DBus.ObjectManager":
                return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])
            case "org.freedesktop.DBus.Introspectable":
                return Message.new_method_return(message, "s", ["<node/>"])
            case _ if path not in self._objects:
                return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownObject", path)
            case "org.freedesktop.DBus.Properties":
                return self._handle_properties(message)
            case "org.bluez.Adapter1":
                return self._handle_adapter(message)
            case "org.bluez.Device1":
                return self._handle_device(message, self.peripherals[path])
            case _:
                return self._handle_characteristic(message)

    def _handle_properties(self, message: Message) -> Message:
        path, body = message.path or "", message.body
        match message.member:
            case "GetAll":
                return Message.new_method_return(message, "a{sv}", [self._objects[path].get(body[0], {})])
            case "Get":
                return Message.new_method_return(message, "v", [self._objects[path][body[0]][body[1]]])
        self._set(path, body[0], **{body[1]: body[2]})
        return Message.new_method_return(message)

    def _handle_adapter(self, message: Message) -> Message:
        if message.member == "StartDiscovery":
            if self._advertising is None:
                self._advertising = asyncio.create_task(self._advertise())
            self._set(_HCI, _ADAPTER, Discovering=Variant("b", True))
        elif message.member == "StopDiscovery":
            if self._advertising is not None:
                self._advertising.cancel()
                self._advertising = None
            self._set(_HCI, _ADAPTER, Discovering=Variant("b", False))
        return Message.new_method_return(message)

    def _handle_device(self, message: Message, peripheral: Peripheral) -> Message | bool:
        match message.member:
            case "Connect" | "Pair":
                task = asyncio.create_task(self._connect(peripheral, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return True
            case "Disconnect":
                asyncio.get_running_loop().call_soon(self.drop, peripheral)
        return Message.new_method_return(message)

    def _handle_characteristic(self, message: Message) -> Message:
        path = message.path or ""
        peripheral = next(one for one in self.peripherals.values() if path.startswith(one.path))
        characteristic = next(one for each in peripheral.services.values() for one in each if one.path == path)
        if characteristic.refuses is not None and not peripheral.paired:
            return Message.new_error(message, characteristic.refuses, "Not paired")
        match message.member:
            case "ReadValue":
                characteristic.reads += 1
                return Message.new_method_return(message, "ay", [characteristic.value])
            case "WriteValue":
                characteristic.written.append(bytes(message.body[0]))
                if characteristic.on_write is not None:
                    asyncio.get_running_loop().call_soon(characteristic.on_write)
            case "StartNotify" | "StopNotify":
                characteristic.notifying = message.member == "StartNotify"
                self._set(path, _CHARACTERISTIC, Notifying=Variant("b", characteristic.notifying))
        return Message.new_method_return(message)


def _device_properties(peripheral: Peripheral) -> dict[str, Variant]:
    flags = ("Bonded", "Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved")
    return {
        "Address": Variant("s", peripheral.address),
        "AddressType": Variant("s", "random"),
        "Name": Variant("s", peripheral.name),
        "Alias": Variant("s", peripheral.name),
        "Paired": Variant("b", peripheral.paired),
        **{flag: Variant("b", False) for flag in flags},
        "UUIDs": Variant("as", [full_uuid(uuid) for uuid in peripheral.advertised]),
        "Adapter": Variant("o", _HCI),
        "RSSI": Variant("n", -50),
        "ServiceData": Variant("a{sv}", {}),
    }


def _gatt(peripheral: Peripheral) -> list[tuple[str, dict[str, dict[str, Any]]]]:
    found: list[tuple[str, dict[str, dict[str, Any]]]] = []
    handle = 0x10
    for uuid, characteristics in peripheral.services.items():
        service = f"{peripheral.path}/service{handle:04x}"
        found.append(
            (
                service,
                {
                    _SERVICE: {
                        "UUID": Variant("s", full_uuid(uuid)),
                        "Device": Variant("o", peripheral.path),
                        "Primary": Variant("b", True),
                        "Includes": Variant("ao", []),
                    }
                },
            )
        )
        for one in characteristics:
            handle += 2
            one.path = f"{service}/char{handle:04x}"
            found.append(
                (
                    one.path,
                    {
                        _CHARACTERISTIC: {
                            "UUID": Variant("s", full_uuid(one.uuid)),
                            "Service": Variant("o", service),
                            "Value": Variant("ay", one.value),
                            "Notifying": Variant("b", False),
                            "Flags": Variant("as", list(one.flags)),
                            "MTU": Variant("q", 247),
                        }
                    },
                )
            )
        handle += 0x10
    return found


NORDIC_SERVICE, NORDIC_RX, NORDIC_TX = (f"6e40000{number}-b5a3-f393-e0a9-e50e24dcca9e" for number in (1, 2, 3))


def heart_rate_strap(address: str = "AA:BB:CC:DD:EE:01") -> Peripheral:
    """Return a chest strap with a battery."""
    return Peripheral(
        address=address,
        name="Strap",
        advertised=["180d"],
        services={
            "180d": [
                Characteristic(uuid="2a37", flags=["notify"]),
                Characteristic(uuid="2a38", flags=["read"], value=b"\x01"),
            ],
            "180f": [Characteristic(uuid="2a19", flags=["read", "notify"], value=b"\x5a")],
        },
    )


def room_sensor(address: str = "AA:BB:CC:DD:EE:02") -> Peripheral:
    """Return an environmental sensor with two thermometers."""
    return Peripheral(
        address=address,
        name="Room",
        services={
            "181a": [
                Characteristic(uuid="2a6e", flags=["read"], value=bytes.fromhex("2909")),
                Characteristic(uuid="2a6e", flags=["read"], value=bytes.fromhex("e803")),
                Characteristic(uuid="2a6f", flags=["read"], value=bytes.fromhex("a00f")),
            ]
        },
    )


def serial_bridge(address: str = "AA:BB:CC:DD:EE:03") -> Peripheral:
    """Return a device that sends and takes bytes over the Nordic UART service."""
    return Peripheral(
        address=address,
        name="Bridge",
        services={
            NORDIC_SERVICE: [
                Characteristic(uuid=NORDIC_RX, flags=["write", "write-without-response"]),
                Characteristic(uuid=NORDIC_TX, flags=["notify"]),
            ]
        },
    )
