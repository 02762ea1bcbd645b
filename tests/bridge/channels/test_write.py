"""Values that are set: what is allowed, what is sent for it, and what is shown afterwards."""

from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, DeviceSession, ValueKind, Write
from custom_components.fieldbridge.bridge.channels.write import WriteControl
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.errors import ProfileError, WriteError

SETPOINT = Channel(
    key="setpoint",
    name="Setpoint",
    source="sp",
    scale=0.1,
    write=Write(control=WriteControl.NUMBER, minimum=5, maximum=35, step=0.5, target={"register": 7}),
)
MODE = Channel(
    key="mode",
    name="Mode",
    source="mode",
    kind=ValueKind.TEXT,
    texts={"0": "off", "2": "heat"},
    write=Write(control=WriteControl.SELECT, options={"off": 0, "heat": 2}),
)
PUMP = Channel(
    key="pump",
    name="Pump",
    source="",
    kind=ValueKind.BINARY,
    write=Write(control=WriteControl.SWITCH, on="P1", off="P0"),
)


class Sent(list[tuple[str, object]]):
    """Takes what is written."""

    async def __call__(self, channel: Channel, raw: object) -> None:
        self.append((channel.key, raw))


def make_session(*channels: Channel) -> tuple[DeviceSession, Sent]:
    session = DeviceSession(DeviceProfile(decoder=JsonDecoder(), channels=channels))
    session.writer = sent = Sent()
    return session, sent


async def test_a_number_is_sent_unscaled() -> None:
    session, sent = make_session(SETPOINT)
    await session.write("setpoint", 21.5)
    assert sent == [("setpoint", 215)]


async def test_a_choice_is_sent_as_its_raw_value() -> None:
    session, sent = make_session(MODE)
    await session.write("mode", "heat")
    assert sent == [("mode", 2)]


@pytest.mark.parametrize(
    ("channel", "value"), [(SETPOINT, 40.0), (SETPOINT, float("nan")), (SETPOINT, True), (MODE, "cool"), (PUMP, "P1")]
)
async def test_what_is_not_allowed_is_refused_and_not_sent(channel: Channel, value: Any) -> None:
    session, sent = make_session(channel)
    with pytest.raises(WriteError):
        await session.write(channel.key, value)
    assert not sent


async def test_a_reading_that_cannot_be_set_is_refused() -> None:
    session, _ = make_session(Channel(key="t", name="Temperature", source="t"))
    with pytest.raises(WriteError, match="Temperature cannot be set"):
        await session.write("t", 1.0)


async def test_a_link_that_cannot_send_says_so() -> None:
    session, _ = make_session(SETPOINT)
    session.writer = None
    with pytest.raises(WriteError, match="cannot send"):
        await session.write("setpoint", 20.0)


async def test_what_is_only_written_shows_what_was_written_last_and_lives_with_its_device() -> None:
    session, _ = make_session(PUMP, SETPOINT)
    shown: list[object] = []
    session.on_value("pump", shown.append)
    await session.write("pump", True)
    assert (session.value("pump"), shown, session.is_available("pump")) == (True, [True], False)
    session.accept([Frame(1.0, b'{"sp": 215}')])
    assert session.is_available("pump")
    assert session.value("setpoint") == pytest.approx(21.5)


def test_raw_values_are_shown_as_their_texts_and_others_are_unreadable() -> None:
    session, _ = make_session(MODE)
    session.accept([Frame(1.0, b'{"mode": 2}')])
    assert session.value("mode") == "heat"
    session.accept([Frame(2.0, b'{"mode": 9}')])
    assert session.value("mode") is None
    assert session.counters.unreadable["mode"] == 1


def test_an_implausible_number_is_rejected_not_clamped() -> None:
    session, _ = make_session(Channel(key="t", name="T", source="t", minimum=-40, maximum=85))
    session.accept([Frame(1.0, b'{"t": 85.0}'), Frame(2.0, b'{"t": 850}')])
    assert session.value("t") is None
    session.accept([Frame(3.0, b'{"t": 850}'), Frame(4.0, b'{"t": "----"}'), Frame(5.0, b'{"t": 20}')])
    assert session.value("t") == 20
    assert (session.counters.implausible, session.counters.unreadable) == ({"t": 2}, {"t": 1})


@pytest.mark.parametrize("channel", [SETPOINT, MODE, PUMP])
def test_a_channel_keeps_its_description_through_json(channel: Channel) -> None:
    assert Channel.from_dict(channel.to_dict()) == channel


@pytest.mark.parametrize(
    ("write", "path"),
    [
        ({"control": "slider"}, "channel.write.control"),
        ({"control": "number", "minimum": 5, "maximum": 5}, "channel.write"),
        ({"control": "number", "minimum": "a"}, "channel.write.minimum"),
        ({"control": "select"}, "channel.write.options"),
        ({"control": "text", "max_length": 0}, "channel.write.max_length"),
        ({"control": "switch", "target": 7}, "channel.write.target"),
        ({"control": "switch", "colour": 7}, "channel.write"),
        ("switch", "channel.write"),
    ],
)
def test_a_wrong_description_names_the_place(write: Any, path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        Channel.from_dict({"key": "a", "name": "A", "source": "a", "write": write})
    assert caught.value.path == path
