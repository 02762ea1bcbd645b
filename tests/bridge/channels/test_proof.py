"""A reading proves a write when it is the same value, as exactly as it could be sent."""

import pytest

from custom_components.fieldbridge.bridge.channels import Channel, Value, ValueKind, Write, WriteControl
from custom_components.fieldbridge.bridge.channels.proof import Proof
from custom_components.fieldbridge.bridge.errors import WriteError

TARGET = Channel(
    key="t", name="Target", source="1", scale=0.1, write=Write(control=WriteControl.NUMBER, minimum=5, step=0.5)
)
MODE = Channel(
    key="m",
    name="Mode",
    source="2",
    kind=ValueKind.TEXT,
    texts={"0": "off", "2": "heat"},
    write=Write(control=WriteControl.SELECT, options={"off": 0, "heat": 2}),
)
FAN = Channel(
    key="f", name="Fan", source="3", kind=ValueKind.BINARY, write=Write(control=WriteControl.SWITCH, on=1, off=0)
)


@pytest.mark.parametrize(
    ("channel", "raw", "reading", "is_given"),
    [
        (TARGET, 215, 21.5, True),
        (TARGET, 215, 21.25, True),
        (TARGET, 215, 21.2, False),
        (TARGET, 215, None, False),
        (TARGET, 0, 0.0, True),
        (MODE, 2, "heat", True),
        (MODE, 2, "off", False),
        (FAN, 1, True, True),
        (FAN, 1, False, False),
        (FAN, 1, 1, False),
        (FAN, 1, None, False),
    ],
)
def test_numbers_within_half_a_step_and_all_else_exactly(
    channel: Channel, raw: object, reading: Value | None, is_given: bool
) -> None:
    assert Proof(channel, raw).given_by(reading) is is_given


@pytest.mark.parametrize(("channel", "raw"), [(FAN, "RUN"), (MODE, 1), (TARGET, "warm")])
def test_what_cannot_be_read_back_is_refused(channel: Channel, raw: object) -> None:
    with pytest.raises(WriteError, match="cannot be compared"):
        Proof(channel, raw)
