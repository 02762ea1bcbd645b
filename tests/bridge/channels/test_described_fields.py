"""What a decoder that a person described offers: numbers ticked, texts beside them, and what nobody has sent yet."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import ValueKind
from custom_components.fieldbridge.bridge.channels.described_fields import described_fields
from custom_components.fieldbridge.bridge.codecs.decoders import decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.escapes import parse_lines

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)


def test_texts_are_offered_beside_numbers_but_not_ticked() -> None:
    decoder = decoder_from_dict({"kind": "separated", "separator": ";"})
    fields = described_fields(decoder, [b"1.5;on;  ;007", b"1.6;off;  ;007"])

    assert [(field.source, field.kind, field.certain) for field in fields] == [
        ("0", ValueKind.NUMBER, True),
        ("1", ValueKind.TEXT, False),
        ("3", ValueKind.TEXT, False),
    ]


def test_what_a_description_declares_is_offered_before_anything_came() -> None:
    structure = {
        "kind": "structure",
        "fields": [{"name": "t", "type": "u16"}, {"name": "c", "type": "u8", "repeat": 2}],
    }

    assert [field.source for field in described_fields(decoder_from_dict(structure), [])] == ["t"]
    pattern = decoder_from_dict({"kind": "pattern", "pattern": "(?P<a>x)|(?P<b>y)"})
    assert [(field.source, field.certain) for field in described_fields(pattern, [])] == [("a", True), ("b", True)]
    assert described_fields(decoder_from_dict({"kind": "json"}), []) == []


def test_columns_have_the_names_that_a_person_gave() -> None:
    decoder = decoder_from_dict({"kind": "columns"})
    fields = described_fields(decoder, [b"AB  12.5"], [("2:8", "Weight"), ("0:2", "Columns 0:2")])

    assert [(field.name, field.sample, field.kind) for field in fields] == [
        ("Weight", "12.5", ValueKind.NUMBER),
        ("Columns 0:2", "AB", ValueKind.TEXT),
    ]


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("T=1\\x02\n\n  \nT=2", [b"T=1\x02", b"T=2"]),
        ("0b 41 48\n0xAA C0", [b"\x0bAH", b"\xaa\xc0"]),
        ("12 34 56", [b"12 34 56"]),
        ("", []),
    ],
)
def test_pasted_messages_are_text_with_escapes_or_hexadecimal_bytes(text: str, frames: list[bytes]) -> None:
    assert parse_lines(text) == frames


def test_pasted_messages_have_the_bytes_that_the_device_would_send() -> None:
    assert parse_lines("20 °C\\x02", "utf-8") == [b"20 \xc2\xb0C\x02"]
    assert parse_lines("20 °C\\x02", "latin-1") == [b"20 \xb0C\x02"]


@given(st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3))
def test_pasted_json_is_taken_as_it_is_written(value: Any) -> None:
    text = json.dumps(value)

    assert parse_lines(f"  {text}\n{text}") == [b"  " + text.encode(), text.encode()]


@pytest.mark.parametrize(
    "line",
    [
        r'{"name": "the \"left\" one", "unit": "\u00b0C", "path": "C:\\temp", "note": "a\nb"}',
        r'{"unit": "\u00b0C", "cut": ',
        r"T=5\q\x02",
        r"T=5\x0",
        "T=5\\",
    ],
)
def test_escapes_of_the_device_are_taken_as_they_are_written(line: str) -> None:
    assert parse_lines(line) == [line.encode()]


def test_known_escapes_around_and_in_what_is_no_json_are_bytes() -> None:
    assert parse_lines(r'\x02{"a": 1}\r\n') == [b'\x02{"a": 1}\r\n']
    assert parse_lines(r"[1\t2") == [b"[1\t2"]
    assert parse_lines("[" * 50_000 + r"\t") == [b"[" * 50_000 + b"\t"]


def test_a_character_without_bytes_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match="line 2: '€' is no single byte"):
        parse_lines("good\n20 €\\n")
    with pytest.raises(ValueError, match="line 1: '€' is no single byte"):
        parse_lines('{"price": "20 €"}')
