"""CSV and JSON lines: a crash can tear the last line alone, and recovery cuts it off."""

from abc import abstractmethod
from collections.abc import Sequence
import csv
from datetime import datetime
import io
import json
from pathlib import Path
from typing import override

import orjson

from .files import AppendFile, part_of, publish, refuse_existing
from .tables import Field, FieldType, Row, iso

_BLOCK = 1 << 20


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
        self._file.append(self._encode([self._plain(row) for row in rows]))
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
    """A header and comma separated lines; a truth value is true or false."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        super().__init__(path, fields)
        self._truths = [place for place, field in enumerate(fields) if field.type in (FieldType.BOOLEAN, FieldType.ANY)]
        self._file.append(self._lines([self._names]))

    @override
    def _encode(self, rows: Sequence[Sequence[object]]) -> bytes:
        for row in rows:
            for place in self._truths:
                if isinstance(row[place], bool):
                    row[place] = "true" if row[place] else "false"  # type: ignore[index]
        return self._lines(rows)

    @staticmethod
    def _lines(rows: Sequence[Sequence[object]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()


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
        """Cut off a torn last line. A line break inside quotes does not end a line."""
        cut_torn_line(part, quote=b'"')
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


def _json_line(row: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"


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
