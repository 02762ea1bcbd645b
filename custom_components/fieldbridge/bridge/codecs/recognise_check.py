"""Find out which check frames have, by trying the catalogue on frames that were captured."""

from collections.abc import Iterator, Sequence

from .catalogue import ALGORITHMS, function_of, width_of
from .frame_check import FrameCheck

FEWEST_FRAMES = 3
"""Different frames on which a check must hold: with hundreds of candidates one or two are met by chance."""
_MAX_LENGTH = 1024
"""Bytes; trying everything on longer frames would take seconds."""
_STARTS = 5
_SKIPS = 2
_AFTERS = 3
_TRIED = 12
"""Frames that are looked at, at most."""


def recognise_frame_check(frames: Sequence[bytes]) -> FrameCheck | None:
    """Return the check that holds on most of ``frames``, on three different ones at least; the longest one wins."""
    different = sorted({frame for frame in frames if 4 <= len(frame) <= _MAX_LENGTH}, key=len)[:_TRIED]
    if len(different) < FEWEST_FRAMES:
        return None
    after = _constant_tail(different)
    # One of the first two is whole, or there are too many broken frames to tell anything.
    candidates = dict.fromkeys(check for frame in different[:2] for check in _held_by(frame, after))
    good: list[FrameCheck] = []
    for check in candidates:
        held = [frame for frame in different if check.holds(frame)]
        values = {frame[len(frame) - check.after - check.size :] for frame in held}
        if len(held) >= FEWEST_FRAMES and len(held) * 2 > len(different) and len(values) > 1:
            good.append(check)
    return min(good, key=_preference, default=None)


def _held_by(frame: bytes, afters: int) -> Iterator[FrameCheck]:
    """Yield every check of the catalogue that holds on ``frame``."""
    for after in range(afters + 1):
        for size in (1, 2, 4, 8):
            position = len(frame) - after - size
            if position < 1:
                continue
            found = frame[position : position + size]
            written = _values(found)
            for skip in range(min(_SKIPS, position)):
                for start in range(min(_STARTS, position - skip)):
                    covered = frame[start : position - skip]
                    for algorithm in ALGORITHMS:
                        width = width_of(algorithm)
                        forms = [encoding for encoding, bits, _ in written if bits == width]
                        if not forms:
                            continue
                        value = function_of(algorithm)(covered)
                        for encoding, bits, number in written:
                            if bits == width and number == value:
                                yield FrameCheck(
                                    algorithm=algorithm, encoding=encoding, start=start, skip=skip, after=after
                                )


def _values(found: bytes) -> list[tuple[str, int, int]]:
    """Return what some bytes may mean: encoding, bits and value."""
    size = len(found)
    values = [("big", size * 8, int.from_bytes(found))] if size <= 4 else []
    if size in (2, 4):
        values.append(("little", size * 8, int.from_bytes(found, "little")))
    if size > 1 and all(byte in b"0123456789abcdefABCDEF" for byte in found):
        digits = bytes.fromhex(found.decode())
        values.append(("hex", size * 4, int.from_bytes(digits)))
        if size > 2:
            values.append(("hex_little", size * 4, int.from_bytes(digits, "little")))
    return values


def _constant_tail(frames: Sequence[bytes]) -> int:
    """Return how many bytes at the end are the same in all frames, up to the number that may be an end mark."""
    count = 0
    while count < _AFTERS and len({frame[len(frame) - count - 1] for frame in frames}) == 1:
        count += 1
    return count


def _preference(check: FrameCheck) -> tuple[int, int, int, int, int]:
    return (
        -width_of(check.algorithm),
        check.start + check.skip,
        check.after,
        check.start,
        ALGORITHMS.index(check.algorithm),
    )
