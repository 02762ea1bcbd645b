"""Bytes that nobody described: lines stay lines, everything else gets the framing that was recognised."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels.recognise_stream import (
    KEPT_FRAMES,
    StreamRecognition,
    cut_chunks,
    recognise_stream,
)
from custom_components.fieldbridge.bridge.codecs.catalogue import function_of
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer
from custom_components.fieldbridge.bridge.codecs.recognise_framing import Chunk


def recognised(pieces: Sequence[bytes], pause: float = 0.1) -> StreamRecognition:
    chunks = [Chunk(number * pause, piece) for number, piece in enumerate(pieces)]
    framer = DelimiterFramer()
    lines = [Frame(chunk.time, line) for chunk in chunks for line in framer.feed(chunk.data)]
    return recognise_stream(chunks, lines)


def test_lines_are_left_as_they_are() -> None:
    found = recognised([b"Room;21.5;\xc2\xb0C\n", b"Room;21.6;\xc2\xb0C\n", b"Room;21.7;\xc2\xb0C\n"])

    assert found.framing is None
    assert found.recognition is not None
    assert [field.name for field in found.recognition.fields] == ["Room"]


@pytest.mark.parametrize(("line", "encoding"), [("Größe=%d;Öl=%d 😀\n", "utf-8"), ("Größe=%d;Öl=%d\n", "latin-1")])
def test_lines_of_any_language_are_no_binary_frames(line: str, encoding: str) -> None:
    found = recognised([(line % (40 + number, 9 + number)).encode(encoding) for number in range(5)])

    assert found.framing is None, "numbers grow by a digit, so that a fixed length would not hold"
    assert found.recognition is not None
    assert [(field.name, field.certain) for field in found.recognition.fields] == [("Größe", True), ("Öl", True)]


def test_a_text_in_another_framing_is_cut_by_it_with_times() -> None:
    found = recognised([b"T=21.5\r", b"T=21.6\r", b"T=21.7\r"])

    assert found.framing == {"kind": "delimiter", "delimiter": "\\r"}
    assert found.frames == (Frame(0.0, b"T=21.5"), Frame(0.1, b"T=21.6"), Frame(0.2, b"T=21.7"))
    assert found.recognition is not None


def test_binary_frames_are_found_with_their_check_and_its_bytes_are_no_value() -> None:
    frames = []
    for number in range(4):
        body = b"\x0bA" + (1000 + number * 37).to_bytes(2, "big") + b"\x0a\x00\x01"
        frames.append(body + bytes([sum(body) & 0xFF]))
    found = recognised(frames)

    assert found.framing is not None
    assert found.framing["check"]["algorithm"] == "sum8"
    assert found.recognition is not None
    assert [field.source for field in found.recognition.fields if field.certain] == ["u16_2"]


def test_bytes_that_nobody_understands_are_no_frames_because_a_line_feed_is_among_them() -> None:
    found = recognised([b"\x81\x0a\x92\x93\x0a\x94", b"\x0a\x99\xf2\xf3\x0a\xe4", b"\xf1\x0a\xf2\xf3\x0a\xf4"], 0.001)

    assert found.recognition is None


@pytest.mark.parametrize("algorithm", ["crc-16/modbus", "crc-8/smbus", "crc-32/iso-hdlc"])
def test_lines_with_any_check_in_hexadecimal_digits_are_read_without_it(algorithm: str) -> None:
    digits = {"crc-16/modbus": 4, "crc-8/smbus": 2, "crc-32/iso-hdlc": 8}[algorithm]
    bodies = [b"T=21.%d,H=4%d" % (number, number * 3 % 10) for number in range(6)]
    lines = [body + b"*%0*X\r\n" % (digits, function_of(algorithm)(body)) for body in bodies]
    found = recognised(lines)

    assert found.framing is not None
    assert found.framing["kind"] == "line"
    assert found.framing["check"]["algorithm"] == algorithm
    assert [frame.data for frame in found.frames] == bodies
    assert found.recognition is not None
    assert [field.source for field in found.recognition.fields] == ["T", "H"]


def test_a_check_in_lines_is_proposed_only_when_it_held_on_three() -> None:
    bodies = [b"T=21.%d" % number for number in range(2)]
    lines = [body + b"*%04X\n" % function_of("crc-16/modbus")(body) for body in bodies]

    assert recognised(lines).framing is None


def test_a_pause_ends_frames_that_have_no_other_end() -> None:
    frames = cut_chunks(
        [Chunk(0.0, b"ab"), Chunk(0.01, b"c"), Chunk(1.0, b"de"), Chunk(2.0, b"f")], {"kind": "silence", "gap": 0.1}
    )

    assert frames == (Frame(0.01, b"abc"), Frame(1.0, b"de"))


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.tuples(st.floats(0, 0.3), st.binary(min_size=1, max_size=24)), max_size=12),
    repeats=st.integers(1, 4),
)
def test_whatever_arrives_is_recognised_or_not_without_an_error(
    pieces: list[tuple[float, bytes]], repeats: int
) -> None:
    chunks, now = [], 0.0
    for number in range(repeats):
        for pause, data in pieces:
            now += pause
            chunks.append(Chunk(now, data[:-1] + bytes([data[-1] ^ number])))
    framer = DelimiterFramer()
    lines = [Frame(chunk.time, line) for chunk in chunks for line in framer.feed(chunk.data)]

    found = recognise_stream(chunks, lines)

    assert len(found.frames) <= KEPT_FRAMES
    for field in found.recognition.fields if found.recognition is not None else ():
        assert found.recognition is not None
        found.recognition.decoder.getter(field.source)
