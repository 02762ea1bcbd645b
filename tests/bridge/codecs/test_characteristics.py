"""Values of Bluetooth LE characteristics become fields, whatever flags let be there."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.characteristics import CharacteristicsDecoder, message, short_uuid
from custom_components.fieldbridge.bridge.codecs.decoders import Decoder, decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.gatt import TYPES, GattDecoder, GattField
from custom_components.fieldbridge.bridge.codecs.raw_bytes import BytesDecoder, byte_sources
from custom_components.fieldbridge.bridge.errors import DecodeError, ProfileError

HEART_RATE = GattDecoder(
    flags="uint8",
    fields=(
        GattField(name="rate", type="uint8", unless=0),
        GattField(name="rate", type="uint16", when=0),
        GattField(name="energy", type="uint16", when=3),
        GattField(name="interval", type="uint16", when=4, scale=1000 / 1024, repeat=True),
    ),
)
TEMPERATURE = GattDecoder(fields=(GattField(name="temperature", type="sint16", scale=0.01, unknown=-32768),))
BOTH = CharacteristicsDecoder(characteristics={"2a37": HEART_RATE, "2a6e#2": TEMPERATURE})


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("00 48", {"flags": 0, "rate": 72}),
        ("01 48 01", {"flags": 1, "rate": 328}),
        ("08 50 10 00", {"flags": 8, "rate": 80, "energy": 16}),
        ("10 3c 00 04 00 02", {"flags": 0x10, "rate": 60, "interval": 500.0}),
        ("19 3c 00 01 00 00 04", {"flags": 0x19, "rate": 60, "energy": 1, "interval": 1000.0}),
        ("00 48 ff ff", {"flags": 0, "rate": 72}),
    ],
)
def test_a_flag_decides_which_fields_are_there_and_how_long_they_are(value: str, fields: dict[str, Any]) -> None:
    assert HEART_RATE.parse(bytes.fromhex(value)) == fields


def test_a_value_that_the_device_does_not_know_is_none_and_no_number() -> None:
    assert TEMPERATURE.parse(bytes.fromhex("0080")) == {"temperature": None}
    assert TEMPERATURE.parse(bytes.fromhex("2909")) == {"temperature": 23.45}


@pytest.mark.parametrize("value", ["", "00", "01 48", "08 50 10", "10 3c", "10 3c 00"])
def test_a_value_that_is_cut_is_rejected_and_never_read_beyond_its_end(value: str) -> None:
    with pytest.raises(DecodeError) as caught:
        HEART_RATE.parse(bytes.fromhex(value))
    assert caught.value.reason == "too_short"


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        ("medfloat16", "72 f1", 37.0),
        ("medfloat16", "fe ff", -0.2),
        ("medfloat32", "72 01 00 ff", 37.0),
        ("sint24", "ff ff ff", -1),
        ("uint48", "00 00 00 00 00 01", 2**40),
    ],
)
def test_numbers_are_written_as_the_bluetooth_sig_says(kind: str, value: str, number: float) -> None:
    decoder = GattDecoder(fields=(GattField(name="x", type=kind),))
    assert decoder.parse(bytes.fromhex(value))["x"] == pytest.approx(number)


@pytest.mark.parametrize("value", ["ff 07", "00 08", "fe 07", "02 08", "01 08"])
def test_the_special_values_of_a_medical_float_are_not_known(value: str) -> None:
    decoder = GattDecoder(fields=(GattField(name="x", type="medfloat16"),))
    assert decoder.parse(bytes.fromhex(value))["x"] is None


def test_a_bit_of_the_flags_is_a_value_of_its_own() -> None:
    contact = HEART_RATE.getter("flags.1")
    assert contact(HEART_RATE.parse(b"\x02\x48")) is True
    assert contact(HEART_RATE.parse(b"\x00\x48")) is False


def test_a_field_that_is_not_there_this_time_is_missing_and_not_none() -> None:
    with pytest.raises(LookupError):
        HEART_RATE.getter("energy")(HEART_RATE.parse(b"\x00\x48"))


def test_a_message_is_read_by_the_decoder_of_its_characteristic() -> None:
    heart, warmth = BOTH.getter("2a37:rate"), BOTH.getter("2a6e#2:temperature")
    fields = BOTH.parse(message("2a6e#2", bytes.fromhex("2909")))
    assert warmth(fields) == 23.45
    with pytest.raises(LookupError):
        heart(fields)
    assert heart(BOTH.parse(message("2a37", b"\x00:"))) == ord(":")


@pytest.mark.parametrize("data", [b"", b"\x00\x48", b"2a19:d", b"\xff:d"])
def test_a_message_of_an_unknown_characteristic_is_rejected(data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        BOTH.parse(data)
    assert caught.value.reason == "characteristic"


def test_decoders_survive_their_json_form() -> None:
    with_text = CharacteristicsDecoder(
        characteristics={
            **BOTH.characteristics,
            "6e400003-b5a3-f393-e0a9-e50e24dcca9e": BytesDecoder(),
            "ffe1": decoder_from_dict({"kind": "json"}),
        }
    )
    assert decoder_from_dict(with_text.to_dict()) == with_text


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"characteristics": {}}, "decoder.characteristics"),
        ({"characteristics": {"heart": {"kind": "json"}}}, "decoder.characteristics.heart"),
        ({"characteristics": {"2a37": BOTH.to_dict()}}, "decoder.characteristics.2a37"),
        ({"characteristics": {"2a37": {"kind": "gatt", "fields": []}}}, "decoder.characteristics.2a37.fields"),
        (
            {"characteristics": {"2a37": {"kind": "gatt", "fields": [{"name": "x", "type": "uint7"}]}}},
            "decoder.characteristics.2a37.fields[0].type",
        ),
        (
            {"characteristics": {"2a37": {"kind": "gatt", "flags": "sint8", "fields": []}}},
            "decoder.characteristics.2a37.flags",
        ),
    ],
)
def test_a_wrong_description_names_the_place(change: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        decoder_from_dict({"kind": "characteristics", **change})
    assert caught.value.path == path


@pytest.mark.parametrize("source", ["2a19:level", "2a37", "2a37:", "2a37:speed", "2a37:flags.32", "2a37:flags.x"])
def test_a_source_that_no_characteristic_has_is_refused(source: str) -> None:
    with pytest.raises(ValueError):
        BOTH.getter(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("0:uint8", 1),
        ("1:sint16", -2),
        ("1:uint16be", 0xFEFF),
        ("3:float32", 1.5),
        ("0:uint8.0", True),
        ("0:uint8.7", False),
        ("hex", "01feff0000c03f"),
    ],
)
def test_a_number_of_an_unknown_layout_is_found_by_offset_and_type(source: str, value: object) -> None:
    assert BytesDecoder().getter(source)(bytes.fromhex("01 fe ff 00 00 c0 3f")) == value


@pytest.mark.parametrize("source", ["", "x:uint8", "0:uint9", "0:float32.1", "0:uint8.8", "99999:uint8"])
def test_an_offset_or_type_that_does_not_exist_is_refused(source: str) -> None:
    with pytest.raises(ValueError):
        BytesDecoder().getter(source)


@given(st.binary(max_size=64))
def test_every_reading_that_is_offered_can_be_picked(data: bytes) -> None:
    for source, number in byte_sources(data):
        assert BytesDecoder().getter(source)(data) == number


def reason_of(decoder: Decoder, data: bytes) -> str | None:
    try:
        decoder.parse(data)
    except DecodeError as err:
        return err.reason
    return None


@given(st.binary(max_size=40))
def test_any_bytes_give_fields_or_a_reason(data: bytes) -> None:
    for decoder in (HEART_RATE, TEMPERATURE, BOTH):
        assert reason_of(decoder, data) in {None, "too_short", "characteristic"}


@given(st.sampled_from(sorted(TYPES)), st.binary(min_size=8, max_size=8))
def test_any_number_is_finite_or_not_known(kind: str, data: bytes) -> None:
    number = GattDecoder(fields=(GattField(name="x", type=kind),)).parse(data)["x"]
    assert number is None or math.isfinite(number)


def test_the_shortest_form_of_a_uuid_is_what_the_bluetooth_sig_assigned() -> None:
    assert short_uuid("0000180D-0000-1000-8000-00805F9B34FB") == "180d"
    assert short_uuid("12345678-0000-1000-8000-00805f9b34fb") == "12345678"
    assert short_uuid("6E400001-B5A3-F393-E0A9-E50E24DCCA9E") == "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
