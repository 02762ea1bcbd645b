"""From captured frames a decoder and fields are proposed; a cut or garbled frame does not spoil them."""

import csv
import json
from pathlib import Path
import random
import struct
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import Channel, ValueKind
from custom_components.fieldbridge.bridge.channels.recognise import RecognisedField, fields_found, recognise
from custom_components.fieldbridge.bridge.channels.recognise_structure import with_sources
from custom_components.fieldbridge.bridge.codecs.checks import FieldCheck
from custom_components.fieldbridge.bridge.codecs.decoders import SeparatedDecoder, decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.frame_check import FrameCheck
from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer

GAS_ANALYSER = Path(__file__).parents[2] / "data" / "gas-analyser-5ch.bin"
BALANCE = GAS_ANALYSER.with_name("balance-10hz.csv")
FRAMES = DelimiterFramer().feed(GAS_ANALYSER.read_bytes())


def fields_of(frames: list[bytes]) -> dict[str, RecognisedField]:
    recognition = recognise(frames)
    assert recognition is not None
    return {field.name: field for field in recognition.fields}


def test_the_gas_analyser_is_recognised_with_names_units_and_checksum() -> None:
    recognition = recognise(FRAMES)

    assert recognition is not None
    assert isinstance(recognition.decoder, SeparatedDecoder)
    assert recognition.decoder.separator == ";"
    assert recognition.decoder.check == FieldCheck(algorithm="sum16", start=1)
    named = {field.name: field for field in recognition.fields}
    assert list(named)[:3] == ["Oxygen", "CO", "CO2"]
    assert [named[name].unit for name in ("Oxygen", "CO", "CO2")] == ["%", "%", "%"]
    assert [named[name].sample for name in ("Oxygen", "CO", "CO2")] == ["20.378", "0.084", "0.247"]
    assert named["Oxygen"].precision == 3
    assert [(field.name, field.unit) for field in recognition.fields[3:]] == [("E1", "mA"), ("E2", "mA")]


def test_a_cut_and_a_garbled_frame_spoil_neither_fields_nor_checksum() -> None:
    cut = FRAMES[0][60:]
    garbled = FRAMES[1].replace(b"Oxygen;20.37", b"Ox\xffgen;2\x00.37")

    assert recognise([cut, *FRAMES, garbled]) == recognise(FRAMES)


def test_identical_frames_give_fields_but_no_check() -> None:
    recognition = recognise([FRAMES[0]] * 6)

    assert recognition is not None
    assert isinstance(recognition.decoder, SeparatedDecoder)
    assert recognition.decoder.check is None
    assert recognition.fields[0].name == "Oxygen"


def test_json_lines_are_recognised_with_nested_paths_and_kinds() -> None:
    frames = [
        json.dumps(
            {"temp": 20.5 + step / 100, "air": {"pm25_raw": step}, "on": step % 2 == 0, "mode": "auto", "gone": None}
        ).encode()
        for step in range(4)
    ]
    named = fields_of([b'2, "mode": "auto"}', *frames])

    assert {name: (field.source, field.kind, field.precision) for name, field in named.items()} == {
        "Temp": ("temp", ValueKind.NUMBER, 2),
        "Air pm25 raw": ("air.pm25_raw", ValueKind.NUMBER, None),
        "On": ("on", ValueKind.BINARY, None),
        "Mode": ("mode", ValueKind.TEXT, None),
    }


def test_a_json_field_that_is_null_now_and_then_is_found() -> None:
    assert fields_of([b'{"t": 1.5}', b'{"t": 2.5}', b'{"t": null}'])["T"].sample == "2.5"


def test_lists_in_json_are_fields_by_position() -> None:
    assert [field.source for field in fields_of([b'{"cells": [3.1, 3.2]}'] * 2).values()] == ["cells.0", "cells.1"]


def test_a_csv_device_is_recognised_by_its_numbers() -> None:
    frames = [f"2026-11-21 12:00:0{second},{20 + second / 10:.1f},{second},ok".encode() for second in range(5)]
    recognition = recognise(frames)

    assert recognition is not None
    assert isinstance(recognition.decoder, SeparatedDecoder)
    assert recognition.decoder.separator == ","
    assert [(field.source, field.name, field.sample) for field in recognition.fields] == [
        ("1", "Field 2", "20.4"),
        ("2", "Field 3", "4"),
    ]


def test_a_header_line_does_not_hide_the_columns() -> None:
    frames = [b"time,temp,hum", *(f"{second},{second / 4:.2f},50".encode() for second in range(1, 6))]

    assert [(field.name, field.unit) for field in fields_of(frames).values()] == [
        ("time", None),
        ("temp", None),
        ("hum", None),
    ]


def test_the_head_of_a_table_names_its_columns_and_their_units() -> None:
    head = b"Time (s);Gyro X [deg/s];Pressure (hPa)"
    frames = [head, *(b"%d;0.%d;101%d" % (number, number, number) for number in range(4))]

    assert {name: field.unit for name, field in fields_of(frames).items()} == {
        "Time": "s",
        "Gyro X": "deg/s",
        "Pressure": "hPa",
    }


def test_words_beside_numbers_are_no_head() -> None:
    assert list(fields_of([b"ok;1.5", b"ok;1.6", b"off;over"])) == ["ok"]
    assert list(fields_of([b"off;off", b"ok;1.5", b"ok;1.6"])) == ["ok"]


def test_a_scale_with_unit_is_recognised_between_blanks() -> None:
    field = fields_of([b"N     +    0.0012 g  ", b"N     +   10.0150 g  ", b"N     +   10.0151 g  "])["N"]

    assert (field.unit, field.precision, field.sample) == ("g", 4, "10.0151")


def test_a_checksum_of_decimal_digits_is_no_field() -> None:
    frames = [f"{number},".encode() for number in range(11, 99)]
    signed = [frame + b"%02X" % (sum(frame) & 0xFF) for frame in frames]
    decimal = [frame for frame in signed if frame[-2:].isdigit()]

    assert [field.source for field in fields_of(decimal).values()] == ["0"]


@pytest.mark.parametrize(("number", "precision"), [("1.5e-5", 6), ("1e-7", 7), ("1.25e2", None), ("1e-30", 9)])
def test_an_exponent_moves_the_decimals(number: str, precision: int | None) -> None:
    assert fields_of([f"{number};{number}".encode()] * 2)["Field 1"].precision == precision


def test_no_more_decimals_are_proposed_than_a_channel_may_have() -> None:
    field = fields_of([b'{"t": 0.1234567890123456}'] * 2)["T"]

    Channel.from_dict({"key": "t", "name": "T", "source": "t", "precision": field.precision})
    assert field.precision == 9


@pytest.mark.parametrize(
    "frames", [[], [b"hello"] * 4, [b"\xff\xfe\x00"] * 4, [b"{}"] * 3, [b"007;0815"] * 3, [b"", b"", b""]]
)
def test_nothing_is_proposed_where_nothing_is_recognised(frames: list[bytes]) -> None:
    assert recognise(frames) is None


def test_mixed_garbage_gives_nothing() -> None:
    assert recognise([b"1;2;3", b"\xff\xff", b"a b c d", b'{"a": 1}', b"boot: ok", b"7,8"]) is None


def test_deeply_nested_json_ends_the_search_and_not_the_program() -> None:
    frame = b'{"t": 1.5, "deep": ' + b"[" * 2000 + b"1" + b"]" * 2000 + b"}"

    assert list(fields_of([frame] * 3)) == ["T"]


@given(st.lists(st.binary(max_size=40) | st.text('0123456789.,;eE+- {}":', max_size=40).map(str.encode), max_size=8))
def test_any_frames_are_recognised_or_not_without_an_error(frames: list[bytes]) -> None:
    recognition = recognise(frames)
    if recognition is not None:
        for field in recognition.fields:
            recognition.decoder.getter(field.source)


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        (
            [b"T=21.5C;H=40%", b"H=41%;T=21.6C", b"T=21.7C;H=42%"],
            [("T", "21.7", None, 1), ("H", "42", "%", None)],
        ),
        (
            [b"Temp: 21.5 \xb0C, Hum: 40 %", b"Temp: 22.5 \xb0C, Hum: 41 %"],
            [("Temp", "22.5", "°C", 1), ("Hum", "41", "%", None)],
        ),
        (
            [b"T=21.5degC;U=12.1VDC", b"T=21.6degC;U=12.2VDC"],
            [("T", "21.6", "degC", 1), ("U", "12.2", "VDC", 1)],
        ),
        (
            [b"V\t12800\r\nI\t-15\r\nPID\t0xA053", b"V\t12801\r\nI\t-16\r\nPID\t0xA053"],
            [("V", "12801", None, None), ("I", "-16", None, None), ("PID", "0xA053", None, None)],
        ),
        ([b"21,5;1.013,25;x", b"21,6;1.013,30;x"], [("Field 1", "21.6", None, 1), ("Field 2", "1013.30", None, 2)]),
        (
            [b"ST,GS,+  12.34kg", b"US,GS,+  12.40kg", b"ST,GS,+  12.38kg"],
            [("GS", "+12.38", "kg", 2)],
        ),
        ([b"T21.5H40", b"T21.6H41"], [("Field 1", "21.6", None, 1), ("Field 2", "41", None, None)]),
        (
            [b"/X5\r\n\r\n1-0:1.8.0(000123.4*kWh)\r\n0-1:24.2.1(101209112500W)(12785.1*m3)\r\n!"] * 2,
            [("Energy", "000123.4", "kWh", 1), ("0-1:24.2.1", "12785.1", "m³", 1)],
        ),
    ],
)
def test_other_texts_are_recognised_with_names_and_units(
    frames: list[bytes], found: list[tuple[str, str, str | None, int | None]]
) -> None:
    recognition = recognise(frames)

    assert recognition is not None
    assert [(field.name, field.sample, field.unit, field.precision) for field in recognition.fields] == found


@pytest.mark.parametrize(
    ("frames", "samples"),
    [
        ([b"status(0x1E)", b"status(0x2F)"], {"0": "0x2F"}),
        ([b"T=21.5 S=0x1E", b"T=21.6 S=0x1F"], {"T": "21.6", "S": "0x1F"}),
        ([b"12;0x1E5", b"13;0x2A"], {"0": "13", "1": "0x2A"}),
    ],
)
def test_hexadecimal_numbers_are_recognised_as_numbers(frames: list[bytes], samples: dict[str, str]) -> None:
    found = recognise(frames)
    assert found is not None
    assert {field.source: field.sample for field in found.fields} == samples
    assert {(field.kind, field.precision) for field in found.fields if "x" in field.sample} == {
        (ValueKind.NUMBER, None)
    }


def test_an_address_in_a_text_of_json_is_no_number() -> None:
    found = recognise([b'{"id": "0x1E", "t": 1}', b'{"id": "0x1F", "t": 2}'])
    assert found is not None
    assert [(field.source, field.kind) for field in found.fields] == [("id", ValueKind.TEXT), ("t", ValueKind.NUMBER)]


def test_words_with_a_name_are_offered_but_not_ticked() -> None:
    recognition = recognise([b"T=20.5;door=open", b"T=20.6;door=closed"])

    assert recognition is not None
    assert [(field.name, field.kind, field.certain) for field in recognition.fields] == [
        ("T", ValueKind.NUMBER, True),
        ("Door", ValueKind.TEXT, False),
    ]


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([b"door:open", b"door:closed", b"door:open"], {"door": "open"}),
        ([b"door1:open", b"door1:closed", b"door1:open"], {"door1": "open"}),
        ([b"state=idle"] * 3, {"state": "idle"}),
        (
            [b"state=not ready;door=open", b"door=open;state=idle", b"x", b"state=idle;door=closed;"],
            {"state": "idle", "door": "closed"},
        ),
        ([b"door=open", b"window=shut"] * 3, {"door": "open", "window": "shut"}),
        ([b"Door: open, Lid: shut"] * 2 + [b"Door: shut, Lid: open"] * 2, {"Door": "shut", "Lid": "open"}),
        ([b"T\xfcr=auf", b"T\xfcr=zu", b"T\xfcr=auf"], {"Tür": "auf"}),
    ],
)
def test_lines_of_words_with_a_name_alone_are_offered_but_not_ticked(
    frames: list[bytes], found: dict[str, str]
) -> None:
    recognition = recognise(frames)

    assert recognition is not None
    assert {field.source: field.sample for field in recognition.fields} == found
    assert {(field.kind, field.certain) for field in recognition.fields} == {(ValueKind.TEXT, False)}


@pytest.mark.parametrize(
    "frames",
    [
        [b"Hello world: ready"] * 4,
        [b"Error: the door is open"] * 4,
        [b"starting: please wait", b"self test", b"motor: ok", b"running"],
        [b"boot: ok", b"radio: ok", b"clock: set"],
        [b"door=open", b"door=closed"],
        [b"see http://example.org"] * 4,
    ],
)
def test_prose_and_single_lines_are_no_words_with_a_name(frames: list[bytes]) -> None:
    assert recognise(frames) is None


def test_a_number_behind_letters_counts_more_than_the_word() -> None:
    (field,) = fields_of([b"Weight:ST+12.5kg", b"Weight:ST+12.6kg", b"Weight:ST+12.7kg"]).values()

    assert (field.kind, field.sample) == (ValueKind.NUMBER, "+12.7")


def test_json_lists_are_recognised_by_position() -> None:
    recognition = recognise([b'[1.5, 2, "x", [7]]', b'[1.25, 3, "y", [8]]'])

    assert recognition is not None
    assert [(field.source, field.name, field.kind, field.sample) for field in recognition.fields] == [
        ("0", "Field 1", ValueKind.NUMBER, "1.25"),
        ("1", "Field 2", ValueKind.NUMBER, "3"),
        ("2", "Field 3", ValueKind.TEXT, "y"),
        ("3.0", "Field 4 0", ValueKind.NUMBER, "8"),
    ]


def test_numbers_as_keys_of_a_json_object_are_its_names() -> None:
    assert list(fields_of([b'{"1": 5, "2": 6}'] * 2)) == ["1", "2"]


def test_positions_of_a_gps_receiver_are_recognised_among_its_sentences() -> None:
    frames = [
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
        b"$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48",
    ]

    assert {"Latitude", "Longitude", "Altitude", "Satellites"} <= set(fields_of(frames))


def test_binary_frames_that_are_alike_are_offered_with_every_reading_and_the_likely_ones_ticked() -> None:
    frames = [b"\xaa\xc0" + (90 + number * 7 % 30).to_bytes(2, "little") + b"\x00\xab" for number in range(5)]
    recognition = recognise(frames)

    assert recognition is not None
    assert [field.source for field in recognition.fields if field.certain] == ["u16le_2"]
    readings = {field.source: field.sample for field in recognition.fields}
    assert readings["u8_2"] == readings["u16le_2"] == "118"
    assert {"u8_2", "u16le_2"} <= set(readings)
    assert all(recognition.decoder.getter(source) for source in readings)


def balance_frames() -> list[bytes]:
    with BALANCE.open() as file:
        return [bytes.fromhex(row["raw"]) for row in csv.DictReader(file)]


def test_the_float_of_a_balance_is_found_among_all_readings_of_its_bytes() -> None:
    frames = balance_frames()
    for count in (3, 5, 20):
        recognition = recognise(frames[:count], FrameCheck(algorithm="sum8"))

        assert recognition is not None
        weight = next(field for field in recognition.fields if field.source == "f32_3")
        assert weight.certain
        assert weight.sample == f"{struct.unpack_from('>f', frames[count - 1], 3)[0]:.7g}"
        assert "u8_11" not in {field.source for field in recognition.fields}  # the check


@pytest.mark.parametrize("little", [False, True])
def test_words_are_read_in_the_order_that_explains_more(little: bool) -> None:
    order: Literal["little", "big"] = "little" if little else "big"
    generator = random.Random(5)  # noqa: S311
    frames = []
    for _ in range(8):
        words = [generator.randrange(400, 900) for _ in range(4)]
        frames.append(b"\x42\x4d\x00\x08" + b"".join(word.to_bytes(2, order) for word in words))
    recognition = recognise(frames)

    assert recognition is not None
    suffix = "le" if little else ""
    likely = {field.source for field in recognition.fields if field.certain}
    assert likely == {f"u16{suffix}_{offset}" for offset in (4, 6, 8, 10)}


def test_what_is_not_wanted_of_a_structure_is_left_out() -> None:
    recognition = recognise(balance_frames()[:5])
    assert recognition is not None

    decoder = with_sources(recognition.decoder, ["f32_3"])

    assert decoder.to_dict()["fields"] == [{"name": "f32_3", "type": "f32", "offset": 3}]
    assert with_sources(SeparatedDecoder(), ["0"]) == SeparatedDecoder()


def test_what_any_decoder_finds_can_be_asked_for() -> None:
    cells = [{"name": "v", "type": "u16"}, {"name": "t", "type": "u8"}]
    decoder = decoder_from_dict(
        {
            "kind": "mixed",
            "cases": [
                {"name": "a", "prefix": "A", "decoder": {"kind": "pattern", "pattern": "A(?P<level>\\d+)"}},
                {
                    "name": "b",
                    "decoder": {"kind": "structure", "fields": [{"name": "cell", "repeat": "*", "fields": cells}]},
                    "frame_check": None,
                },
            ],
        }
    )

    found = fields_found(decoder, [b"A15", b"\x01\x02\x03\x04\x05\x06"])

    assert [(field.source, field.sample) for field in found] == [
        ("a.level", "15"),
        ("b.cell.0.v", "258"),
        ("b.cell.1.v", "1029"),
        ("b.cell.0.t", "3"),
        ("b.cell.1.t", "6"),
    ]
