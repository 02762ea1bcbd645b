"""A device's registers: images become values, and definitions survive their JSON form."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.codecs.decoders import decoder_from_dict
from custom_components.fieldbridge.bridge.errors import DecodeError, ProfileError
from custom_components.fieldbridge.bridge.modbus import (
    ModbusDevice,
    RateClass,
    Register,
    RegisterDecoder,
    RegisterType,
    Table,
    WriteMethod,
    WriteTarget,
)
from custom_components.fieldbridge.bridge.modbus.device import Image, parse_image

REGISTERS = {
    "power": Register(address=10, type=RegisterType.INT16, scale_register="power_sf"),
    "power_sf": Register(address=12, type=RegisterType.INT16, rate=RateClass.ONCE),
    "low": Register(address=20),
    "high": Register(address=30),
    "energy": Register(type=RegisterType.SUM, sum_of={"low": 1, "high": 10_000}),
    "relay": Register(address=0, table=Table.COIL, type=RegisterType.BIT),
}
DECODER = RegisterDecoder(registers=REGISTERS, device=ModbusDevice(unit=3, tolerance=4))


def test_a_scale_register_and_a_sum_are_applied_when_their_parts_are_there() -> None:
    values = DECODER.combine({"power": 1234, "power_sf": -1, "low": 5, "high": 2})
    assert values == {"power": 123.4, "power_sf": -1, "low": 5, "high": 2, "energy": 20_005}
    assert DECODER.combine({"low": 5}) == {"low": 5}


def test_a_missing_part_makes_the_whole_missing() -> None:
    assert DECODER.combine({"low": 5, "high": None})["energy"] is None
    assert DECODER.combine({"power": 5, "power_sf": None})["power"] is None


def test_an_image_gives_the_registers_that_lie_whole_in_it() -> None:
    assert DECODER.values(Table.HOLDING, 10, [1, 0, 0xFFFF]) == {"power": 0.1, "power_sf": -1}
    assert DECODER.values(Table.INPUT, 10, [1, 0, 0xFFFF]) == {}


@given(st.sampled_from(list(Table)), st.integers(0, 65535), st.lists(st.integers(0, 1), max_size=50))
def test_an_image_survives_its_text_form(table: Table, address: int, words: list[int]) -> None:
    image = Image(7, table, address, words)
    assert parse_image(image.to_bytes()) == image


@given(st.binary(max_size=60))
def test_any_bytes_are_an_image_or_a_decode_error(data: bytes) -> None:
    with suppress(DecodeError):
        assert isinstance(DECODER.parse(data), dict)


def test_the_text_form_of_an_image_belongs_to_one_unit() -> None:
    assert DECODER.parse(b"3 holding 20: 0005") == {"low": 5}
    with pytest.raises(DecodeError, match="4 instead of 3"):
        DECODER.parse(b"4 holding 20: 0005")


def test_bytes_that_are_no_image_are_counted_as_such() -> None:
    with pytest.raises(DecodeError) as raised:
        DECODER.parse(b"\xff\x00")
    assert raised.value.reason == "image"


def test_a_profile_with_registers_survives_its_json_form() -> None:
    profile = DeviceProfile(decoder=DECODER, channels=(Channel(key="p", name="Power", source="power"),))
    again = DeviceProfile.from_dict(profile.to_dict())
    assert again == profile
    assert decoder_from_dict(DECODER.to_dict()) == DECODER


def test_a_channel_of_an_unknown_register_is_refused() -> None:
    profile = DeviceProfile(decoder=DECODER, channels=(Channel(key="p", name="Power", source="nothing"),))
    with pytest.raises(ProfileError, match=r"channels\[0\].source"):
        DeviceProfile.from_dict(profile.to_dict())


@pytest.mark.parametrize(
    ("registers", "path"),
    [
        ({"a": {"address": 1, "scale_register": "b"}}, "decoder.registers.a"),
        ({"a": {"type": "sum", "sum_of": {"a": 1}}}, "decoder.registers.a"),
        ({"a": {"address": 70_000}}, "decoder.registers.a.address"),
        ([], "decoder.registers"),
    ],
)
def test_a_wrong_definition_names_the_place(registers: Any, path: str) -> None:
    with pytest.raises(ProfileError) as raised:
        decoder_from_dict({"kind": "modbus", "registers": registers})
    assert raised.value.path == path


@pytest.mark.parametrize(
    ("device", "path"),
    [
        ({"unit": 256}, "device.unit"),
        ({"max_registers": 0}, "device.max_registers"),
        ({"intervals": {"fast": 0}}, "device.intervals"),
        ({"intervals": {"sometimes": 1}}, "device.intervals"),
        ({"all_or_nothing": 1}, "device.all_or_nothing"),
        ({"speed": 1}, "device"),
    ],
)
def test_wrong_settings_name_the_place(device: Any, path: str) -> None:
    with pytest.raises(ProfileError) as raised:
        ModbusDevice.from_dict(device)
    assert raised.value.path == path


def test_a_write_target_is_a_register_by_name_or_one_of_its_own() -> None:
    by_name = WriteTarget.from_dict({"register": "low", "verify": "high"}, REGISTERS)
    assert by_name.register is REGISTERS["low"]
    own = WriteTarget.from_dict({"register": {"address": 7}, "method": "multiple", "confirm_after": 2}, REGISTERS)
    assert (own.register.address, own.method, own.confirm_after) == (7, WriteMethod.MULTIPLE, 2)
    assert WriteTarget.from_dict(own.to_dict(), REGISTERS) == own


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ({"register": "nothing"}, "target.register"),
        ({"register": "energy"}, "target.register"),
        ({"register": {"address": 1, "table": "input"}}, "target.register"),
        ({"register": {"address": 1, "type": "uint32"}, "method": "single"}, "target.method"),
        ({"register": "low", "verify": "nothing"}, "target.verify"),
        ({"register": "low", "confirm_after": -1}, "target.confirm_after"),
    ],
)
def test_a_wrong_write_target_names_the_place(target: Any, path: str) -> None:
    with pytest.raises(ProfileError) as raised:
        WriteTarget.from_dict(target, REGISTERS)
    assert raised.value.path == path
