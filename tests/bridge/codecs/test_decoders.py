"""Frames to fields; whatever the bytes, a decoder raises DecodeError with a countable reason or nothing."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.checks import FieldCheck
from custom_components.fieldbridge.bridge.codecs.decoders import (
    Decoder,
    JsonDecoder,
    SeparatedDecoder,
    decoder_from_dict,
)
from custom_components.fieldbridge.bridge.errors import DecodeError, ProfileError

REASONS = {"checksum", "encoding", "field_count", "json"}
DECODERS: list[Decoder] = [
    JsonDecoder(),
    SeparatedDecoder(),
    SeparatedDecoder(separator=" "),
    SeparatedDecoder(separator="°"),
    SeparatedDecoder(separator=",", fields=3),
    SeparatedDecoder(separator=",", fields=3, check=FieldCheck(algorithm="sum8")),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FRAMES = st.one_of(
    st.binary(max_size=200),
    st.text(alphabet='{}[]":,;0123456789.-+eEntrufalsNI \\', max_size=200).map(str.encode),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
)


def reason_of(decoder: Decoder, data: bytes) -> str:
    with pytest.raises(DecodeError) as error:
        decoder.parse(data)
    return error.value.reason


@given(decoder=st.sampled_from(DECODERS), data=FRAMES)
def test_no_bytes_raise_anything_but_decode_error(decoder: Decoder, data: bytes) -> None:
    try:
        decoder.parse(data)
    except DecodeError as error:
        assert error.reason in REASONS  # noqa: PT017 - whether it fails depends on the bytes


@given(
    data=FRAMES,
    source=st.sampled_from(["0", "7", "a", "a.b", "a.0", "0.0", "a..b", ".", "a.99999999999999999999999"]),
)
def test_a_getter_finds_its_field_or_says_that_the_frame_has_none(data: bytes, source: str) -> None:
    for decoder in DECODERS:
        try:
            get, fields = decoder.getter(source), decoder.parse(data)
        except ValueError:
            continue
        try:
            get(fields)
        except LookupError, TypeError:
            continue


@pytest.mark.parametrize("decoder", [JsonDecoder(), SeparatedDecoder()])
def test_a_broken_byte_is_an_encoding_error(decoder: Decoder) -> None:
    assert reason_of(decoder, b"20.4;\xff;mA") == "encoding"


def test_a_broken_byte_in_a_checked_frame_is_a_checksum_error() -> None:
    decoder = SeparatedDecoder(separator=",", check=FieldCheck(algorithm="xor8"))

    assert reason_of(decoder, b"20.4,\xff,00") == "checksum"


def test_separated_fields_are_found_by_position() -> None:
    decoder = SeparatedDecoder(separator=";", fields=3)
    fields = decoder.parse("a; 20.5 ;°C".encode())

    assert [decoder.getter(source)(fields) for source in "012"] == ["a", " 20.5 ", "°C"]


def test_a_frame_with_another_number_of_fields_is_refused() -> None:
    decoder = SeparatedDecoder(separator=";", fields=3)

    assert reason_of(decoder, b"1;2") == "field_count"
    assert reason_of(decoder, b"1;2;3;4") == "field_count"


def test_a_blank_separator_stands_for_any_white_space() -> None:
    assert SeparatedDecoder(separator=" ").parse(b"  S   S \t 12.5  g ") == ["S", "S", "12.5", "g"]


@pytest.mark.parametrize("source", ["x", "", "-1", "1.5"])
def test_a_position_is_a_number_from_0(source: str) -> None:
    with pytest.raises(ValueError):
        SeparatedDecoder().getter(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("t", 21.5),
        ("air.pm25", 7),
        ("cells.1", 3.3),
        ("rooms.0.name", "bath"),
        ("sensors.01", "leading zero"),
        ("sensors.2", "number as key"),
        ("007", "first"),
        ("off", None),
    ],
)
def test_json_fields_are_found_by_dotted_path(source: str, value: object) -> None:
    frame = {
        "t": 21.5,
        "air": {"pm25": 7},
        "cells": [3.2, 3.3],
        "rooms": [{"name": "bath"}],
        "sensors": {"01": "leading zero", "2": "number as key"},
        "007": "first",
        "off": None,
    }
    decoder = JsonDecoder()

    assert decoder.getter(source)(decoder.parse(json.dumps(frame).encode())) == value


@pytest.mark.parametrize(("source", "value"), [("0", 1.5), ("1.t", 2), ("2.1", "x")])
def test_json_lists_are_read_by_position(source: str, value: object) -> None:
    decoder = JsonDecoder()

    assert decoder.getter(source)(decoder.parse(b'[1.5, {"t": 2}, [0, "x"]]')) == value


@pytest.mark.parametrize("source", ["3", "t", "0.t", "-1"])
def test_a_path_that_leads_nowhere_in_a_list_is_a_lookup_or_type_error(source: str) -> None:
    decoder = JsonDecoder()
    fields = decoder.parse(b"[1.5, 2, 3]")

    with pytest.raises((LookupError, TypeError)):
        decoder.getter(source)(fields)


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        JsonDecoder().getter("")


@pytest.mark.parametrize("source", ["missing", "t.x", "cells.9", "cells.x", "cells.-1", "air.0", "off.x"])
def test_a_path_that_leads_nowhere_is_a_lookup_or_type_error(source: str) -> None:
    decoder = JsonDecoder()
    fields = decoder.parse(b'{"t": 21.5, "cells": [1, 2], "air": {"pm25": 7}, "off": null}')

    with pytest.raises((LookupError, TypeError)):
        decoder.getter(source)(fields)


@pytest.mark.parametrize(
    "data",
    [b'{"t": NaN}', b'{"t": Infinity}', b'{"t": -Infinity}', b"[NaN]", b"1", b'"x"', b"null", b"{", b"", b'{"t": 1'],
)
def test_what_is_no_json_object_or_list_is_refused(data: bytes) -> None:
    assert reason_of(JsonDecoder(), data) == "json"


@pytest.mark.parametrize("depth", [100, 2000, 100_000])
def test_deep_nesting_is_read_or_refused_but_never_an_error_of_another_kind(depth: int) -> None:
    data = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    try:
        fields = JsonDecoder().parse(data)
    except DecodeError as error:
        assert error.reason == "json"  # noqa: PT017 - how deep Python can go is its own business
    else:
        assert isinstance(JsonDecoder().getter("a.0")(fields), list)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_keeps_its_form_through_json(decoder: Decoder) -> None:
    assert decoder_from_dict(json.loads(json.dumps(decoder.to_dict()))) == decoder


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "decoder.kind"),
        ({"kind": "xml"}, "decoder.kind"),
        ({"kind": ["json"]}, "decoder.kind"),
        ({"kind": "separated"}, "decoder.separator"),
        ({"kind": "separated", "separator": ""}, "decoder.separator"),
        ({"kind": "separated", "separator": ";", "fields": 0}, "decoder.fields"),
        ({"kind": "separated", "separator": ";", "fields": True}, "decoder.fields"),
        ({"kind": "separated", "separator": ";", "check": "sum8"}, "decoder.check"),
        ({"kind": "separated", "separator": ";", "check": {"algorithm": "crc"}}, "decoder.check.algorithm"),
    ],
)
def test_a_wrong_decoder_is_refused_with_its_place(data: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as error:
        decoder_from_dict(data)
    assert error.value.path == path
