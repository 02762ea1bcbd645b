"""How long to wait after a failure, and when to stop asking for a while."""

import pytest

from custom_components.fieldbridge.bridge.interfaces import BackoffStrategy
from custom_components.fieldbridge.bridge.retry import (
    CircuitBreaker,
    ExponentialBackoff,
    FixedBackoff,
    LinearBackoff,
)


@pytest.mark.parametrize(
    ("backoff", "attempt", "seconds"),
    [
        (ExponentialBackoff(), 1, 2),
        (ExponentialBackoff(), 3, 8),
        (ExponentialBackoff(), 9, 60),
        (ExponentialBackoff(base=1, max_delay=5), 5, 5),
        (LinearBackoff(), 3, 6),
        (LinearBackoff(step=10, max_delay=25), 9, 25),
        (FixedBackoff(), 99, 5),
    ],
)
def test_the_delay_grows_to_its_limit_with_a_fifth_of_jitter(
    backoff: BackoffStrategy, attempt: int, seconds: float
) -> None:
    delays = [backoff.delay(attempt) for _ in range(50)]
    assert all(0.8 * seconds <= delay <= 1.2 * seconds for delay in delays)
    assert len(set(delays)) > 1


@pytest.mark.parametrize("backoff", [ExponentialBackoff(), LinearBackoff(), FixedBackoff()])
def test_failures_of_a_month_overflow_nothing(backoff: BackoffStrategy) -> None:
    assert backoff.delay(10_000_000) <= 72


def test_strategies_say_what_they_are() -> None:
    assert repr(ExponentialBackoff()) == "ExponentialBackoff(base=2.0, max_delay=60.0)"
    assert repr(LinearBackoff()) == "LinearBackoff(step=2.0, max_delay=60.0)"
    assert repr(FixedBackoff(3)) == "FixedBackoff(delay=3)"
    assert isinstance(FixedBackoff(), BackoffStrategy)


def state_of(breaker: CircuitBreaker) -> tuple[str, int]:
    return breaker.state, breaker.consecutive_failures


def test_a_breaker_opens_at_its_threshold_skips_one_cycle_and_probes() -> None:
    breaker = CircuitBreaker(2)
    breaker.record_failure()
    assert breaker.should_attempt()
    breaker.record_failure()
    assert state_of(breaker) == ("open", 2)
    assert not breaker.should_attempt()
    assert state_of(breaker) == ("half-open", 2)
    assert breaker.should_attempt()
    breaker.record_failure()
    assert state_of(breaker) == ("open", 3)
    breaker.record_success()
    assert state_of(breaker) == ("closed", 0)


def test_a_breaker_may_stay_open_for_a_time() -> None:
    now = 100.0
    breaker = CircuitBreaker(1, open_for=10, now=lambda: now)
    breaker.record_failure()
    assert not breaker.should_attempt()
    now = 109.9
    assert not breaker.should_attempt()
    now = 110.0
    assert breaker.should_attempt()


@pytest.mark.parametrize("threshold", [0, -1, True, 2.0, "3"])
def test_a_threshold_is_a_positive_integer(threshold: int) -> None:
    with pytest.raises(ValueError, match="threshold must be a positive integer"):
        CircuitBreaker(threshold)


def test_a_breaker_shows_how_it_was_made() -> None:
    breaker = CircuitBreaker(3)
    breaker.record_failure()
    assert (repr(breaker), repr(CircuitBreaker(3, open_for=60))) == (
        "CircuitBreaker(threshold=3)",
        "CircuitBreaker(threshold=3, open_for=60)",
    )
