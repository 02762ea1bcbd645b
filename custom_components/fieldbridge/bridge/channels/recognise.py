"""Propose a decoder and its fields from captured frames, so that a person only has to tick."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import re

from ..codecs.checks import recognise_check
from ..codecs.decoders import (
    Decoder,
    JsonDecoder,
    KeyValueDecoder,
    NmeaDecoder,
    NumbersDecoder,
    ObisDecoder,
    SeparatedDecoder,
)
from ..codecs.decoders.decoder import ENCODINGS
from ..codecs.frame_check import FrameCheck
from ..codecs.recognise_check import recognise_frame_check
from ..codecs.recognise_framing import text_share
from .channel import ValueKind
from .recognise_structure import reading_name, recognise_structure
from .recognised_fields import RecognisedField, fields_found, try_parse

__all__ = ["RecognisedField", "Recognition", "fields_found", "recognise"]

_SEPARATORS = (";", ",", "\t", "|", " ")
"""In order of preference: what splits into the most fields in every frame wins, the earlier one in a tie."""
_PAIR_SEPARATORS = ("=", ":", "\t")
_BETWEEN_PAIRS = (";", ",", "|", "\n", "&", " ")
_NAME = re.compile(r"[^\W\d_][\w .#/()-]{0,30}")
_NAMED_WORD = {
    "=": re.compile(r"\s*[^\W\d_][\w .#/()-]{0,30}=\s*[^\W\d_]+(?:[ _/-][^\W\d_]+)*\s*"),
    ":": re.compile(r"\s*[^\W\d_][\w.#/()-]{0,30}:\s*[^\W\d_]+(?:[_/-][^\W\d_]+)*\s*"),
}
"""A name and a word by what stands between them. Prose has colons, too: with those both are single words."""
_FEWEST_NAMED_WORDS = 3
"""Frames that must have the names of another one."""
_COMMA_NUMBER = re.compile(r"[-+]?\s*(?:\d{1,3}(?:\.\d{3})+|\d+),\d+")
_NUMBER_AND_UNIT = re.compile(r"[-+]?\s*\d+(?:\.\d+)?\s*[^\d\s.,;:+-]\S{0,7}|[-+]\s+\d+(?:\.\d+)?")
_TEXT = 0.8
"""Share of a frame's bytes that are characters."""
_FEWEST_BINARY = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognition:
    """A decoder that understands the captured frames, and what it finds in them."""

    decoder: Decoder
    fields: tuple[RecognisedField, ...]


def recognise(frames: list[bytes], check: FrameCheck | None = None) -> Recognition | None:
    """Return a decoder that reads most of ``frames``, or None when nothing is recognised.

    A frame that was cut by opening the link, or garbled, does not spoil the proposal: the majority decides.
    ``check`` is one that framing has found. Milliseconds for text, up to a few tenths of a second for long binary
    frames: call it in a thread.
    """
    for decoder in _candidates(frames):
        if _reads_most(decoder, frames) and (found := fields_found(decoder, frames)):
            return Recognition(decoder=decoder, fields=tuple(found))
    return None if _are_texts(frames) else _binary(frames, check)


def _reads_most(decoder: Decoder, frames: Sequence[bytes]) -> bool:
    return sum(try_parse(decoder, frame) is not None for frame in frames) * 2 > len(frames)


def _candidates(frames: list[bytes]) -> Iterator[Decoder]:
    """Yield what may read the frames, the most telling first."""
    yield JsonDecoder()
    yield NmeaDecoder()
    if sum(b"(" in frame for frame in frames) * 2 > len(frames):
        yield ObisDecoder()
    if _are_texts(frames):
        # Old devices write the degree sign as one byte.
        for encoding in ENCODINGS:
            separated, pairs = _separated(frames, encoding), _pairs(frames, encoding)
            both = [decoder for decoder in (pairs, separated) if decoder is not None]
            yield from sorted(both, key=lambda decoder: -len(_numbers_found(decoder, frames)))
        yield from (words for encoding in ENCODINGS if (words := _named_words(frames, encoding)) is not None)
        yield NumbersDecoder()


def _are_texts(frames: Sequence[bytes]) -> bool:
    texts = [frame for frame in frames if frame and text_share(frame) >= _TEXT]
    return len(texts) * 2 > len(frames)


def _numbers_found(decoder: Decoder, frames: list[bytes]) -> list[RecognisedField]:
    """Return what tells that a decoder is right; words are found by any."""
    return [field for field in fields_found(decoder, frames) if field.kind is ValueKind.NUMBER]


def _pairs(frames: list[bytes], encoding: str) -> KeyValueDecoder | None:
    """Return the separators that find the most named numbers."""
    best, most = None, 0
    for separator in _PAIR_SEPARATORS:
        if sum(separator.encode() in frame for frame in frames) * 2 <= len(frames):
            continue
        for between in _BETWEEN_PAIRS:
            for comma in (False, True):
                decoder = KeyValueDecoder(
                    separator=separator,
                    between=between,
                    encoding=encoding,
                    decimal_comma=comma,
                    leading_number=True,
                )
                found = [field for field in _numbers_found(decoder, frames) if _NAME.fullmatch(field.source)]
                if len(found) > most and _reads_most(decoder, frames):
                    best, most = decoder, len(found)
    return best


def _named_words(frames: list[bytes], encoding: str) -> KeyValueDecoder | None:
    """Return the separators of frames that hold nothing but words with a name, most of them the names of another."""
    for separator, form in _NAMED_WORD.items():
        for between in _BETWEEN_PAIRS:
            decoder = KeyValueDecoder(separator=separator, between=between, encoding=encoding)
            names = Counter(
                frozenset(fields)
                for frame in frames
                if (fields := try_parse(decoder, frame)) is not None
                and all(form.fullmatch(pair) for pair in decoder.pairs(frame.decode(encoding)) if pair.strip())
            )
            agreeing = sum(count for count in names.values() if count > 1)
            if agreeing >= _FEWEST_NAMED_WORDS and agreeing * 2 > len(frames):
                return decoder
    return None


def _separated(frames: list[bytes], encoding: str) -> SeparatedDecoder | None:
    """Return the separator that cuts most frames into the same, largest number of fields."""
    best: SeparatedDecoder | None = None
    for separator in _SEPARATORS:
        decoder = SeparatedDecoder(separator=separator, encoding=encoding)
        rows = [fields for frame in frames if (fields := try_parse(decoder, frame)) is not None]
        counts = [len(fields) for fields in rows]
        if not counts:
            continue
        usual = max(set(counts), key=counts.count)
        if counts.count(usual) * 2 <= len(frames):
            continue
        decoder = replace(decoder, fields=usual)
        if separator != "," and _is_decimal_comma([row for row in rows if len(row) == usual]):
            best = replace(decoder, decimal_comma=True)
            break  # every comma stands within a number, so that it separates nothing
        if best is None or best.fields is None or usual > best.fields:
            best = decoder
    if best is None:
        return None
    whole = [frame for frame in frames if try_parse(best, frame) is not None]
    fields = [text for frame in whole for text in best.parse(frame)]
    return replace(
        best,
        check=recognise_check(whole, best.separator.encode()),
        leading_number=any(_NUMBER_AND_UNIT.fullmatch(text.strip()) for text in fields),
    )


def _is_decimal_comma(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether there are commas, and all of them in numbers."""
    with_comma = [text.strip() for row in rows for text in row if "," in text]
    return bool(with_comma) and all(_COMMA_NUMBER.match(text) and text.count(",") == 1 for text in with_comma)


def _binary(frames: list[bytes], check: FrameCheck | None) -> Recognition | None:
    """Return what may be read from binary frames that are alike; only a person can know what they mean."""
    different = set(frames)
    lengths = sorted(map(len, different))
    if len(different) < _FEWEST_BINARY or lengths[0] < 4:
        return None
    usual = max(set(lengths), key=lengths.count)
    alike = lengths.count(usual) * 2 > len(lengths)
    if not alike and check is None and (check := recognise_frame_check(frames)) is None:
        return None
    whole = [frame for frame in frames if len(frame) == usual] if alike else frames
    found = recognise_structure(whole, check)
    if found is None:
        return None
    decoder, likely = found
    if not likely and check is None:
        return None  # as noise would be
    fields = [
        replace(field, name=reading_name(field.source), certain=field.source in likely)
        for field in fields_found(decoder, whole)
    ]
    return Recognition(decoder=decoder, fields=tuple(fields))
