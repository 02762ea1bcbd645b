"""What the shipped profiles say about units and classes is what Home Assistant knows."""

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS, SensorDeviceClass
import pytest

from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles

PROFILES = [file.profile for file in shipped_profiles() if file.profile]


def is_known(channel: Channel) -> bool:
    """Whether Home Assistant takes unit, device class and state class together."""
    if channel.device_class is None:
        return True
    if channel.kind == "binary":
        return channel.device_class in {*BinarySensorDeviceClass, "switch", "outlet"}
    device_class = SensorDeviceClass(channel.device_class)
    if device_class is SensorDeviceClass.ENUM:
        return channel.texts is not None
    return channel.unit in DEVICE_CLASS_UNITS.get(device_class, {channel.unit}) and (
        channel.state_class is None or channel.state_class in DEVICE_CLASS_STATE_CLASSES[device_class]
    )


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.id)
def test_units_and_state_classes_go_with_the_device_classes(profile: Profile) -> None:
    assert [channel for channel in profile.device.channels if not is_known(channel)] == []
