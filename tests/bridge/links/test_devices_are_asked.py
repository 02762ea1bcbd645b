"""Devices that speak when they are asked, over a real pseudo-terminal: polls, initialisation, writes and answers."""

import asyncio
from typing import Any, override

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.codecs.talk import Answer
from custom_components.fieldbridge.bridge.errors import LinkError, ProfileError, WriteError
from custom_components.fieldbridge.bridge.links.exchange import NoAnswerError
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport
from demo.pty_link import PtyLink
from tests.lamp import Lamp, serving

from .running import PATIENCE, RunningSerialLink, talking_link

CHANNELS: list[dict[str, Any]] = [
    {"key": "hours", "name": "Lamp hours", "source": "1"},
]
BRIGHTNESS: dict[str, Any] = {
    "key": "brightness",
    "name": "Brightness",
    "source": "1",
    "write": {
        "control": "number",
        "target": {"frame": "B={value:d}\\r", "answer": {"prefix": "OK"}},
    },
}


def profile(prefix: str, channel: dict[str, Any], **talk: Any) -> DeviceProfile:
    return DeviceProfile.from_dict(
        {
            "schema_version": 1,
            "decoder": {"kind": "separated", "separator": ";"},
            "channels": [channel],
            "condition": {"source": "0", "equals": prefix},
            **({"talk": talk} if talk else {}),
        }
    )


@pytest.fixture
def lamp(pty_link: PtyLink) -> Lamp:
    return Lamp(pty_link)


@pytest.fixture
def link(pty_link: PtyLink) -> RunningSerialLink:
    return talking_link(pty_link.path)


async def until_heard(lamp: Lamp, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(lamp.heard) < count:  # noqa: ASYNC110 - the other side of a terminal has no events
            await asyncio.sleep(0.001)


POLL = {"frame": "L?\\r", "every": 5.0, "answer": {"prefix": "L"}}


async def hours_of(link: RunningSerialLink) -> DeviceSession:
    session = link.set_device("lamp", profile("L", CHANNELS[0], init=["INIT\\r"], poll=[POLL]))
    await link.until_state("up")
    # Bytes that come at once may be the rest of a frame.
    await link.clock.advance(0.06)
    return session


async def test_a_device_is_initialised_once_and_asked_on_a_grid(link: RunningSerialLink, lamp: Lamp) -> None:
    async with serving(lamp), link.running():
        session = await hours_of(link)
        await until_heard(lamp, 2)
        await link.until_frames(1)
        for answers in (2, 3):
            await link.clock.advance(5.0)
            await link.until_frames(answers)

    assert lamp.heard == [b"INIT", b"L?", b"L?", b"L?"]
    assert session.value("hours") == 120
    assert link.statistics()["unanswered"] == 0
    assert link.statistics()["sent"] == 4


class SlowTransport(SerialTransport):
    """A line that takes frames only when it is told to."""

    def __init__(self, path: object, clock: ManualClock) -> None:
        super().__init__(SerialSettings(url=str(path)), DelimiterFramer(), clock=clock)
        self.asked: asyncio.Queue[bytes] = asyncio.Queue()
        self.takes = asyncio.Event()

    @override
    async def send(self, data: bytes) -> None:
        self.asked.put_nowait(data)
        await self.takes.wait()


async def test_a_device_that_is_changed_while_it_is_initialised_is_initialised_anew(pty_link: PtyLink) -> None:
    clock = ManualClock()
    transport = SlowTransport(pty_link.path, clock)
    link = RunningSerialLink("test link", transport)
    link.wait_for(clock)
    link.set_device("lamp", profile("L", CHANNELS[0], init=["OLD\\r"]))
    async with link.running(), asyncio.timeout(PATIENCE):
        await link.until_state("up")
        await clock.advance(1.0)
        assert await transport.asked.get() == b"OLD\r"
        link.set_device("lamp", profile("L", CHANNELS[0], init=["NEW\\r"]))
        transport.takes.set()
        assert await transport.asked.get() == b"NEW\r"


async def test_a_silent_device_is_counted_and_asked_less_often(link: RunningSerialLink, lamp: Lamp) -> None:
    lamp.silent = True
    async with serving(lamp), link.running():
        await hours_of(link)
        await until_heard(lamp, 2)
        await link.clock.advance(40.0)
        await until_heard(lamp, 4)

    assert len(lamp.heard) <= 5
    assert link.statistics()["unanswered"] >= 2


async def test_after_a_loss_the_device_is_initialised_again(
    link: RunningSerialLink, lamp: Lamp, pty_link: PtyLink
) -> None:
    async with serving(lamp), link.running():
        await hours_of(link)
        await until_heard(lamp, 2)
        pty_link.unplug()
        await link.until_state("down")
        pty_link.plug()
        async with asyncio.timeout(PATIENCE):
            while len(lamp.heard) < 4:  # between two frames time has to pass as well
                await link.clock.advance(1.0)

    assert lamp.heard[2:4] == [b"INIT", b"L?"]


async def test_a_write_is_over_when_the_device_answered_and_its_answer_is_no_broken_reading(
    link: RunningSerialLink, lamp: Lamp
) -> None:
    async with serving(lamp), link.running():
        session = link.set_device("lamp", profile("B", BRIGHTNESS))
        await link.until_state("up")
        await link.clock.advance(0.06)
        await session.write("brightness", 70)

        assert lamp.brightness == 70
        assert lamp.heard == [b"B=70"]
        assert session.counters.rejected == {}
        with pytest.raises(WriteError, match="between"):
            await session.write("brightness", 101)


async def test_a_write_without_an_answer_is_refused_in_the_end(link: RunningSerialLink, lamp: Lamp) -> None:
    lamp.silent = True
    async with serving(lamp), link.running():
        session = link.set_device("lamp", profile("B", BRIGHTNESS))
        await link.until_state("up")
        writing = asyncio.create_task(session.write("brightness", 70))
        await until_heard(lamp, 1)
        await link.clock.advance(1.1)
        with pytest.raises(NoAnswerError, match="1 s"):
            await writing


@pytest.mark.parametrize(("wanted", "shown"), [(70, 70), (95, 90)])
async def test_a_write_may_be_confirmed_by_the_next_reading(
    link: RunningSerialLink, lamp: Lamp, wanted: int, shown: int
) -> None:
    target = {"frame": "B={value:d}\\r", "confirm": 3}
    poll = {"frame": "B?\\r", "every": 60.0, "answer": {"prefix": "B"}}
    channel = {**BRIGHTNESS, "write": {"control": "number", "target": target}}
    async with serving(lamp), link.running():
        session = link.set_device("lamp", profile("B", channel, poll=[poll]))
        await link.until_state("up")
        await link.clock.advance(0.06)
        await link.until_frames(1)
        writing = asyncio.create_task(session.write("brightness", wanted))
        await link.until(lambda: session.value("brightness") == shown)
        if wanted == shown:
            await writing
        else:
            await link.clock.advance(3.1)
            with pytest.raises(NoAnswerError, match="did not become 95"):
                await writing


async def test_a_reading_confirms_though_filters_and_publish_policy_hold_it_back(
    link: RunningSerialLink, lamp: Lamp
) -> None:
    poll = {"frame": "B?\\r", "every": 60.0, "answer": {"prefix": "B"}}
    write = {"control": "number", "target": {"frame": "B={value:d}\\r", "confirm": 3}}
    slow = {"filters": [{"kind": "mean", "window": 10}], "publish": {"at_most_every": 600}}
    async with serving(lamp), link.running():
        session = link.set_device("lamp", profile("B", {**BRIGHTNESS, **slow, "write": write}, poll=[poll]))
        await link.until_state("up")
        await link.clock.advance(0.06)
        await link.until_frames(1)
        await session.write("brightness", 70)
        assert (session.raw_value("brightness"), session.value("brightness")) == (70, 50)


async def test_exchanges_follow_each_other_and_get_their_own_answers(link: RunningSerialLink, lamp: Lamp) -> None:
    async with serving(lamp), link.running():
        await link.until_state("up")
        await link.clock.advance(0.06)
        answers = await asyncio.gather(
            *(link.send_frame(question, Answer()) for question in (b"L?\r", b"B?\r", b"L?\r", b"B=10\r"))
        )

    assert answers == [b"L;120", b"B;50", b"L;120", b"OK"]


async def test_a_late_answer_is_not_taken_for_the_next_one(
    link: RunningSerialLink, lamp: Lamp, pty_link: PtyLink
) -> None:
    lamp.silent = True
    async with serving(lamp), link.running():
        session = link.set_device("lamp", profile("B", BRIGHTNESS))
        await link.until_state("up")
        await link.clock.advance(0.06)
        for late in (b"OK\r\n", b""):
            heard = len(lamp.heard)
            writes = [asyncio.create_task(session.write("brightness", value)) for value in (70, 60)]
            await until_heard(lamp, heard + 1)
            await link.clock.advance(1.1)
            with pytest.raises(NoAnswerError):
                await writes[0]
            assert len(lamp.heard) == heard + 1
            if late:
                pty_link.write(late)
            else:
                await link.clock.advance(1.0)
            await until_heard(lamp, heard + 2)
            await link.clock.advance(1.1)
            with pytest.raises(NoAnswerError):
                await writes[1]
            await link.clock.advance(1.1)


async def test_an_answer_that_looks_otherwise_is_not_waited_for(link: RunningSerialLink, lamp: Lamp) -> None:
    async with serving(lamp), link.running():
        await link.until_state("up")
        await link.clock.advance(0.06)
        lamp.silent = True
        asking = asyncio.create_task(link.send_frame(b"X\r", Answer(prefix=b"X")))
        await until_heard(lamp, 1)
        await link.clock.advance(1.1)
        with pytest.raises(NoAnswerError):
            await asking
        lamp.silent = False
        assert await link.send_frame(b"B=10\r", Answer(prefix=b"OK")) == b"OK"


async def test_nothing_is_sent_while_the_link_is_down(link: RunningSerialLink, lamp: Lamp, pty_link: PtyLink) -> None:
    lamp.silent = True
    async with serving(lamp), link.running():
        session = link.set_device("lamp", profile("B", BRIGHTNESS))
        await link.until_state("up")
        writing = asyncio.create_task(session.write("brightness", 70))
        await until_heard(lamp, 1)
        pty_link.unplug()
        with pytest.raises(LinkError, match="down"):
            await writing
        with pytest.raises(LinkError, match="down"):
            await session.write("brightness", 60)


def test_a_write_that_cannot_be_sent_is_refused_when_the_device_is_made(link: RunningSerialLink) -> None:
    channel = {**BRIGHTNESS, "write": {"control": "number", "target": {"topic": "x"}}}

    with pytest.raises(ProfileError, match="target"):
        link.set_device("lamp", profile("B", channel))
