"""Quartz cron expressions: when they are due, what daylight saving does to them, and what is refused."""

from datetime import UTC, datetime, timedelta
import os
from zoneinfo import ZoneInfo

import pytest

from custom_components.fieldbridge.bridge.cron import CronSchedule, local_clock
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

BERLIN = ZoneInfo("Europe/Berlin")
# A Wednesday.
START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0 0 12 * * ?", ["2026-07-02 12:00:00", "2026-07-03 12:00:00"]),
        ("30 0/20 * * * ?", ["2026-07-01 12:00:30", "2026-07-01 12:20:30"]),
        ("*/15 * * * * ?", ["2026-07-01 12:00:15", "2026-07-01 12:00:30"]),
        ("0 15 10 ? * MON-FRI", ["2026-07-02 10:15:00", "2026-07-03 10:15:00", "2026-07-06 10:15:00"]),
        ("0 15 10 ? * 2-6", ["2026-07-02 10:15:00", "2026-07-03 10:15:00", "2026-07-06 10:15:00"]),
        ("0 0 8 ? * 1", ["2026-07-05 08:00:00", "2026-07-12 08:00:00"]),
        ("0 0 8 ? * L", ["2026-07-04 08:00:00"]),
        ("0 0 8 ? * FRI-SUN", ["2026-07-03 08:00:00", "2026-07-04 08:00:00", "2026-07-05 08:00:00"]),
        ("0 0 8 ? * 2/2", ["2026-07-03 08:00:00", "2026-07-06 08:00:00"]),
        ("0 0 8 ? * 6#3", ["2026-07-17 08:00:00"]),
        ("0 0 8 ? * FRIL", ["2026-07-31 08:00:00"]),
        ("0 0 8 L * ?", ["2026-07-31 08:00:00", "2026-08-31 08:00:00"]),
        ("0 0 8 LW 8 ?", ["2026-08-31 08:00:00"]),
        ("0 0 8 1 jan ? *", ["2027-01-01 08:00:00"]),
    ],
)
def test_due_moments(expression: str, due: list[str]) -> None:
    schedule, moment, found = CronSchedule(expression), START, []
    for _ in due:
        moment = schedule.next_fire_after(moment)
        found.append(moment.strftime("%Y-%m-%d %H:%M:%S"))
    assert found == due


def test_a_time_that_daylight_saving_skips_is_due_once_after_the_gap() -> None:
    schedule = CronSchedule("0 30 2 * * ?")
    first = schedule.next_fire_after(datetime(2026, 3, 28, 12, tzinfo=BERLIN))
    second = schedule.next_fire_after(first)
    assert [str(first), str(second)] == ["2026-03-29 03:30:00+02:00", "2026-03-30 02:30:00+02:00"]


def test_a_time_that_daylight_saving_doubles_is_due_once() -> None:
    schedule = CronSchedule("0 30 2 * * ?")
    first = schedule.next_fire_after(datetime(2026, 10, 24, 12, tzinfo=BERLIN))
    second = schedule.next_fire_after(first)
    assert [str(first), str(second)] == ["2026-10-25 02:30:00+02:00", "2026-10-26 02:30:00+01:00"]


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)])
def test_what_is_due_every_half_hour_stays_so_when_the_clock_is_changed(day: datetime) -> None:
    schedule, moment = CronSchedule("0 0/30 * * * ?"), day
    for _ in range(12):
        following = schedule.next_fire_after(moment)
        assert following.astimezone(UTC) - moment.astimezone(UTC) == timedelta(minutes=30)
        moment = following


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("* * * * *", "6 or 7 fields"),
        ("0 0 8 1 * MON", "must be '?'"),
        ("0 0 8 15W * ?", "'W' and 'L-n'"),
        ("0 0 8 L-3 * ?", "'W' and 'L-n'"),
        ("0 0 8 * * ? 2027", "a year is not supported"),
        ("0 0 8 ? * 8", "bad day of week 8"),
        ("0 0 8 ? * XYZ", "invalid literal"),
        ("0 61 8 * * ?", "Bad minute"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"cannot be used: .*{reason}"):
        CronSchedule(expression)


def test_local_time_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Tokyo")
    assert local_clock()().utcoffset() == timedelta(hours=9)


async def test_telemetry_on_schedule_is_called_at_once_and_when_it_is_due() -> None:
    clock = ManualClock()
    harness = AppHarness.create(name="home", clock=clock)
    called: list[str] = []

    def wall_clock() -> datetime:
        return datetime(2026, 7, 1, 11, 59, tzinfo=BERLIN) + timedelta(seconds=clock.now())

    harness.wall_clock = wall_clock

    @harness.app.telemetry("noon", schedule="0 0/5 12 * * ?")
    @harness.app.telemetry("afternoon", schedule=lambda _: "0 7/30 12 * * ?")
    async def noon() -> None:
        called.append(wall_clock().strftime("%H:%M:%S"))

    async with harness.running():
        assert called == ["11:59:00"] * 2
        await clock.advance(11 * 60)
    assert called[2:] == ["12:00:00", "12:05:00", "12:07:00", "12:10:00"]


async def test_a_schedule_goes_on_when_the_clock_on_the_wall_was_years_ahead_and_is_set_right() -> None:
    clock = ManualClock()
    harness = AppHarness.create(name="home", clock=clock)
    called: list[str] = []
    base = datetime(2036, 2, 7, 12, 3, tzinfo=BERLIN)

    def wall_clock() -> datetime:
        return base + timedelta(seconds=clock.now())

    harness.wall_clock = wall_clock

    @harness.app.telemetry("noon", schedule="0 0/5 * * * ?")
    async def noon() -> None:
        called.append(wall_clock().strftime("%Y %H:%M"))

    async with harness.running():
        await clock.advance(2 * 60 + 30)
        base = datetime(2026, 7, 1, 12, 0, tzinfo=BERLIN)
        await clock.advance(8 * 60)
    assert called == ["2036 12:03", "2036 12:05", "2026 12:05", "2026 12:10"]


def test_an_interval_or_a_schedule_is_needed_and_never_both() -> None:
    async def read() -> None: ...

    app = AppHarness.create().app
    for options in ({}, {"interval": 5, "schedule": "0 0 12 * * ?"}):
        with pytest.raises(ValueError, match="either interval= or schedule="):
            app.add_telemetry("x", read, **options)  # type: ignore[arg-type]
