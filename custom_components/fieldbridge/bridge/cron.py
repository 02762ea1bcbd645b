"""Schedules in Quartz cron syntax: ``second minute hour day-of-month month day-of-week [year]``, 1 being Sunday."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
import os
from pathlib import Path
from typing import override

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LOCALTIME = Path("/etc/localtime")

type WallClock = Callable[[], datetime]
"""The current time, with a time zone that knows daylight saving."""


class CronSchedule:
    """When something is due, in local time. Raises ValueError for an expression that it does not understand.

    A time of day that daylight saving skips is due once after the gap, one that it doubles is due once.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        fields = expression.upper().split()
        if len(fields) not in {6, 7}:
            raise self._refusal("it needs 6 or 7 fields: second minute hour day month weekday [year]")
        if len(fields) == 7 and fields.pop() not in {"*", "?"}:
            raise self._refusal("a year is not supported")
        if fields[3] not in {"*", "?"} and fields[5] not in {"*", "?"}:
            raise self._refusal("day of month or day of week must be '?'")
        if "W" in fields[3].replace("LW", "") or "L-" in fields[3]:
            raise self._refusal("'W' and 'L-n' are not supported")
        fields[3] = fields[3].replace("?", "*")
        from cronsim import CronSim, CronSimError

        self._iterate = CronSim
        try:
            fields[5] = ",".join(_weekdays(fields[5].replace("?", "*")))
            self._cron = " ".join(fields)
            CronSim(self._cron, datetime(2024, 1, 1, tzinfo=UTC))
        except (CronSimError, ValueError) as err:
            raise self._refusal(str(err)) from err
        # What runs in every hour follows elapsed time; a time of day follows the clock on the wall.
        self._every_hour = fields[2].startswith("*")

    def next_fire_after(self, after: datetime) -> datetime:
        """Return the first due moment after ``after``, in its time zone."""
        if self._every_hour:
            return next(self._iterate(self._cron, after))
        zone = after.tzinfo
        for due in self._iterate(self._cron, after.replace(tzinfo=None)):
            # By way of UTC, a time that does not exist becomes the one as long after the gap.
            aware = due.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
            if aware.astimezone(UTC) > after.astimezone(UTC):
                return aware
        raise LookupError(f"'{self.expression}' is never due again")

    def _refusal(self, reason: str) -> ValueError:
        return ValueError(f"Cron expression '{self.expression}' cannot be used: {reason}")

    @override
    def __repr__(self) -> str:
        return f"CronSchedule({self.expression!r})"


def next_of(times: Iterable[time], now: datetime) -> datetime:
    """Return the next moment after ``now`` at which it is one of ``times`` in the zone of ``now``.

    A time that daylight saving skips is due after the gap. Raises ValueError when there are no times.
    """
    # In UTC: the difference of two local times leaves out a change of the clocks between them.
    days = (now.date(), now.date() + timedelta(days=1), now.date() + timedelta(days=2))
    moments = (datetime.combine(day, each.replace(tzinfo=None), now.tzinfo) for day in days for each in times)
    return min(moment for moment in (each.astimezone(UTC) for each in moments) if moment > now.astimezone(UTC))


def local_clock() -> WallClock:
    """Return a clock in the local time zone: that of TZ, else of the system."""
    zone = _local_zone()
    return lambda: datetime.now(zone)


def _local_zone() -> tzinfo:
    from zoneinfo import ZoneInfo

    if name := os.environ.get("TZ"):
        return ZoneInfo(name.removeprefix(":"))
    target = _LOCALTIME.resolve()
    if "zoneinfo" in target.parts:
        return ZoneInfo("/".join(target.parts[target.parts.index("zoneinfo") + 1 :]))
    return UTC


def _weekdays(field: str) -> Iterator[str]:
    """Translate Quartz' days of the week (1 = Sunday) into cron's (0 = Sunday), ranges and steps written out."""
    if field == "*":
        yield field
        return
    for term in field.split(","):
        if "#" in term:
            day, _, number = term.partition("#")
            yield f"{_weekday(day)}#{number}"
        elif term != "L" and term.endswith("L"):
            yield f"{_weekday(term[:-1])}L"
        else:
            yield from map(str, _weekday_range(term))


def _weekday_range(term: str) -> list[int]:
    span, _, step = term.partition("/")
    first, _, last = span.partition("-")
    begin = 0 if first == "*" else _weekday(first)
    end = _weekday(last) if last else (6 if step else begin)
    length = (end - begin) % 7 + 1  # FRI-MON goes over the end of the week
    return [(begin + offset) % 7 for offset in range(0, length, int(step or 1))]


def _weekday(day: str) -> int:
    if day in _DAYS:
        return _DAYS.index(day)
    if day == "L":
        return 6
    number = int(day)
    if not 1 <= number <= 7:
        raise ValueError(f"bad day of week {day}")
    return number - 1
