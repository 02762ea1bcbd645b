"""When a reading is published."""

import math

import pytest

from custom_components.fieldbridge.bridge.interfaces import PublishStrategy
from custom_components.fieldbridge.bridge.strategies import AllStrategy, AnyStrategy, Every, OnChange
from custom_components.fieldbridge.bridge.testing import FakeClock

type Reading = dict[str, object]


def test_every_n_counts_readings() -> None:
    strategy = Every(n=3)
    published = []
    for _ in range(7):
        published.append(strategy.should_publish({}, {}))
        if published[-1]:
            strategy.on_published()
    assert published == [False, False, True, False, False, True, False]


def test_every_seconds_needs_no_clock_and_uses_one() -> None:
    clock = FakeClock(5)
    strategy = Every(seconds=10)
    assert strategy.should_publish({}, {})
    strategy._bind(clock)  # noqa: SLF001 - the hook's documented name
    assert not strategy.should_publish({}, {})
    clock.advance(10)
    assert strategy.should_publish({}, {})
    strategy.on_published()
    assert not strategy.should_publish({}, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one"),
        ({"seconds": 1, "n": 1}, "not both"),
        ({"seconds": 0}, "positive"),
        ({"n": -1}, "positive"),
    ],
)
def test_every_takes_exactly_one_positive_number(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Every(**arguments)


@pytest.mark.parametrize(
    ("threshold", "previous", "current", "published"),
    [
        (None, {"a": 1}, {"a": 1}, False),
        (None, {"a": 1}, {"a": 2}, True),
        (0.5, {"a": 1.0}, {"a": 1.5}, False),
        (0.5, {"a": 1.0}, {"a": 1.51}, True),
        (0.5, {"a": 1}, {"a": 1.2}, False),
        (0.5, {"a": True}, {"a": False}, True),
        (0.5, {"a": "x"}, {"a": "y"}, True),
        (0.5, {"a": [1.0]}, {"a": [1.1]}, True),
        (0.5, {"a": 1}, {"a": 1, "b": 1}, True),
        (0.5, {"a": {"b": 1}}, {"a": {"c": 1}}, True),
        (0.5, {"a": {"b": 1.0, "c": 0}}, {"a": {"b": 1.1, "c": 3}}, True),
        (0.5, {"a": math.nan}, {"a": math.nan}, False),
        (0.5, {"a": math.nan}, {"a": 1.0}, True),
        (0.5, {"a": 1.0}, {"a": math.nan}, True),
        (0.5, {"a": math.inf}, {"a": math.inf}, False),
        ({"s.t": 1.0}, {"s": {"t": 1.0}}, {"s": {"t": 1.9}}, False),
        ({"s.t": 1.0}, {"s": {"t": 1.0}, "u": 0}, {"s": {"t": 1.9}, "u": 0.1}, True),
    ],
)
def test_on_change_compares_leaves_with_their_dead_band(
    threshold: float | dict[str, float] | None, previous: Reading, current: Reading, published: bool
) -> None:
    assert OnChange(threshold=threshold).should_publish(current, previous) is published


def test_on_change_publishes_what_was_never_published() -> None:
    assert OnChange().should_publish({}, None)


def test_thresholds_are_numbers_and_not_negative() -> None:
    with pytest.raises(TypeError, match="got bool"):
        OnChange(threshold=True)
    with pytest.raises(TypeError, match="must be a number, got str"):
        OnChange(threshold={"a": "0.5"})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="non-negative"):
        OnChange(threshold={"a": -1})


def test_combined_strategies_ask_all_children_and_tell_all() -> None:
    counter = Every(n=2)
    either = OnChange() | counter
    assert either.should_publish({"a": 1}, {"a": 0})
    assert counter.should_publish({}, {})  # it has counted the first reading as well
    both = OnChange() & Every(n=1)
    assert both.should_publish({"a": 1}, {"a": 0})
    assert not both.should_publish({"a": 1}, {"a": 1})
    either.on_published()
    assert not counter.should_publish({}, {})


def test_combined_strategies_are_flat_and_never_empty() -> None:
    combined = (Every(seconds=30) | Every(n=5)) | OnChange(threshold=0.5)
    assert repr(combined) == "AnyStrategy(Every(seconds=30), Every(n=5), OnChange(threshold=0.5))"
    assert repr(OnChange() & Every(n=1)) == "AllStrategy(OnChange(), Every(n=1))"
    for kind in (AnyStrategy, AllStrategy):
        with pytest.raises(ValueError, match="at least one child"):
            kind()
    assert isinstance(combined, PublishStrategy)
