"""The counter guard: totals that only grow, from meters that do not always say so."""

from typing import Any

from custom_components.fieldbridge.bridge.filters import filter_from_dict


def passed(readings: list[float], **parameters: Any) -> list[float]:
    guard = filter_from_dict({"kind": "counter_guard", **parameters})
    return [out for raw in readings if (out := guard.update(raw)) is not None]


def test_a_growing_total_passes_and_so_does_one_that_stands() -> None:
    assert passed([10.0, 10.0, 10.5, 12.0]) == [10.0, 10.0, 10.5, 12.0]


def test_zeros_while_the_meter_restarts_are_held_back() -> None:
    assert passed([5000.0, 0.0, 0.0, 5000.1]) == [5000.0, 5000.1]


def test_a_spike_is_held_back_and_does_not_raise_the_bar() -> None:
    assert passed([100.0, 101.0, 65535.0, 102.0, 103.0], max_step=10.0) == [100.0, 101.0, 102.0, 103.0]


def test_a_reset_that_counts_up_again_passes_once_it_is_confirmed() -> None:
    assert passed([100.0, 0.0, 0.2, 0.5, 0.9]) == [100.0, 0.5, 0.9]


def test_a_total_that_was_reset_and_stands_at_zero_passes_as_well() -> None:
    assert passed([100.0, 0.0, 0.0, 0.0, 0.0]) == [100.0, 0.0, 0.0]


def test_samples_that_contradict_each_other_confirm_nothing() -> None:
    assert passed([100.0, 3.0, 1.0, 2.0, 0.5, 100.5], max_step=5.0) == [100.0, 100.5]


def test_a_jump_that_stays_is_real() -> None:
    # The link was away for long.
    assert passed([100.0, 400.0, 401.0, 402.0], max_step=10.0) == [100.0, 402.0]


def test_a_small_step_back_is_noise_however_long_it_lasts() -> None:
    assert passed([100.0, 99.9, 99.9, 99.9, 99.9, 100.2]) == [100.0, 100.2]


def test_rolling_over_passes_at_once() -> None:
    assert passed([65530.0, 4.0, 9.0], roll_over=65536.0) == [65530.0, 4.0, 9.0]
    assert passed([65530.0, 4.0, 9.0], roll_over=65536.0, max_step=20.0) == [65530.0, 4.0, 9.0]


def test_a_fall_from_the_middle_of_the_range_is_no_roll_over() -> None:
    assert passed([30000.0, 4.0, 30001.0], roll_over=65536.0) == [30000.0, 30001.0]
    assert passed([65000.0, 400.0, 65001.0], roll_over=65536.0, max_step=20.0) == [65000.0, 65001.0]
