"""The three filters of the documented interface: maths, seeding, texts and errors are those of the reference."""

import math
from typing import Any

import numpy as np
import pytest

from custom_components.fieldbridge.bridge.filters import Filter, MedianFilter, OneEuroFilter, Pt1Filter


@pytest.mark.parametrize("signal_filter", [Pt1Filter(5.0, 1.0), MedianFilter(3), OneEuroFilter()])
def test_they_satisfy_the_filter_interface_and_the_first_update_seeds(signal_filter: Filter) -> None:
    assert isinstance(signal_filter, Filter)
    assert [signal_filter.value, signal_filter.update(20.5), signal_filter.value] == [None, 20.5, 20.5]

    signal_filter.reset()

    assert [signal_filter.value, signal_filter.update(3), signal_filter.value] == [None, 3.0, 3.0]
    assert isinstance(signal_filter.value, float)


def test_pt1_weighs_a_sample_with_dt_by_tau_plus_dt() -> None:
    pt1 = Pt1Filter(tau=5.0, dt=1.0)

    assert (pt1.tau, pt1.dt, pt1.alpha) == (5.0, 1.0, 1.0 / 6.0)
    assert [pt1.update(x) for x in (1.0, 2.0)] == [1.0, 1.1666666666666667]


def test_pt1_follows_the_real_interval_between_samples() -> None:
    pt1 = Pt1Filter(tau=5.0, dt=1.0)
    pt1.update(0.0)

    assert pt1.update(10.0, 5.0) == 5.0
    assert pt1.update(99.0, 0.0) == 5.0
    with pytest.raises(ValueError, match=r"dt must be non-negative, got -1.0"):
        pt1.update(1.0, -1.0)


def test_median_warms_up_over_the_samples_so_far_and_takes_the_middle_of_an_even_number() -> None:
    median = MedianFilter(4)

    assert [median.update(x) for x in (1, 2, 3, 10, -5)] == [1.0, 1.5, 2.0, 2.5, 2.5]


def test_median_of_an_even_number_neither_overflows_nor_loses_digits() -> None:
    median = MedianFilter(2)
    median.update(1.7e308)

    assert median.update(1.7e308) == 1.7e308
    assert median.update(-1.7e308) == 0.0


def test_one_euro_follows_the_published_formula() -> None:
    one_euro = OneEuroFilter(min_cutoff=1.0, beta=0.5, d_cutoff=1.0, dt=0.1)
    one_euro.update(1.0)
    weight = 0.1 / (1 / (2 * math.pi * 1.0) + 0.1)
    derivative = weight * ((3.0 - 1.0) / 0.1)
    weight = 0.1 / (1 / (2 * math.pi * (1.0 + 0.5 * derivative)) + 0.1)

    assert one_euro.update(3.0) == pytest.approx(weight * 3.0 + (1 - weight) * 1.0, rel=1e-15)


def test_one_euro_begins_anew_when_two_huge_samples_have_no_finite_difference() -> None:
    one_euro = OneEuroFilter()
    one_euro.update(1.7e308)

    assert one_euro.update(-1.7e308) == -1.7e308
    assert one_euro.value is None
    assert one_euro.block(np.array([3.0, *[4.0] * 9]))[1] == 3.862697438301587


def test_one_euro_takes_the_first_of_two_samples_at_one_time() -> None:
    one_euro = OneEuroFilter()
    one_euro.update(1.0, 1.0)

    assert one_euro.update(9.0, 0.0) == 1.0
    with pytest.raises(ValueError, match=r"dt must be non-negative, got -1.0"):
        one_euro.update(1.0, -1.0)


@pytest.mark.parametrize(
    ("signal_filter", "text"),
    [
        (Pt1Filter(5, 1), "Pt1Filter(tau=5.0, dt=1.0, value=None)"),
        (MedianFilter(3), "MedianFilter(window=3, value=None)"),
        (OneEuroFilter(1, 0.5), "OneEuroFilter(min_cutoff=1.0, beta=0.5, d_cutoff=1.0, dt=1.0, value=None)"),
    ],
)
def test_their_text_form_names_parameters_and_value(signal_filter: Filter, text: str) -> None:
    assert repr(signal_filter) == text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Pt1Filter(tau=True, dt=1.0), TypeError, "tau must be a number, got bool: True"),
        (lambda: Pt1Filter(tau=0, dt=1.0), ValueError, "tau must be positive, got 0.0"),
        (lambda: Pt1Filter(tau=1.0, dt=-1.0), ValueError, "dt must be positive, got -1.0"),
        (lambda: Pt1Filter(tau=math.nan, dt=1.0), ValueError, "tau must be finite, got NaN"),
        (lambda: MedianFilter(3.0), TypeError, "window must be an int, got float: 3.0"),  # type: ignore[arg-type]
        (lambda: MedianFilter(True), TypeError, "window must be an int, got bool: True"),
        (lambda: MedianFilter(0), ValueError, "window must be >= 1, got 0"),
        (lambda: MedianFilter(2**20 + 1), ValueError, "window must be <= 1048576, got 1048577"),
        (lambda: OneEuroFilter(min_cutoff=0), ValueError, "min_cutoff must be positive, got 0.0"),
        (lambda: OneEuroFilter(beta=-1), ValueError, "beta must be non-negative, got -1.0"),
        (lambda: OneEuroFilter(d_cutoff=True), TypeError, "d_cutoff must be a number, got bool: True"),
        (lambda: Pt1Filter(5.0, 1.0).update(math.nan), ValueError, "raw must be finite, got NaN"),
        (lambda: MedianFilter(3).update(math.inf), ValueError, "raw must be finite, got inf"),
        (lambda: OneEuroFilter().block([1.0] * 20 + [math.nan]), ValueError, "raw must be finite, got NaN"),
    ],
)
def test_wrong_parameters_and_samples_are_named(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make()

    assert str(caught.value) == message


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("size", [64, 100, 1000, 5000])
def test_the_reordered_form_is_within_1e_12_of_the_largest_magnitude_for_any_cut(size: int, scale: float) -> None:
    x = np.random.default_rng(size).normal(scale=scale, size=size)
    pairs: list[tuple[Any, Any]] = [
        (Pt1Filter(50.0, 1.0), Pt1Filter(50.0, 1.0, exact=True)),
        (OneEuroFilter(0.5, 0.1 / scale, dt=0.01), OneEuroFilter(0.5, 0.1 / scale, dt=0.01, exact=True)),
    ]
    for reordered, exact in pairs:
        result = np.concatenate([reordered.block(part) for part in np.split(x, [size // 3, size // 2])])

        assert np.abs(result - exact.block(x)).max() <= 1e-12 * np.abs(x).max()


@pytest.mark.parametrize("missing", ["skip", "hold"])
def test_the_reordered_form_passes_over_missing_values_as_the_exact_one_does(missing: str) -> None:
    x = np.random.default_rng(8).normal(size=300)
    x[[0, 100, 299]] = math.nan, math.inf, -math.inf
    pairs: list[tuple[Any, Any]] = [
        (Pt1Filter(50.0, 1.0, missing=missing), Pt1Filter(50.0, 1.0, exact=True, missing=missing)),
        (OneEuroFilter(beta=0.1, missing=missing), OneEuroFilter(beta=0.1, exact=True, missing=missing)),
    ]
    for reordered, exact in pairs:
        np.testing.assert_array_equal(reordered.block(x), [exact.update(raw) for raw in x.tolist()])
