"""Maps: windows, outliers, limits, calibration, rounding, thermistors, calculus, statistics."""

import math
from typing import Any

import numpy as np
import pytest

from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.filters import Kept, filter_from_dict


def mapped(item: dict[str, Any], readings: list[float], dt: float | None = None) -> list[float | None]:
    signal_filter = filter_from_dict(item)
    return [signal_filter.update(raw, dt if index else None) for index, raw in enumerate(readings)]


def test_windows_give_least_greatest_mean_and_nearest_rank() -> None:
    samples = [5.0, 1.0, 4.0, 2.0, 3.0]

    assert mapped({"kind": "min", "window": 3}, samples) == [5.0, 1.0, 1.0, 1.0, 2.0]
    assert mapped({"kind": "max", "window": 3}, samples) == [5.0, 5.0, 5.0, 4.0, 4.0]
    assert mapped({"kind": "mean", "window": 2}, samples) == [5.0, 3.0, 2.5, 3.0, 2.5]
    assert mapped({"kind": "quantile", "window": 5, "quantile": 0.5}, samples)[-1] == 3.0
    assert mapped({"kind": "quantile", "window": 5, "quantile": 1.0}, samples)[-1] == 5.0


def test_a_mean_keeps_nothing_of_a_huge_sample_that_left_its_window() -> None:
    assert mapped({"kind": "mean", "window": 2}, [1e16, 1.0, 0.1, 0.2])[-1] == pytest.approx(0.15, abs=1e-16)
    assert mapped({"kind": "mean", "window": 2}, [1.7e308, 1.7e308])[-1] == 1.7e308


def test_a_mean_over_time_weighs_values_by_how_long_they_held() -> None:
    mean = filter_from_dict({"kind": "time_mean", "seconds": 10.0})
    mean.update(0.0)

    assert mean.update(100.0, 9.0) == 0.0
    assert mean.update(0.0, 1.0) == 10.0
    assert mean.update(0.0, 5.0) == 10.0
    assert mean.update(0.0, 20.0) == 0.0


def test_savitzky_golay_has_the_published_weights_and_leaves_a_parabola_alone() -> None:
    # Savitzky and Golay 1964, table I: quadratic, five points.
    impulse = mapped({"kind": "savitzky_golay", "window": 5}, [0.0, 0.0, 0.0, 0.0, 0.0, 35.0, 0.0, 0.0, 0.0, 0.0])
    assert impulse[5:] == pytest.approx([-3.0, 12.0, 17.0, 12.0, -3.0])

    parabola = [float(x * x) for x in range(20)]
    assert mapped({"kind": "savitzky_golay", "window": 7, "delay": 0}, parabola)[6:] == pytest.approx(parabola[6:])
    assert mapped({"kind": "savitzky_golay", "window": 7}, parabola)[6:] == pytest.approx(parabola[3:-3])


def test_hampel_replaces_an_outlier_by_the_median_and_recovers_from_a_bad_first_value() -> None:
    noise = [20.0, 20.1, 19.9, 20.0, 85.0, 20.1, 20.0]

    assert mapped({"kind": "hampel", "window": 5}, noise)[4] == 20.0
    assert mapped({"kind": "hampel", "window": 5}, [9999.0, 20.0, 20.1, 20.0, 20.1])[-1] == 20.1


def test_hampel_does_not_call_the_last_digit_of_a_signal_at_rest_an_outlier_when_told_so() -> None:
    samples = [20.0] * 6 + [20.1]

    assert mapped({"kind": "hampel", "window": 7}, samples)[-1] == 20.0
    assert mapped({"kind": "hampel", "window": 7, "least": 0.15}, samples)[-1] == 20.1


def test_a_rate_limit_counts_seconds_not_samples() -> None:
    assert mapped({"kind": "rate_limit", "rate": 2.0}, [0.0, 10.0, 10.0], 0.5) == [0.0, 1.0, 2.0]
    assert mapped({"kind": "rate_limit", "rate": 2.0, "falling": 4.0}, [0.0, -10.0], 1.0) == [0.0, -4.0]


def test_clamping_takes_either_limit_or_both() -> None:
    assert mapped({"kind": "clamp", "low": 0.0}, [-1.0, 5.0]) == [0.0, 5.0]
    assert mapped({"kind": "clamp", "high": 1.0}, [-1.0, 5.0]) == [-1.0, 1.0]
    with pytest.raises(ProfileError, match="low must not be above high"):
        filter_from_dict({"kind": "clamp", "low": 2.0, "high": 1.0})
    with pytest.raises(ProfileError, match="low or high must be given"):
        filter_from_dict({"kind": "clamp"})


def test_calibration_by_points_fits_a_line_or_follows_the_points() -> None:
    points = [[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]

    assert mapped({"kind": "polynomial", "points": points, "degree": 1}, [10.0]) == [21.0]
    assert mapped({"kind": "piecewise", "points": [[0, 0], [10, 100], [20, 110]]}, [-1, 5, 10, 15, 30]) == [
        -10.0,
        50.0,
        100.0,
        105.0,
        120.0,
    ]
    assert filter_from_dict({"kind": "polynomial", "points": [[0, 0], [1, 1], [2, 4]], "degree": 2}).to_dict() == {
        "kind": "polynomial",
        "coefficients": [0.0, 0.0, 1.0],
    }


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"kind": "polynomial", "points": [[1, 1], [1, 2]], "degree": 1}, "do not determine a polynomial of degree 1"),
        ({"kind": "polynomial", "points": [[1, 1]], "degree": 1}, "at least 2 pairs"),
        ({"kind": "polynomial"}, "give either coefficients or points"),
        ({"kind": "polynomial", "coefficients": []}, "must not be empty"),
        ({"kind": "piecewise", "points": [[1, 1], [1, 2]]}, "must ascend"),
        ({"kind": "piecewise", "points": [[1, 1], 2]}, r"points\[1\] must be a pair"),
        ({"kind": "savitzky_golay", "window": 5, "degree": 5}, "degree must be below window"),
        ({"kind": "timeout", "seconds": 1, "substitute": 1, "last": True}, "exclude each other"),
        ({"kind": "publish", "at_most_every": 5, "at_least_every": 1}, "must not be below"),
        ({"kind": "statistics", "quantity": "mode", "window": 5}, "quantity must be one of mean, rms"),
        ({"kind": "pt1", "tau": 1, "dt": 1, "exact": 1}, "exact must be true or false"),
        ({"kind": "quantile", "window": 5, "quantile": 0}, "above 0.0 and at most 1.0"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(item: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        filter_from_dict(item)


def test_a_calibration_without_a_finite_result_is_missing() -> None:
    assert math.isnan(mapped({"kind": "multiply", "factor": 1e300}, [1e300])[0] or 0.0)


def test_rounding_goes_away_from_zero_at_halves_and_leaves_huge_values_alone() -> None:
    assert mapped({"kind": "round", "decimals": 1}, [0.25, -0.25, 1.04, 1e300]) == [0.3, -0.3, 1.0, 1e300]
    assert mapped({"kind": "round_to_multiple", "multiple": 0.5}, [1.3, 1.2, -0.8]) == [1.5, 1.0, -1.0]
    assert mapped({"kind": "round_to_digits", "digits": 2}, [1234.0, 0.01234, -99.9]) == [1200.0, 0.012, -100.0]


def test_a_thermistor_goes_both_ways_and_has_no_temperature_at_no_resistance() -> None:
    coefficients = {"a": 0.0008407919494250122, "b": 0.0002584565344993939, "c": 1.6990786404369544e-07}
    temperature = {"kind": "ntc_temperature"} | coefficients
    resistance = {"kind": "ntc_resistance"} | coefficients

    assert mapped(temperature, [10_000.0, 27_219.0, 14_674.0]) == pytest.approx([25.0, 0.0, 15.0])
    assert mapped(resistance, [25.0, 0.0, 15.0]) == pytest.approx([10_000.0, 27_219.0, 14_674.0])
    assert [math.isnan(value or 0.0) for value in mapped(temperature, [0.0, -5.0])] == [True, True]
    assert math.isnan(mapped(resistance, [-273.15])[0] or 0.0)


def test_an_integral_turns_watts_into_watt_hours_over_uneven_intervals() -> None:
    integral = filter_from_dict({"kind": "integrate"})
    integral.update(1000.0)

    assert integral.update(1000.0, 1800.0) == 500.0
    assert integral.update(3000.0, 3600.0) == 2500.0


def test_an_integral_of_small_parts_does_not_stand_still_beside_a_large_total() -> None:
    integral = filter_from_dict({"kind": "integrate", "per": 1.0, "steps": True})
    integral.update(1e16)
    integral.update(0.25)
    for _ in range(100):
        integral.update(0.25)

    assert integral.value == 1e16 + 25.0


def test_a_derivative_is_per_minute_if_told_so_and_stays_at_two_samples_of_one_time() -> None:
    slope = filter_from_dict({"kind": "derivative", "per": 60.0})

    assert slope.update(10.0) == 0.0
    assert slope.update(11.0, 30.0) == 2.0
    assert slope.update(99.0, 0.0) == 2.0


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("mean", 1.0),
        ("rms", math.sqrt(1.0 + 2.0)),
        ("peak", 3.0),
        ("peak_to_peak", 4.0),
        ("standard_deviation", math.sqrt(2.0)),
        ("crest_factor", 3.0 / math.sqrt(3.0)),
        ("dominant_frequency", 50.0),
    ],
)
def test_statistics_of_a_sine_on_an_offset(quantity: str, expected: float) -> None:
    sine = 1.0 + 2.0 * np.sin(2 * np.pi * 50.0 * np.arange(2000) / 1000.0)
    item = {"kind": "statistics", "quantity": quantity, "window": 1000, "every": 500, "dt": 0.001}

    kept = filter_from_dict(item).block(sine)

    assert isinstance(kept, Kept)
    assert kept.indices.tolist() == [999, 1499, 1999]
    assert kept.values.tolist() == pytest.approx([expected] * 3, rel=1e-3)


def test_a_signal_at_rest_has_no_frequency_and_no_crest() -> None:
    for quantity in ("dominant_frequency", "crest_factor"):
        kept = filter_from_dict({"kind": "statistics", "quantity": quantity, "window": 16}).block(np.zeros(16))
        assert isinstance(kept, Kept)
        assert kept.values.tolist() == [0.0]
