"""Frames in, changed values out: told once per batch, counted by what became of each frame, never raising."""

import json
import logging
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession, Value
from custom_components.fieldbridge.bridge.codecs.frame import Frame


def channel(key: str, source: str, kind: str = "number", **more: object) -> dict[str, Any]:
    return {"key": key, "name": key.upper(), "source": source, "kind": kind, **more}


def session_of(decoder: dict[str, Any], *channels: dict[str, Any], **more: object) -> DeviceSession:
    data = {"schema_version": 1, "decoder": decoder, "channels": list(channels), **more}
    return DeviceSession(DeviceProfile.from_dict(data))


def csv(*channels: dict[str, Any], **more: object) -> DeviceSession:
    return session_of({"kind": "separated", "separator": ";"}, *channels, **more)


def frames(*data: bytes) -> list[Frame]:
    return [Frame(float(number), item) for number, item in enumerate(data)]


def listen(session: DeviceSession, key: str) -> list[Value | None]:
    told: list[Value | None] = []
    session.on_value(key, told.append)
    return told


def test_a_changed_value_is_told_once_per_batch_with_the_last_value() -> None:
    session = csv(channel("x", "0"), channel("y", "1"))
    x, y = listen(session, "x"), listen(session, "y")
    session.accept(frames(b"1;5", b"2;5", b"3;5"))
    session.accept(frames(b"3;5"))
    session.accept(frames(b"4;5", b"3;5"))

    assert x == [3]
    assert y == [5]
    assert session.counters.decoded == 6
    assert session.values == {"x": 3, "y": 5}


def test_repeated_frames_count_like_different_ones() -> None:
    session = csv(channel("x", "1"), condition={"prefix": "A", "source": "0", "equals": "A"})
    told = listen(session, "x")
    for _ in range(2):
        missed = session.offer(
            frames(b"A;1", b"A;1", b"A\xff", b"A;1", b"B;7", b"B;7", b"A;2", b"AB;3", b"AB;3", b"A;1")
        )
        assert missed == {2: "encoding", 4: "", 5: "", 7: "", 8: ""}

    assert told == [1]
    assert (session.counters.decoded, session.counters.not_ours) == (10, 8)
    assert session.counters.rejected == {"encoding": 2}


def test_a_change_behind_the_precision_is_no_change() -> None:
    session = csv(channel("x", "0", precision=1))
    told = listen(session, "x")
    for text in (b"20.01", b"20.04", b"20.06"):
        session.accept(frames(text))

    assert told == [20.0, 20.1]


def test_one_and_true_are_different_values() -> None:
    session = session_of({"kind": "json"}, channel("x", "x", "text"))
    told = listen(session, "x")
    session.accept(frames(b'{"x": 1}'))
    session.accept(frames(b'{"x": true}'))

    assert told == ["1", "True"]


def test_an_unreadable_field_tells_none_and_is_counted_each_time() -> None:
    session = csv(channel("x", "0"))
    told = listen(session, "x")
    for text in (b"1", b"----", b"----", b"1"):
        session.accept(frames(text))

    assert told == [1, None, 1]
    assert session.counters.unreadable == {"x": 2}
    assert session.available


def test_a_number_of_hundreds_of_digits_is_unreadable_and_ends_nothing() -> None:
    session = csv(channel("x", "0", scale=0.1), channel("y", "0"))
    session.accept(frames(b"9" * 400, b"1"))

    assert session.counters.unreadable == {"x": 1, "y": 1}
    assert session.values == {"x": 0.1, "y": 1}


def test_frames_that_cannot_be_decoded_are_counted_by_reason() -> None:
    session = csv(channel("x", "0"))
    session.accept(frames(b"\xff", b"1", b"\xfe"))

    assert session.statistics() == {
        "decoded": 1,
        "not_ours": 0,
        "rejected": {"encoding": 2},
        "unreadable": {},
        "implausible": {},
        "failed_listeners": 0,
        "stale_after": 30.0,
    }


def test_a_condition_picks_the_frames_of_the_device() -> None:
    session = session_of({"kind": "json"}, channel("t", "t"), condition={"source": "id", "equals": "7"})
    told = listen(session, "t")
    session.accept(frames(b'{"id": 7, "t": 1}', b'{"id": 8, "t": 2}', b'{"t": 3}', b'{"id": " 7 ", "t": 4}'))

    assert told == [4]
    assert (session.counters.decoded, session.counters.not_ours) == (2, 2)


def test_frames_of_others_do_not_make_a_device_available() -> None:
    session = csv(channel("x", "1"), condition={"source": "0", "equals": "A"})
    session.accept(frames(b"B;1"))

    assert not session.available


def test_availability_is_told_before_the_first_value() -> None:
    session = csv(channel("x", "0"))
    order: list[object] = []
    session.on_availability(lambda: order.append(session.is_available("x")))
    session.on_value("x", order.append)
    session.accept(frames(b"5"))

    assert order == [True, 5]


def test_a_failing_listener_harms_nobody_and_is_logged_once_for_what_it_hears(caplog: pytest.LogCaptureFixture) -> None:
    session = csv(channel("x", "0"), channel("y", "1"))

    def fail(*_: object) -> None:
        raise RuntimeError("broken entity")

    session.on_value("x", fail)
    session.on_availability(fail)
    x, y = listen(session, "x"), listen(session, "y")
    with caplog.at_level(logging.ERROR):
        for number in range(50):
            session.accept(frames(b"%d;%d" % (number, number)))

    assert x == y == list(range(50))
    assert session.statistics()["failed_listeners"] == 51
    assert [record.exc_text is not None for record in caplog.records] == [True, True]


def test_an_unsubscribed_listener_hears_nothing_more() -> None:
    session = csv(channel("x", "0"))
    told: list[Value | None] = []
    unsubscribe = session.on_value("x", told.append)
    session.accept(frames(b"1"))
    unsubscribe()
    unsubscribe()
    session.accept(frames(b"2"))

    assert told == [1]


def test_a_listener_may_unsubscribe_while_it_is_told() -> None:
    session = csv(channel("x", "0"))
    told: list[Value | None] = []

    def once(value: Value | None) -> None:
        told.append(value)
        unsubscribe()

    unsubscribe = session.on_value("x", once)
    others = listen(session, "x")
    session.accept(frames(b"1"))
    session.accept(frames(b"2"))

    assert told == [1]
    assert others == [1, 2]


SESSIONS = st.sampled_from(
    [
        lambda: csv(channel("x", "0", scale=0.5), channel("y", "1", "binary"), channel("z", "2", "text")),
        lambda: session_of(
            {"kind": "json"},
            channel("x", "a"),
            channel("y", "a.b", "text"),
            channel("z", "a.0", "binary"),
            condition={"source": "a.0.b", "equals": "1"},
        ),
        lambda: session_of({"kind": "json"}, channel("x", "a", "text"), channel("y", "a", "binary")),
    ]
)
JSON_OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab0"), inner, max_size=3),
).map(lambda value: json.dumps({"a": value}).encode())


@given(SESSIONS, st.lists(st.binary(max_size=50) | JSON_OBJECTS, max_size=5))
def test_every_frame_is_decoded_rejected_or_not_ours_and_none_raises(make: Any, data: list[bytes]) -> None:
    session = make()
    session.accept(frames(*data))

    counters = session.counters
    assert counters.decoded + counters.not_ours + counters.rejected.total() == len(data)
    json.dumps(session.values, allow_nan=False)


def test_the_deepest_structure_that_fits_into_a_frame_harms_nobody() -> None:
    session = session_of(
        {"kind": "json"},
        channel("x", "a", "text"),
        channel("y", "a", "binary"),
        condition={"source": "id", "equals": "1"},
    )
    deep = b'{"id": 1, "a": ' + b"[" * 2000 + b"]" * 2000 + b"}"
    session.accept(frames(deep, deep, b'{"id": 1, "a": "on"}'))

    assert session.values == {"x": "on", "y": True}
