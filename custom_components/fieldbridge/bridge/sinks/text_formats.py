"""CSV and JSON lines: a crash can tear the last line alone, and recovery cuts it off."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
import csv
from datetime import datetime
from itertools import groupby
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import override

import orjson

from .files import AppendFile, part_of, publish, refuse_existing
from .sink import SinkError
from .tables import Field, FieldType, Row, as_float, iso

_BLOCK = 1 << 20
_MAX_BITS = 14_000
"""Size of an integer of fewer than the 4300 digits that Python writes at most."""


class _TextJournal:
    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        refuse_existing(path)
        self._path = path
        self._names = [field.name for field in fields]
        self._times = [place for place, field in enumerate(fields) if field.type is FieldType.TIME]
        self._file = AppendFile(part_of(path))
        self.rows = 0

    @property
    def size(self) -> int:
        return self._file.size

    def write(self, rows: Sequence[Row]) -> None:
        try:
            lines = self._encode([self._plain(row) for row in rows])
        except ValueError:  # an integer of more digits than Python writes
            lines = self._encode([[_printable(value) for value in self._plain(row)] for row in rows])
        self._file.append(lines)
        self.rows += len(rows)

    def sync(self) -> None:
        self._file.sync()

    def finish(self) -> Path:
        self._file.sync()
        self._file.close()
        return publish(part_of(self._path), self._path)

    def close(self) -> None:
        self._file.close()

    def _plain(self, row: Row) -> list[object]:
        values = list(row)
        for place in self._times:
            moment = values[place]
            if isinstance(moment, datetime):
                values[place] = iso(moment)
        return values

    @abstractmethod
    def _encode(self, rows: Sequence[Sequence[object]]) -> bytes:
        """Return whole lines."""


class CsvJournal(_TextJournal):
    """A header and comma separated lines: nothing for no value, ``""`` for an empty text, a truth as true or false."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        super().__init__(path, fields)
        self._truths = [place for place, field in enumerate(fields) if field.type in (FieldType.BOOLEAN, FieldType.ANY)]
        self._reals = _longest_run_of_reals(fields)
        self._file.append(b"".join(_csv_lines([self._names], end="\n")))

    @override
    def _encode(self, rows: Sequence[Sequence[object]]) -> bytes:
        for row in rows:
            for place in self._truths:
                if isinstance(row[place], bool):
                    row[place] = "true" if row[place] else "false"  # type: ignore[index]
        reals = self._reals
        if reals is None:
            return b"".join(_csv_lines(rows, end="\n"))
        # No value stands for the numbers, so that the commas around them are there.
        heads = _csv_lines([*row[: reals.start], None] for row in rows)
        tails = _csv_lines([None, *row[reals.stop :]] for row in rows)
        numbers = [_csv_numbers(row[reals]) for row in rows]
        return b"".join([b"%b%b%b\n" % parts for parts in zip(heads, numbers, tails, strict=True)])


class JsonlJournal(_TextJournal):
    """One JSON object per line, after ``header``; a number that JSON does not know (NaN) is null."""

    def __init__(self, path: Path, fields: Sequence[Field], *, header: dict[str, object] | None = None) -> None:
        super().__init__(path, fields)
        if header is not None:
            self._file.append(_json_line(header))

    @override
    def _encode(self, rows: Sequence[Sequence[object]]) -> bytes:
        return b"".join(_json_line(dict(zip(self._names, row, strict=True))) for row in rows)


class CsvFormat:
    """Comma separated values."""

    def create(self, path: Path, fields: Sequence[Field]) -> CsvJournal:
        """Begin a recording."""
        return CsvJournal(path, fields)

    def recover(self, part: Path, path: Path) -> Path:
        """Cut off a torn last line, which no break inside quotes ends. Raises SinkError without a header."""
        cut_torn_line(part, quote=b'"')
        if not part.stat().st_size:
            raise SinkError(f"{part.name} has no header")
        return publish(part, path)


class JsonlFormat:
    """JSON lines."""

    def create(self, path: Path, fields: Sequence[Field]) -> JsonlJournal:
        """Begin a recording."""
        return JsonlJournal(path, fields)

    def recover(self, part: Path, path: Path) -> Path:
        """Cut off a torn last line."""
        cut_torn_line(part, quote=None)
        return publish(part, path)


def _longest_run_of_reals(fields: Sequence[Field]) -> slice | None:
    """Return the columns of numbers to write together, None when no two stand side by side between others."""
    runs = []
    for kind, run in groupby(range(len(fields)), key=lambda place: fields[place].type):
        places = list(run)
        if kind is FieldType.REAL and len(places) > 1 and places[0] > 0 and places[-1] < len(fields) - 1:
            runs.append(slice(places[0], places[-1] + 1))
    return max(runs, key=lambda reals: reals.stop - reals.start, default=None)


def _csv_lines(rows: Iterable[Sequence[object]], *, end: str = "") -> list[bytes]:
    """Return each row as comma separated values; one with an empty text has its texts in quotes."""
    lines: list[str] = []
    file = SimpleNamespace(write=lines.append)
    plain = csv.writer(file, lineterminator=end).writerow
    quoted = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_STRINGS).writerow
    for row in rows:
        if "" in row:
            quoted(row)
        else:
            plain(row)
    return [line.encode(errors="replace") for line in lines]  # half a character has no UTF-8


def _csv_numbers(values: Sequence[object]) -> bytes:
    """Return numbers as comma separated values, by the JSON library: it writes them in a fifth of the time."""
    try:
        text = orjson.dumps(values)[1:-1]
    except TypeError:  # an integer beyond 64 bits
        return _csv_lines([values])[0]
    if (missing := text.count(b"null")) and missing != sum(value is None for value in values):
        return _csv_lines([values])[0]  # not a number, or infinite
    return text.replace(b"null", b"") if missing else text


def _printable(value: object) -> object:
    return as_float(value) if isinstance(value, int) and value.bit_length() > _MAX_BITS else value


def _json_line(row: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bits, half a character, or what JSON does not know
        finite = {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in row.items()}
        return json.dumps(finite, ensure_ascii=False, default=str).encode(errors="replace") + b"\n"


def cut_torn_line(part: Path, *, quote: bytes | None) -> None:
    """Shorten a file to its last whole line."""
    good = position = quotes = 0
    with part.open("r+b") as file:
        while block := file.read(_BLOCK):
            for line in block.splitlines(keepends=True):
                position += len(line)
                quotes += line.count(quote) if quote else 0
                if line.endswith(b"\n") and quotes % 2 == 0:
                    good = position
        file.truncate(good)
