"""Gates that thin a signal out: dead-band, swinging door, count, time, values."""

from typing import Any

import numpy as np
import pytest

from custom_components.fieldbridge.bridge.filters import Kept, filter_from_dict

from .clocks import Clock


def passed(item: dict[str, Any], readings: list[float], dt: float | None = None) -> list[float]:
    gate = filter_from_dict(item, clock=Clock())
    return [out for raw in readings if (out := gate.update(raw, dt)) is not None]


def test_without_a_band_every_change_passes() -> None:
    assert passed({"kind": "dead_band"}, [1.0, 1.0, 1.1, 1.1, 1.0]) == [1.0, 1.1, 1.0]


def test_a_dead_band_lies_around_the_last_value_that_passed_so_that_a_slow_drift_is_seen() -> None:
    assert passed({"kind": "dead_band", "absolute": 1.0}, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]) == [0.0, 1.5, 3.0]


def test_a_percent_band_grows_with_the_value() -> None:
    assert passed({"kind": "dead_band", "percent": 10.0}, [100.0, 109.0, 111.0, 121.0, 123.0]) == [100.0, 111.0, 123.0]


def test_a_dead_band_with_a_greatest_change_keeps_spikes_out() -> None:
    item = {"kind": "dead_band", "absolute": 0.5, "most": 10.0}

    assert passed(item, [20.0, 85.0, 21.0, 0.0, 22.0]) == [20.0, 21.0, 22.0]
    assert passed({"kind": "dead_band", "most_percent": 50.0}, [20.0, 31.0, 29.0]) == [20.0, 29.0]


def test_a_swinging_door_keeps_corners_and_drops_what_lies_on_the_lines_between() -> None:
    ramp = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]

    assert passed({"kind": "swinging_door", "deviation": 0.1}, ramp, 1.0) == [0.0, 5.0]
    assert passed({"kind": "swinging_door", "deviation": 0.1, "longest": 3.0}, ramp, 1.0) == [0.0, 3.0, 5.0, 5.0]


@pytest.mark.parametrize("seed", range(5))
def test_lines_between_the_corners_of_a_swinging_door_miss_no_sample_by_more_than_the_deviation(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=500).cumsum()
    times = np.arange(500.0)
    kept = filter_from_dict({"kind": "swinging_door", "deviation": 2.0}).block(x, times)
    assert isinstance(kept, Kept)

    # A corner comes out with the sample after it, the very first value by itself.
    corners = np.where(kept.indices == 0, 0, kept.indices - 1)
    np.testing.assert_array_equal(x[corners], kept.values)
    assert len(corners) < 150
    drawn = np.interp(times[: corners[-1] + 1], times[corners], x[corners])
    # Every line passes through the door of each sample; the corner itself may lie at its edge.
    assert np.abs(drawn - x[: corners[-1] + 1]).max() <= 2 * 2.0


def test_initial_samples_are_skipped_again_after_a_reset() -> None:
    gate = filter_from_dict({"kind": "skip_initial", "count": 2})

    assert [gate.update(x) for x in (1.0, 2.0, 3.0)] == [None, None, 3.0]
    gate.reset()
    assert gate.update(4.0) is None


def test_every_nth_sample_passes_beginning_with_the_given_one() -> None:
    samples = [float(x) for x in range(1, 10)]

    assert passed({"kind": "every", "count": 3}, samples) == [1.0, 4.0, 7.0]
    assert passed({"kind": "every", "count": 3, "first": 3}, samples) == [3.0, 6.0, 9.0]


def test_a_throttle_passes_one_value_per_period_and_priority_values_always() -> None:
    samples = [1.0, 2.0, 0.0, 3.0, 4.0, 5.0]

    assert passed({"kind": "throttle", "seconds": 3.0}, samples, 1.0) == [1.0, 3.0]
    assert passed({"kind": "throttle", "seconds": 3.0, "priority": [0.0]}, samples, 1.0) == [1.0, 0.0, 5.0]


def test_a_throttle_uses_its_clock_where_samples_have_no_interval() -> None:
    clock = Clock()
    gate = filter_from_dict({"kind": "throttle", "seconds": 10.0}, clock=clock)

    assert gate.update(1.0) == 1.0
    clock.advance(9.9)
    assert gate.update(2.0) is None
    clock.advance(0.1)
    assert gate.update(3.0) == 3.0


def test_values_out_of_range_and_named_values_are_dropped_not_bent() -> None:
    assert passed({"kind": "range_reject", "low": -40.0, "high": 85.0}, [20.0, -127.0, 85.0, 86.0]) == [20.0, 85.0]
    assert passed({"kind": "filter_out", "values": [85.0, -127.0]}, [20.0, -127.0, 85.0, 84.9]) == [20.0, 84.9]
