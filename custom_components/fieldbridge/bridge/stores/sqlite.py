"""One row per key in an SQLite database."""

import json
from pathlib import Path
import threading


class SqliteStore:
    """Keeps each key in a row; write-ahead logging keeps it whole when the power fails. Safe from several threads."""

    def __init__(self, path: str | Path) -> None:
        import sqlite3

        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        with self._connection:
            self._connection.execute("CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, data TEXT NOT NULL)")

    def load(self, key: str) -> dict[str, object] | None:
        """Return the dict under ``key``, or None."""
        with self._lock:
            row = self._connection.execute("SELECT data FROM store WHERE key = ?", (key,)).fetchone()
        value = json.loads(row[0]) if row else None
        return value if isinstance(value, dict) else None

    def save(self, key: str, data: dict[str, object]) -> None:
        """Insert or replace the row of ``key``."""
        with self._lock, self._connection:
            self._connection.execute("INSERT OR REPLACE INTO store VALUES (?, ?)", (key, json.dumps(data)))

    def close(self) -> None:
        """Close the database; idempotent."""
        with self._lock:
            self._connection.close()
