"""Dates and times as devices keep them in registers; texts are ISO 8601 in the device's own time."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

DATETIME_WORDS = {"datetime": 6, "datetime_bytes": 3, "datetime_iec": 4, "timestamp": 2, "time": 1}
"""Registers by form; the forms are described at ``RegisterType``."""

_CENTURY = 2000


def decode_datetime(form: str, words: Sequence[int]) -> str:
    """Return the date and time as ISO 8601; raises ValueError for what is none (a clock that was never set)."""
    match form:
        case "time":
            return time(words[0] // 100, words[0] % 100).isoformat("minutes")
        case "timestamp":
            return datetime.fromtimestamp(words[0] << 16 | words[1], UTC).isoformat()
        case "datetime_bytes":
            parts = [part for word in words for part in (word >> 8, word & 0xFF)]
        case "datetime_iec":
            year, date, clock, milliseconds = words
            parts = [year & 0x7F, date >> 8 & 0x0F, date & 0x1F, clock >> 8 & 0x1F, clock & 0x3F, milliseconds // 1000]
            moment = _moment(*parts).replace(microsecond=milliseconds % 1000 * 1000)
            return moment.isoformat(" ", "milliseconds" if moment.microsecond else "seconds")
        case _:
            parts = list(words)
    return _moment(*parts).isoformat(" ")


def _moment(year: int, *rest: int) -> datetime:
    """Return the device's own time, of which nobody knows the zone; devices may count years from 2000."""
    month, day, hour, minute, second = rest
    return datetime(year if year > 99 else _CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001


def encode_datetime(form: str, text: str) -> tuple[int, ...]:
    """Return the words that mean ``text``; raises ValueError for what is no date and time or does not fit."""
    if form == "time":
        moment = time.fromisoformat(text)
        return (moment.hour * 100 + moment.minute,)
    date = datetime.fromisoformat(text)
    if form == "timestamp":
        seconds = int(date.timestamp() if date.tzinfo else date.replace(tzinfo=UTC).timestamp())
        return (seconds >> 16, seconds & 0xFFFF)
    if form == "datetime":
        return (date.year, date.month, date.day, date.hour, date.minute, date.second)
    if not 0 <= date.year - _CENTURY < 100:
        raise ValueError(f"the device's clock cannot hold the year {date.year}")
    year = date.year - _CENTURY
    if form == "datetime_bytes":
        return (year << 8 | date.month, date.day << 8 | date.hour, date.minute << 8 | date.second)
    milliseconds = date.second * 1000 + date.microsecond // 1000
    return (year, date.month << 8 | date.isoweekday() << 5 | date.day, date.hour << 8 | date.minute, milliseconds)
