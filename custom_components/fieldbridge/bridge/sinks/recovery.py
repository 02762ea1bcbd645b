"""Recordings whose writer died, made whole."""

from dataclasses import dataclass
import logging
from pathlib import Path

from .captures import CAPTURE, CaptureFormat
from .file_sinks import SINKS
from .files import PART
from .journal import Format
from .sink import SinkError

_LOGGER = logging.getLogger(__name__)


_FORMATS: dict[str, Format] = {
    CAPTURE: CaptureFormat(),
    **{suffix: sink.format for suffix, sink in SINKS.items()},
}


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of an interrupted recording."""

    part: Path
    path: Path | None
    """The complete file; None when it could not be made whole and was left as it is."""
    written_at: float
    """When the last of it was written, seconds since 1970; making it whole may be days later."""
    error: str | None = None


def recover(folder: Path) -> list[Recovered]:
    """Complete every interrupted recording in ``folder``. Blocking; call it before anything is recorded there."""
    parts = sorted(folder.glob(f"*{PART}"))
    return [_recover(part) for part in parts if part.is_file() and not part.is_symlink()]


def _recover(part: Path) -> Recovered:
    path = part.with_name(part.name.removesuffix(PART))
    format_ = _FORMATS.get(path.suffix)
    written_at = part.stat().st_mtime
    if format_ is None:
        return Recovered(part, None, written_at, f"{path.suffix or path.name} is no format of a recording")
    try:
        return Recovered(part, format_.recover(part, path), written_at)
    except (SinkError, OSError) as err:
        if not part.stat().st_size:
            part.unlink()
            return Recovered(part, None, written_at, "its writer died before it was begun")
        _LOGGER.warning("%s could not be recovered: %s", part.name, err)
        return Recovered(part, None, written_at, str(err))
