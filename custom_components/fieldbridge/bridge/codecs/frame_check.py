"""A checksum at a fixed place of a frame, in binary or hexadecimal."""

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import DecodeError, ProfileError
from .catalogue import ALGORITHMS, function_of, width_of

ENCODINGS = ("big", "little", "hex", "hex_little")
"""How the value is written: binary or hexadecimal digits, the most or the least significant byte first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameCheck:
    """Where a frame's check is and which bytes it covers: ``data[start : position - skip]``."""

    algorithm: str
    encoding: str = "big"
    start: int = 0
    """Bytes at the beginning that are not covered."""
    skip: int = 0
    """Bytes right before the check that are not covered, such as the ``*`` of NMEA."""
    after: int = 0
    """Bytes behind the check."""
    strip: bool = False
    """Leave the check and what stands around it (``skip``, ``after``) out of what is decoded."""

    @property
    def size(self) -> int:
        """Bytes that the check occupies."""
        return width_of(self.algorithm) // (4 if self.encoding.startswith("hex") else 8)

    def holds(self, data: bytes) -> bool:
        """Return whether the frame's check is that of its bytes; a frame that is too short has none."""
        position = len(data) - self.after - self.size
        end = position - self.skip
        if end < self.start or position < 0:
            return False
        found = data[position : position + self.size]
        return self._value(found) == function_of(self.algorithm)(data[self.start : end])

    def apply(self, data: bytes) -> bytes:
        """Return what is to be decoded. Raises DecodeError("checksum") unless the check holds."""
        if not self.holds(data):
            raise DecodeError("checksum")
        return data[: len(data) - self.after - self.size - self.skip] if self.strip else data

    def signed(self, data: bytes) -> bytes:
        """Return the check's bytes as they have to stand ``skip`` bytes behind ``data``."""
        value = function_of(self.algorithm)(data[self.start :])
        size = width_of(self.algorithm) // 8
        written = value.to_bytes(size, "little" if self.encoding.endswith("little") else "big")
        return written.hex().upper().encode() if self.encoding.startswith("hex") else written

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any, path: str = "check") -> FrameCheck:
        """Return the check described by ``data``; raises ProfileError."""
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        if unknown := sorted(set(data) - set(cls.__slots__)):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        if data.get("algorithm") not in ALGORITHMS:
            raise ProfileError(f"{path}.algorithm", f"must be one of {', '.join(ALGORITHMS)}")
        if data.get("encoding", "big") not in ENCODINGS:
            raise ProfileError(f"{path}.encoding", f"must be one of {', '.join(ENCODINGS)}")
        for name in ("start", "skip", "after"):
            if type(data.get(name, 0)) is not int or data.get(name, 0) < 0:
                raise ProfileError(f"{path}.{name}", "must be a whole number from 0")
        if not isinstance(data.get("strip", False), bool):
            raise ProfileError(f"{path}.strip", "must be true or false")
        return cls(**data)

    def _value(self, written: bytes) -> int | None:
        if self.encoding.startswith("hex"):
            try:
                written = bytes.fromhex(written.decode("ascii"))
            except ValueError:
                return None
            if len(written) * 2 != self.size:
                return None  # blanks between the digits
        return int.from_bytes(written, "little" if self.encoding.endswith("little") else "big")
