"""Filters in a row and side by side."""

from itertools import pairwise
import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.filters import AnyOf, Chain, Kept, chain_from_list, filter_from_dict
from custom_components.fieldbridge.bridge.filters.calibration import Linear

from .clocks import Clock
from .examples import ALL

SMOOTH: list[Any] = [
    {"kind": "median", "window": 5},
    {"kind": "pt1", "tau": 5.0, "dt": 1.0, "exact": True},
    {"kind": "one_euro", "beta": 0.1, "exact": True},
]
THIN: list[Any] = [
    *SMOOTH,
    {"kind": "dead_band", "absolute": 0.5},
    {"kind": "exponential_average", "alpha": 0.5, "exact": True},
    {"kind": "throttle", "seconds": 4.0},
    {"kind": "derivative"},
]


def chain(items: list[Any]) -> Chain:
    return chain_from_list(items, clock=Clock())


def test_an_empty_chain_gives_what_it_gets() -> None:
    empty = chain([])

    assert empty.update(3.0) == 3.0
    assert empty.is_map
    assert np.asarray(empty.block([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_a_chain_of_maps_is_a_map_and_with_a_gate_it_is_a_gate() -> None:
    assert chain(SMOOTH).is_map
    assert not chain(THIN).is_map
    assert isinstance(chain(SMOOTH).block(np.zeros(4)), np.ndarray)
    assert isinstance(chain(THIN).block(np.zeros(4)), Kept)


@settings(max_examples=60, deadline=None)
@given(
    items=st.one_of(st.just(THIN), st.lists(st.sampled_from(ALL), min_size=1, max_size=4)),
    steps=st.lists(st.integers(1, 20).map(lambda n: n / 8.0), min_size=1, max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=5),
    seed=st.integers(0, 99),
)
def test_samples_and_chunks_of_one_stream_may_alternate(
    items: list[Any], steps: list[float], cuts: list[int], seed: int
) -> None:
    x = (np.random.default_rng(seed).normal(size=len(steps)).cumsum() * 4).tolist()
    times = np.cumsum(steps).tolist()
    clock = Clock()
    one_by_one, mixed = chain_from_list(items, clock=clock), chain_from_list(items, clock=clock)
    expected: list[tuple[int, float]] = []
    got: list[tuple[int, float]] = []
    edges = [0, 1, *sorted(max(1, min(cut, len(x))) for cut in cuts), len(x)]
    for piece, (start, stop) in enumerate(pairwise(edges)):
        for index in range(start, stop):
            clock.now = times[index]
            value = one_by_one.update(x[index], times[index] - times[index - 1] if index else None)
            if value is not None:
                expected.append((index, value))
        if piece % 2 and stop > start:
            result = mixed.block_since(x[start:stop], times[start:stop], times[start - 1])
            kept = result if isinstance(result, Kept) else Kept(result, np.arange(stop - start))
            got += zip((kept.indices + start).tolist(), kept.values.tolist(), strict=True)
            continue
        for index in range(start, stop):
            clock.now = times[index]
            value = mixed.update(x[index], times[index] - times[index - 1] if index else None)
            if value is not None:
                got.append((index, value))

    assert [index for index, _ in got] == [index for index, _ in expected]
    assert [value for _, value in got] == pytest.approx(
        [value for _, value in expected], rel=1e-9, abs=1e-9, nan_ok=True
    )


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(st.integers(1, 20).map(lambda n: n / 8.0), min_size=1, max_size=150),
    cuts=st.lists(st.integers(0, 150), max_size=4),
    seed=st.integers(0, 99),
)
def test_chunks_give_what_samples_give_also_behind_gates_where_time_has_to_be_added_up(
    steps: list[float], cuts: list[int], seed: int
) -> None:
    x = np.random.default_rng(seed).normal(size=len(steps)).cumsum()
    times = np.cumsum([0.0, *steps[1:]])
    one_by_one, chunked = chain(THIN), chain(THIN)
    expected = []
    for index, raw in enumerate(x.tolist()):
        value = one_by_one.update(raw, steps[index] if index else 0.0)
        if value is not None:
            expected.append((index, value))

    got: list[tuple[int, float]] = []
    edges = [0, *sorted(min(cut, len(x)) for cut in cuts), len(x)]
    for start, stop in pairwise(edges):
        kept = chunked.block(x[start:stop], times[start:stop])
        assert isinstance(kept, Kept)
        got += zip((kept.indices + start).tolist(), kept.values.tolist(), strict=True)

    assert [index for index, _ in got] == [index for index, _ in expected]
    assert [value for _, value in got] == pytest.approx([value for _, value in expected], rel=1e-12, abs=1e-12)


def test_several_channels_go_through_the_maps_together_and_through_the_gates_apart() -> None:
    x = np.random.default_rng(2).normal(size=(60, 3)).cumsum(axis=0)
    together = chain(THIN)

    result = [together.block(x[:20]), together.block(x[20:])]

    for column in range(3):
        alone = chain(THIN)
        for part, piece in zip(result, (x[:20], x[20:]), strict=True):
            expected = alone.block(piece[:, column])
            assert isinstance(part, list)
            assert isinstance(expected, Kept)
            np.testing.assert_array_equal(part[column].values, expected.values)
            np.testing.assert_array_equal(part[column].indices, expected.indices)


def test_runs_of_offsets_and_factors_are_one_pass() -> None:
    items = [{"kind": "offset", "amount": 2.0}, {"kind": "multiply", "factor": 3.0}, {"kind": "linear", "slope": 0.5}]
    calibration = chain([*items, {"kind": "round"}, {"kind": "offset", "amount": 1.0}])

    assert [type(stage).__name__ for stage in calibration.stages] == ["Linear", "Round", "Offset"]
    assert isinstance(calibration.stages[0], Linear)
    assert calibration.update(4.0) == 10.0
    assert calibration.to_list()[:2] == items[:2]


def test_factors_whose_product_overflows_stay_apart() -> None:
    huge = chain([{"kind": "multiply", "factor": 1e200}, {"kind": "multiply", "factor": 1e200}])

    assert len(huge.stages) == 2
    assert math.isnan(huge.update(1.0) or 0.0)
    assert huge.update(0.0) == 0.0


def test_a_chain_goes_on_where_it_was_saved_with_one_channel_and_with_several() -> None:
    x = np.random.default_rng(5).normal(size=(80, 3)).cumsum(axis=0)
    for first, second in ((x[:40, 0], x[40:, 0]), (x[:40], x[40:])):
        before, after = chain(SMOOTH), chain(SMOOTH)
        before.block(first)

        after.from_state(json.loads(json.dumps(before.to_state())))

        np.testing.assert_array_equal(np.asarray(after.block(second)), np.asarray(before.block(second)))


def test_the_state_behind_a_gate_is_saved_for_each_channel() -> None:
    before, after = chain(THIN), chain(THIN)
    before.block(np.arange(60.0).reshape(20, 3))

    after.from_state(json.loads(json.dumps(before.to_state())))

    assert [channel.value for channel in after.channels] == [channel.value for channel in before.channels]


def test_the_state_of_another_chain_is_refused_and_leaves_a_fresh_one() -> None:
    smooth = chain(SMOOTH)
    smooth.update(1.0)

    with pytest.raises(ValueError, match="another chain"):
        smooth.from_state(chain(SMOOTH[:2]).to_state())
    assert smooth.value is None


def test_a_reset_chain_and_a_clone_are_as_new() -> None:
    used = chain(THIN)
    used.update(5.0)

    assert used.clone().value is None
    used.reset()
    assert used.value is None


def test_any_of_lets_the_first_value_through_that_one_of_its_chains_gives() -> None:
    clock = Clock()
    either = filter_from_dict(
        {
            "kind": "any_of",
            "filters": [[{"kind": "throttle", "seconds": 10.0}], [{"kind": "dead_band", "absolute": 5.0}]],
        },
        clock=clock,
    )

    assert [either.update(x) for x in (1.0, 2.0, 7.0, 7.5)] == [1.0, None, 7.0, None]
    clock.advance(10.0)
    assert either.update(7.6) == 7.6


def test_any_of_is_due_when_one_of_its_chains_is() -> None:
    clock = Clock()
    items = [[{"kind": "heartbeat", "seconds": 30.0}], [{"kind": "debounce", "seconds": 2.0}]]
    either = filter_from_dict({"kind": "any_of", "filters": items}, clock=clock)
    assert isinstance(either, AnyOf)
    either.update(4.0)

    assert either.due == 1002.0
    assert either.flush(1002.0) == 4.0
    assert either.due == 1030.0


@pytest.mark.parametrize(
    ("items", "path", "message"),
    [
        ("median", "filters", "must be a list"),
        (["median"], "filters[0]", "must be a mapping"),
        ([{"kind": "medain", "window": 3}], "filters[0].kind", "unknown filter 'medain'; known are pt1"),
        ([{"kind": "median", "window": 3}, {"kind": "median"}], "filters[1]", "median needs window"),
        ([{"kind": "median", "size": 3}], "filters[0]", "median has no size; it has window, missing"),
        ([{"kind": "median", "window": 0}], "filters[0]", "window must be >= 1, got 0"),
        (
            [{"kind": "median", "window": 3, "missing": "drop"}],
            "filters[0]",
            "missing must be one of skip, hold, reject",
        ),
        ([{"kind": "any_of", "filters": []}], "filters[0]", "any_of needs filters"),
        ([{"kind": "any_of", "filters": [[{"kind": "x"}]]}], "filters[0].filters[0][0].kind", "unknown filter 'x'"),
        ([{"kind": ["median"]}], "filters[0].kind", "unknown filter ['median']"),
    ],
)
def test_what_is_wrong_in_a_list_of_filters_is_named_with_its_place(items: object, path: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        chain_from_list(items)

    assert caught.value.path == path
    assert message in str(caught.value)
