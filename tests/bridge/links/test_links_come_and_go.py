"""A port is unplugged and plugged, silent or missing: the devices say so at once and come back by themselves."""

import pytest

from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.links import FrameLink
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport
from demo.pty_link import PtyLink

from .running import json_profile, profile_of, serial_link


@pytest.mark.parametrize("name", ["zigbee2mqtt/#", "press + pump", " "])
def test_a_link_may_be_called_anything(name: str) -> None:
    transport = SerialTransport(SerialSettings(url="/dev/none"), DelimiterFramer())
    assert FrameLink(name, transport).name == name


async def test_unplugging_makes_every_device_unavailable_and_plugging_brings_them_back(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    devices = [link.set_device(name, profile_of(name)) for name in ("a", "b")]
    told: list[object] = []
    devices[0].on_value("x", told.append)
    async with link.running():
        for round_ in range(3):
            await link.until_state("up")
            await link.clock.advance(0.1)
            pty_link.write(b"a;7\nb;8\n")
            await link.until(lambda: all(device.available for device in devices))
            pty_link.unplug()
            await link.until_state("down")

            assert not any(device.available or device.is_available("x") for device in devices)
            assert isinstance(link.status.error, LinkError)
            assert link.status.reconnects == round_
            pty_link.plug()
            await link.clock.advance(2.0)

    assert told == [7]
    assert link.statistics()["reconnects"] >= 2


async def test_frames_that_came_just_before_the_loss_do_not_make_a_device_look_alive(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    device = link.set_device("a", profile_of("A"))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\n" * 500)
        pty_link.unplug()
        await link.until_state("down")
        await link.clock.advance(0.5)

        assert not device.available


async def test_a_port_that_is_missing_is_tried_again_until_it_is_there(pty_link: PtyLink) -> None:
    pty_link.unplug()
    link = serial_link(pty_link.path)
    device = link.set_device("a", profile_of("A"))
    async with link.running():
        await link.until_state("down")
        assert str(pty_link.path) in str(link.status.error)
        for attempts in (2, 3):
            await link.clock.advance(10.0)
            await link.until_attempts(attempts)
        pty_link.plug()
        await link.clock.advance(20.0)
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\n")
        await link.until(lambda: device.available)

        assert link.statistics()["failed_attempts"] == 0


async def test_a_device_that_falls_silent_on_an_open_port_is_unavailable(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    silent, event_like = (link.set_device(name, profile_of("A", event_like=name == "e")) for name in ("s", "e"))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\n")
        await link.until(lambda: silent.available)
        await link.clock.advance(30.0)
        assert silent.is_available("x")
        await link.clock.advance(2.0)

        assert not silent.is_available("x")
        assert event_like.available
        assert link.status.state == "up"
        pty_link.write(b"A;1\n")
        await link.until(lambda: silent.available)


async def test_garbage_is_counted_and_ends_nothing(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    device = link.set_device("a", json_profile("t"))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        sent = b'\xff\xfe\x00\n{"t": NaN}\n{"t": "?"}\n' + b"x" * 3000 + b"\n" + b'{"t": 1}\n'
        pty_link.write(sent)
        await link.until(lambda: device.value("t") == 1)

        assert link.statistics() == {
            "bytes_received": len(sent),
            "frames": 5,
            "overlong": 0,
            "partial": 0,
            "garbage": 0,
            "restarted": 0,
            "checksum": 0,
            "malformed": 0,
            "dropped": 0,
            "rejected": 3,
            "unreadable": 1,
            "implausible": 0,
            "reconnects": 0,
            "failed_attempts": 0,
        }
        assert device.statistics()["rejected"] == {"encoding": 1, "json": 2}


async def test_before_it_runs_a_link_is_connecting_and_after_shutdown_its_port_is_free(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    device = link.set_device("a", profile_of("A"))
    assert link.status.state == "connecting"
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\n")
        await link.until(lambda: device.available)

    assert not device.available
    again = serial_link(pty_link.path)
    async with again.running():
        await again.until_state("up")
