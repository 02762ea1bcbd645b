"""What holds for every filter: two faces, one state that survives, channels apart, nothing that poisons."""

from itertools import pairwise
import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from custom_components.fieldbridge.bridge.filters import KINDS, GateFilter, MapFilter, filter_from_dict
from custom_components.fieldbridge.bridge.filters.chain import AnyOf
from custom_components.fieldbridge.bridge.filters.kinds import Kept

from .examples import ALL, GATES, MAPS, TIMED, Item, name

VALUES = st.floats(min_value=-50.0, max_value=50.0) | st.sampled_from([0.0, -0.0, 1.0, 7.0])
# Sums of eighths are exact, so that times added up and times read off are the same.
STEPS = st.integers(min_value=0, max_value=40).map(lambda eighths: eighths / 8.0)
STREAMS = st.lists(st.tuples(VALUES, STEPS), min_size=1, max_size=100)
CUTS = st.lists(st.integers(min_value=0, max_value=120), max_size=5)


def make(item: Item) -> MapFilter | GateFilter:
    """Return the filter with a clock that stands at 0."""
    return filter_from_dict(item, clock=lambda: 0.0)


def pieces(length: int, cuts: list[int]) -> list[slice]:
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    return [slice(a, b) for a, b in pairwise(edges)]


def comparable(outs: list[tuple[int, float]]) -> list[tuple[int, float | str]]:
    """Return the values with a word for NaN, which equals nothing."""
    return [(index, "missing" if math.isnan(value) else value) for index, value in outs]


def single(signal_filter: MapFilter | GateFilter, raws: list[float], steps: list[float] | None) -> list[Any]:
    """Return (index, value) of all that comes out sample by sample."""
    outs = []
    for index, raw in enumerate(raws):
        dt = steps[index] if steps is not None and index else None
        out = signal_filter.update(raw, dt)
        if out is not None:
            outs.append((index, out))
    return comparable(outs)


def chunked(
    signal_filter: MapFilter | GateFilter, raws: list[float], times: list[float] | None, cuts: list[int]
) -> list[Any]:
    """Return (index, value) of all that comes out chunk by chunk."""
    outs: list[Any] = []
    for piece in pieces(len(raws), cuts):
        stamps = None if times is None else np.array(times[piece])
        result = signal_filter.block(np.array(raws[piece]), stamps)
        if isinstance(result, Kept):
            outs += zip((result.indices + piece.start).tolist(), result.values.tolist(), strict=True)
        else:
            assert isinstance(result, np.ndarray)
            outs += zip(range(piece.start, piece.stop), result.tolist(), strict=True)
    return comparable(outs)


def test_the_examples_show_every_kind() -> None:
    assert {item["kind"] for item in ALL} == {*KINDS, AnyOf.kind}


@pytest.mark.parametrize("item", ALL, ids=name)
@settings(max_examples=10, deadline=None)
@given(stream=STREAMS, cuts=CUTS)
def test_chunks_give_what_single_samples_give_however_they_are_cut(
    item: Item, stream: list[tuple[float, float]], cuts: list[int]
) -> None:
    raws = [raw for raw, _ in stream]

    assert chunked(make(item), raws, None, cuts) == single(make(item), raws, None)


@pytest.mark.parametrize("item", ALL, ids=name)
@settings(max_examples=10, deadline=None)
@given(stream=STREAMS, cuts=CUTS)
def test_chunks_with_time_stamps_give_what_samples_with_intervals_give(
    item: Item, stream: list[tuple[float, float]], cuts: list[int]
) -> None:
    raws, steps = [raw for raw, _ in stream], [step for _, step in stream]
    times = np.cumsum([0.0, *steps[1:]]).tolist()

    assert chunked(make(item), raws, times, cuts) == single(make(item), raws, steps)


@pytest.mark.parametrize("item", ALL, ids=name)
def test_channels_side_by_side_are_as_independent_as_filters_of_their_own(item: Item) -> None:
    rng = np.random.default_rng(7)
    matrix = rng.normal(scale=10.0, size=(90, 9)).cumsum(axis=0)
    together = make(item)

    parts = [together.block(matrix[:5]), together.block(matrix[5:])]

    for column in range(9):
        alone = make(item)
        expected = chunked(alone, matrix[:, column].tolist(), None, [5])
        got: list[tuple[int, float]] = []
        for part, start in zip(parts, (0, 5), strict=True):
            if isinstance(part, list):
                got += zip((part[column].indices + start).tolist(), part[column].values.tolist(), strict=True)
            else:
                assert isinstance(part, np.ndarray)
                got += [(start + row, value) for row, value in enumerate(part[:, column].tolist())]
        assert comparable(got) == expected
        assert together.channels[column].value == alone.value


@pytest.mark.parametrize("item", [item for item in ALL if item["kind"] not in {"derivative", "integrate"}], ids=name)
@settings(max_examples=5, deadline=None)
@given(stream=STREAMS)
def test_a_state_that_went_through_json_goes_on_where_it_was_saved(
    item: Item, stream: list[tuple[float, float]]
) -> None:
    raws = [raw for raw, _ in stream]
    half = len(raws) // 2
    before, after = make(item), make(item)
    single(before, raws[:half], None)

    after.from_state(json.loads(json.dumps(before.to_state())))

    assert after.value == before.value
    # What depends on time or on the first samples starts anew after a restart; the others go on as if nothing had been.
    if item["kind"] not in {"throttle", "skip_initial", "any_of"} and item not in TIMED:
        assert single(after, raws[half:], None) == single(before, raws[half:], None)


def test_an_integral_goes_on_from_its_total_without_inventing_what_nobody_measured() -> None:
    before, after = make({"kind": "integrate", "per": 1.0}), make({"kind": "integrate", "per": 1.0})
    single(before, [10.0, 10.0, 10.0], None)

    after.from_state(json.loads(json.dumps(before.to_state())))

    assert single(after, [4.0, 4.0], None) == [(0, 20.0), (1, 24.0)]


def test_several_channels_are_saved_and_restored_together() -> None:
    before, after = make(MAPS[0]), make(MAPS[0])
    before.block(np.arange(12.0).reshape(4, 3))

    after.from_state(json.loads(json.dumps(before.to_state())))

    assert [channel.value for channel in after.channels] == [channel.value for channel in before.channels]


@pytest.mark.parametrize("item", ALL, ids=name)
def test_the_state_of_another_kind_of_filter_is_refused(item: Item) -> None:
    signal_filter = make(item)

    with pytest.raises(ValueError, match="cannot continue"):
        signal_filter.from_state({"kind": "something else", "value": 1.0})


COUNT_MISSING_VALUES = {"skip_initial", "every", "throttle_average"}


@pytest.mark.parametrize("item", [item for item in ALL if item["kind"] not in COUNT_MISSING_VALUES], ids=name)
def test_missing_values_leave_no_trace_in_any_state(item: Item) -> None:
    raws = np.random.default_rng(3).normal(scale=9.0, size=64).cumsum().tolist()
    disturbed, spared = make(item), make(item)
    for raw in raws:
        spared.update(raw)
        disturbed.update(raw)
        for missing in (math.nan, math.inf, -math.inf):
            out = disturbed.update(missing)
            assert out is None or math.isnan(out)

    assert disturbed.to_state() == spared.to_state()


@pytest.mark.parametrize("item", MAPS, ids=name)
@settings(max_examples=20, deadline=None)
@given(stream=STREAMS, cuts=CUTS)
def test_small_batches_give_what_single_samples_give(
    item: Item, stream: list[tuple[float, float]], cuts: list[int]
) -> None:
    batched, one_by_one = make(item), make(item)
    assert isinstance(batched, MapFilter)
    raws, steps = [raw for raw, _ in stream], [step for _, step in stream]

    out = [value for piece in pieces(len(raws), cuts) for value in batched.update_many(raws[piece], steps[piece])]

    assert out == [one_by_one.update(raw, step) for raw, step in stream]
    assert batched.to_state() == one_by_one.to_state()


@pytest.mark.parametrize("item", MAPS, ids=name)
def test_a_chunk_with_missing_and_huge_values_gives_what_single_samples_give(item: Item) -> None:
    raws = np.random.default_rng(4).normal(scale=9.0, size=100).cumsum()
    raws[[0, 17, 50, 60, 61, 99]] = math.nan, math.inf, math.nan, 1e200, -1.7e308, -math.inf

    for policy in ("skip", "hold"):
        chunk = make(item | {"missing": policy}).block(raws)
        one_by_one = make(item | {"missing": policy})
        assert isinstance(chunk, np.ndarray)
        np.testing.assert_array_equal(chunk, [one_by_one.update(raw) for raw in raws.tolist()])


@pytest.mark.parametrize("item", MAPS, ids=name)
def test_what_is_missing_gives_nan_the_last_value_or_an_error_as_declared(item: Item) -> None:
    skip, hold, reject = (make(item | {"missing": policy}) for policy in ("skip", "hold", "reject"))
    for signal_filter in (skip, hold, reject):
        signal_filter.update(5.0)

    assert math.isnan(skip.update(math.nan) or 0.0)
    assert hold.update(math.nan) == hold.value
    with pytest.raises(ValueError, match="raw must be finite, got NaN"):
        reject.update(math.nan)


@pytest.mark.parametrize("item", [*GATES[:-1], *TIMED], ids=name)
def test_a_gate_drops_what_is_missing_or_calls_it_an_error(item: Item) -> None:
    assert make(item).update(math.nan) is None
    if item["kind"] not in {"skip_initial", "every"}:
        with pytest.raises(ValueError, match="raw must be finite, got inf"):
            make(item | {"missing": "reject"}).update(math.inf)


@pytest.mark.parametrize("item", ALL, ids=name)
def test_a_reset_filter_is_as_new(item: Item) -> None:
    raws = np.random.default_rng(5).normal(scale=9.0, size=30).cumsum().tolist()
    used = make(item)
    single(used, raws, None)

    used.reset()

    assert used.value is None
    assert used.to_state() == make(item).to_state()
    assert single(used, raws, None) == single(make(item), raws, None)


@pytest.mark.parametrize("item", ALL, ids=name)
def test_the_json_form_makes_the_same_filter_again(item: Item) -> None:
    again = filter_from_dict(json.loads(json.dumps(make(item).to_dict())))

    assert again.to_dict() == make(item).to_dict()
    assert repr(again) == repr(make(item))


@pytest.mark.parametrize("item", ALL, ids=name)
def test_an_empty_chunk_gives_an_empty_chunk(item: Item) -> None:
    result = make(item).block(np.empty(0))

    assert len(result.values if isinstance(result, Kept) else result) == 0


def test_a_filter_does_not_change_its_number_of_channels() -> None:
    signal_filter = make(MAPS[0])
    signal_filter.block(np.zeros((3, 2)))

    with pytest.raises(ValueError, match="carries 2 channels, got 3"):
        signal_filter.block(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="carries 2 channels, got 1"):
        signal_filter.block(np.zeros(3))


def test_times_that_go_back_or_do_not_fit_are_refused() -> None:
    signal_filter = make(MAPS[0])

    with pytest.raises(ValueError, match="must not go back"):
        signal_filter.block(np.zeros(2), np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"must have the shape \(2,\)"):
        signal_filter.block(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="values must have the shape"):
        signal_filter.block(np.zeros((2, 2, 2)))
