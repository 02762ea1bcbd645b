"""Guess how binary frames are laid out from how their bytes change; only a person knows what they mean."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
import math
import struct
from typing import Any, Final, NamedTuple

from ..codecs.decoders import Decoder, StructureDecoder
from ..codecs.frame_check import FrameCheck

_LAST_OFFSET: Final = 64
"""Bytes of a frame that are looked at; a list of hundreds of readings helps nobody."""
_MOST_READINGS: Final = 160
_LEAST_FLOAT, _GREATEST_FLOAT = 1e-4, 1e7
_CALM: Final = (0.02, 0.1, 0.1, 0.1, 0.0)
"""Most that a likely number changes from frame to frame, by rank: as share of its size for floats, of all that the type
can hold for whole numbers, where noise makes a third. Nobody can tell 32 bits from two words."""
_STILL: Final = 1e-4
"""Steps of a float below which it is no calmer."""
_READINGS: Final = (
    ("f32", ">f"),
    ("f32le", "<f"),
    ("i32", ">i"),
    ("i32le", "<i"),
    ("u32", ">I"),
    ("u32le", "<I"),
    ("i16", ">h"),
    ("i16le", "<h"),
    ("u16", ">H"),
    ("u16le", "<H"),
    ("u8", "B"),
)
"""Name and struct code, those that explain more bytes first."""


class _Reading(NamedTuple):
    """One way to read some bytes, and how calmly the number changes from frame to frame."""

    kind: str
    offset: int
    size: int
    step: float
    explained: int
    """Bytes in it that change."""
    constant: int | None
    """The most significant byte, where it never changes."""

    @property
    def is_little(self) -> bool:
        return self.kind.endswith("le")

    @property
    def places(self) -> range:
        return range(self.offset, self.offset + self.size)

    @property
    def rank(self) -> int:
        """Which kinds are tried first; a word whose upper byte never changes, and a float of one byte, come last."""
        if (self.size == 2 and self.constant not in (None, 0x00, 0xFF)) or (self.size == 4 and self.explained < 2):
            return 4
        return {"f32": 0, "i16": 1, "u16": 2, "u8": 3}.get(self.kind.removesuffix("le"), 4)

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.offset}"

    def field(self) -> dict[str, Any]:
        form: dict[str, Any] = {"name": self.name, "type": self.kind.removesuffix("le"), "offset": self.offset}
        return {**form, "little_endian": True} if self.is_little else form


def recognise_structure(
    frames: Sequence[bytes], check: FrameCheck | None = None
) -> tuple[StructureDecoder, frozenset[str]] | None:
    """Return a decoder with every reading of the bytes that change, and the sources of the likeliest ones.

    ``check`` is that of the frames, which is no value. None where nothing changes, or the frames have no order.
    """
    length = min(map(len, frames), default=0)
    is_fixed = all(len(frame) == length for frame in frames)
    end = length - (0 if check is None or not is_fixed else check.after + check.size)
    end = min(end, _LAST_OFFSET)
    changing = {place for place in range(end) if len({frame[place] for frame in frames}) > 1}
    if not changing:
        return None
    readings = list(_readings(frames, end, changing))
    chosen = _likeliest(readings)
    kept = [each for each in readings if each in chosen]
    kept += [each for each in readings if each not in chosen][: _MOST_READINGS - len(kept)]
    kept.sort(key=lambda each: (each.offset + each.size, each.offset))  # the last one ends last
    decoder = StructureDecoder([each.field() for each in kept], length=length if is_fixed else None)
    return decoder, frozenset(each.name for each in chosen)


def reading_name(source: str) -> str:
    """Return how a reading is shown: ``f32le_4`` is ``Byte 4 f32le``."""
    kind, _, offset = source.partition("_")
    return f"Byte {offset} {kind}"


def with_sources(decoder: Decoder, sources: Collection[str]) -> Decoder:
    """Return a decoder of readings with those alone that are wanted; any other decoder as it is."""
    if not isinstance(decoder, StructureDecoder) or not set(sources) <= {*decoder.places}:
        return decoder
    form = decoder.to_dict()
    fields = [field for field in form["fields"] if field.get("name") in sources]
    if not fields or any("fields" in field or "repeat" in field or "bits" in field for field in form["fields"]):
        return decoder
    return StructureDecoder(fields, little_endian=form["little_endian"], length=form["length"])


def _readings(frames: Sequence[bytes], end: int, changing: set[int]) -> Iterator[_Reading]:
    """Yield every reading of changing bytes that may be a measurement."""
    for offset in range(end):
        for kind, code in _READINGS:
            size = struct.calcsize(code)
            places = range(offset, offset + size)
            if places.stop > end or changing.isdisjoint(places):
                continue
            first, last = (places[-1], offset) if kind.endswith("le") else (offset, places[-1])
            if last not in changing and (frames[0][last] or not kind.startswith("f")):
                continue  # what changes is not its last digits; those of a float may be zeros
            numbers = [struct.unpack_from(code, frame, offset)[0] for frame in frames]
            if _may_be(kind, numbers):
                constant = None if first in changing else frames[0][first]
                yield _Reading(kind, offset, size, _step(numbers, kind), len(changing & {*places}), constant)


def _may_be(kind: str, numbers: Sequence[float]) -> bool:
    """Return whether the numbers are usual for a kind: neither tiny floats nor signed numbers without a sign."""
    if kind.startswith("f"):
        return all(map(_is_usual, numbers))
    return not kind.startswith("i") or min(numbers) < 0


def _is_usual(number: float) -> bool:
    return number == 0 or _LEAST_FLOAT < abs(number) < _GREATEST_FLOAT


def _step(numbers: Sequence[float], kind: str) -> float:
    """Return the mean step as share of what the type can hold; that of floats as share of their size."""
    scale = max(map(abs, numbers)) * 2 if kind.startswith("f") else 2.0 ** int(kind[1:].removesuffix("le"))
    steps = [abs(second - first) for first, second in pairwise(numbers)]
    return math.fsum(steps) / len(steps) / scale if steps and scale else 0.0


def _likeliest(readings: Sequence[_Reading]) -> set[_Reading]:
    """Return readings that do not overlap, of the likelier byte order."""
    orders = ([each for each in readings if each.size == 1 or each.is_little is little] for little in (False, True))
    return max((_cover(order) for order in orders), key=_evidence)


def _cover(readings: Sequence[_Reading]) -> set[_Reading]:
    """Return calm readings side by side: floats, then words, which are more usual than what is longer, then bytes."""

    def preference(reading: _Reading) -> tuple[int, float, float]:
        return reading.rank, -_score(reading) if reading.rank == 0 else 0, reading.step

    chosen: set[_Reading] = set()
    taken: set[int] = set()
    for reading in sorted((each for each in readings if each.step < _CALM[each.rank]), key=preference):
        if taken.isdisjoint(reading.places):
            chosen.add(reading)
            taken.update(reading.places)
    return chosen


def _score(reading: _Reading) -> float:
    """Return how good a float is: one guessed too far to the left is calm as well, but its last bytes are missing."""
    return reading.explained - math.log10(max(reading.step, _STILL))


def _evidence(cover: set[_Reading]) -> tuple[float, int]:
    """Return what speaks for a byte order: its best float, then how many changing bytes it explains."""
    best = max((_score(each) for each in cover if each.rank == 0), default=0.0)
    return best, sum(each.explained for each in cover if each.size > 1)
