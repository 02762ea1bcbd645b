"""Samples, rows and the numbers about them."""

import copy
import dataclasses
from datetime import UTC, datetime, timedelta
import math
import pickle
import statistics
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from custom_components.fieldbridge.bridge.acquisition import (
    AcquisitionSummary,
    Column,
    Histogram,
    ProtocolKind,
    RowLayout,
    Sample,
    SampleRow,
    WallAnchor,
)
from custom_components.fieldbridge.bridge.channels import Channel, ValueKind

ANCHOR = WallAnchor(datetime(2026, 11, 21, 12, tzinfo=UTC), 1_000_000_000)


def test_all_times_of_a_polled_sample_follow_from_the_monotonic_clock() -> None:
    sample = Sample.polled("oven", anchor=ANCHOR, requested_ns=2_000_000_000, received_ns=2_010_000_000, value=21.5)

    assert sample.latency_s == 0.01
    assert sample.monotonic_ns == sample.t_mono_ns == 2_005_000_000
    assert sample.midpoint_at == sample.t_utc == ANCHOR.utc + timedelta(seconds=1.005)
    assert sample.requested_at == ANCHOR.utc + timedelta(seconds=1)
    assert sample.received_at == ANCHOR.utc + timedelta(seconds=1.01)


def test_a_sample_that_nobody_asked_for_has_no_latency() -> None:
    sample = Sample.received("analyser", anchor=ANCHOR, received_ns=1_500_000_000, channel="O2", value=20.9)

    assert (sample.requested_at, sample.latency_s) == (None, None)
    assert sample.t_utc == ANCHOR.utc + timedelta(seconds=0.5)


def test_a_reading_gives_its_value_and_unit_and_excludes_an_error() -> None:
    sample = Sample("analyser", reading=SimpleNamespace(value=20.9, unit="%"))

    assert (sample.value, sample.unit) == (20.9, "%")
    with pytest.raises(ValueError, match="not both"):
        Sample("analyser", reading=object(), error="bad frame")


def test_a_sample_can_be_copied_pickled_and_taken_apart() -> None:
    sample = Sample("oven", value=1.5)

    assert pickle.loads(pickle.dumps(sample)) == copy.deepcopy(sample) == sample  # noqa: S301  - our own
    assert dataclasses.asdict(sample)["metadata"] == {}
    assert dataclasses.replace(sample, metadata={"slope": 2}).metadata == {"slope": 2}


def test_a_row_is_a_sequence_of_samples() -> None:
    channel = Channel(key="temperature", name="Temperature", source="0", unit="°C")
    layout = RowLayout(
        "oven", (Column.of(channel), Column("door", ValueKind.BINARY)), ANCHOR, protocol=ProtocolKind.SERIAL
    )
    row = SampleRow(layout, (21.5, None), requested_ns=2_000_000_000, received_ns=2_010_000_000)

    assert [(sample.parameter, sample.value, sample.unit) for sample in row] == [
        ("temperature", 21.5, "°C"),
        ("door", None, None),
    ]
    assert row[-1] == row[1] == row[1:][0]
    assert row[0].latency_s == 0.01
    assert row.monotonic_ns == 2_005_000_000
    with pytest.raises(IndexError):
        row[2]
    with pytest.raises(ValueError, match="1 values for 2 columns"):
        SampleRow(layout, (1.0,), received_ns=0)


def test_percentiles_are_near_the_exact_ones_in_constant_memory() -> None:
    histogram = Histogram()
    normal = statistics.NormalDist(0, 1)
    numbers = [math.exp(number) for number in normal.samples(20_000, seed=1)]
    for number in numbers:
        histogram.add(number)

    exact = statistics.quantiles(numbers, n=100)

    assert histogram.percentile(0.5) == pytest.approx(exact[49], rel=0.03)
    assert histogram.percentile(0.99) == pytest.approx(exact[98], rel=0.03)
    assert histogram.percentile(1.0) == pytest.approx(max(numbers), rel=0.03)


@given(
    numbers=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=50),
    fraction=st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]),
)
def test_few_numbers_have_the_percentiles_that_lie_between_them(numbers: list[float], fraction: float) -> None:
    histogram = Histogram()
    for number in numbers:
        histogram.add(number)

    assert histogram.percentile(fraction) == pytest.approx(float(np.quantile(numbers, fraction)), rel=1 / 32)


def test_percentiles_of_nothing_are_zero_and_of_one_number_the_number() -> None:
    histogram = Histogram()
    assert histogram.percentile(0.5) == 0.0

    histogram.add(3.3)

    assert histogram.percentile(0.5) == histogram.percentile(0.99) == 3.3


def test_zeros_are_the_smallest_numbers() -> None:
    histogram = Histogram()
    for number in (0.0, 0.0, 0.0, 100.0):
        histogram.add(number)

    assert histogram.percentile(0.5) < 1e-6


def test_numbers_beyond_the_buckets_stay_within_what_was_seen() -> None:
    histogram = Histogram()
    for number in (-1.0, 0.0, 1e-30, 1e30):
        histogram.add(number)

    assert 0.0 <= histogram.percentile(0.0) < 1e-6
    assert histogram.percentile(1.0) <= 1e30


def test_a_summary_made_by_hand_holds_the_documented_numbers() -> None:
    summary = AcquisitionSummary(
        started_at=ANCHOR.utc, samples_emitted=10, samples_late=2, tick_duration_ms_p99=1.5, disconnects=1
    )

    assert (summary.samples_emitted, summary.samples_late, summary.disconnects) == (10, 2, 1)
    assert (summary.tick_duration_ms_p50, summary.tick_duration_ms_p99) == (0.0, 1.5)
    assert summary.finished_at is None
    assert summary.ledger.balanced
    assert summary.to_dict()["slots"] == 12


def test_a_summary_is_a_dataclass_of_the_documented_fields() -> None:
    summary = AcquisitionSummary(started_at=ANCHOR.utc, samples_emitted=10, samples_late=2, tick_duration_ms_p50=1.5)

    assert dataclasses.asdict(summary) == {
        "started_at": ANCHOR.utc,
        "finished_at": None,
        "samples_emitted": 10,
        "samples_late": 2,
        "max_drift_ms": 0.0,
        "tick_duration_ms_p50": 1.5,
        "tick_duration_ms_p99": 0.0,
        "disconnects": 0,
    }
    assert dataclasses.replace(summary) == summary
    assert dataclasses.replace(summary, samples_late=3) != summary


def test_the_counters_of_a_summary_are_written_by_its_ledger_alone() -> None:
    summary = AcquisitionSummary()

    with pytest.raises(AttributeError, match="read, not written"):
        summary.samples_emitted = 3

    assert summary.samples_emitted == 0
