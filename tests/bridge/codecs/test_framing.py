"""However the bytes are cut, the frames and the counters are the same, and memory stays bounded."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer, FramingCounters, parse_delimiter

MAX = 8

# Few different pieces, so that delimiters, half delimiters, empty and overlong frames are frequent.
DELIMITERS = st.sampled_from([b"\n", b"\r", b";", b"\r\n", b"aa", b"aab", b"aba", b"\x03\r\n"])
PIECES = [b"a", b"b", b"aa", b"aab", b"aba", b"b" * (MAX + 1), b"\r", b"\n", b";", b"\r\n", b"\x03", b"\x03\r\n"]
STREAMS = st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join)


def cut(data: bytes, positions: list[int]) -> list[bytes]:
    borders = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(borders)]


def feed_all(framer: DelimiterFramer, pieces: list[bytes]) -> list[bytes]:
    return [frame for piece in pieces for frame in framer.feed(piece)]


@given(delimiter=DELIMITERS, data=STREAMS, positions=st.lists(st.integers(0, 1000)), mid_frame=st.booleans())
def test_any_cut_of_the_bytes_gives_the_same_frames_and_counters(
    delimiter: bytes, data: bytes, positions: list[int], mid_frame: bool
) -> None:
    framers = [DelimiterFramer(delimiter, max_length=MAX) for _ in range(3)]
    for framer in framers:
        framer.reset(mid_frame=mid_frame)

    whole = framers[0].feed(data)
    by_pieces = feed_all(framers[1], cut(data, positions))
    by_bytes = feed_all(framers[2], [bytes([byte]) for byte in data])

    assert whole == by_pieces == by_bytes
    assert framers[0].counters == framers[1].counters == framers[2].counters


@given(delimiter=DELIMITERS, data=STREAMS)
def test_frames_are_what_stands_between_the_borders_but_empty_or_overlong_ones(delimiter: bytes, data: bytes) -> None:
    framer = DelimiterFramer(delimiter, max_length=MAX)
    frames = framer.feed(data + delimiter)

    strip = b"\r" if delimiter == b"\n" else b""
    expected = [frame.removesuffix(strip) for frame in (data + delimiter).split(delimiter)[:-1]]
    assert frames == [frame for frame in expected if 0 < len(frame) <= MAX]
    assert framer.counters.overlong == sum(len(frame) > MAX for frame in expected)


@given(frames=st.lists(st.binary(max_size=MAX)), garbage=st.binary(min_size=0, max_size=100))
def test_after_any_garbage_the_next_border_is_found_again(frames: list[bytes], garbage: bytes) -> None:
    framer = DelimiterFramer(b"\r\n", max_length=MAX)
    framer.feed(garbage + b"\r\n")
    good = [frame for frame in frames if frame and b"\r" not in frame and b"\n" not in frame]

    assert framer.feed(b"".join(frame + b"\r\n" for frame in good)) == good


@pytest.mark.parametrize("delimiter", [b"\n", b"\r\n", b"\x01\x02\x03"])
def test_endless_input_without_a_border_is_not_buffered(delimiter: bytes) -> None:
    framer = DelimiterFramer(delimiter, max_length=100)
    for _ in range(10_000):
        framer.feed(b"x" * 37)

    assert len(framer._tail) < 200  # noqa: SLF001 - the bound of the memory is the claim
    assert framer.counters.overlong == 1
    assert framer.feed(b"end of it" + delimiter + b"next" + delimiter) == [b"next"]


def test_a_carriage_return_before_a_line_feed_belongs_to_the_border() -> None:
    assert DelimiterFramer().feed(b"one\r\ntwo\n\r\n\nthree\r\n") == [b"one", b"two", b"three"]


def test_a_frame_of_exactly_the_maximum_length_is_whole() -> None:
    framer = DelimiterFramer(max_length=4)

    assert feed_all(framer, [b"123", b"4", b"\r", b"\n", b"12345\r\n"]) == [b"1234"]
    assert framer.counters == FramingCounters(overlong=1)


def test_after_a_reset_in_mid_frame_both_the_half_before_and_the_rest_behind_it_are_discarded_and_counted() -> None:
    framer = DelimiterFramer()
    framer.feed(b"half")
    framer.reset(mid_frame=True)

    assert framer.feed(b"rest\nwhole\n") == [b"whole"]
    assert framer.counters == FramingCounters(partial=2)


@pytest.mark.parametrize("delimiter", [b"\r\n", b"\x03\r\n", b"aab"])
def test_a_border_that_comes_byte_by_byte_ends_what_is_discarded(delimiter: bytes) -> None:
    framer = DelimiterFramer(delimiter)
    framer.reset(mid_frame=True)

    assert feed_all(framer, [bytes([byte]) for byte in b"rest" + delimiter + b"whole" + delimiter]) == [b"whole"]


def test_after_a_reset_between_frames_only_the_incomplete_frame_is_lost_and_counted() -> None:
    framer = DelimiterFramer()
    framer.feed(b"half")
    framer.reset(mid_frame=False)

    assert framer.feed(b"whole\n") == [b"whole"]
    assert framer.counters == FramingCounters(partial=1)


@pytest.mark.parametrize(("delimiter", "max_length"), [(b"", 10), (b"\n", 0)])
def test_an_impossible_framer_is_refused(delimiter: bytes, max_length: int) -> None:
    with pytest.raises(ValueError):
        DelimiterFramer(delimiter, max_length=max_length)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        (r"\n", b"\n"),
        (r"\r\n", b"\r\n"),
        (r"\t", b"\t"),
        (r"\0", b"\0"),
        (r"\x03", b"\x03"),
        (r"\xfF\\", b"\xff\\"),
        (";", b";"),
        ("END", b"END"),
        ("\n", b"\n"),
    ],
)
def test_a_delimiter_is_written_as_text_with_escapes(text: str, delimiter: bytes) -> None:
    assert parse_delimiter(text) == delimiter


@pytest.mark.parametrize("text", ["", "\\", r"\q", r"\x", r"\x0", r"\xzz", r"\u0041", "€"])
def test_what_is_no_delimiter_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_delimiter(text)
