"""Bluetooth LE by the real bleak on a mocked BlueZ: values arrive whole and complete, and slots are given back."""

import asyncio
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer, framer_from_dict
from custom_components.fieldbridge.bridge.errors import (
    LinkError,
    NoConnectionSlotError,
    NotInRangeError,
    PairingNeededError,
    WriteError,
)
from custom_components.fieldbridge.bridge.links.ble_link import BleLink
from custom_components.fieldbridge.bridge.transports.ble import Connecting
from custom_components.fieldbridge.bridge.transports.ble_peripheral import connect, survey
from tests.bluez import (
    NORDIC_RX,
    NORDIC_TX,
    MockBlueZ,
    Peripheral,
    heart_rate_strap,
    room_sensor,
    serial_bridge,
)

from .ble import Finder, ble_link, ble_stream, ble_transport, until
from .running import profile_of

BEATS = DeviceProfile.from_dict(
    {
        "schema_version": 1,
        "decoder": {
            "kind": "characteristics",
            "characteristics": {
                "2a37": {"kind": "gatt", "flags": "uint8", "fields": [{"name": "rate", "type": "uint8"}]},
                "2a19": {"kind": "gatt", "fields": [{"name": "level", "type": "uint8"}]},
            },
        },
        "channels": [
            {"key": "rate", "name": "Rate", "source": "2a37:rate"},
            {"key": "battery", "name": "Battery", "source": "2a19:level", "stale_after": 7200},
        ],
    }
)


@pytest.fixture
def strap(bluez: MockBlueZ) -> Peripheral:
    """A chest strap within range."""
    return bluez.add(heart_rate_strap())


@pytest.fixture
def bridge(bluez: MockBlueZ) -> Peripheral:
    """A device with the Nordic UART service within range."""
    return bluez.add(serial_bridge())


async def test_what_a_peripheral_offers_is_listed_by_assigned_names(bluez: MockBlueZ) -> None:
    sensor = bluez.add(room_sensor())

    (service,) = await survey(Finder(sensor))

    assert (service.uuid, service.name) == ("181a", "Environmental Sensing")
    assert [(one.reference, one.name) for one in service.characteristics] == [
        ("2a6e", "Temperature"),
        ("2a6e#2", "Temperature"),
        ("2a6f", "Humidity"),
    ]
    assert not bluez.connected


async def test_notifications_and_readings_become_values_of_one_device(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, notify=["2a37"], read={"2a19": 3600.0})
    device = link.set_device("strap", BEATS)
    async with link.running():
        await link.until_decoded(device, 1)
        bluez.notify(strap["2a37"], b"\x00\x48")
        await link.until_decoded(device, 2)

        assert device.values == {"rate": 72, "battery": 90}
        assert bluez.connected == [strap.address]
    assert not bluez.connected


async def test_a_characteristic_is_read_on_its_rate(strap: Peripheral) -> None:
    link = ble_link(strap, read={"2a19": 60.0, "2a38": 600.0})
    link.set_device("strap", BEATS)
    async with link.running():
        await link.until_frames(2)
        strap["2a19"].value = b"\x59"
        await link.clock.advance(60.0)
        await link.until_frames(3)

        assert link.sessions["strap"].value("battery") == 89
        assert (strap["2a19"].reads, strap["2a38"].reads) == (2, 1)


async def test_the_device_is_started_by_what_is_written_once_it_is_listened_to(strap: Peripheral) -> None:
    control = strap["2a38"]
    control.flags = ["write"]
    listened: list[bool] = []
    control.on_write = lambda: listened.append(strap["2a37"].notifying)

    link = ble_link(strap, notify=["2a37"], start=[("2a38", b"\x01"), ("2a38", b"\x02\x03")])
    async with link.running():
        await until(lambda: len(listened) == 2)

    assert control.written == [b"\x01", b"\x02\x03"]
    assert listened == [True, True]


async def test_a_lost_connection_is_reported_and_comes_back(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, notify=["2a37"])
    device = link.set_device("strap", BEATS)
    async with link.running():
        await link.until_state("up")
        bluez.notify(strap["2a37"], b"\x00\x48")
        await link.until_decoded(device, 1)

        bluez.drop(strap)
        await link.until_state("down")
        assert not device.available
        assert "lost" in str(link.status.error)

        await link.clock.advance(5.0)
        await link.until_state("up")
        bluez.notify(strap["2a37"], b"\x00\x50")
        await link.until_decoded(device, 2)
        assert device.value("rate") == 80


async def test_a_drop_in_the_middle_of_a_frame_never_gives_a_spliced_value(
    bluez: MockBlueZ, bridge: Peripheral
) -> None:
    link = ble_link(bridge, DelimiterFramer(), notify=[NORDIC_TX])
    device = link.set_device("scale", profile_of("W"))
    values: list[Any] = []
    device.on_value("x", values.append)
    tx = bridge[NORDIC_TX]
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(1.0)
        bluez.notify(tx, b"W;11\nW;2")
        await link.until_decoded(device, 1)
        bluez.drop(bridge)
        await link.until_state("down")
        assert link.statistics()["partial"] == 1
        await link.clock.advance(5.0)
        await link.until_state("up")
        await link.clock.advance(1.0)

        # The rest of the frame before, or of one that began while nobody listened.
        bluez.notify(tx, b"2\n")
        bluez.notify(tx, b"W;3")
        bluez.notify(tx, b"3\n")
        await link.until_decoded(device, 2)

    assert values == [11, 33]
    assert link.statistics()["partial"] == 2


async def test_the_first_frame_counts_when_it_begins_after_a_pause_and_not_when_it_may_be_under_way(
    bluez: MockBlueZ, bridge: Peripheral
) -> None:
    link = ble_link(bridge, DelimiterFramer(), notify=[NORDIC_TX])
    device = link.set_device("scale", profile_of("W"))
    async with link.running():
        await link.until_state("up")
        bluez.notify(bridge[NORDIC_TX], b"W;1\nW;2\n")
        await link.until_decoded(device, 1)
    assert device.value("x") == 2


async def test_a_long_frame_is_put_together_from_many_notifications(bluez: MockBlueZ, bridge: Peripheral) -> None:
    link = ble_link(bridge, DelimiterFramer(), notify=[NORDIC_TX])
    device = link.set_device("scale", profile_of("W"))
    frames = b"".join(b"W;%d\n" % number for number in range(500))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(1.0)
        await bluez.notify_all(bridge[NORDIC_TX], [frames[start : start + 3] for start in range(0, len(frames), 3)])
        await link.until_decoded(device, 500)
    assert device.value("x") == 499


async def test_a_long_command_is_written_in_pieces(bridge: Peripheral) -> None:
    transport = ble_transport(bridge, DelimiterFramer(), notify=[NORDIC_TX])
    await transport.open()
    await transport.start_scan()
    await transport.write(NORDIC_RX, b"x" * 500)
    await until(lambda: sum(map(len, bridge[NORDIC_RX].written)) == 500)
    assert max(map(len, bridge[NORDIC_RX].written)) <= 244
    await transport.close()


async def test_a_thousand_notifications_a_second_for_a_minute_arrive_complete_and_in_order(
    bluez: MockBlueZ, strap: Peripheral
) -> None:
    link = ble_link(strap, notify=["2a37"])
    received: list[int] = []
    link.on_frames(lambda batch: received.extend(int.from_bytes(frame.data[5:]) for frame in batch))
    async with link.running():
        await link.until_state("up")
        # As fast as they go: what arrives complete when it comes faster does so at a thousand a second.
        await bluez.notify_all(strap["2a37"], [number.to_bytes(20) for number in range(60_000)])
        await link.until_frames(60_000)

    assert received == list(range(60_000))
    assert link.statistics()["dropped"] == 0


async def test_a_device_on_a_battery_is_connected_on_a_rate_only(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, read={"2a19": 1.0}, connecting=Connecting.RATE, interval=600.0)
    device = link.set_device("strap", BEATS)
    async with link.running():
        await link.until_decoded(device, 1)
        await until(lambda: not bluez.connected)
        assert link.status.state == "up"

        await link.clock.advance(600.0)
        await link.until_decoded(device, 2)
        await until(lambda: not bluez.connected)

    assert (strap.connections, strap["2a19"].reads) == (2, 2)


async def test_a_short_connection_waits_for_one_notification_of_each(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, notify=["2a37", "2a19"], connecting=Connecting.RATE)
    async with link.running():
        await until(lambda: strap["2a19"].notifying)
        bluez.notify(strap["2a37"], b"\x00\x48")
        await link.until_frames(1)
        assert bluez.connected
        bluez.notify(strap["2a19"], b"\x48")
        await until(lambda: not bluez.connected)


async def test_a_short_connection_that_is_ended_leaves_nothing_behind(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, notify=["2a37"], connecting=Connecting.RATE)
    before = asyncio.all_tasks()
    async with link.running():
        await until(lambda: strap["2a37"].notifying)
    await until(lambda: not bluez.connected)
    assert asyncio.all_tasks() == before


async def test_a_device_that_sends_nothing_in_a_short_connection_is_down(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, notify=["2a37"], connecting=Connecting.RATE)
    async with link.running():
        await until(lambda: strap["2a37"].notifying)
        await link.clock.advance(10.0)
        await link.until_state("down")
        assert "sent nothing" in str(link.status.error)
        assert not bluez.connected


async def test_a_device_that_sleeps_is_connected_whenever_it_shows_itself(bluez: MockBlueZ, strap: Peripheral) -> None:
    link = ble_link(strap, notify=["2a37"], connecting=Connecting.SEEN)
    device = link.set_device("strap", BEATS)
    async with link.running():
        for number, rate in enumerate((72, 80), 1):
            await until(lambda: strap["2a37"].notifying, link.clock)
            bluez.notify(strap["2a37"], bytes([0, rate]))
            await link.until_decoded(device, number)
            bluez.drop(strap)
            await until(lambda: not strap["2a37"].notifying)
            assert link.status.state == "up"
            assert device.value("rate") == rate
    assert strap.connections >= 2


async def test_a_device_that_refuses_every_connection_is_not_tried_in_silence_for_ever(
    bluez: MockBlueZ, strap: Peripheral
) -> None:
    link = ble_link(strap, notify=["2a99"], connecting=Connecting.SEEN)
    async with link.running():
        await until(lambda: link.status.state == "down", link.clock)
        assert strap.connections >= 3
        assert "no characteristic 2a99" in str(link.status.error)
    assert not bluez.connected


async def test_a_peripheral_that_answers_only_when_paired_is_told_apart(bluez: MockBlueZ, strap: Peripheral) -> None:
    strap["2a37"].refuses = "org.bluez.Error.NotPermitted"
    transport = ble_transport(strap, notify=["2a37"])
    await transport.open()
    with pytest.raises(PairingNeededError, match="2a37"):
        await transport.start_scan()
    assert not bluez.connected

    paired = ble_transport(strap, notify=["2a37"], pair=True)
    await paired.open()
    await paired.start_scan()
    assert strap["2a37"].notifying
    await paired.close()
    assert not bluez.connected


async def test_a_peripheral_that_refuses_to_be_paired_says_so(bluez: MockBlueZ, strap: Peripheral) -> None:
    strap.pairs = False
    with pytest.raises(PairingNeededError):
        await connect(Finder(strap), pair=True)
    assert not bluez.connected


async def test_a_radio_without_a_free_slot_is_told_apart(bluez: MockBlueZ, strap: Peripheral) -> None:
    bluez.slots = 0
    with pytest.raises(NoConnectionSlotError):
        await connect(Finder(strap))


async def test_a_device_that_nothing_sees_is_told_apart() -> None:
    class Blind:
        name = "Strap"

        def device(self) -> None:
            return None

        async def wait_seen(self) -> None:
            raise TimeoutError

        def has_free_slot(self) -> bool:
            return True

        def why_unreachable(self) -> str:
            return "nothing sees it"

    with pytest.raises(NotInRangeError, match="Strap: nothing sees it"):
        await connect(Blind())


async def test_a_characteristic_that_is_not_there_is_named_and_the_slot_given_back(
    bluez: MockBlueZ, strap: Peripheral
) -> None:
    transport = ble_transport(strap, notify=["2a37", "2aff"])
    await transport.open()
    with pytest.raises(LinkError, match="Strap has no characteristic 2aff"):
        await transport.start_scan()
    assert not bluez.connected


async def test_closing_while_it_is_being_connected_leaves_no_connection(bluez: MockBlueZ, strap: Peripheral) -> None:
    transport = ble_transport(strap, notify=["2a37"])
    opening = asyncio.ensure_future(transport.open())
    await until(lambda: strap.connected)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await transport.close()
    await until(lambda: not bluez.connected)


@pytest.mark.parametrize(
    ("control", "target", "value", "written"),
    [
        ({"control": "number", "maximum": 300}, {"characteristic": "2a38", "type": "uint16"}, 258, b"\x02\x01"),
        ({"control": "button", "press": "01 ff"}, {"characteristic": "2a38", "type": "hex"}, True, b"\x01\xff"),
        ({"control": "text"}, {"characteristic": "2a38"}, "zero", b"zero"),
    ],
)
async def test_a_channel_is_written_to_its_characteristic(
    strap: Peripheral, control: dict[str, Any], target: dict[str, Any], value: Any, written: bytes
) -> None:
    strap["2a38"].flags = ["write"]
    link = BleLink("strap", ble_transport(strap, notify=["2a37"]))
    channel = {"key": "x", "name": "X", "source": "", "write": {**control, "target": target}}
    device = link.set_device("strap", DeviceProfile.from_dict({**BEATS.to_dict(), "channels": [channel]}))
    with pytest.raises(LinkError, match="not connected"):
        await device.write("x", value)

    shutdown = asyncio.Event()
    running = asyncio.create_task(link.run(shutdown))
    await until(lambda: link.status.state == "up")
    await device.write("x", value)
    shutdown.set()
    await running

    assert strap["2a38"].written == [written]


async def test_a_value_that_does_not_fit_its_type_is_refused_before_it_is_sent(strap: Peripheral) -> None:
    link = BleLink("strap", ble_transport(strap))
    write = {"control": "number", "maximum": 300, "target": {"characteristic": "2a38", "type": "uint8"}}
    channel = {"key": "x", "name": "X", "source": "", "write": write}
    device = link.set_device("strap", DeviceProfile.from_dict({**BEATS.to_dict(), "channels": [channel]}))

    with pytest.raises(WriteError, match="X"):
        await device.write("x", 256)


async def test_a_device_that_is_changed_keeps_what_was_read_before_and_its_age(strap: Peripheral) -> None:
    link = BleLink("strap", ble_transport(strap, read={"2a19": 3600.0}))
    link.set_device("strap", BEATS)
    shutdown = asyncio.Event()
    running = asyncio.create_task(link.run(shutdown))
    await until(lambda: link.sessions["strap"].available)

    changed = link.set_device("strap", BEATS)
    assert changed.value("battery") == 90
    changed.check_silence(7201.0)
    assert not changed.is_available("battery")
    shutdown.set()
    await running


async def test_silence_ends_a_frame_where_the_framing_says_so(bluez: MockBlueZ, bridge: Peripheral) -> None:
    link = ble_link(bridge, framer_from_dict({"kind": "silence", "gap": 0.05}), notify=[NORDIC_TX])
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(1.0)
        bluez.notify(bridge[NORDIC_TX], b"\x01\x02")
        bluez.notify(bridge[NORDIC_TX], b"\x03")
        await link.until_frames(1)
    assert [frame.data for frame in link.recent_frames] == [b"\x01\x02\x03"]


ASKED = {"frame": "W?\\r", "every": 5.0, "answer": {"prefix": "W"}}


def answering(bluez: MockBlueZ, bridge: Peripheral) -> None:
    """Let a scale behind the bridge answer every question."""

    def answer() -> None:
        count = len(bridge[NORDIC_RX].written)
        bluez.notify(bridge[NORDIC_TX], b"W;%d\n" % count)

    bridge[NORDIC_RX].on_write = answer


async def test_a_device_behind_a_byte_stream_is_told_and_asked_as_on_a_serial_port(
    bluez: MockBlueZ, bridge: Peripheral
) -> None:
    answering(bluez, bridge)
    link = ble_stream(bridge, DelimiterFramer(), notify=[NORDIC_TX], send=NORDIC_RX)
    device = link.set_device("scale", profile_of("W", talk={"init": ["HI\\r"], "poll": [ASKED]}))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(1.0)
        await link.until(lambda: device.value("x") == 2)
        await link.clock.advance(5.0)
        await link.until(lambda: device.value("x") == 3)

    assert bridge[NORDIC_RX].written == [b"HI\r", b"W?\r", b"W?\r"]
    assert link.statistics()["unanswered"] == 0


async def test_a_device_on_a_rate_is_asked_while_it_is_connected(bluez: MockBlueZ, bridge: Peripheral) -> None:
    answering(bluez, bridge)
    link = ble_stream(
        bridge, DelimiterFramer(), notify=[NORDIC_TX], send=NORDIC_RX, connecting=Connecting.RATE, interval=60.0
    )
    device = link.set_device("scale", profile_of("W", talk={"poll": [{**ASKED, "every": 30.0}]}))
    async with link.running():
        await link.until_state("up")
        await until(lambda: device.value("x") == 1, link.clock)
        await until(lambda: not bluez.connected, link.clock)
        await until(lambda: device.value("x") == 2, link.clock)

    assert bridge.connections == 2


async def test_a_byte_stream_without_a_way_back_says_so(bridge: Peripheral) -> None:
    link = ble_stream(bridge, DelimiterFramer(), notify=[NORDIC_TX])
    async with link.running():
        await link.until_state("up")
        with pytest.raises(LinkError, match="no characteristic takes"):
            await link.send_frame(b"W?\r")
