"""From raw bytes to framing, frames and fields: what a person is shown of a stream that nobody described yet."""

from collections.abc import Sequence
from dataclasses import dataclass
import re
from typing import Any, Final

from ..codecs.decoders import JsonDecoder, NmeaDecoder, SeparatedDecoder
from ..codecs.frame import Frame
from ..codecs.frame_check import FrameCheck
from ..codecs.framing import framer_from_dict
from ..codecs.recognise_check import recognise_frame_check
from ..codecs.recognise_framing import Chunk, is_text, recognise_framing
from .recognise import Recognition, recognise

KEPT_FRAMES: Final = 20
"""Enough to see what changes from frame to frame, few enough to be analysed twice a second."""
_LINE: Final = {"kind": "line"}
_WRITTEN_CHECK: Final = re.compile(rb"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){1,4}[^0-9A-Za-z]{0,2}")
"""What a check in hexadecimal digits at the end of a text looks like."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamRecognition:
    """What was found in a stream so far."""

    framing: dict[str, Any] | None
    """What ``framer_from_dict`` reads; None leaves it at lines."""
    frames: tuple[Frame, ...]
    """The last ones, with the time when each was complete."""
    recognition: Recognition | None


def recognise_stream(chunks: Sequence[Chunk], lines: Sequence[Frame]) -> StreamRecognition:
    """Return framing, frames and fields of captured bytes; ``lines`` is what they are when they are lines.

    Up to some tenths of a second: call it in a thread.
    """
    found = recognise_framing(chunks)
    if found is None or found.form == _LINE:
        return _of_lines(lines, is_known=found is not None or is_text(b"".join(chunk.data for chunk in chunks)))
    frames = cut_chunks(chunks, found.form)
    recognition = recognise([frame.data for frame in frames], check_within(found.form))
    return StreamRecognition(framing=found.form, frames=frames, recognition=recognition)


def check_within(framing: dict[str, Any]) -> FrameCheck | None:
    """Return the check that stands in the frames of a framing, None where there is none or it is left out."""
    check = FrameCheck.from_dict(framing["check"]) if framing.get("check") else None
    return None if check is None or check.strip else check


def cut_chunks(chunks: Sequence[Chunk], framing: dict[str, Any]) -> tuple[Frame, ...]:
    """Return the last frames that a framing cuts from captured bytes; raises ProfileError."""
    framer = framer_from_dict(framing)
    frames: list[Frame] = []
    last = 0.0
    for chunk in chunks:
        if framer.gap is not None and chunk.time - last > framer.gap:
            frames += [Frame(last, data) for data in framer.flush()]
        frames += [Frame(chunk.time, data) for data in framer.feed(chunk.data, chunk.time)]
        last = chunk.time
    return tuple(frames[-KEPT_FRAMES:])


def _of_lines(lines: Sequence[Frame], *, is_known: bool) -> StreamRecognition:
    """Return what is in lines; without knowing that they are some, nothing is proposed for what looks like one."""
    frames = tuple(lines[-KEPT_FRAMES:])
    recognition = recognise([frame.data for frame in frames]) if is_known else None
    checked = None if recognition is None or _has_check(recognition) else _checked_lines(frames)
    return checked or StreamRecognition(framing=None, frames=frames, recognition=recognition)


def _checked_lines(lines: Sequence[Frame]) -> StreamRecognition | None:
    """Return lines that end with a check that the decoder does not know of, without the check."""
    texts = [frame.data for frame in lines]
    if sum(bool(_WRITTEN_CHECK.search(text[-12:])) for text in texts) * 2 <= len(texts):
        return None
    check = recognise_frame_check(texts)
    if check is None or not check.encoding.startswith("hex"):
        return None
    form = {**check.to_dict(), "strip": True}
    stripped = FrameCheck.from_dict(form)
    frames = tuple(frame._replace(data=stripped.apply(frame.data)) for frame in lines if check.holds(frame.data))
    recognition = recognise([frame.data for frame in frames])
    if recognition is None:
        return None
    return StreamRecognition(framing={**_LINE, "check": form}, frames=frames, recognition=recognition)


def _has_check(recognition: Recognition) -> bool:
    """Return whether what was recognised holds a check of its own, or can have none."""
    match recognition.decoder:
        case SeparatedDecoder(check=check):
            return check is not None
        case decoder:
            return isinstance(decoder, JsonDecoder | NmeaDecoder)
