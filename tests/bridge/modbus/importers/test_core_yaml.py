"""Home Assistant's own Modbus YAML is imported as it is written in the wild."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.modbus import RateClass, Register, RegisterDecoder, Table
from custom_components.fieldbridge.bridge.modbus.importers.core_yaml import import_core_config, read_core_yaml
from custom_components.fieldbridge.bridge.modbus.importers.result import Import, ImportedDevice, Reason

SUNGROW = (Path(__file__).parents[3] / "data" / "core-modbus-sungrow.yaml").read_text()
SECRETS = {
    "sungrow_modbus_host_ip": "192.0.2.7",
    "sungrow_modbus_port": 502,
    "sungrow_modbus_wait_milliseconds": 5,
    "sungrow_modbus_device_address": 1,
}


def decoder_of(device: ImportedDevice) -> RegisterDecoder:
    decoder = device.profile.decoder
    assert isinstance(decoder, RegisterDecoder)
    return decoder


def one_device(result: Import) -> ImportedDevice:
    (device,) = result.devices
    return device


def one_channel(**entity: Any) -> tuple[Channel, Register | None, Import]:
    """Return the channel, register and remarks of one sensor."""
    result = import_core_config({"modbus": {"type": "tcp", "sensors": {"name": "Value", "address": 100, **entity}}})
    device = one_device(result)
    (channel,) = device.profile.channels
    return channel, decoder_of(device).registers.get(channel.source), result


def test_the_sungrow_file_is_imported_whole() -> None:
    result = read_core_yaml(SUNGROW, SECRETS)
    device = one_device(result)
    assert device.unit == 1
    assert len(device.profile.channels) == 102
    assert len(device.old_entities) == 102
    assert result.links[0].connection == {
        "type": "tcp",
        "host": "192.0.2.7",
        "port": 502,
        "timeout": 30,
        "delay": 15,
        "message_wait_milliseconds": 5,
    }
    # Three intervals become the three classes: nothing is asked for more or less often than before.
    assert decoder_of(device).device.intervals == {RateClass.FAST: 5, RateClass.NORMAL: 10, RateClass.SLOW: 600}
    # What else stands in the file is no part of Modbus and is said.
    assert {(remark.reason, remark.place) for remark in result.remarks} == {
        (Reason.FOREIGN, "sensor"),
        (Reason.FOREIGN, "template"),
        (Reason.FOREIGN, "automation"),
        (Reason.FOREIGN, "scene"),
    }


def test_secrets_that_are_not_known_are_said_and_leave_the_unit_open() -> None:
    result = read_core_yaml(SUNGROW)
    assert one_device(result).unit is None
    assert len(one_device(result).profile.channels) == 102
    places = [remark.place for remark in result.remarks if remark.reason is Reason.SECRET]
    assert places == [
        "SungrowSHx: host",
        "SungrowSHx: port",
        "SungrowSHx: message_wait_milliseconds",
        "SungrowSHx: device_address",
    ]


def test_the_old_entity_is_kept_with_every_channel() -> None:
    device = one_device(read_core_yaml(SUNGROW, SECRETS))
    old = device.old_entities["sg_total_dc_power"]
    assert (old.platform, old.name, old.unique_id) == ("sensor", "Total DC power", "sg_total_dc_power")
    assert (old.unit, old.device_class, old.state_class) == ("W", "power", "measurement")


@pytest.mark.parametrize(
    "text",
    [
        "modbus:\n  - type: tcp\n    sensors:\n      - {name: A, address: 0x10}\n",
        "modbus:\n  type: tcp\n  sensors:\n    - {name: A, address: 16}\n",
        "modbus:\n  hub1:\n    type: tcp\n    sensors: [{name: A, address: '16'}]\n",
        "modbus plant:\n  type: tcp\n  sensors: {name: A, address: 16}\n",
        "- type: tcp\n  sensors:\n    - name: A\n      address: 0x0010\n",
        "type: tcp\nsensors:\n  - &a {name: A, address: 16}\n",
        "sensors:\n- name: A\n  address: 020\n",  # octal, as Home Assistant reads it
        "  sensors:\n  - name: A\n    address: 16\n",
    ],
)
def test_a_hub_is_found_wherever_the_text_begins(text: str) -> None:
    device = one_device(read_core_yaml(text))
    assert [register.address for register in decoder_of(device).registers.values()] == [16]


def test_what_is_left_out_has_the_defaults_of_home_assistant() -> None:
    channel, register, _ = one_channel()
    assert register == Register(address=100, table=Table.HOLDING, type=Register.from_dict({"type": "int16"}).type)
    assert channel.precision == 0  # integers are shown whole, whatever the scale is
    result = import_core_config({"modbus": {"type": "tcp", "sensors": [{"name": "A", "address": 1}]}})
    device = one_device(result)
    assert device.unit == 1
    assert decoder_of(device).device.intervals[RateClass.NORMAL] == 15


def test_each_unit_becomes_a_device() -> None:
    sensors = [
        {"name": "A", "address": 1, "slave": 3},
        {"name": "B", "address": 1, "device_address": 4},
        {"name": "C", "address": 1},
    ]
    result = import_core_config({"modbus": [{"name": "hub", "type": "tcp", "sensors": sensors}]})
    assert [(device.name, device.unit) for device in result.devices] == [("hub 3", 3), ("hub 4", 4), ("hub 1", 1)]


@pytest.mark.parametrize(
    ("swap", "orders"),
    [("word", ("little", "big")), ("byte", ("big", "little")), ("word_byte", ("little", "little"))],
)
def test_swap_is_the_order_of_words_and_bytes(swap: str, orders: tuple[str, str]) -> None:
    _, register, _ = one_channel(data_type="int32", swap=swap)
    assert register is not None
    assert (register.word_order, register.byte_order) == orders


def test_a_nan_value_means_no_value_with_either_sign() -> None:
    _, register, _ = one_channel(data_type="int32", nan_value=0x7FFFFFFF)
    assert register is not None
    assert register.decode([0x7FFF, 0xFFFF]) is None
    assert register.decode([0x8000, 0x0001]) is None
    assert register.decode([0, 5]) == 5


def test_a_nan_value_that_cannot_occur_is_said() -> None:
    _, register, result = one_channel(data_type="int16", nan_value="0xFFFF")
    assert register is not None
    assert register.decode([0xFFFF]) == -1
    assert [remark.reason for remark in result.remarks] == [Reason.IGNORED]


def test_limits_reject_and_the_difference_is_said() -> None:
    channel, _, result = one_channel(min_value=0, max_value=100.5, scale=0.1, precision=1)
    assert (channel.minimum, channel.maximum, channel.scale, channel.precision) == (0, 100.5, 0.1, 1)
    assert [remark.reason for remark in result.remarks] == [Reason.DIFFERENT, Reason.DIFFERENT]


def test_what_is_nearly_zero_is_shown_as_zero() -> None:
    channel, _, _ = one_channel(zero_suppress=2)
    assert channel.filters == ({"kind": "expression", "formula": "0 if abs(x) <= 2 else x"},)


def test_totals_stay_as_home_assistant_showed_them() -> None:
    channel, _, _ = one_channel(state_class="total_increasing")
    assert channel.filters == ()


def test_an_interval_of_zero_is_once() -> None:
    _, register, _ = one_channel(scan_interval=0)
    assert register is not None
    assert register.rate is RateClass.ONCE


def test_virtual_sensors_follow_one_another_with_names_and_ids_of_their_own() -> None:
    sensor = {"name": "T", "unique_id": "t", "address": 10, "data_type": "float32", "virtual_count": 2}
    device = one_device(import_core_config({"modbus": {"type": "tcp", "sensors": [sensor]}}))
    registers = decoder_of(device).registers
    assert [(key, register.address) for key, register in registers.items()] == [("t", 10), ("t_1", 12), ("t_2", 14)]
    assert [old.name for old in device.old_entities.values()] == ["T", "T 1", "T 2"]
    assert [old.unique_id for old in device.old_entities.values()] == ["t", "t_1", "t_2"]


def test_a_structure_of_one_number_is_a_number_and_of_several_a_text() -> None:
    channel, register, _ = one_channel(data_type="custom", count=2, structure=">2xH", scale=0.5)
    assert register is not None
    assert (channel.kind, channel.scale, register.decode([1, 7])) == ("number", 0.5, 7)
    channel, register, result = one_channel(data_type="custom", count=2, structure=">2H", scale=0.5)
    assert register is not None
    assert (channel.kind, register.decode([1, 7])) == ("text", "1,7")
    assert [remark.reason for remark in result.remarks] == [Reason.DIFFERENT]


def test_binary_sensors_look_at_the_lowest_bit() -> None:
    sensors = [
        {"name": "Coil", "address": 3},
        {"name": "Input", "address": 4, "input_type": "discrete_input", "virtual_count": 1},
        {"name": "Register", "address": 5, "input_type": "holding"},
    ]
    device = one_device(import_core_config({"modbus": {"type": "tcp", "binary_sensors": sensors}}))
    registers = decoder_of(device).registers
    assert [(register.table, register.address) for register in registers.values()] == [
        (Table.COIL, 3),
        (Table.DISCRETE, 4),
        (Table.DISCRETE, 5),
        (Table.HOLDING, 5),
    ]
    assert registers["register"].decode([0b10]) is False
    assert registers["register"].decode([0b11]) is True


def switch(**options: Any) -> tuple[Channel, ImportedDevice]:
    config = {"modbus": {"type": "tcp", "switches": [{"name": "Pump", "address": 7, **options}]}}
    device = one_device(import_core_config(config))
    return device.profile.channels[0], device


def test_a_switch_without_verify_is_only_written() -> None:
    channel, device = switch(command_on=0xFF, command_off=0xF0)
    assert channel.source == ""
    assert decoder_of(device).registers == {}
    assert channel.raw_to_write(True) == 0xFF
    assert channel.raw_to_write(False) == 0xF0
    assert channel.write is not None
    assert channel.write.target == {"register": {"address": 7}, "method": "single"}


@pytest.mark.parametrize("verify", [None, {}])
def test_an_empty_verify_reads_what_was_written(verify: object) -> None:
    channel, device = switch(write_type="coil", verify=verify)
    assert decoder_of(device).registers["pump"].table is Table.COIL
    assert channel.write is not None
    assert channel.write.target["register"] == "pump"
    assert channel.converter()(True) is True
    assert channel.raw_to_write(True) is True


def test_a_switch_is_verified_by_another_register_with_states_of_its_own() -> None:
    verify = {"address": 9, "input_type": "input", "state_on": [2, 3], "state_off": 1, "delay": 4}
    channel, device = switch(write_type="holdings", verify=verify, scan_interval=20)
    assert decoder_of(device).registers["pump"].address == 9
    convert = channel.converter()
    assert [convert(2), convert(3), convert(1)] == [True, True, False]
    with pytest.raises(ValueError, match="no text"):
        convert(7)
    assert channel.write is not None
    assert channel.write.target == {
        "register": {"address": 7},
        "method": "multiple",
        "confirm_after": 4,
        "verify": "pump",
    }


def test_what_has_no_counterpart_is_said_and_the_rest_is_imported() -> None:
    text = """\
type: tcp
retries: 3
climates:
  - name: Hall
    address: 1
covers:
  - name: Gate
    address: 2
sensors:
  - name: Good
    address: 3
  - name: Bad
    address: 70000
  - name: Good
    address: 4
  - name: Odd
    address: 5
    colour: blue
  - name: Hidden
    address: !secret where
"""
    result = read_core_yaml(text)
    assert [channel.name for channel in one_device(result).profile.channels] == ["Good", "Odd"]
    assert [(remark.reason, remark.place, remark.line) for remark in result.remarks] == [
        (Reason.IGNORED, "modbus_hub: retries", 2),
        (Reason.UNSUPPORTED, "Hall", 4),
        (Reason.UNSUPPORTED, "Gate", 7),
        (Reason.INVALID, "Bad", 12),
        (Reason.INVALID, "Good", 14),
        (Reason.IGNORED, "Odd", 16),
        (Reason.INVALID, "Hidden", 19),
    ]


@pytest.mark.parametrize("text", ["", "a: 1", "- 5", "modbus:", "modbus: []\n", "- {name: A, address: 1}", "modbus: x"])
def test_what_is_no_modbus_configuration_is_refused_or_empty(text: str) -> None:
    try:
        result = read_core_yaml(text)
    except ProfileError:
        return
    assert result.devices == ()


def test_a_hostile_count_or_structure_is_a_remark() -> None:
    sensors = [
        {"name": "A", "address": 1, "virtual_count": 60000},
        {"name": "B", "address": 1, "data_type": "custom", "count": 1, "structure": "999999999s", "nan_value": 1},
        {"name": "C", "address": 1, "data_type": "custom", "count": 1, "structure": ">" + "9" * 40 + "H"},
    ]
    result = import_core_config({"modbus": {"type": "tcp", "sensors": sensors}})
    assert [remark.reason for remark in result.remarks] == [Reason.INVALID] * 3
    assert result.devices == ()


WORDS = ["name", "address", "sensors", "switches", "binary_sensors", "type", "verify", "slave", "data_type", "count"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["int32", "0x1F"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_any_configuration_is_imported_or_refused(config: object) -> None:
    try:
        result = import_core_config(config)
    except ProfileError:
        return
    for device in result.devices:
        assert type(device.profile).from_dict(device.profile.to_dict()) == device.profile


@given(st.lists(st.sampled_from([*SUNGROW.splitlines()[7:80], "modbus:", "  - &x", "      - *x", "\t"]), max_size=30))
def test_any_text_is_imported_or_refused(lines: list[str]) -> None:
    try:
        assert read_core_yaml("\n".join(lines)).links
    except ProfileError:
        return
