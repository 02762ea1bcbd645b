"""What is exported as Home Assistant's YAML is imported as the same device, and what is lost is said."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.modbus.core_export import export_core_yaml
from custom_components.fieldbridge.bridge.modbus.importers.core_yaml import import_core_config, read_core_yaml
from custom_components.fieldbridge.bridge.modbus.importers.result import Reason
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles

SUNGROW = (Path(__file__).parents[2] / "data" / "core-modbus-sungrow.yaml").read_text()
SECRETS = {
    "sungrow_modbus_host_ip": "192.0.2.7",
    "sungrow_modbus_port": 502,
    "sungrow_modbus_wait_milliseconds": 5,
    "sungrow_modbus_device_address": 1,
}
MODBUS = [file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "modbus"]


def test_the_sungrow_file_comes_back_as_it_went() -> None:
    (link,) = read_core_yaml(SUNGROW, SECRETS).links
    text, remarks = export_core_yaml(link.name, link.connection, [(1, link.devices[0].profile)])
    assert remarks == []
    (back,) = read_core_yaml(text).links
    assert (back.name, back.connection) == (link.name, link.connection)
    assert [device.profile for device in back.devices] == [device.profile for device in link.devices]


SENSORS = st.fixed_dictionaries(
    {"address": st.integers(0, 60000), "scan_interval": st.sampled_from([0, 5, 15, 600])},
    optional={
        "data_type": st.sampled_from(["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]),
        "scale": st.sampled_from([0.1, 10, -1]),
        "offset": st.sampled_from([-40, 0.5]),
        "precision": st.integers(0, 4),
        "input_type": st.sampled_from(["holding", "input"]),
        "nan_value": st.sampled_from([0x7FFF, 0xFFFF]),
        "zero_suppress": st.sampled_from([0.5, 3]),
        "unit_of_measurement": st.sampled_from(["V", "on"]),
    },
)
ADDRESSES = st.integers(0, 60000)
DELAYS = st.integers(1, 9)
STATES = {"state_on": st.lists(st.integers(2, 9), min_size=1, max_size=2, unique=True), "state_off": st.just(10)}
VERIFIED = (
    st.none()
    | st.fixed_dictionaries({"input_type": st.sampled_from(["coil", "discrete_input"]), "delay": DELAYS})
    | st.fixed_dictionaries({"input_type": st.sampled_from(["holding", "input"]), "address": ADDRESSES, **STATES})
)
SWITCHES = st.fixed_dictionaries(
    {"address": ADDRESSES},
    optional={
        "write_type": st.sampled_from(["holding", "holdings", "coil", "coils"]),
        "command_on": st.integers(1, 9),
        "verify": VERIFIED,
    },
)


@given(st.lists(SENSORS, max_size=4), st.lists(SWITCHES, max_size=2), st.lists(st.booleans(), max_size=2))
def test_any_import_survives_export_and_import(
    sensors: list[dict[str, Any]], switches: list[dict[str, Any]], inputs: list[bool]
) -> None:
    hub = {
        "type": "tcp",
        "sensors": [{"name": f"Sensor {index}", **sensor} for index, sensor in enumerate(sensors)],
        "switches": [{"name": f"Switch {index}", **switch} for index, switch in enumerate(switches)],
        "binary_sensors": [
            {"name": f"Input {index}", "address": index, "input_type": "discrete_input" if is_input else "holding"}
            for index, is_input in enumerate(inputs)
        ],
    }
    profiles = [device.profile for device in import_core_config(hub).devices]
    text, _ = export_core_yaml("hub", {"type": "tcp"}, [(1, profile) for profile in profiles])
    assert sorted_channels([device.profile for device in read_core_yaml(text).devices]) == sorted_channels(profiles)


def sorted_channels(profiles: list[DeviceProfile]) -> list[Any]:
    """Return what the channels are and read; several sensors come before switches in the YAML."""
    return sorted(
        (
            channel.to_dict() | {"register": profile.decoder.to_dict()["registers"].get(channel.source)}
            for profile in profiles
            for channel in profile.channels
        ),
        key=lambda data: str(data["key"]),
    )


@pytest.mark.parametrize("profile", MODBUS, ids=lambda profile: profile.id)
def test_every_shipped_profile_is_exported_with_what_is_lost(profile: Profile) -> None:
    text, remarks = export_core_yaml("hub", {"type": "tcp", "host": "192.0.2.7", "port": 502}, [(1, profile.device)])
    imported = {channel.name for device in read_core_yaml(text).devices for channel in device.profile.channels}
    lost = {remark.place for remark in remarks if remark.reason is Reason.UNSUPPORTED}
    assert {channel.name for channel in profile.device.channels} == imported | lost
