"""A device keeps the version of its profile until a person takes a newer one, and then keeps what a person chose."""

from dataclasses import replace
from typing import Any

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, RegisterDecoder
from custom_components.fieldbridge.bridge.profiles import Profile, changes, newer_profile, read_profile, updated
from custom_components.fieldbridge.bridge.yaml_text import write_yaml


def profile(version: int, registers: dict[str, Any], **channels: Any) -> Profile:
    data = {
        "schema_version": 1,
        "id": "meter",
        "name": "Meter",
        "kind": "modbus",
        "version": version,
        "source": "written for this test",
        "decoder": {"kind": "modbus", "registers": registers},
        "channels": [{"key": key, "name": key, "source": key, **more} for key, more in channels.items()],
    }
    read = read_profile(write_yaml(data)).profile
    assert read is not None
    return read


OLD = profile(1, {"power": {"address": 1}, "gone": {"address": 9}}, power={"unit": "W"}, gone={})
NEW = profile(2, {"power": {"address": 1, "type": "int16"}, "energy": {"address": 2}}, power={"unit": "kW"}, energy={})


def device_of_a_user() -> DeviceProfile:
    """Return a device with a unit, a name and a filter that a person chose."""
    assert isinstance(OLD.device.decoder, RegisterDecoder)
    decoder = replace(OLD.device.decoder, device=ModbusDevice(unit=7))
    power = replace(OLD.device.channels[0], name="My power", filters=({"kind": "median", "window": 5},))
    return replace(OLD.device, decoder=decoder, channels=(power, *OLD.device.channels[1:]))


def test_a_device_remembers_its_profile_and_version_through_storage() -> None:
    assert OLD.device.origin == "meter@1"
    assert DeviceProfile.from_dict(OLD.device.to_dict()).origin == "meter@1"


def test_only_a_later_version_of_the_same_profile_is_newer() -> None:
    device = device_of_a_user()
    assert newer_profile(device, [OLD, replace(NEW, id="other")]) is None
    assert newer_profile(device, [OLD, NEW]) is NEW
    assert newer_profile(replace(device, origin=None), [NEW]) is None


def test_what_changes_is_said_channel_by_channel() -> None:
    assert changes(device_of_a_user(), NEW) == [
        "~ My power: unit: W → kW; type: None → int16",
        "+ energy",
    ]


def test_what_a_person_chose_stays_and_nothing_is_taken_away() -> None:
    after = updated(device_of_a_user(), NEW)
    channels: dict[str, Channel] = {channel.key: channel for channel in after.channels}
    assert list(channels) == ["power", "energy", "gone"]
    assert (channels["power"].name, channels["power"].unit) == ("My power", "kW")
    assert channels["power"].filters == ({"kind": "median", "window": 5},)
    assert isinstance(after.decoder, RegisterDecoder)
    assert after.decoder.device.unit == 7
    assert after.decoder.registers["power"].type == "int16"
    assert after.origin == "meter@2"
    assert DeviceProfile.from_dict(after.to_dict()) == after
    assert changes(after, NEW) == []
