"""A real pseudo-terminal: what is whole is delivered, what is broken is counted, and the loss is told once."""

import asyncio

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.codecs.frame import Batch
from custom_components.fieldbridge.bridge.codecs.framing import framer_from_dict
from custom_components.fieldbridge.bridge.errors import LinkClosedError, LinkError
from demo.pty_link import PtyLink

from .listener import Listener, send

NUMBERS = DeviceProfile.from_dict(
    {
        "schema_version": 1,
        "decoder": {"kind": "separated", "separator": ";"},
        "channels": [{"key": "x", "name": "X", "source": "0"}],
    }
)


@pytest.fixture
def listener(pty_link: PtyLink) -> Listener:
    return Listener(pty_link.path)


async def test_frames_arrive_as_the_device_writes_them(pty_link: PtyLink, listener: Listener) -> None:
    await listener.start()
    pty_link.write(b"one\r\ntwo\nthr")
    await listener.until(frames=2)
    pty_link.write(b"ee\n")
    await listener.until(frames=3)
    await listener.close()

    assert listener.data == [b"one", b"two", b"three"]
    assert listener.transport.counters.as_dict() == {
        "bytes_received": 15,
        "frames": 3,
        "overlong": 0,
        "partial": 0,
        "garbage": 0,
        "restarted": 0,
        "checksum": 0,
        "malformed": 0,
    }


async def test_a_frame_that_was_cut_by_opening_in_the_middle_is_not_shown(
    pty_link: PtyLink, listener: Listener
) -> None:
    await listener.start(silence=0.0)
    pty_link.write(b"79;20.3\nwhole;1\n")
    await listener.until(frames=1)
    await listener.close()

    assert listener.data == [b"whole;1"]
    assert listener.transport.counters.framing.partial == 1


async def test_after_50_ms_of_silence_the_first_byte_begins_a_whole_frame(
    pty_link: PtyLink, listener: Listener
) -> None:
    await listener.start(silence=0.05)
    pty_link.write(b"whole;1\n")
    await listener.until(frames=1)
    await listener.close()

    assert listener.data == [b"whole;1"]
    assert listener.transport.counters.framing.partial == 0


async def test_one_byte_that_is_not_utf_8_ends_nothing_where_the_serial_sensor_of_home_assistant_dies(
    pty_link: PtyLink, listener: Listener
) -> None:
    session = DeviceSession(NUMBERS)
    await listener.start()
    pty_link.write(b"20.1;A\n20.\xff;A\n20.3;A\n")
    await listener.until(frames=3)
    session.accept(listener.frames)
    await listener.close()

    assert session.value("x") == 20.3
    assert session.counters.rejected == {"encoding": 1}
    assert listener.losses == []


async def test_a_frame_that_is_too_long_is_counted_and_the_next_one_is_read(
    pty_link: PtyLink, listener: Listener
) -> None:
    await listener.start()
    await send(pty_link, b"x" * 100_000 + b"\nnext\n")
    await listener.until(frames=1)
    await listener.close()

    assert listener.data == [b"next"]
    assert listener.transport.counters.framing.overlong == 1


async def test_unplugging_is_reported_once_as_a_lost_link(pty_link: PtyLink, listener: Listener) -> None:
    await listener.start()
    pty_link.write(b"last\n")
    await listener.until(frames=1)
    pty_link.unplug()
    await listener.until(losses=1)
    await listener.close()

    (loss,) = listener.losses
    assert not isinstance(loss, LinkClosedError)
    assert str(pty_link.path) in str(loss)
    assert isinstance(loss.__cause__, OSError)


async def test_closing_it_ourselves_reports_nothing(pty_link: PtyLink, listener: Listener) -> None:
    await listener.start()
    await listener.close()
    await listener.close()
    pty_link.unplug()

    assert listener.losses == []


async def test_the_same_transport_opens_again_after_unplug_and_plug(pty_link: PtyLink, listener: Listener) -> None:
    for round_ in range(3):
        await listener.start()
        pty_link.write(b"round %d\nha" % round_)
        await listener.until(frames=round_ + 1)
        pty_link.unplug()
        await listener.until(losses=round_ + 1)
        await listener.close()
        pty_link.plug()

    assert listener.data == [b"round 0", b"round 1", b"round 2"]
    assert listener.transport.counters.frames == 3


async def test_a_port_can_be_opened_again_right_after_close(pty_link: PtyLink, listener: Listener) -> None:
    await listener.start()
    await listener.close()
    await listener.start()
    pty_link.write(b"again\n")
    await listener.until(frames=1)
    await listener.close()

    assert listener.data == [b"again"]


async def test_a_port_that_somebody_else_holds_cannot_be_opened(pty_link: PtyLink, listener: Listener) -> None:
    await listener.start()
    second = Listener(pty_link.path)
    with pytest.raises(LinkError, match=str(pty_link.path)):
        await second.transport.open()
    pty_link.write(b"still here\n")
    await listener.until(frames=1)
    await second.close()
    await listener.close()

    assert listener.data == [b"still here"]


async def test_nothing_is_delivered_between_stop_and_close(pty_link: PtyLink, listener: Listener) -> None:
    await listener.start()
    await listener.transport.stop_scan()
    pty_link.write(b"too late\n")
    await listener.shows_bytes()
    await listener.close()

    assert listener.frames == []
    assert listener.transport.counters.bytes_received == 9


async def test_raw_bytes_are_shown_before_they_are_framed(pty_link: PtyLink, listener: Listener) -> None:
    chunks: list[bytes] = []
    listener.transport.register_bytes_callback(chunks.append)
    await listener.start()
    pty_link.write(b"\x00\xffraw\n")
    await listener.until(frames=1)
    await listener.close()

    assert b"".join(chunks) == b"\x00\xffraw\n"


async def test_silence_ends_a_frame_where_the_framing_says_so(pty_link: PtyLink) -> None:
    listener = Listener(pty_link.path, framer_from_dict({"kind": "silence", "gap": 0.02}))
    await listener.start()
    pty_link.write(b"\x01\x02\x03")
    await listener.until(frames=1)
    await listener.close()

    assert listener.data == [b"\x01\x02\x03"]


async def test_fast_frames_are_read_together_and_none_is_lost(pty_link: PtyLink, listener: Listener) -> None:
    batches: list[int] = []

    def count(batch: Batch) -> None:
        batches.append(len(batch))
        listener.add(batch)

    await listener.start()
    listener.transport.register_callback(count)
    for number in range(300):
        pty_link.write(b"%d\n" % number)
        listener.clock.advance(0.002)
        if number < 260:
            await listener.until(frames=number + 1)
    await listener.until(frames=300)
    await listener.close()

    assert listener.data == [b"%d" % number for number in range(300)]
    assert max(batches) > 10


async def test_a_port_that_vanishes_while_fast_frames_gather_is_lost_once_and_can_be_opened_again(
    pty_link: PtyLink, listener: Listener
) -> None:
    for round_ in (1, 2):
        await listener.start()
        for number in range(260):
            pty_link.write(b"%d\n" % number)
            listener.clock.advance(0.002)
            await listener.until(frames=len(listener.frames) + 1)
        pty_link.unplug()
        await listener.until(losses=round_)
        await listener.close()
        pty_link.plug()

    assert len(listener.losses) == 2
    assert listener.data == [b"%d" % number for number in range(260)] * 2


async def test_a_fast_device_that_falls_silent_is_heard_when_it_speaks_again(
    pty_link: PtyLink, listener: Listener
) -> None:
    await listener.start()
    for number in range(260):
        pty_link.write(b"%d\n" % number)
        listener.clock.advance(0.002)
        await listener.until(frames=number + 1)
    await asyncio.sleep(0.03)  # reading rests for 10 ms; the port holds nothing then
    pty_link.write(b"again\n")
    await listener.until(frames=261)
    await listener.close()

    assert listener.data[-1] == b"again"


async def test_what_is_sent_arrives(pty_link: PtyLink, listener: Listener) -> None:
    with pytest.raises(LinkError, match="not open"):
        await listener.transport.send(b"x")
    await listener.start()
    await listener.transport.send(b"hello\r")
    heard = b""
    async with asyncio.timeout(10):
        while len(heard) < 6:
            heard += pty_link.read()
            await asyncio.sleep(0)
    await listener.close()

    assert heard == b"hello\r"


async def test_what_is_sent_to_a_port_that_has_vanished_is_refused_before_the_loss_is_told(
    pty_link: PtyLink, listener: Listener
) -> None:
    await listener.start()
    pty_link.unplug()
    with pytest.raises(LinkError, match="gone"):
        await listener.transport.send(b"L?\r")
    await listener.until(losses=1)
    with pytest.raises(LinkError):
        await listener.transport.send(b"L?\r")
    await listener.close()
