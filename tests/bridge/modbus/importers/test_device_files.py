"""Device files of modbus_local_gateway and modbus_connect become profiles; these were written for the tests."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.modbus import RegisterDecoder, WriteTarget
from custom_components.fieldbridge.bridge.modbus.importers.device_files import read_device_file
from custom_components.fieldbridge.bridge.modbus.importers.result import Import, Reason
from custom_components.fieldbridge.bridge.yaml_text import write_yaml

GATEWAY = """\
device:
  manufacturer: Rekall
  model: Hub
  max_register_read: 20
read_write_word:
  baud:
    address: 28
    control: select
    options: {0: 2400 bps, 1: 4800 bps}
  level:
    name: Level
    address: 0x10
    multiplier: 0.5
    control: number
    number: {min: 1.0, max: 20.0}
    unit_of_measurement: Volts
    entity_category: config
  pump:
    address: 30
    bits: 1
    shift_bits: 3
    control: switch
  label:
    address: 40
    size: 5
    string: true
    control: text
read_only_word:
  power:
    address: 2
    size: 2
    float: true
    swap: word
    precision: 1
    unit_of_measurement: Watts
    device_class: power
    state_class: measurement
    scan_interval: 5
  energy:
    address: 4
    sum_scale: [1, 10000]
    never_resets: true
    max_change: 50
    unit_of_measurement: kWh
  status:
    address: 6
    map: {0: Standby, 1: Running}
  faults:
    address: 7
    flags: {1: Pump, 3: Fan}
  part:
    address: 8
    bits: 4
    shift_bits: 4
    unavailable_values: 15
  temperature:
    address: 9
    signed: true
    multiplier: 0.1
    unavailable_values: [0x7FFF]
    entity_registry_enabled_default: false
read_write_boolean:
  relay:
    address: 1
    control: switch
read_only_boolean:
  door:
    address: 3
    device_class: door
composite:
  clock:
    type: datetime
"""

CONNECT = """\
device: {manufacturer: Acme, model: Heat pump, modbus_id: 7, scan_interval: 30, max_read_gap: 64}
holding:
  mode:
    address: 5015
    map: {0: Summer, 1: Auto}
    write_multiple: true
    confirm_delay: 2
    groups: [basic]
    ha: {platform: select, name: Mode, icon: "mdi:cog"}
  hysteresis:
    address: 47
    multiplier: 0.1
    ha: {platform: number, name: Hysteresis, min: 0.5, max: 5.0, step: 0.1, unit_of_measurement: K}
  valve_open:
    address: 3
    mask: 0x10
    read_modify_write: true
    ha: {platform: switch, name: Valve}
  restart:
    address: 99
    write_value: 1
    ha: {platform: button, name: Restart}
  sync:
    address: 100
    write_value: ["{{ now().hour }}", 1]
    ha: {platform: button, name: Sync}
  hidden: {address: 5, internal: true}
  start:
    address: 6
    type: time
    ha: {platform: time, name: Start}
input:
  outside:
    address: 1
    type: int16
    multiplier: 0.1
    scan_interval: 300
    ha: {platform: sensor, name: Outside, unit_of_measurement: "°C", device_class: temperature}
  alarms:
    address: 2
    flags: {0: Low, 2: High}
    ha: {platform: sensor, name: Alarms}
discrete:
  running:
    address: 3
    on_value: false
    off_value: true
    ha: {platform: binary_sensor, name: Running}
template:
  sum: {state: "{{ 1 }}"}
"""


def parts(text: str) -> tuple[dict[str, Channel], RegisterDecoder, Import]:
    result = read_device_file(text)
    (device,) = result.devices
    decoder = device.profile.decoder
    assert isinstance(decoder, RegisterDecoder)
    assert type(device.profile).from_dict(device.profile.to_dict()) == device.profile
    return {channel.key: channel for channel in device.profile.channels}, decoder, result


def shown(channels: dict[str, Channel], decoder: RegisterDecoder, key: str, words: dict[str, list[int]]) -> Any:
    raw = {name: decoder.registers[name].decode(value) for name, value in words.items()}
    value = decoder.combine(raw)[channels[key].source]
    return None if value is None else channels[key].converter()(value)


def test_a_file_of_modbus_local_gateway_is_read_whole() -> None:
    channels, decoder, result = parts(GATEWAY)
    assert len(channels) == 12
    assert decoder.device.max_registers == 20
    assert shown(channels, decoder, "power", {"power": [0x0000, 0x43A5]}) == 330.0
    assert shown(channels, decoder, "energy", {"energy_part_1": [7], "energy_part_2": [2]}) == 20007
    assert shown(channels, decoder, "status", {"status": [1]}) == "Running"
    assert shown(channels, decoder, "faults", {"faults": [0b101]}) == "Pump, Fan"
    assert shown(channels, decoder, "part", {"part": [0xABCD]}) == 0xC
    assert shown(channels, decoder, "temperature", {"temperature": [0xFFF6]}) == -1.0
    assert shown(channels, decoder, "temperature", {"temperature": [0x7FFF]}) is None
    assert shown(channels, decoder, "label", {"label": [0x4142, 0x4300, 0, 0, 0]}) == "ABC"
    assert shown(channels, decoder, "level", {"level": [5]}) == 2.5
    assert shown(channels, decoder, "baud", {"baud": [1]}) == "4800 bps"
    assert channels["level"].unit == "V"
    assert channels["temperature"].enabled is False
    assert channels["energy"].filters == ({"kind": "counter_guard", "max_step": 50},)
    assert [(remark.reason, remark.place) for remark in result.remarks if remark.is_lost] == [
        (Reason.UNSUPPORTED, "clock")
    ]


def test_a_file_of_modbus_connect_is_read_with_what_has_a_counterpart() -> None:
    channels, decoder, result = parts(CONNECT)
    assert result.devices[0].unit == 7
    assert list(channels) == ["mode", "hysteresis", "valve_open", "restart", "outside", "alarms", "running"]
    assert decoder.device.max_gap == 64
    assert shown(channels, decoder, "outside", {"outside": [0xFFF6]}) == -1.0
    assert shown(channels, decoder, "alarms", {"alarms": [0b101]}) == "Low, High"
    assert shown(channels, decoder, "running", {"running": [0]}) is True
    assert shown(channels, decoder, "valve_open", {"valve_open": [0x10]}) is True
    assert [(remark.place, remark.line) for remark in result.remarks if remark.is_lost] == [
        ("sync", 23),
        ("hidden", 27),
        ("start", 28),
        ("sum", 50),
    ]


def test_what_is_set_is_written_as_the_files_say() -> None:
    channels, decoder, _ = parts(GATEWAY)
    assert channels["level"].raw_to_write(2.5) == 5
    assert channels["baud"].raw_to_write("4800 bps") == 1
    assert channels["relay"].raw_to_write(True) is True
    pump = channels["pump"].write
    assert pump is not None
    register = WriteTarget.from_dict(pump.target, decoder.registers).register
    assert register.encode(1, [0xFFF7]) == [0xFFFF]
    assert register.encode(0, [0xFFFF]) == [0xFFF7]
    channels, decoder, _ = parts(CONNECT)
    mode = channels["mode"].write
    assert mode is not None
    target = WriteTarget.from_dict(mode.target, decoder.registers)
    assert (target.method, target.confirm_after) == ("multiple", 2)
    restart = channels["restart"]
    assert restart.write is not None
    assert (restart.source, restart.write.target["register"]) == ("", {"address": 99})
    assert "restart" not in decoder.registers


@pytest.mark.parametrize("text", ["", "a: 1", "device: {}", "device: {manufacturer: x}\nother: 1", "- 1"])
def test_what_is_no_device_file_is_refused(text: str) -> None:
    with pytest.raises(ProfileError):
        read_device_file(text)


LINES = st.lists(st.sampled_from([*GATEWAY.splitlines(), *CONNECT.splitlines()]), max_size=30)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3)


@given(LINES)
def test_any_lines_are_a_device_or_refused(lines: list[str]) -> None:
    try:
        result = read_device_file("device:\n  model: X\n" + "\n".join(lines))
    except ProfileError:
        return
    for device in result.devices:
        assert type(device.profile).from_dict(device.profile.to_dict()) == device.profile


@given(
    st.sampled_from(["holding", "coil", "read_write_word", "read_only_boolean"]),
    st.dictionaries(
        st.sampled_from(["address", "type", "size", "swap", "mask", "bits", "shift_bits", "map", "flags", "control"])
        | st.sampled_from(["options", "sum_scale", "multiplier", "ha", "string", "float", "on_value", "write_value"]),
        VALUES,
    ),
)
def test_any_entity_is_a_channel_or_a_remark(section: str, entity: dict[str, Any]) -> None:
    result = read_device_file(write_yaml({"device": {"model": "X"}, section: {"one": entity}}))
    lost = [remark for remark in result.remarks if remark.is_lost]
    assert len(result.devices[0].profile.channels) + len(lost) == 1
