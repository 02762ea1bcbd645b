"""Silence is not freshness: what does not speak for too long is unavailable, and comes back with its value."""

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.channels.freshness import Freshness
from custom_components.fieldbridge.bridge.codecs.frame import Frame

TWO_JSON_VALUES = {
    "schema_version": 1,
    "decoder": {"kind": "json"},
    "channels": [{"key": key, "name": key.upper(), "source": key} for key in ("a", "b")],
}


def session_with(**changes: object) -> DeviceSession:
    return DeviceSession(DeviceProfile.from_dict(TWO_JSON_VALUES | changes))


def speak(session: DeviceSession, time: float, data: bytes = b'{"a": 1, "b": 2}') -> None:
    session.accept([Frame(time, data)])
    session.check_silence(time)


def is_available_after(session: DeviceSession, now: float) -> bool:
    session.check_silence(now)
    return session.available


def learned(times: list[float]) -> Freshness:
    freshness = Freshness(stale_after=None, event_like=False)
    for time in times:
        freshness.seen_at = time
        freshness.is_stale(time)
    return freshness


def test_before_the_first_frame_a_device_is_unavailable_and_has_no_value() -> None:
    session = session_with()
    session.check_silence(0.0)

    assert not session.available
    assert not session.is_available("a")
    assert session.values == {"a": None, "b": None}


def test_the_first_frame_makes_it_available_for_at_least_30_seconds() -> None:
    session = session_with()
    speak(session, 100.0)

    assert is_available_after(session, 130.0)
    assert not is_available_after(session, 130.1)


@pytest.mark.parametrize(("interval", "limit"), [(0.01, 30), (1, 30), (6, 30), (10, 50), (60, 300)])
def test_after_learning_five_usual_intervals_are_waited_for_and_30_s_at_least(interval: float, limit: float) -> None:
    assert learned([interval * step for step in range(10)]).limit == pytest.approx(limit)


def test_a_device_that_speaks_once_a_minute_stops_flapping_after_it_was_learned() -> None:
    session = session_with()
    changes: list[tuple[int, bool]] = []
    second = 0
    session.on_availability(lambda: changes.append((second, session.available)))
    for second in range(600):
        if second % 60 == 0:
            speak(session, float(second))
        session.check_silence(float(second))

    assert changes == [(0, True), (31, False), (60, True), (91, False), (120, True)]


def test_one_outage_teaches_nothing() -> None:
    times = [float(second) for second in range(20)]

    assert learned([*times, 1000.0, 1001.0]).limit == 30


def test_a_device_that_sends_bursts_is_judged_by_its_pauses() -> None:
    bursts = [burst * 20 + step / 1000 for burst in range(5) for step in range(20)]

    assert learned(bursts).limit == pytest.approx(100, abs=1)


def test_an_odd_pause_is_forgotten_in_time() -> None:
    outages = [0.0, 100.0, 200.0]
    steady = [200.0 + second for second in range(1, 80)]

    assert learned(outages).limit == 500
    assert learned(outages + steady).limit == 30


def test_a_fixed_stale_after_wins_over_what_is_learned() -> None:
    session = session_with(stale_after=5)
    for second in range(0, 100, 20):
        speak(session, float(second))

    assert session.stale_after == 5
    assert is_available_after(session, 85.0)
    assert not is_available_after(session, 85.1)


def test_an_event_like_device_is_never_stale_once_it_spoke() -> None:
    session = session_with(event_like=True, stale_after=5)
    assert not is_available_after(session, 0.0)
    speak(session, 0.0)

    assert is_available_after(session, 1e9)
    assert session.statistics()["stale_after"] is None


def test_one_key_that_stops_coming_makes_its_channel_stale_and_no_other() -> None:
    session = session_with()
    told: list[tuple[bool, bool]] = []
    session.on_availability(lambda: told.append((session.is_available("a"), session.is_available("b"))))
    speak(session, 0.0)
    for second in range(1, 40):
        speak(session, float(second), b'{"a": 1}')
        session.check_silence(float(second))

    assert session.available
    assert told == [(True, True), (True, False)]
    speak(session, 41.0)
    assert told[-1] == (True, True)


def test_frames_that_cannot_be_decoded_do_not_keep_a_device_alive() -> None:
    session = session_with()
    speak(session, 0.0)
    for second in range(40):
        speak(session, float(second), b"garbage")

    assert not is_available_after(session, 40.0)


def test_a_lost_link_makes_everything_unavailable_at_once_and_is_told_once() -> None:
    session = session_with()
    speak(session, 0.0)
    told: list[bool] = []
    session.on_availability(lambda: told.append(session.available))
    session.link_lost()
    session.link_lost()

    assert told == [False]
    assert not session.is_available("a")
    assert not session.is_available("b")


def test_the_same_value_after_the_link_is_back_is_available_again_without_being_told_anew() -> None:
    session = session_with()
    speak(session, 0.0)
    available: list[bool] = []
    values: list[object] = []
    session.on_availability(lambda: available.append(session.available))
    session.on_value("a", values.append)
    session.link_lost()
    speak(session, 500.0)

    assert available == [False, True]
    assert values == []
    assert session.value("a") == 1


def test_the_usual_interval_survives_a_lost_link_and_the_pause_itself_is_not_learned() -> None:
    session = session_with()
    for second in range(0, 300, 20):
        speak(session, float(second))
    session.link_lost()
    speak(session, 10_000.0)
    speak(session, 10_020.0)

    assert session.stale_after == 100


def test_a_value_that_is_read_once_an_hour_may_be_silent_for_longer_than_its_device() -> None:
    channels = [
        {"key": "a", "name": "A", "source": "a"},
        {"key": "b", "name": "B", "source": "b", "stale_after": 7200},
    ]
    session = session_with(channels=channels)
    speak(session, 100.0)

    session.check_silence(5000.0)
    assert not session.is_available("a")
    assert session.is_available("b")
    assert session.available

    session.check_silence(7301.0)
    assert not session.is_available("b")
    assert not session.available
