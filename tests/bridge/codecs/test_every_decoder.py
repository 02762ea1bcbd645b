"""Whatever a decoder is: it reads what it says, refuses the rest with a reason, and never dies on any byte."""

import json
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.decoders import KINDS, Decoder, decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.decoders.structure import TYPES
from custom_components.fieldbridge.bridge.errors import DecodeError, ProfileError

CELLS = {"name": "cell", "repeat": "*", "fields": [{"name": "v", "type": "u16"}, {"name": "t", "type": "i8"}]}
FLAGS = {"name": "flags", "type": "u8", "bits": {"alarm": [0, 1], "mode": [1, 3]}}
OF_OTHER_LINKS = {"modbus", "topics", "bytes", "gatt", "characteristics"}
"""Tested beside their links."""
FORMS: dict[str, dict[str, Any]] = {
    "json": {"kind": "json"},
    "separated": {"kind": "separated", "separator": ";", "decimal_comma": True, "leading_number": True},
    "key_value": {"kind": "key_value", "between": " ", "leading_number": True},
    "lines": {"kind": "key_value", "separator": "\t", "between": "\n", "encoding": "latin-1"},
    "pattern": {"kind": "pattern", "pattern": r"T(?P<t>-?\d+,\d+)(?: H(?P<h>\d+))?", "decimal_comma": True},
    "columns": {"kind": "columns", "leading_number": True},
    "structure": {"kind": "structure", "fields": [FLAGS, {"name": "n", "type": "u16", "invalid": [65535]}, CELLS]},
    "nmea": {"kind": "nmea"},
    "obis": {"kind": "obis"},
    "numbers": {"kind": "numbers"},
    "numbers with comma": {"kind": "numbers", "decimal_comma": True},
    "plain": {"kind": "plain"},
    "checked": {"kind": "plain", "frame_check": {"algorithm": "crc-16/modbus", "encoding": "little", "strip": True}},
    "mixed": {
        "kind": "mixed",
        "cases": [
            {"name": "t", "prefix": "T,", "decoder": {"kind": "separated", "separator": ","}},
            {"name": "s", "length": 3, "decoder": {"kind": "structure", "fields": [FLAGS]}},
            {"name": "j", "source": "type", "equals": "x", "decoder": {"kind": "json"}},
        ],
    },
}
SOURCES = ["0", "3", "t", "h", "a.b", "text", "hex", "length", "flags", "flags.mode", "cell.0.v", "cell.7.t", "n", "T"]
SOURCES += ["lat", "GGA.alt", "sentence", "1-0:1.8.1", "1-0:1.8.1#2", "0:4", "2:", "t.1", "s.flags.alarm", "j.v", ""]

PIECES = st.sampled_from(
    [
        *("T21,5 H40", "T=21.5 H=", "1-0:1.8.1(000123.4*kWh)", "$GPGGA,", "*47", "\r\n", "T,1,2", '{"type":"x","v":1}'),
        *("--1e999", "9" * 400, "1,5", "\0", "°", "+ 12.5 g", ")(", "(", "V\t12800\r\n", ";", "=", "."),
    ]
)
FRAMES = st.one_of(
    st.binary(max_size=100),
    st.lists(PIECES, max_size=6).map("".join).map(str.encode),
    st.text(alphabet="$GPRMCA,*0123456789AVNE.\r\n", max_size=90).map(str.encode),
)


def decoder(kind: str, **changes: Any) -> Decoder:
    return decoder_from_dict({**FORMS[kind], **changes})


def read(kind: str, frame: bytes, *sources: str, **changes: Any) -> list[object]:
    item = decoder(kind, **changes)
    fields = item.parse(frame)
    return [item.getter(source)(fields) for source in sources]


def reason(kind: str, frame: bytes, **changes: Any) -> str:
    with pytest.raises(DecodeError) as error:
        decoder(kind, **changes).parse(frame)
    return error.value.reason


def test_every_kind_of_decoder_is_tried_here() -> None:
    assert {form["kind"] for form in FORMS.values()} == set(KINDS) - OF_OTHER_LINKS


@pytest.mark.parametrize("kind", FORMS)
@given(data=FRAMES)
def test_no_bytes_raise_anything_but_a_decode_error_with_a_short_reason(kind: str, data: bytes) -> None:
    item = decoder(kind)
    try:
        fields = item.parse(data)
    except DecodeError as err:
        assert err.reason.replace("_", "").isalpha()  # noqa: PT017 - whether it fails depends on the bytes
        return
    for source in SOURCES:
        try:
            get = item.getter(source)
        except ValueError:
            continue
        try:
            get(fields)
        except LookupError, TypeError:
            continue


@pytest.mark.parametrize("kind", FORMS)
def test_a_decoder_keeps_its_form_through_json(kind: str) -> None:
    item = decoder(kind)

    assert decoder_from_dict(json.loads(json.dumps(item.to_dict()))) == item


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"21,5", "21.5"),
        (b"-1.234,50 g", "-1234.50"),
        (b" + 12,5 kg", "+12.5"),
        (b"7 bar", "7"),
        (b"3.5", "3.5"),
        (b"1,2,3", "1.2"),
        (b"2026.11.21", "2026.11.21"),
        (b"OFF", "OFF"),
        (b"0xA053", "0xA053"),
    ],
)
def test_numbers_are_read_as_people_write_them(text: bytes, number: str) -> None:
    assert read("separated", text, "0") == [number]


@given(number=st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), unit=st.sampled_from(["", " g", "°C", " %"]))
def test_a_number_with_decimal_comma_and_unit_keeps_its_value(number: float, unit: str) -> None:
    text = f"{number:.3f}{unit}".replace(".", ",").encode()

    assert float(str(read("separated", text, "0")[0])) == number


def test_pairs_are_found_by_name_in_any_order() -> None:
    assert read("key_value", b"H=40% x T=21.5 T=22.5C", "T", "H") == ["22.5", "40"]
    assert read("key_value", b"T: 21.5; H : 40", "T", "H", separator=":", between=";") == ["21.5", "40"]
    assert read("lines", b"\r\nPID\t0xA381\r\nV\t12800\r\nChecksum\t", "PID", "V") == ["0xA381", "12800"]
    assert reason("key_value", b"nothing") == "key_value"
    with pytest.raises(LookupError):
        read("key_value", b"T=1", "H")


def test_named_groups_of_a_pattern_are_fields() -> None:
    assert read("pattern", b"now T-3,5 H40", "t", "h") == ["-3.5", "40"]
    assert reason("pattern", b"nothing") == "pattern"
    with pytest.raises(LookupError):
        read("pattern", b"T1,0", "h")
    with pytest.raises(ValueError, match="no group"):
        decoder("pattern").getter("x")


@pytest.mark.parametrize("pattern", [r"^(?P<x>(\w+\s?)*)\$$", r"(?P<x>(a|a)+)$", r"(?P<x>(.*)*)\d{3}$"])
def test_a_pattern_that_never_ends_is_a_counted_failure(pattern: str) -> None:
    assert reason("pattern", b"a" * 40 + b"!", pattern=pattern) in ("timeout", "pattern")
    assert reason("pattern", b"a" * 4096, pattern=r"^(?P<x>(a?){60}a{60}b)") in ("timeout", "pattern")


def test_a_long_frame_is_not_searched() -> None:
    assert reason("pattern", b"T1,0" * 1025) == "too_long"
    assert reason("numbers", b"1" * 4097) == "too_long"


@pytest.mark.parametrize(
    "pattern",
    ["((a{1000}){1000}){1000}(?P<x>)", "(?P<x>" + "(" * 400 + ")" * 400, "(?P<x>a", "a", "x" * 1001, "(?P<x>a{5000})"],
)
def test_a_pattern_that_is_wrong_or_too_large_to_compile_is_refused(pattern: str) -> None:
    with pytest.raises(ProfileError, match="pattern"):
        decoder("pattern", pattern=pattern)


def test_columns_are_cut_out() -> None:
    assert read("columns", b"ST,GS, +  12.34kg", "0:2", "6:", "6:15") == ["ST", "+12.34", "+12.34"]
    with pytest.raises(LookupError):
        read("columns", b"ST    ", "3:6")
    for source in ("x", "4", "4:4", "5:2", "-1:3"):
        with pytest.raises(ValueError, match=r"columns|no column"):
            decoder("columns").getter(source)


def test_numbers_are_found_between_words() -> None:
    assert read("numbers", b"Temp is -21.5C, hum 40%. v2e3", "0", "1", "2") == ["-21.5", "40", "2e3"]
    assert read("numbers with comma", b"ca. 21,5 und 3", "0", "1") == ["21.5", "3"]
    assert read("numbers", b"2026-11-21", "1", "2") == ["11", "21"]
    assert reason("numbers", b"none") == "no_number"


@pytest.mark.parametrize("kind", ["numbers", "numbers with comma"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"status 0x1F, at -0X2a.", ["0x1F", "-0X2a"]),
        (b"size 640x480, a0x12", ["640", "480", "0", "12"]),
        (b"lot 0x12G4, 0x123456789", ["0", "12", "4", "0", "123456789"]),
    ],
)
def test_a_hexadecimal_number_between_words_is_one_number(kind: str, text: bytes, found: list[str]) -> None:
    assert decoder_from_dict(FORMS[kind]).parse(text) == found


def test_a_frame_may_be_taken_as_it_is() -> None:
    assert read("plain", b"\x01A", "text", "hex", "length") == ["\x01A", "0141", 2]
    assert read("plain", b"\xff", "text") == [None]


@given(
    flags=st.integers(0, 255),
    number=st.integers(0, 65534),
    cells=st.lists(st.tuples(st.integers(0, 65535), st.integers(-128, 127)), max_size=5),
)
def test_a_structure_reads_what_was_packed(flags: int, number: int, cells: list[tuple[int, int]]) -> None:
    frame = struct.pack(">BH", flags, number) + b"".join(struct.pack(">Hb", *cell) for cell in cells)

    assert read("structure", frame, "flags", "flags.alarm", "flags.mode", "n") == [
        flags,
        flags & 1,
        flags >> 1 & 7,
        number,
    ]
    for index, (volts, degrees) in enumerate(cells):
        assert read("structure", frame, f"cell.{index}.v", f"cell.{index}.t") == [volts, degrees]
    with pytest.raises(LookupError):
        read("structure", frame, f"cell.{len(cells)}.t")


@pytest.mark.parametrize(
    ("field", "frame", "value"),
    [
        ({"type": "i24"}, b"\xff\xff\xfe", -2),
        ({"type": "u24", "little_endian": True}, b"\x01\x02\x03", 0x030201),
        ({"type": "f32"}, struct.pack(">f", 1.5), 1.5),
        ({"type": "f16"}, struct.pack(">e", -0.5), -0.5),
        ({"type": "i64"}, b"\xff" * 8, -1),
        ({"type": "text", "size": 6}, b"AB \0xx", "AB"),
        ({"type": "hex", "size": 2}, b"\x0a\xff", "0aff"),
        ({"type": "bcd", "size": 2}, b"\x12\x34", 1234),
        ({"type": "bcd", "size": 2, "little_endian": True}, b"\x12\x34", 3412),
        ({"type": "bcd", "size": 1}, b"\x1f", None),
        ({"type": "u16", "invalid": [0xFFFF]}, b"\xff\xff", None),
        ({"type": "u8", "offset": 2}, b"\0\0\x07", 7),
    ],
)
def test_types_of_a_structure(field: dict[str, Any], frame: bytes, value: object) -> None:
    assert read("structure", frame, "x", fields=[{"name": "x", **field}]) == [value]


def test_a_structure_has_a_length_and_positions() -> None:
    fields = [{"type": "pad", "size": 2}, {"name": "x", "type": "u8", "repeat": 3}, {"name": "y", "type": "u8"}]

    assert read("structure", b"\0\0\1\2\3\4", "x.0", "x.2", "y", fields=fields, length=6) == [1, 3, 4]
    assert reason("structure", b"\0\0\1\2\3", fields=fields) == "length"
    assert reason("structure", b"\0\0\1\2\3\4\5", fields=fields, length=6) == "length"
    for source in ("x", "x.3", "x.-1", "z", "x.1.2"):
        with pytest.raises(ValueError, match=r"no field|only 3"):
            decoder("structure", fields=fields).getter(source)


def test_sentences_of_gps_receivers_are_read_by_name() -> None:
    fix = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"

    assert read("nmea", fix, "lat", "GGA.alt", "numSV", "sentence", "time") == [48.1173, 545.4, 8, "GGA", "12:35:19"]
    with pytest.raises(LookupError):
        read("nmea", fix, "RMC.lat")
    assert reason("nmea", fix[:-1] + b"8") == "checksum"
    assert reason("nmea", b"noise") == "nmea"


def test_lines_of_a_meter_are_read_by_code() -> None:
    telegram = (
        b"/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(101209113020W)\r\n1-0:1.8.1(123456.789*kWh)\r\n"
        b"0-1:24.2.1(101209112500W)(12785.123*m3)\r\n1.8.0*01(000001.5*kWh)\r\n!EF2F"
    )

    assert read("obis", telegram, "1-0:1.8.1", "0-1:24.2.1#2", "0-0:1.0.0", "1.8.0*01") == [
        "123456.789",
        "12785.123",
        "101209113020W",
        "000001.5",
    ]
    assert reason("obis", b"nothing") == "obis"
    with pytest.raises(ValueError, match="code"):
        decoder("obis").getter("power")


def test_the_kind_of_a_message_decides_how_it_is_read() -> None:
    assert read("mixed", b"T,21.5", "t.1") == ["21.5"]
    assert read("mixed", b"\x03..", "s.flags.alarm", "s.flags.mode") == [1, 1]
    assert read("mixed", b'{"type": "x", "v": 5}', "j.v") == [5]
    assert reason("mixed", b'{"type": "y", "v": 5}') == "other_message"
    with pytest.raises(LookupError):
        read("mixed", b"T,21.5", "j.v")
    with pytest.raises(ValueError, match="case"):
        decoder("mixed").getter("0")


def test_a_check_may_be_the_decoders_business() -> None:
    assert reason("checked", b"data\0\0") == "checksum"
    assert read("checked", b"123456789\x37\x4b", "text") == ["123456789"]


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ({"kind": "xml"}, "decoder.kind"),
        ({"kind": "separated", "separator": ";", "encoding": "utf-7"}, "decoder.encoding"),
        ({"kind": "separated", "separator": ";", "decimal_comma": 1}, "decoder.decimal_comma"),
        ({"kind": "key_value", "between": ""}, "decoder.between"),
        ({"kind": "pattern"}, "decoder.pattern"),
        ({"kind": "structure", "fields": []}, "decoder.fields"),
        ({"kind": "structure", "fields": [1]}, "decoder.fields[0]"),
        ({"kind": "structure", "fields": [{"name": "x", "type": "u7"}]}, "decoder.fields[0].type"),
        ({"kind": "structure", "fields": [{"name": "x.y", "type": "u8"}]}, "decoder.fields[0].name"),
        ({"kind": "structure", "fields": [{"name": "x", "type": "text"}]}, "decoder.fields[0].size"),
        (
            {"kind": "structure", "fields": [{"name": "x", "type": "u8", "bits": {"a": [7, 2]}}]},
            "decoder.fields[0].bits.a",
        ),
        ({"kind": "structure", "fields": [CELLS, {"name": "x", "type": "u8"}]}, "decoder.fields[0].repeat"),
        ({"kind": "structure", "fields": [FLAGS, FLAGS]}, "decoder.fields[1].name"),
        ({"kind": "structure", "fields": [{"name": "x", "type": "u8", "repeat": 65537}]}, "decoder.fields[0].repeat"),
        (
            {"kind": "structure", "fields": [{"name": "x", "type": "f32", "invalid": [float("nan")]}]},
            "decoder.fields[0].invalid",
        ),
        ({"kind": "mixed", "cases": []}, "decoder.cases"),
        ({"kind": "mixed", "cases": [{"name": "a", "decoder": FORMS["mixed"]}]}, "decoder.cases[0].decoder"),
        ({"kind": "mixed", "cases": [{"name": "a", "decoder": {"kind": "json"}}] * 2}, "decoder.cases"),
        (
            {"kind": "mixed", "cases": [{"name": "a", "source": "x", "equals": "1", "decoder": {"kind": "numbers"}}]},
            "decoder.cases[0].source",
        ),
        ({"kind": "json", "frame_check": {"algorithm": "none"}}, "decoder.frame_check.algorithm"),
    ],
)
def test_a_wrong_decoder_is_refused_with_its_place(form: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as error:
        decoder_from_dict(form)
    assert error.value.path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["u8", "*", "x", "0xFF"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "type", "size", "repeat", "fields", "bits", "offset", "decoder", "kind"]), inner
        )
    ),
    max_leaves=12,
)
FIELD = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"]), "type": st.sampled_from(TYPES)},
    optional={
        "size": st.integers(-1, 9),
        "repeat": JSON,
        "bits": JSON,
        "offset": JSON,
        "fields": JSON,
        "invalid": JSON,
    },
)


@given(
    kind=st.sampled_from(sorted(set(KINDS) - OF_OTHER_LINKS)),
    form=st.dictionaries(st.sampled_from(["fields", "pattern", "cases", "separator", "between", "length"]), JSON),
    fields=st.none() | st.lists(FIELD, max_size=4),
    frame=st.binary(max_size=30),
)
def test_any_description_is_a_decoder_or_a_profile_error(
    kind: str, form: dict[str, Any], fields: list[Any] | None, frame: bytes
) -> None:
    try:
        item = decoder_from_dict({**form, **({} if fields is None else {"fields": fields}), "kind": kind})
    except ProfileError:
        return
    try:
        item.parse(frame)
    except DecodeError:
        return
