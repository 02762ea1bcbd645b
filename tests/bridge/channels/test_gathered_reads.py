"""Reads of a fast device that is shown slowly are looked at together, and nobody can tell."""

import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import DeviceSession

from .sessions import batch, channel, csv_session, told

FILTERS = [{"kind": "median", "window": 3}, {"kind": "pt1", "tau": 0.2, "dt": 0.001}]
PUBLISH = {"absolute": 0.5, "at_most_every": 1}


def fast_session(**more: object) -> DeviceSession:
    """Return a session whose only channel is filtered and spoke already."""
    session = csv_session(channel("x", "0", filters=FILTERS, **more))
    session.accept(batch(0.0, "0.0"))
    return session


def read(session: DeviceSession, number: int, *, size: int = 10, every: float = 0.01) -> None:
    """Have the session accept the read of this number."""
    lines = [f"{math.sin((number * size + place) / 30) * 20:.3f}" for place in range(size)]
    session.accept(batch((number + 1) * every, *lines))


def test_a_tenth_of_a_second_is_looked_at_together() -> None:
    session = fast_session()
    values = told(session, "x")

    for number in range(10):
        read(session, number)
        assert values == []
    read(session, 10)

    assert len(values) == 1


def test_no_more_rows_wait_than_take_a_moment() -> None:
    session = fast_session()
    values = told(session, "x")

    read(session, 0, size=100)
    assert values == []
    read(session, 1, size=100)

    assert len(values) == 1


@pytest.mark.parametrize("publish", [None, PUBLISH])
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_what_is_gathered_gives_what_single_reads_give(publish: dict[str, float] | None, sizes: list[int]) -> None:
    gathered, single = fast_session(publish=publish), fast_session(publish=publish)
    single.on_samples(lambda _: None)  # who sees every sample sees it at once

    for number, size in enumerate(sizes):
        read(gathered, number, size=size)
        read(single, number, size=size)

    assert gathered.raw_value("x") == single.raw_value("x")
    assert gathered.live_value("x") == pytest.approx(single.live_value("x"), abs=1e-9)
    if publish is None:
        assert gathered.value("x") == pytest.approx(single.value("x"), abs=1e-9)


@pytest.mark.parametrize(
    "look",
    [
        lambda session: session.value("x"),
        lambda session: session.values["x"],
        lambda session: session.live_value("x"),
        lambda session: session.live_values["x"],
        lambda session: session.raw_value("x"),
        lambda session: session.save(),
        lambda session: session.statistics(),
        lambda session: session.flush(0.02),
        lambda session: session.check_silence(0.02),
        lambda session: session.link_lost(),
        lambda session: session.lost(["x"]),
        lambda session: session.on_samples(lambda _: None),
        lambda session: fast_session().inherit(session),
        lambda session: session.accept(batch(5.0, "1.0")),
    ],
)
def test_whoever_asks_gets_what_was_read(look: object) -> None:
    session = fast_session()
    values = told(session, "x")
    read(session, 0)

    assert callable(look)
    look(session)

    assert len(values) >= 1


@pytest.mark.parametrize(
    "more",
    [
        {"min_interval": 0.5},
        {"publish": {"at_most_every": 0.5}},
        {"publish": {"at_most_every": 10, "at_once": 1}},
    ],
)
def test_what_may_be_shown_at_once_does_not_wait(more: dict[str, object]) -> None:
    session, patient = fast_session(**more), fast_session()
    for each in (session, patient):
        each.accept(batch(0.01, "no number"))

    assert session.counters.unreadable == {"x": 1}
    assert patient.counters.unreadable == {}


def test_a_device_that_is_not_available_is_looked_at_at_once() -> None:
    session = fast_session()
    session.link_lost()
    heard: list[bool] = []
    session.on_availability(lambda: heard.append(session.available))

    read(session, 0)

    assert heard == [True]
