"""What a decoder that a person described offers: numbers ticked, texts beside them, and what nobody has sent yet."""

import pytest

from custom_components.fieldbridge.bridge.channels import ValueKind
from custom_components.fieldbridge.bridge.channels.described_fields import described_fields
from custom_components.fieldbridge.bridge.codecs.decoders import decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.escapes import parse_lines


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


def test_a_wrong_escape_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match="line 2: unknown escape"):
        parse_lines("good\nb\\qd")
