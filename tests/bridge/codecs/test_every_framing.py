"""Whatever the framing: any split gives the same frames, garbage costs no frame behind it, and memory is bounded."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.framing import Framer, framer_from_dict
from custom_components.fieldbridge.bridge.errors import ProfileError

from .framings import EXAMPLES, MAX, counted, cut, fixed

CONTENT = st.binary(min_size=1, max_size=16)
NOISE = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        b"\x02 \x03 \x10 \x10\x02 \x10\x03 \xa5 \x5a\x05 BM B / ! E EN END \xc0 \xdb \0 ~ } \x1b ;".split(b" ")
    ),
    st.sampled_from([b"\r\n", b"\n", b" ", b"x" * (MAX + 1)]),
)
every_framing = pytest.mark.parametrize("kind", EXAMPLES)


def streams(kind: str) -> st.SearchStrategy[bytes]:
    """Frames of one kind between anything."""
    whole = CONTENT.map(EXAMPLES[kind].line)
    return st.lists(st.one_of(whole, NOISE), max_size=8).map(b"".join)


def feed_all(framer: Framer, pieces: list[bytes]) -> list[bytes]:
    return [frame for piece in pieces for frame in framer.feed(piece)]


@every_framing
@given(data=st.data(), positions=st.lists(st.integers(0, 1000), max_size=6), mid_frame=st.booleans())
def test_any_split_of_the_bytes_gives_the_same_frames_and_counters(
    kind: str, data: st.DataObject, positions: list[int], mid_frame: bool
) -> None:
    stream = data.draw(streams(kind))
    framers = [EXAMPLES[kind].framer() for _ in range(3)]
    for framer in framers:
        framer.reset(mid_frame=mid_frame)

    whole = framers[0].feed(stream)
    by_pieces = feed_all(framers[1], cut(stream, positions))
    by_bytes = feed_all(framers[2], [bytes([byte]) for byte in stream])

    assert whole == by_pieces == by_bytes
    assert framers[0].counters == framers[1].counters == framers[2].counters


@every_framing
@given(contents=st.lists(CONTENT, min_size=1, max_size=5))
def test_frames_are_found_as_they_were_sent(kind: str, contents: list[bytes]) -> None:
    item = EXAMPLES[kind]
    framer = item.framer()

    frames = framer.feed(b"".join(map(item.line, contents)))

    assert frames == [frame for content in contents if (frame := item.frame(content))]
    assert framer.counters.overlong == framer.counters.checksum == framer.counters.malformed == 0


@every_framing
@given(garbage=st.binary(max_size=60), contents=st.lists(CONTENT, min_size=8, max_size=8))
def test_after_any_garbage_frames_are_found_again(kind: str, garbage: bytes, contents: list[bytes]) -> None:
    item = EXAMPLES[kind]
    framer = item.framer()
    numbered = [b"abcd%d" % number + content for number, content in enumerate(contents)]
    framer.feed(garbage)
    frames = framer.feed(b"".join(map(item.line, numbered)))

    expected = list(map(item.frame, numbered))
    # The garbage may swallow what it runs into: a delimiter, an escape, or what its length field reaches over.
    assert frames[-1:] == expected[-1:]


@every_framing
def test_endless_input_is_not_buffered(kind: str) -> None:
    for piece in (b"x" * 37, b"\x02\xa5\x5aBM" * 9, b"\x10" * 39, b"/\n" * 20, b"\xdb\x1b}" * 13):
        framer = EXAMPLES[kind].framer()
        for _ in range(500):
            framer.feed(piece)
        buffered = [value for value in _everything(framer) if isinstance(value, bytes)]
        assert sum(map(len, buffered)) < 4 * MAX


def _everything(item: object) -> list[object]:
    values = list(vars(item).values())
    return values + [value for inner in values if isinstance(inner, Framer) for value in vars(inner).values()]


# Each stream has two good frames of 12 bytes, and something between them that is counted under one cause alone.
GOOD = fixed(b"GOODGOOD")
LONG = counted(b"content")


@pytest.mark.parametrize(
    ("kind", "between", "cause", "garbage"),
    [
        ("fixed", b"", None, 0),
        ("fixed", b"\x01\x02\x03", None, 3),
        ("fixed", GOOD[:-1] + b"\0", "checksum", 12),
        ("fixed", GOOD[:7], "checksum", 7),
        ("length", LONG[:-1] + b"\0", "checksum", len(LONG)),
        ("length", b"\xa5\x5a\xff", "overlong", 3),
        ("marks", b"\x02half", "restarted", None),
        ("marks", b"\x02" + b"x" * MAX, "overlong", None),
        ("telegram", b"/X\r\nhalf\r\n", "restarted", None),
        ("telegram", b"/X\r\n" + b"x" * MAX + b"\r\n", "overlong", None),
        ("dle", b"\x10\x02half", "restarted", None),
        ("dle", b"\x10\x02half\x10x\x10\x03", "malformed", None),
        ("slip", b"\xdb\x01\xc0", "malformed", None),
        ("slip", b"x" * 100 + b"\xc0", "overlong", None),
        ("cobs", b"\x05x\0", "malformed", None),
        ("stuffed between STX and ETX", b"\x02half", "restarted", None),
    ],
)
def test_every_loss_is_counted_under_its_cause(
    kind: str, between: bytes, cause: str | None, garbage: int | None
) -> None:
    item = EXAMPLES[kind]
    framer = item.framer()

    frames = framer.feed(item.line(b"GOODGOOD") + between + item.line(b"GOODGOOD"))

    assert frames == [item.frame(b"GOODGOOD")] * 2
    counted = {name: getattr(framer.counters, name) for name in ("overlong", "restarted", "checksum", "malformed")}
    assert counted == {**dict.fromkeys(counted, 0), **({cause: 1} if cause else {})}
    if garbage is not None:
        assert framer.counters.garbage == garbage


def test_a_wrong_end_mark_is_counted_as_malformed_and_the_frame_inside_is_found() -> None:
    framer = framer_from_dict({"kind": "fixed", "length": 6, "start": "\\xAA", "end": "\\xAB"})

    assert framer.feed(b"\xaa12\xaa4567\xab\xaa1234\xab") == [b"\xaa4567\xab", b"\xaa1234\xab"]
    assert framer.counters.malformed == 1


def test_a_second_start_mark_inside_rejects_a_frame_whose_start_is_unique() -> None:
    framer = framer_from_dict({"kind": "fixed", "length": 6, "start": "\\xAA\\xC0", "unique_start": True})

    assert framer.feed(b"\xaa\xc01\xaa\xc04567") == [b"\xaa\xc04567"]
    assert framer.counters.restarted == 1


def test_a_check_that_fails_keeps_a_line_from_being_shown() -> None:
    check = {"algorithm": "xor8", "encoding": "hex", "start": 1, "skip": 1, "strip": True}
    framer = framer_from_dict({"kind": "line", "check": check})

    assert framer.feed(b"$A,1*5c\r\n$A,2*5c\r\n") == [b"$A,1"]
    assert framer.counters.checksum == 1


@pytest.mark.parametrize(("rest", "partial"), [(b"", 0), (b"est", 1), (b"}~", 1)])
def test_where_marks_are_the_same_what_comes_before_the_first_is_no_frame(rest: bytes, partial: int) -> None:
    framer = EXAMPLES["stuffed between equal marks"].framer()
    for _ in range(2):
        assert framer.feed(rest + b"~one~two~") == [b"one", b"two"]
        framer.reset(mid_frame=False)

    assert framer.counters.partial == 2 * partial


@every_framing
def test_a_frame_that_the_loss_of_the_link_cuts_is_counted_once(kind: str) -> None:
    whole = EXAMPLES[kind].line(b"GOODGOOD")
    for length in range(2, len(whole)):  # a single byte may as well be the end of the frame before
        framer = EXAMPLES[kind].framer()
        assert framer.feed(whole[:length]) == []
        assert framer.counters.partial == 0

        framer.reset(mid_frame=False)
        framer.reset(mid_frame=False)

        assert framer.counters.partial == 1, whole[:length]


@every_framing
def test_the_loss_of_the_link_between_two_frames_cuts_none(kind: str) -> None:
    framer = EXAMPLES[kind].framer()
    framer.feed(EXAMPLES[kind].line(b"GOODGOOD"))
    framer.reset(mid_frame=False)

    assert framer.counters.partial == 0


def test_the_loss_of_the_link_cuts_no_frame_that_is_discarded_already() -> None:
    framer = EXAMPLES["line"].framer()
    framer.reset(mid_frame=True)
    framer.feed(b"rest")
    framer.reset(mid_frame=False)

    assert framer.counters.partial == 1


def test_what_stands_before_a_telegram_when_the_link_is_lost_is_garbage() -> None:
    framer = EXAMPLES["telegram"].framer()
    framer.feed(b"noise")
    framer.reset(mid_frame=False)

    assert (framer.counters.garbage, framer.counters.partial) == (5, 0)


def test_silence_ends_a_frame() -> None:
    framer = framer_from_dict({"kind": "silence", "gap": 0.02})

    assert framer.gap == 0.02
    assert framer.feed(b"one", 1.0) == []
    assert framer.feed(b"+", 1.019) == []
    assert framer.feed(b"two", 1.04) == [b"one+"]
    assert framer.flush() == [b"two"]
    assert framer.flush() == []


def test_what_comes_before_the_first_silence_may_be_the_rest_of_a_frame() -> None:
    framer = framer_from_dict({"kind": "silence", "gap": 0.02})
    framer.reset(mid_frame=True)

    assert framer.feed(b"rest", 0.0) + framer.feed(b"whole", 1.0) + framer.flush() == [b"whole"]
    assert framer.counters.partial == 1


def test_endless_noise_is_one_overlong_frame() -> None:
    framer = framer_from_dict({"kind": "silence", "gap": 0.02, "max_length": 100})
    for _ in range(1000):
        assert framer.feed(b"x" * 64, 1.0) == []

    assert framer.counters.overlong == 1
    assert framer.feed(b"short", 2.0) + framer.flush() == [b"short"]


def test_a_beginning_that_was_none_does_not_hold_up_a_slow_device() -> None:
    framer = EXAMPLES["length"].framer()
    framer.feed(b"\xa5\x5a\x20", 1.0)

    assert framer.feed(LONG, 61.0) == [LONG]
    assert framer.counters.partial == 1


@example(data=b"\xa5\x5a\xff" * 400, kind="length")
@settings(max_examples=20)
@given(data=st.binary(min_size=1, max_size=4096), kind=st.sampled_from(sorted(EXAMPLES)))
def test_large_frames_may_be_asked_for_without_a_framer_that_works_for_ever(data: bytes, kind: str) -> None:
    framer = EXAMPLES[kind].framer(max_length=65536)
    for start in range(0, len(data), 64):
        framer.feed(data[start : start + 64])


@pytest.mark.parametrize(
    ("form", "path"),
    [
        (None, "framing"),
        ({}, "framing.kind"),
        ({"kind": ["line"]}, "framing.kind"),
        ({"kind": "line", "delimiter": ";"}, "framing"),
        ({"kind": "line", "max_length": 0}, "framing.max_length"),
        ({"kind": "delimiter"}, "framing.delimiter"),
        ({"kind": "delimiter", "delimiter": "\\"}, "framing.delimiter"),
        ({"kind": "fixed", "length": 10}, "framing"),
        ({"kind": "fixed", "length": 2, "start": "ab"}, "framing"),
        ({"kind": "fixed", "length": True, "start": "a"}, "framing.length"),
        ({"kind": "length", "start": "a"}, "framing.offset"),
        ({"kind": "length", "start": "a", "offset": 1, "size": 5}, "framing.size"),
        ({"kind": "marks", "start": "a", "end": "a"}, "framing"),
        ({"kind": "marks", "start": "a"}, "framing.end"),
        ({"kind": "silence", "gap": 0}, "framing"),
        ({"kind": "silence"}, "framing.gap"),
        ({"kind": "telegram"}, "framing.start"),
        ({"kind": "escaped", "end": "a", "escape": "bc"}, "framing.escape"),
        ({"kind": "escaped", "end": "a", "escape": "a"}, "framing"),
        ({"kind": "escaped", "end": "a", "escape": "b", "replace": {"x": "yy"}}, "framing.replace.x"),
        ({"kind": "line", "check": {"algorithm": "crc"}}, "framing.check.algorithm"),
        ({"kind": "line", "check": {"algorithm": "sum8", "start": -1}}, "framing.check.start"),
    ],
)
def test_a_wrong_framing_is_refused_with_its_place(form: Any, path: str) -> None:
    with pytest.raises(ProfileError) as error:
        framer_from_dict(form)
    assert error.value.path.startswith(path)


def test_replaced_bytes_are_named_by_what_stands_for_them() -> None:
    framer = framer_from_dict(
        {"kind": "escaped", "end": "\\xC0", "escape": "\\xDB", "replace": {"\\xDC": "\\xC0", "\\xDD": "\\xDB"}}
    )

    assert framer.feed(b"a\xdb\xdcb\xdb\xdd\xc0") == [b"a\xc0b\xdb"]
