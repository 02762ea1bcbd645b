"""Frames to send are written as text with places for values and checks, and nothing in them is evaluated."""

import struct

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.frame_check import FrameCheck
from custom_components.fieldbridge.bridge.codecs.talk import Answer, Question, Talk
from custom_components.fieldbridge.bridge.codecs.template import FrameTemplate
from custom_components.fieldbridge.bridge.errors import ProfileError, WriteError


@pytest.mark.parametrize(
    ("text", "value", "frame"),
    [
        (r"*IDN?\r\n", 0, b"*IDN?\r\n"),
        (r"S{value:04d}\r", 7, b"S0007\r"),
        (r"T{value:.1f};", 21.456, b"T21.5;"),
        (r"T{value:+06.1f}", 21.456, b"T+021.5"),
        ("{value}", 21.5, b"21.5"),
        ("{value}", 40, b"40"),
        ("{value}", True, b"1"),
        ("{value:X}", 255, b"FF"),
        ("MODE {value}", "auto", b"MODE auto"),
        ('{{"set":{value}}}', 5, b'{"set":5}'),
        ("0xAA B4 {value:u8} 00 {value:u16le}", 3, b"\xaa\xb4\x03\x00\x03\x00"),
        ("0xAA{value:i16}", -2, b"\xaa\xff\xfe"),
        ("0x01{value:f32}", 1.5, b"\x01" + struct.pack(">f", 1.5)),
        (r"$SET,{value}*{xor8:hex,start=1,skip=1}\r\n", 5, b"$SET,5*5B\r\n"),
        ("0xFE 04 00 03 00 01 {crc-16/modbus:little}", 0, b"\xfe\x04\x00\x03\x00\x01\xd5\xc5"),
        ("{other:03d}", 0, b"012"),
    ],
)
def test_a_template_is_filled_in(text: str, value: object, frame: bytes) -> None:
    assert FrameTemplate(text).fill({"value": value, "other": 12}) == frame


@given(value=st.integers(0, 65535), algorithm=st.sampled_from(["sum8", "lrc", "crc-16/arc", "crc-32/iso-hdlc"]))
def test_a_filled_check_holds(value: int, algorithm: str) -> None:
    frame = FrameTemplate(f"0xA55A {{value:u16}} {{{algorithm}:big,start=1}}").fill({"value": value})

    assert FrameCheck(algorithm=algorithm, start=1).holds(frame)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{value:u8}", 256),
        ("{value:u8}", -1),
        ("{value:u16}", 1.5),
        ("{value:d}", "abc"),
        ("{value:d}", None),
        ("{value:.1f}", float("nan")),
        ("{value:f32}", 1e300),
        ("{value}", "x\r\nRESET"),
        ("{value}", "\x03"),
        ("{missing}", 1),
    ],
)
def test_a_value_that_does_not_fit_is_refused(text: str, value: object) -> None:
    with pytest.raises(WriteError):
        FrameTemplate(text).fill({"value": value})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "}",
        "{value",
        "{value!r}",
        "{value.__class__}",
        "{0}",
        "{value:10000d}",
        "{value:.1d}",
        "{value:04.2X}",
        "{value:{value}}",
        "{crc-16/modbus:middle}",
        "{xor8:start=x}",
        "0xAG",
        "0xAA B",
        "x" * 2001,
    ],
)
def test_a_wrong_template_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        FrameTemplate(text)


@given(text=st.text(alphabet="{}:value0xAF.du8,\\ r=!", max_size=30), value=st.integers() | st.text(max_size=5))
def test_any_template_is_refused_or_filled(text: str, value: object) -> None:
    try:
        FrameTemplate(text).fill({"value": value})
    except ValueError, WriteError:
        return


def test_an_answer_is_told_by_how_it_begins_and_what_it_has() -> None:
    assert Answer().matches(b"anything")
    assert Answer(prefix=b"\xfe\x04").matches(b"\xfe\x04\x02")
    assert not Answer(prefix=b"\xfe\x04").matches(b"\xfe\x06")
    assert Answer(pattern="^OK|^ACK").matches(b"ACK 5")
    assert not Answer(pattern="^OK").matches(b"ERR")
    assert not Answer(pattern=r"^(a?){60}a{60}b").matches(b"a" * 4096)


def test_what_is_said_keeps_its_form() -> None:
    form = {
        "init": ["0xAA"],
        "poll": [{"frame": "Q\\r", "every": 5.0, "timeout": 0.5, "answer": {"prefix": "A"}}],
    }

    assert Talk.from_dict(form).to_dict() == form


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ([], "talk"),
        ({"said": []}, "talk"),
        ({"init": "x"}, "talk.init"),
        ({"init": ["{"]}, "talk.init[0]"),
        ({"init": ["{value}"]}, "talk"),
        ({"poll": [{"frame": "x"}]}, "talk.poll[0].every"),
        ({"poll": [{"frame": "x", "every": 0}]}, "talk.poll[0].every"),
        ({"poll": [{"frame": 5, "every": 1}]}, "talk.poll[0].frame"),
        ({"poll": [{"frame": "x", "every": 1, "answer": {"pattern": "("}}]}, "talk.poll[0].answer"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(form: object, path: str) -> None:
    with pytest.raises(ProfileError) as error:
        Talk.from_dict(form)
    assert error.value.path == path


def test_a_wrong_question_is_refused() -> None:
    with pytest.raises(ProfileError):
        Question.from_dict({"frame": "x", "expects": "y"}, "target")
