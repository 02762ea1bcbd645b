"""All keys in one JSON file, written atomically."""

import json
import logging
import os
from pathlib import Path
import threading

_LOGGER = logging.getLogger(__name__)

# One lock per file, whoever opened it: two devices that save at once must not lose each other's key.
_LOCKS: dict[Path, threading.Lock] = {}


class JsonFileStore:
    """Keeps every key at the top level of one JSON object in ``path``; safe from several threads.

    ``save`` raises OSError. Folders are made when missing; the rights of existing ones are left alone.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock = _LOCKS.setdefault(self._path.absolute(), threading.Lock())

    def load(self, key: str) -> dict[str, object] | None:
        """Return the dict under ``key``; None when the file or the key is missing or unreadable (logged)."""
        with self._lock:
            value = self._read().get(key)
        return value if isinstance(value, dict) else None

    def save(self, key: str, data: dict[str, object]) -> None:
        """Replace ``key``; the file is complete at any moment, the old one or the new one."""
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            content = self._read()
            content[key] = data
            self._write(json.dumps(content, indent=2) + "\n")

    def _read(self) -> dict[str, object]:
        try:
            content = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as err:
            _LOGGER.warning("%s is no JSON and is ignored: %s", self._path, err)
            return {}
        if not isinstance(content, dict):
            _LOGGER.warning("%s holds no JSON object and is ignored", self._path)
            return {}
        return content

    def _write(self, text: str) -> None:
        import tempfile

        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                # Without it the rename may reach the disk before the content does.
                os.fsync(file.fileno())
            Path(temporary).replace(self._path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
