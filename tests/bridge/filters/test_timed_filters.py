"""Filters that speak when no sample comes, and the publish policy, on a clock that the test moves."""

import math
from typing import Any

import numpy as np

from custom_components.fieldbridge.bridge.filters import Kept, TimedFilter, chain_from_list, filter_from_dict

from .clocks import Clock


def timed(clock: Clock, **item: Any) -> TimedFilter:
    result = filter_from_dict(item, clock=clock)
    assert isinstance(result, TimedFilter)
    return result


def test_nothing_is_due_before_the_first_sample() -> None:
    for kind in ("throttle_average", "heartbeat", "debounce", "timeout"):
        assert timed(Clock(), kind=kind, seconds=5.0).due is None
        assert timed(Clock(), kind=kind, seconds=5.0).flush(1e9) is None


def test_an_average_is_given_at_the_end_of_each_period_and_nothing_for_an_empty_one() -> None:
    clock = Clock()
    average = timed(clock, kind="throttle_average", seconds=10.0)

    assert [average.update(x) for x in (1.0, 2.0, 6.0)] == [None, None, None]
    assert average.due == 1010.0
    assert average.flush(1009.9) is None
    assert average.flush(1010.0) == 3.0
    assert average.due == 1020.0
    assert average.flush(1020.0) is None
    # A timer that comes late does not move the grid.
    average.update(4.0)
    assert average.flush(1047.0) == 4.0
    assert average.due == 1050.0


def test_an_average_of_missing_values_alone_says_so() -> None:
    clock = Clock()
    average = timed(clock, kind="throttle_average", seconds=10.0)
    average.update(math.nan)

    assert math.isnan(average.flush(1010.0) or 0.0)
    assert average.flush(1020.0) is None


def test_a_heartbeat_repeats_the_last_value_and_an_optimistic_one_passes_new_ones_too() -> None:
    clock = Clock()
    calm, prompt = (timed(clock, kind="heartbeat", seconds=5.0, optimistic=prompt) for prompt in (False, True))

    assert (calm.update(1.0), prompt.update(1.0)) == (None, 1.0)
    assert calm.flush(1005.0) == 1.0
    assert calm.flush(1010.0) == 1.0
    clock.advance(12.0)
    assert (calm.update(2.0), prompt.update(2.0)) == (None, 2.0)
    assert calm.flush(1015.0) == 2.0


def test_a_debounced_value_comes_when_it_was_quiet_for_long_enough() -> None:
    clock = Clock()
    debounce = timed(clock, kind="debounce", seconds=1.0)

    debounce.update(1.0)
    clock.advance(0.5)
    debounce.update(2.0)
    assert debounce.flush(1001.0) is None
    assert debounce.flush(1001.5) == 2.0
    assert debounce.due is None


def test_a_debounced_value_is_not_lost_when_the_timer_comes_later_than_the_next_sample() -> None:
    clock = Clock()
    debounce = timed(clock, kind="debounce", seconds=1.0)

    debounce.update(1.0)
    clock.advance(5.0)

    assert debounce.update(2.0) == 1.0
    assert debounce.flush(1006.0) == 2.0


def test_a_timeout_says_missing_a_substitute_or_the_last_value_once() -> None:
    clock = Clock()
    missing = timed(clock, kind="timeout", seconds=5.0)
    zero = timed(clock, kind="timeout", seconds=5.0, substitute=0.0)
    last = timed(clock, kind="timeout", seconds=5.0, last=True)
    for timeout in (missing, zero, last):
        assert timeout.update(7.0) == 7.0
        assert timeout.due == 1005.0

    assert math.isnan(missing.flush(1005.0) or 0.0)
    assert missing.value is None
    assert zero.flush(1005.0) == 0.0
    assert last.flush(1005.0) == 7.0
    assert [timeout.due for timeout in (missing, zero, last)] == [None, None, None]


def test_what_fell_due_between_the_samples_of_one_late_chunk_is_given_as_well() -> None:
    average = filter_from_dict({"kind": "throttle_average", "seconds": 2.0}, clock=Clock())

    kept = average.block(np.arange(6.0), np.arange(6.0))

    assert isinstance(kept, Kept)
    assert kept.values.tolist() == [0.5, 2.5]
    assert kept.indices.tolist() == [2, 4]


def policy(clock: Clock, **parameters: Any) -> TimedFilter:
    return timed(clock, kind="publish", **parameters)


def test_a_change_is_shown_at_once_and_what_stays_in_the_band_never() -> None:
    clock = Clock()
    publish = policy(clock, absolute=0.5)

    assert [publish.update(x) for x in (20.0, 20.4, 20.6, 20.6)] == [20.0, None, 20.6, None]
    assert publish.due is None


def test_a_change_that_came_too_early_is_shown_as_soon_as_it_may() -> None:
    clock = Clock()
    publish = policy(clock, at_most_every=10.0)

    assert publish.update(1.0) == 1.0
    clock.advance(1.0)
    assert [publish.update(x) for x in (2.0, 3.0)] == [None, None]
    assert publish.due == 1010.0
    assert publish.flush(1010.0) == 3.0
    assert publish.due is None


def test_a_change_that_went_back_in_time_is_not_shown() -> None:
    clock = Clock()
    publish = policy(clock, at_most_every=10.0)
    publish.update(1.0)
    clock.advance(1.0)
    publish.update(2.0)

    publish.update(1.0)

    assert publish.due is None


def test_a_great_change_does_not_wait() -> None:
    clock = Clock()
    publish = policy(clock, at_most_every=10.0, at_once=5.0)
    publish.update(1.0)
    clock.advance(1.0)

    assert publish.update(6.0) == 6.0


def test_an_unchanged_value_is_shown_again_while_the_device_speaks_and_not_after_it_fell_silent() -> None:
    clock = Clock()
    publish = policy(clock, at_least_every=60.0)
    due = [publish.update(1.0), publish.due]
    clock.advance(30.0)
    due += [publish.update(1.0), publish.due, publish.flush(1060.0), publish.due]
    assert due == [1.0, None, None, 1060.0, 1.0, None]
    clock.advance(1000.0)
    assert publish.update(1.0) == 1.0


def test_a_chain_is_due_when_its_first_stage_is_and_sends_what_comes_out_through_the_rest() -> None:
    clock = Clock()
    items = [{"kind": "throttle_average", "seconds": 10.0}, {"kind": "multiply", "factor": 2.0}, {"kind": "dead_band"}]
    chain = chain_from_list(items, clock=clock)

    assert [chain.update(x) for x in (1.0, 3.0)] == [None, None]
    assert chain.due == 1010.0
    assert chain.flush(1009.0) is None
    assert chain.flush(1010.0) == 4.0
    assert chain.value == 4.0
    chain.update(2.0)
    assert chain.flush(1020.0) is None


def test_what_a_timeout_calls_missing_goes_straight_to_the_end() -> None:
    clock = Clock()
    chain = chain_from_list(
        [{"kind": "timeout", "seconds": 5.0}, {"kind": "median", "window": 3}, {"kind": "dead_band"}], clock=clock
    )
    chain.update(20.0)

    assert math.isnan(chain.flush(1005.0) or 0.0)
    clock.advance(10.0)
    assert chain.update(22.0) == 21.0
