"""SQLite: one transaction per interval; what a crash leaves is rolled back to the last one when it is opened."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
import sqlite3

from .files import part_of, publish, refuse_existing
from .sink import DiskFullError, SinkError, SinkWriteError
from .tables import Field, FieldType, Row, as_float, iso

TABLE = "samples"

_TYPES = {
    FieldType.TEXT: "TEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.REAL: "",  # declared as REAL, it would make 44.0 of a whole 44
    FieldType.BOOLEAN: "INTEGER",
    FieldType.TIME: "TEXT",
    FieldType.ANY: "",
}
_INTEGERS = range(-(2**63), 2**63)


class SqliteJournal:
    """A database with the table ``samples``."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        refuse_existing(path)
        self._path = path
        self._times = [place for place, field in enumerate(fields) if field.type is FieldType.TIME]
        self.rows = 0
        self._committed = 0
        self.size = 0
        """Bytes at the last commit."""
        columns = ", ".join(f"{_quoted(field.name)} {_TYPES[field.type]}".strip() for field in fields)
        self._insert = f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(fields))})"  # noqa: S608  - no user text
        try:
            self._connection = sqlite3.connect(part_of(path), isolation_level=None)
            # With a rollback journal a commit that does not fit on the disk leaves the file as it was, and a complete
            # recording is one file. Each commit waits for the disk; there is one per interval.
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(f"CREATE TABLE {TABLE} ({columns})")
        except sqlite3.Error as err:
            raise SinkError(f"cannot open {part_of(path).name}: {err}") from err

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows to the open transaction."""
        try:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(self._insert, self._plain(rows))
            except UnicodeEncodeError, sqlite3.ProgrammingError:  # half a character or an odd type, after some rows
                self._connection.execute(f"DELETE FROM {TABLE} WHERE rowid > ?", (self.rows,))  # noqa: S608
                self._connection.executemany(self._insert, (tuple(map(_encodable, row)) for row in self._plain(rows)))
        except sqlite3.Error as err:
            raise self._failed(err) from err
        self.rows += len(rows)

    def sync(self) -> None:
        """Commit."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as err:
            raise self._failed(err) from err
        self._committed = self.rows
        self.size = part_of(self._path).stat().st_size

    def finish(self) -> Path:
        """Commit and give the database its name."""
        self.sync()
        self._connection.close()
        return publish(part_of(self._path), self._path)

    def close(self) -> None:
        """Let go; what was not committed is rolled back."""
        self._connection.close()

    def _plain(self, rows: Sequence[Row]) -> Iterator[Row]:
        """Return the rows as SQLite can hold them, made column by column since few columns need anything."""
        columns: list[Sequence[object]] = list(zip(*rows, strict=True))
        for place in self._times:
            columns[place] = [iso(value) if isinstance(value, datetime) else value for value in columns[place]]
        for place, column in enumerate(columns):
            if int in set(map(type, column)):
                columns[place] = [_within_64_bits(value) for value in column]
        return zip(*columns, strict=True)

    def _failed(self, err: sqlite3.Error) -> SinkWriteError:
        """Go back to the last commit, which is what the file holds."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self.rows = self._committed
        kind = DiskFullError if getattr(err, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else SinkWriteError
        return kind(f"{part_of(self._path).name}: {err}")


class SqliteFormat:
    """SQLite databases."""

    def create(self, path: Path, fields: Sequence[Field]) -> SqliteJournal:
        """Begin a recording."""
        return SqliteJournal(path, fields)

    def recover(self, part: Path, path: Path) -> Path:
        """Let SQLite roll back what was not committed."""
        try:
            with closing(sqlite3.connect(part)) as connection:
                connection.execute(f"SELECT 1 FROM {TABLE} LIMIT 1").fetchone()  # noqa: S608  - a constant
        except sqlite3.Error as err:
            raise SinkWriteError(f"{part.name}: {err}") from err
        # One that SQLite had a use for is gone by now; the rest of one would belong to no database any more.
        part.with_name(part.name + "-journal").unlink(missing_ok=True)
        return publish(part, path)


def _within_64_bits(value: object) -> object:
    return as_float(value) if isinstance(value, int) and value not in _INTEGERS else value


def _encodable(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else str(value).encode(errors="replace").decode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
