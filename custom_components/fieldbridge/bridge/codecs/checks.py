"""Checksums of text frames: a hexadecimal field over the bytes before it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import xor
from typing import Any

from ..errors import DecodeError, ProfileError

ALGORITHMS: dict[str, tuple[int, Callable[[bytes], int]]] = {
    "sum8": (2, lambda data: sum(data) & 0xFF),
    "sum16": (4, lambda data: sum(data) & 0xFFFF),
    "xor8": (2, lambda data: reduce(xor, data, 0)),
}
"""Name to (hex digits, function of the covered bytes)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldCheck:
    """A checksum in the last non-empty field of a separated frame."""

    algorithm: str
    start: int = 0
    """First covered byte; some devices leave their first character out."""
    with_separator: bool = True
    """Whether the separator before the checksum field is covered."""

    def verify(self, data: bytes, separator: bytes) -> None:
        """Raise DecodeError("checksum") unless the frame's checksum holds."""
        found, covered = split_check_field(data, separator)
        digits, function = ALGORITHMS[self.algorithm]
        end = len(covered) if self.with_separator else len(covered) - len(separator)
        expected = b"%0*X" % (digits, function(data[self.start : end]))
        if found.upper() != expected:
            raise DecodeError("checksum", f"frame says {found[:16]!r}, its bytes give {expected!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"algorithm": self.algorithm, "start": self.start, "with_separator": self.with_separator}

    @classmethod
    def from_dict(cls, data: Any, path: str) -> FieldCheck:
        """Return the check described by ``data``; raises ProfileError."""
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        algorithm, start = data.get("algorithm"), data.get("start", 0)
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise ProfileError(f"{path}.algorithm", f"must be one of {', '.join(ALGORITHMS)}")
        if type(start) is not int or start < 0:
            raise ProfileError(f"{path}.start", "must be a whole number from 0")
        return cls(algorithm=algorithm, start=start, with_separator=bool(data.get("with_separator", True)))


def split_check_field(data: bytes, separator: bytes) -> tuple[bytes, bytes]:
    """Return the last non-empty field and all bytes before it, its separator included."""
    before, border, field = data.rstrip(separator + b" ").rpartition(separator)
    return field.strip(), before + border


def recognise_check(frames: list[bytes], separator: bytes) -> FieldCheck | None:
    """Return the check that holds on most of the different ``frames``; on three at least, so that it is not chance."""
    different = set(frames)
    for algorithm, start, with_separator in product(ALGORITHMS, (0, 1), (True, False)):
        check = FieldCheck(algorithm=algorithm, start=start, with_separator=with_separator)
        held = sum(_holds(check, frame, separator) for frame in different)
        if held >= 3 and held * 2 > len(different):
            return check
    return None


def _holds(check: FieldCheck, frame: bytes, separator: bytes) -> bool:
    try:
        check.verify(frame, separator)
    except DecodeError:
        return False
    return True
