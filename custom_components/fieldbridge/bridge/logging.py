"""Logging of a headless bridge. Never used inside another process: it takes over the root logger."""

from datetime import UTC, datetime
import json
import logging
from logging.handlers import RotatingFileHandler
from typing import override

from . import lazy

_TEXT_FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
_MEGABYTE = 1024 * 1024


class JsonFormatter(logging.Formatter):
    """One JSON object per record on one line; the timestamp is ISO 8601 in UTC."""

    def __init__(self, *, service: str = "", version: str = "") -> None:
        super().__init__()
        self._service = service
        self._version = version

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
        }
        if self._version:
            entry["version"] = self._version
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack_info"] = self.formatStack(record.stack_info)
        return json.dumps(entry, default=str)


def configure_logging(settings: lazy.LoggingSettings, *, service: str, version: str = "") -> None:
    """Replace the handlers of the root logger: stderr always, a rotating file when ``settings.file`` is set."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    formatter: logging.Formatter = logging.Formatter(_TEXT_FORMAT)
    if settings.format == "json":
        formatter = JsonFormatter(service=service, version=version)
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if settings.file is not None:
        size = settings.max_file_size_mb * _MEGABYTE
        handlers.append(RotatingFileHandler(settings.file, maxBytes=size, backupCount=settings.backup_count))
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(settings.level)
