"""Filters and publish policies stand between a field and what is told; who taps sees everything."""

from itertools import accumulate
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge import kernels
from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, DeviceSession, Sample
from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.filters import Pt1Filter
from custom_components.fieldbridge.bridge.streams import OverflowPolicy

from .sessions import batch, channel, csv_session, told

MEDIAN = {"kind": "median", "window": 3}


def tap(session: DeviceSession) -> list[Sample]:
    samples: list[Sample] = []
    session.on_samples(samples.extend)
    return samples


def test_a_total_is_guarded_unless_its_description_says_otherwise() -> None:
    described = {"key": "x", "name": "X", "source": "0", "state_class": "total_increasing"}

    assert Channel.from_dict(described).filters == ({"kind": "counter_guard"},)
    assert Channel.from_dict({**described, "filters": []}).filters == ()
    assert Channel.from_dict({**described, "filters": [MEDIAN]}).filters == (MEDIAN,)
    assert Channel.from_dict({**described, "state_class": "measurement"}).filters == ()
    assert Channel.from_dict({**described, "kind": "text"}).filters == ()


def test_a_filter_sees_every_value_and_the_last_of_a_batch_is_told() -> None:
    session = csv_session(channel("x", "0", filters=[{"kind": "max", "window": 10}]))
    values = told(session, "x")
    session.accept(batch(1, 1, 9, 2))

    assert values == [9]
    assert session.value("x") == 9
    assert session.raw_value("x") == 2


def test_decimals_are_dropped_behind_the_filters() -> None:
    session = csv_session(channel("x", "0", precision=0, filters=[{"kind": "mean", "window": 4}]))
    session.accept(batch(1, 1.4, 1.4, 1.4, 2.4))

    assert session.value("x") == 2  # 1.65; of rounded values it would be 1.25


def test_a_filtered_number_that_is_too_large_for_a_whole_one_stays_a_float() -> None:
    session = csv_session(channel("x", "0", precision=0, filters=[{"kind": "mean", "window": 2}]))
    session.accept(batch(1, "1e30"))

    assert repr(session.value("x")) == "1e+30"


def test_a_whole_number_that_only_passes_stays_one() -> None:
    session = csv_session(channel("x", "0", filters=[{"kind": "counter_guard"}]))
    session.accept(batch(1, 100))

    assert repr(session.value("x")) == "100"


def test_an_unreadable_field_is_counted_and_follows_the_policy_of_the_filter() -> None:
    session = csv_session(
        channel("skipped", "0", filters=[MEDIAN]),
        channel("held", "0", filters=[{**MEDIAN, "missing": "hold"}]),
        channel("rejected", "0", filters=[{**MEDIAN, "missing": "reject"}]),
        channel("dropped", "0", filters=[{"kind": "dead_band"}]),
    )
    session.accept(batch(1, 5))
    session.accept(batch(2, "----"))

    assert session.values == {"skipped": None, "held": 5, "rejected": None, "dropped": 5}
    assert session.counters.unreadable.total() == 4
    session.accept(batch(3, 5))
    assert session.value("skipped") == 5


def test_implausible_values_never_reach_a_filter() -> None:
    session = csv_session(channel("x", "0", maximum=50, filters=[{"kind": "mean", "window": 10}]))
    session.accept(batch(1, 20, 1000, 20))

    assert session.value("x") == 20
    assert session.counters.implausible == {"x": 1}


def test_frames_of_one_read_are_spread_over_the_time_since_the_last() -> None:
    session = csv_session(channel("x", "0", filters=[{"kind": "pt1", "tau": 5, "dt": 1}]))
    session.accept(batch(0, 0))
    session.accept(batch(4, 8, 8, 8, 8))
    expected = Pt1Filter(tau=5, dt=1)
    for value in (0, 8, 8, 8, 8):
        expected.update(value, 1)

    assert session.value("x") == expected.value


WRITTEN = st.floats(-60, 60).map(str) | st.sampled_from(
    [
        "7",
        "-0.0",
        "21.5",
        " 21.5 ",
        "1e300",
        "1.5e300",
        "1_0.5",
        "nan.",
        "inf",
        "x",
        "",
        ".",
        "9" * 400,
        "9" * 400 + ".0",
    ]
)


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [MEDIAN, {"kind": "pt1", "tau": 1, "dt": 1}],
        [{"kind": "multiply", "factor": 1e10}, {"kind": "pt1", "tau": 1, "dt": 1}, {"kind": "max", "window": 2}],
        [{"kind": "multiply", "factor": 1e10}, {"kind": "pt1", "tau": 1, "dt": 1, "missing": "hold"}, MEDIAN],
        [MEDIAN, {"kind": "dead_band", "absolute": 2}],
    ],
)
@given(lines=st.lists(WRITTEN, min_size=1, max_size=30), size=st.integers(1, 30))
def test_fields_that_come_together_give_what_they_give_one_by_one(
    filters: list[dict[str, Any]], lines: list[str], size: int
) -> None:
    described = channel("x", "0", filters=filters)
    together, one_by_one = csv_session(described), csv_session(described)
    got, expected = tap(together), tap(one_by_one)
    frames = [frame for second, line in enumerate(lines) for frame in batch(second, line)]
    for start in range(0, len(frames), size):
        together.accept(frames[start : start + size])
    for frame in frames:
        one_by_one.accept([frame])

    assert repr(got) == repr(expected)
    assert together.counters == one_by_one.counters
    assert together.live_values == one_by_one.live_values


@pytest.mark.parametrize("sizes", [[100] * 7, [100, 300, 3, 1, 2, 294], [10, 290, 400]])
@pytest.mark.parametrize(
    "filters",
    [
        [MEDIAN],
        [MEDIAN, {"kind": "pt1", "tau": 1, "dt": 1}],
        [MEDIAN, {"kind": "exponential_average", "alpha": 0.3}],
        [{"kind": "pt1", "tau": 1, "dt": 1}, {"kind": "dead_band", "absolute": 2}],
    ],
)
def test_long_batches_give_what_short_ones_give(filters: list[dict[str, Any]], sizes: list[int]) -> None:
    kernels.active()
    lines = [f"{math.sin(step / 9) * 50:.2f}" for step in range(700)]
    long, short = csv_session(channel("x", "0", filters=filters)), csv_session(channel("x", "0", filters=filters))
    got, expected = tap(long), tap(short)
    for start, size in zip(accumulate(sizes, initial=0), sizes, strict=False):
        long.accept(batch(start + size, *lines[start : start + size]))
    for step, line in enumerate(lines):
        short.accept(batch(step + 1 if step >= sizes[0] else sizes[0], line))

    assert [sample.values.keys() for sample in got] == [sample.values.keys() for sample in expected]
    values = [sample.values["x"] for sample in got if sample.values]
    assert values == pytest.approx([sample.values["x"] for sample in expected if sample.values])


def test_the_policy_shows_what_left_the_band_at_its_pace_and_the_latest_at_last() -> None:
    session = csv_session(channel("x", "0", publish={"absolute": 1, "at_most_every": 10}))
    values = told(session, "x")
    for time, value in ((0, 20), (1, 20.5), (2, 25), (3, 26)):
        session.accept(batch(time, value))

    assert values == [20]
    assert session.value("x") == 20
    assert session.live_value("x") == 26
    assert session.due == 10
    session.flush(9)
    assert values == [20]
    session.flush(10)
    assert values == [20, 26]
    assert session.due is None


def test_a_policy_without_a_pace_has_that_of_the_channel() -> None:
    session = csv_session(channel("x", "0", publish={"absolute": 0.1}, min_interval=3))
    session.accept(batch(0, 20))
    session.accept(batch(1, 21))

    assert session.due == 3


def test_a_missing_value_and_the_one_after_it_are_told_at_once() -> None:
    session = csv_session(channel("x", "0", publish={"at_most_every": 100}))
    values = told(session, "x")
    for time, value in ((0, 1), (1, "-"), (2, 3)):
        session.accept(batch(time, value))

    assert values == [1, None, 3]


def test_a_timed_filter_speaks_when_it_is_due() -> None:
    session = csv_session(channel("x", "0", filters=[{"kind": "timeout", "seconds": 5}]))
    values, samples = told(session, "x"), tap(session)
    session.accept(batch(0, 1))
    assert session.due == 5
    session.flush(5)

    assert values == [1, None]
    assert samples == [Sample(0, {"x": 1}, {"x": 1}), Sample(5, {}, {"x": None})]
    assert session.due is None


def test_taps_see_every_frame_raw_and_filtered() -> None:
    session = csv_session(
        channel("x", "0", filters=[{"kind": "every", "count": 2}, {"kind": "offset", "amount": 100}]), channel("y", "1")
    )
    samples = tap(session)
    session.accept(batch(1, "1;a", "2;7", "3;8"))

    assert samples == [
        Sample(1, {"x": 1, "y": None}, {"x": 101, "y": None}),
        Sample(1, {"x": 2, "y": 7}, {"y": 7}),
        Sample(1, {"x": 3, "y": 8}, {"x": 103, "y": 8}),
    ]


def test_a_tap_that_ended_hears_nothing() -> None:
    session = csv_session(channel("x", "0"))
    samples: list[Sample] = []
    unsubscribe = session.on_samples(samples.extend)
    unsubscribe()
    session.accept(batch(1, 1))

    assert samples == []


async def test_a_slow_consumer_loses_by_its_own_policy_and_counts_it() -> None:
    session = csv_session(channel("x", "0"))
    newest = session.samples.subscribe(overflow=OverflowPolicy.DROP_OLDEST, buffer_size=2)
    everything = session.samples.subscribe(overflow=OverflowPolicy.DROP_NEWEST, buffer_size=0)
    session.accept(batch(1, 1, 2, 3))
    session.close()

    assert [sample.raw["x"] async for sample in newest] == [2, 3]
    assert newest.dropped == 1
    assert [sample.raw["x"] async for sample in everything] == [1, 2, 3]


def test_fields_that_are_parsed_already_go_the_same_way() -> None:
    session = csv_session(channel("x", "0", filters=[{"kind": "multiply", "factor": 2}]))
    session.take(["4"], 1.0)

    assert session.value("x") == 8
    assert session.available


def test_history_goes_on_after_a_restart_and_in_a_device_that_was_edited() -> None:
    before = csv_session(channel("x", "0", filters=[MEDIAN]))
    before.accept(batch(1, 1, 9))
    restarted = csv_session(channel("x", "0", filters=[MEDIAN]))
    restarted.restore(before.save())
    edited = csv_session(channel("x", "0", filters=[MEDIAN], unit="V", precision=1))
    edited.inherit(before)
    for session in (restarted, edited):
        session.accept(batch(2, 2))
        assert session.value("x") == 2  # the middle of 1, 9 and 2


@pytest.mark.parametrize(
    "other",
    [
        channel("x", "0", filters=[{"kind": "median", "window": 5}]),
        channel("x", "0", filters=[MEDIAN], scale=10),
        channel("x", "1", filters=[MEDIAN]),
    ],
)
def test_history_of_another_signal_is_not_taken_over(other: dict[str, object]) -> None:
    before = csv_session(channel("x", "0", filters=[MEDIAN]))
    before.accept(batch(1, "1;1", "9;9"))
    session = csv_session(other)
    session.inherit(before)
    session.accept(batch(2, "2;2"))

    assert session.value("x") in {2, 20}


@pytest.mark.parametrize("saved", [None, [], {"x": None}, {"x": {"filters": [MEDIAN]}}, {"x": {"state": 1}}])
def test_what_is_no_saved_state_is_ignored(saved: object) -> None:
    session = csv_session(channel("x", "0", filters=[MEDIAN]))
    session.restore(saved)
    session.accept(batch(1, 3))

    assert session.value("x") == 3


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"filters": [MEDIAN, {"kind": "medain"}]}, "channels[0].filters[1].kind"),
        ({"filters": [{"kind": "median"}]}, "channels[0].filters[0]"),
        ({"filters": {"kind": "median"}}, "channels[0].filters"),
        ({"filters": [MEDIAN], "kind": "text"}, "channels[0].filters"),
        ({"publish": {"absolute": -1}}, "channels[0].publish"),
    ],
)
def test_a_wrong_filter_is_named(wrong: dict[str, object], path: str) -> None:
    with pytest.raises(ProfileError) as raised:
        csv_session(channel("x", "0", **wrong))
    assert raised.value.path == path


def test_filters_survive_the_json_form() -> None:
    profile = csv_session(channel("x", "0", filters=[MEDIAN], publish={"absolute": 1})).profile

    assert DeviceProfile.from_dict(profile.to_dict()) == profile


@given(st.lists(st.sampled_from([b"1", b"-7.5", b"1e308", b"-1e308", b"x", b"", b"nan"]), max_size=40), st.data())
def test_no_frame_makes_a_filtered_device_raise_or_show_what_is_no_number(
    lines: list[bytes], data: st.DataObject
) -> None:
    filters = data.draw(
        st.lists(
            st.sampled_from(
                [
                    {"kind": "one_euro"},
                    {"kind": "derivative"},
                    {"kind": "multiply", "factor": 1e300},
                    {"kind": "median", "window": 3, "missing": "reject"},
                    {"kind": "timeout", "seconds": 1},
                    {"kind": "publish", "at_most_every": 1},
                ]
            ),
            max_size=3,
        )
    )
    session = csv_session(channel("x", "0", filters=filters))
    for time, line in enumerate(lines):
        session.accept(batch(time / 3, line.decode()))
        session.flush(time / 3)
        value = session.value("x")
        assert value is None or math.isfinite(float(value))
