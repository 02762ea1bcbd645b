"""Which profiles read what a serial link sends, and what they ask of the link."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..channels import DeviceProfile
from ..channels.examine import GOOD, UNREADABLE, examine
from ..channels.recognise_stream import cut_chunks
from ..codecs.escapes import parse_bytes
from ..codecs.frame import Frame
from ..codecs.frame_check import FrameCheck
from ..codecs.recognise_framing import Chunk
from ..errors import ProfileError
from .profile import Profile

_LINE: Final = {"kind": "line"}
_FEWEST: Final = 2
"""Frames that a profile has to read before it is proposed."""


def framing_of(profile: Profile) -> dict[str, Any]:
    """Return how a profile's frames are cut: lines unless it says so."""
    return dict(profile.link.get("framing") or _LINE)


def matching(profiles: Iterable[Profile], chunks: Sequence[Chunk], frames: Sequence[Frame]) -> list[Profile]:
    """Return the serial profiles that read most of what was captured, the one that reads the most values first.

    ``frames`` stand for the bytes where nobody captured ``chunks``.
    """
    found = [(read, profile) for profile in profiles if (read := _values_read(profile, chunks, frames))]
    return [profile for _, profile in sorted(found, key=lambda each: -each[0])]


def reads(device: DeviceProfile, data: bytes) -> bool:
    """Return whether a frame is the device's and holds any of its values."""
    seen = examine(device, data)
    return seen.verdict in (GOOD, UNREADABLE) and any(value is not None for value in seen.values.values())


def same_framing(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two descriptions cut bytes alike, however they are written."""
    return _plain(first) == _plain(second)


def _values_read(profile: Profile, chunks: Sequence[Chunk], frames: Sequence[Frame]) -> int:
    """Return how many values of the device were found, 0 where most frames are not its own."""
    try:
        cut = cut_chunks(chunks, framing_of(profile)) if chunks else frames
    except ProfileError:
        return 0
    own = [frame.data for frame in cut if reads(profile.device, frame.data)]
    if len(own) < _FEWEST or len(own) * 2 <= len(cut):
        return 0
    return sum(value is not None for data in own for value in examine(profile.device, data).values.values())


def _plain(framing: Mapping[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for name, value in framing.items():
        match value:
            case str() if name != "kind":
                form[name] = parse_bytes(value)
            case dict() if name == "check":
                form[name] = FrameCheck.from_dict(value)
            case _ if name != "max_length":
                form[name] = value
    return {name: value for name, value in form.items() if value not in (b"", None)}
