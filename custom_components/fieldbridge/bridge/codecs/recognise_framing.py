"""Find out where frames begin and end in captured bytes, by marks, lengths and pauses."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
import math
import re
from typing import Any, NamedTuple

from .escapes import escape_bytes
from .frame_check import FrameCheck
from .framing import framer_from_dict
from .recognise_check import FEWEST_FRAMES, recognise_frame_check

BAUD_RATES = (9600, 115200, 19200, 38400, 57600, 4800, 2400, 230400, 460800, 1200, 921600, 300)
"""Bits per second in order of likelihood."""

_TEXT = frozenset(b"\t\n\r\x02\x03") | frozenset(range(0x20, 0x7F)) | frozenset("°µ²³".encode("latin-1"))
_WIDE = re.compile(
    rb"[\xC2-\xDF][\x80-\xBF]|[\xE1-\xEF][\x80-\xBF]{2}|[\xF0-\xF4][\x80-\xBF]{3}"
    rb"|(?<=[A-Za-z])[\xC0-\xFF]{1,2}|[\xC0-\xFF](?=[A-Za-z])"
)
"""Characters of several bytes in UTF-8, and letters of Latin-1 within words: noise has few of them in a row."""
_READABLE = 0.95
_MAX_BYTES = 8192
"""Bytes that are looked at, the latest ones."""
_MAX_PERIOD = 256
_PERIODIC_BYTES = 2048
"""Bytes in which a period is looked for."""
_ROTATIONS = 12
"""Places in a period that are tried as the beginning of a frame; trying a check on one takes milliseconds."""
_PAUSE = 0.02
"""Seconds; USB adapters hold bytes back for up to 16 ms, so that shorter pauses mean nothing."""


class Chunk(NamedTuple):
    """Bytes that were read at once."""

    time: float
    """Arrival, monotonic seconds."""
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class RecognisedFraming:
    """How bytes are cut into frames, and what comes of it."""

    form: dict[str, Any]
    """What ``framer_from_dict`` reads."""
    frames: tuple[bytes, ...]
    """The frames found in what was captured, whole or not."""

    @property
    def has_check(self) -> bool:
        """Whether a check proves that the frames are right."""
        return "check" in self.form


def readability(data: bytes) -> float:
    """Return how much of ``data`` is text or comes in a binary form that is understood, from 0 to 1."""
    if not data:
        return 0.0
    text = text_share(data)
    if text >= _READABLE:
        # Noise at a wrong rate has few line ends at a time, and many different characters.
        return text
    found = recognise_framing([Chunk(0.0, data)])
    return 1.0 if found is not None and found.has_check else text * 0.5


def is_text(data: bytes) -> bool:
    """Return whether ``data`` is meant to be read by people."""
    return bool(data) and text_share(data) >= _READABLE


def recognise_parity(data: bytes) -> str | None:
    """Return ``E`` or ``O`` where ``data``, read with 8 bits, is text of 7 bits with a parity bit; None elsewhere."""
    if is_text(data) or not is_text(bytes(byte & 0x7F for byte in data)):
        return None
    odd = sum(byte.bit_count() % 2 for byte in data) / len(data)
    return "E" if odd <= 1 - _READABLE else "O" if odd >= _READABLE else None


def recognise_framing(chunks: Sequence[Chunk]) -> RecognisedFraming | None:
    """Return how the captured bytes are framed; None when nothing can be told yet."""
    data = b"".join(chunk.data for chunk in chunks)[-_MAX_BYTES:]
    if not data:
        return None
    if is_text(data):
        return _text_framing(data) or _by_pauses(chunks, data)
    forms = (*_escaped_forms(data), *_known_block(data))
    proposals = [found for form in forms if (found := _tried(form, data)) is not None]
    if proved := [found for found in proposals if found.has_check and not found.form["check"]["after"]]:
        # A check right before the mark: pauses and lengths would do until the first byte that has to be escaped.
        return max(proved, key=_explained)
    if found := _by_pauses(chunks, data) or _periodic(data) or _counted(data):
        proposals.append(found)
    # What a check proves is right; otherwise the form that explains the most bytes.
    return max(proposals, key=lambda found: (found.has_check, _explained(found)), default=None)


def _explained(found: RecognisedFraming) -> int:
    return sum(map(len, found.frames))


def text_share(data: bytes) -> float:
    """Return the share of bytes that are characters, from 0 to 1; those of several bytes count when they are whole."""
    wide = sum(len(match[0]) for match in _WIDE.finditer(data))
    return (sum(byte in _TEXT for byte in _WIDE.sub(b"", data)) + wide) / len(data)


def _text_framing(data: bytes) -> RecognisedFraming | None:
    """Return the framing of readable bytes: telegrams, lines, or marks."""
    if re.search(rb"(?:^|\n)/[^\r\n]{3,}\r?\n", data) and re.search(rb"\n![0-9A-Fa-f]{0,4}\s*\n", data):
        return _tried({"kind": "telegram", "start": "/", "end": "!"}, data, fewest=1)
    if found := next((found for form in _known_block(data) if (found := _tried(form, data, fewest=1))), None):
        return found
    if data.count(b"\x02") >= 2 and data.count(b"\x03") >= 2:
        return _tried({"kind": "marks", "start": "\\x02", "end": "\\x03", "keep_marks": False}, data)
    if b"\n" in data:
        return _tried({"kind": "line"}, data, fewest=1, with_check=False)
    if b"\r" in data:
        return _tried({"kind": "delimiter", "delimiter": "\\r"}, data, fewest=1, with_check=False)
    return None


def _known_block(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the form of blocks of lines whose last one is a check byte that may be any byte."""
    if b"\r\nChecksum\t" in data:
        yield {"kind": "marks", "end": "\\r\\nChecksum\\t", "after": 1}


def _escaped_forms(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the forms of escaping whose marks are there often enough."""
    if data.count(b"\x10\x02") >= FEWEST_FRAMES and data.count(b"\x10\x03") >= FEWEST_FRAMES:
        yield {"kind": "dle"}
    if data.count(b"\xc0") >= FEWEST_FRAMES:
        yield {"kind": "slip"}
    if data.count(b"~") >= FEWEST_FRAMES:
        yield {"kind": "escaped", "start": "~", "end": "~", "escape": "}", "invert": 0x20}
    if data.count(b"\0") >= FEWEST_FRAMES:
        yield {"kind": "cobs"}


def _tried(
    form: dict[str, Any], data: bytes, *, fewest: int = FEWEST_FRAMES, with_check: bool = True
) -> RecognisedFraming | None:
    """Return the framing with the check that its frames have; None when it does not explain most of the bytes."""
    framer = framer_from_dict(form)
    frames = framer.feed(data)
    lost = framer.counters.malformed + framer.counters.overlong + framer.counters.restarted
    if len(frames) < fewest or lost * 4 > len(frames) or sum(map(len, frames)) * 2 < len(data):
        return None
    check = recognise_frame_check(frames) if with_check else None
    if check is None and form["kind"] in ("slip", "cobs", "escaped"):
        return None  # their marks are usual bytes: only a check tells them from chance
    return _with_check(form, frames, check)


def _with_check(form: dict[str, Any], frames: Sequence[bytes], check: FrameCheck | None) -> RecognisedFraming:
    if check is not None:
        form = {**form, "check": check.to_dict()}
    return RecognisedFraming(form=form, frames=tuple(frames))


def _by_pauses(chunks: Sequence[Chunk], data: bytes) -> RecognisedFraming | None:
    """Return the framing of what arrives between pauses: by length or length field where there is one."""
    gap = _pause_between(chunks)
    if gap is None:
        return None
    groups: list[bytes] = []
    last = -math.inf
    for chunk in chunks:
        if chunk.time - last >= gap:
            groups.append(b"")
        groups[-1] += chunk.data
        last = chunk.time
    # The first one may have begun before somebody listened, the last one may not be over.
    whole = groups[1:-1] if len(groups) > FEWEST_FRAMES + 1 else groups
    if len(whole) < FEWEST_FRAMES:
        return None
    check = recognise_frame_check(whole)
    return (
        _with_known_length(whole, check)
        or _with_length_field(whole, check)
        or _with_check({"kind": "silence", "gap": round(gap, 3)}, whole, check)
    )


def _pause_between(chunks: Sequence[Chunk]) -> float | None:
    """Return the pause that separates frames: where short and long ones differ the most."""
    pauses = sorted(max(second.time - first.time, 0.001) for first, second in pairwise(chunks))
    if len(pauses) < FEWEST_FRAMES - 1 or pauses[-1] < _PAUSE:
        return None
    if pauses[0] >= _PAUSE and pauses[-1] < 3 * pauses[0]:
        return _PAUSE  # every read is one frame
    steps = [(second / first, math.sqrt(first * second)) for first, second in pairwise(pauses)]
    ratio, middle = max(steps, default=(0.0, 0.0))
    return max(middle, _PAUSE) if ratio >= 3 else None


def _with_known_length(frames: Sequence[bytes], check: FrameCheck | None) -> RecognisedFraming | None:
    """Return the framing of frames that are all of one length and begin alike."""
    length, count = Counter(map(len, frames)).most_common(1)[0]
    alike = [frame for frame in frames if len(frame) == length]
    start, end = _constant_ends(alike, check)
    if count * 4 < len(frames) * 3 or length < 4 or not (start or check):
        return None
    form = {"kind": "fixed", "length": length, "start": escape_bytes(start)}
    if end:
        form["end"] = escape_bytes(end)
    return _with_check(form, alike, check)


def _constant_ends(frames: Sequence[bytes], check: FrameCheck | None) -> tuple[bytes, bytes]:
    """Return what all frames begin with, and the end mark behind their check."""
    first, length = frames[0], min(map(len, frames))
    count = 0
    # Not more: the first digits of a value may not have changed yet.
    while count < min(2, length // 2) and len({frame[count] for frame in frames}) == 1:
        count += 1
    after = check.after if check is not None else 0
    return first[:count], first[len(first) - after :] if after else b""


def _with_length_field(frames: Sequence[bytes], check: FrameCheck | None) -> RecognisedFraming | None:
    """Return the framing of frames that begin alike and tell their length."""
    start, _ = _constant_ends(frames, None)
    if not (start or check) or len(set(map(len, frames))) < 2:
        return None
    for offset in range(8):
        for size, little in ((1, False), (2, False), (2, True)):
            order = "little" if little else "big"
            fields = [frame[offset : offset + size] for frame in frames]
            extras = Counter(
                len(frame) - int.from_bytes(field, order)  # type: ignore[arg-type]
                for frame, field in zip(frames, fields, strict=True)
                if len(field) == size
            )
            if not extras:
                continue
            extra, count = extras.most_common(1)[0]
            if count * 4 >= len(frames) * 3 and 0 <= extra <= 32:
                form = {"kind": "length", "offset": offset, "size": size, "extra": extra}
                form |= {"start": escape_bytes(start[:offset] if offset else b"")}
                form |= {"little_endian": True} if little else {}
                if form["start"] or check:
                    return _with_check(form, frames, check)
    return None


def _periodic(data: bytes) -> RecognisedFraming | None:
    """Return the framing of a stream without pauses whose frames have one length: the beginning recurs."""
    data = data[-_PERIODIC_BYTES:]
    best: tuple[float, int] = (0.0, 0)
    for period in range(4, min(_MAX_PERIOD, len(data) // 4) + 1):
        same = sum(a == b for a, b in zip(data, data[period:], strict=False)) / (len(data) - period)
        if same > best[0] + 0.02:  # a multiple of the period is no better
            best = (same, period)
    if not best[1]:
        return None
    period = best[1]
    columns = [Counter(data[offset::period]) for offset in range(period)]
    steady = [column.most_common(1)[0][1] * 10 >= column.total() * 9 for column in columns]
    # A frame begins where bytes begin to be constant; after that, anywhere else where they are.
    begins = [offset for offset in range(period) if steady[offset] and not steady[offset - 1]]
    inside = [offset for offset in range(period) if steady[offset] and steady[offset - 1]]
    fallback = None
    for offset in [*begins, *inside][:_ROTATIONS]:
        frames = [data[at : at + period] for at in range(offset, len(data) - period + 1, period)]
        check = recognise_frame_check(frames)
        found = _with_known_length(frames, check)
        if found is not None and check is not None:
            return found
        fallback = fallback or found
    return fallback


def _counted(data: bytes) -> RecognisedFraming | None:
    """Return the framing of a stream without pauses whose frames begin alike and tell their length."""
    pairs = Counter(data[at : at + 2] for at in range(len(data) - 1))
    for mark, count in pairs.most_common(8):
        if count < FEWEST_FRAMES + 1:
            return None
        places = [match.start() for match in re.finditer(re.escape(mark), data)]
        frames = [data[first:second] for first, second in pairwise(places)]
        check = recognise_frame_check(frames)
        if check is not None and (found := _with_length_field(frames, check)):
            return found
    return None
