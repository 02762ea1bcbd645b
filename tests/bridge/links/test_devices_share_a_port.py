"""Devices come, change and go while frames flow: the port stays open and the others miss nothing."""

import asyncio
from collections.abc import Sequence

from custom_components.fieldbridge.bridge.codecs.frame import Frame
from demo.pty_link import PtyLink

from .running import json_profile, profile_of, serial_link


async def write(port: PtyLink, data: bytes) -> None:
    while data:
        data = data[port.write(data) :]
        await asyncio.sleep(0)


async def test_each_device_gets_its_own_frames(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    a, b = link.set_device("a", profile_of("A")), link.set_device("b", profile_of("B"))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\nB;2\nC;3\nA;4\n")
        await link.until(lambda: a.counters.decoded == 2)

        assert (a.value("x"), b.value("x")) == (4, 2)
        assert (a.counters.not_ours, b.counters.not_ours) == (2, 3)
        assert dict(link.sessions) == {"a": a, "b": b}


async def test_a_frame_that_another_device_claims_is_rejected_by_nobody_and_one_that_nobody_reads_counts_once(
    pty_link: PtyLink,
) -> None:
    """The other one's text is no JSON, and the JSON of others no sentence: only who claims a frame can tell."""
    link = serial_link(pty_link.path)
    a = link.set_device("a", profile_of("A"))
    b = link.set_device("b", json_profile("t", condition={"source": "id", "equals": "B"}))
    c = link.set_device("c", json_profile("t", condition={"prefix": '{"id": "C"', "source": "id", "equals": "C"}))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b'A;1\n{"id": "B", "t": 2}\n{"id": "C", "t": 3}\n\xff\n{"id": "C\n')
        await link.until_frames(5)

        assert (a.value("x"), b.value("t"), c.value("t")) == (1, 2, 3)
        assert [device.counters.rejected for device in (a, b, c)] == [{"encoding": 1}, {"json": 1, "encoding": 1}, {}]
        assert [device.counters.not_ours for device in (a, b, c)] == [3, 2, 4]
        assert link.statistics()["rejected"] == 2


async def test_what_a_device_without_a_condition_reads_is_claimed_by_nobody(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    a, b = link.set_device("a", profile_of("A", condition=None)), link.set_device("b", json_profile("t"))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\n")
        await link.until_frames(1)

        assert a.value("x") == 1
        assert (b.counters.rejected, b.counters.not_ours, link.statistics()["rejected"]) == ({"json": 1}, 0, 1)


async def test_a_device_that_is_edited_or_removed_leaves_the_port_open_and_the_others_complete(
    pty_link: PtyLink,
) -> None:
    link = serial_link(pty_link.path)
    a = link.set_device("a", profile_of("A"))
    values: list[object] = []
    a.on_value("x", values.append)
    first_b = link.set_device("b", profile_of("B"))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        up = link.status
        for number in range(300):
            match number:
                case 50:
                    second_b = link.set_device("b", profile_of("B"))
                case 100:
                    await link.remove_device("b")
                case 150:
                    c = link.set_device("c", profile_of("B"))
            await write(pty_link, b"A;%d\nB;%d\n" % (number, number))
            if number % 50 == 49:  # before each change all is read, so that the counts below are exact
                await link.until_frames(2 * (number + 1))
        statistics = link.statistics()

        assert link.status == up
        assert a.counters.decoded == 300
        assert values[-1] == 299
        assert values == [number for number in range(300) if number in values]
        assert (first_b.counters.decoded, second_b.counters.decoded, c.counters.decoded) == (50, 50, 150)
        assert statistics["frames"] == 600
        assert (statistics["dropped"], statistics["reconnects"]) == (0, 0)
    await link.remove_device("unknown")


async def test_a_device_that_is_added_while_frames_flow_is_unavailable_until_its_first_frame(
    pty_link: PtyLink,
) -> None:
    link = serial_link(pty_link.path)
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        device = link.set_device("a", profile_of("A"))
        assert not device.available
        pty_link.write(b"A;1\n")
        await link.until(lambda: device.available)


async def test_a_frame_listener_that_fails_harms_nobody(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    device = link.set_device("a", profile_of("A"))
    seen: list[bytes] = []

    def fail(_: Sequence[Frame]) -> None:
        raise RuntimeError("broken inspector")

    unsubscribe = link.on_frames(fail)
    link.on_frames(lambda frames: seen.extend(frame.data for frame in frames))
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        for number in (1, 2):
            pty_link.write(b"A;%d\n" % number)
            await link.until_decoded(device, number)
        unsubscribe()
        unsubscribe()

    assert seen == [b"A;1", b"A;2"]


async def test_the_last_50_frames_are_kept(pty_link: PtyLink) -> None:
    link = serial_link(pty_link.path)
    async with link.running():
        await link.until_state("up")
        await link.clock.advance(0.1)
        await write(pty_link, b"".join(b"%d\n" % number for number in range(200)))
        await link.until_frames(200)

        assert [frame.data for frame in link.recent_frames] == [b"%d" % number for number in range(150, 200)]
