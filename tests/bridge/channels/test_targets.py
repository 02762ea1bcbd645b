"""A write that could only fail is refused where the device is described, not when somebody presses a button."""

from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.errors import ProfileError

REGISTERS = {"kind": "modbus", "registers": {"mode": {"address": 7}, "read": {"address": 8, "table": "input"}}}
TOPICS = {"kind": "topics", "base": "home/lamp"}
CHARACTERISTICS = {"kind": "characteristics", "characteristics": {"2a37": {"kind": "bytes"}}}
LINES = {"kind": "separated", "separator": ";"}


def profile(decoder: dict[str, Any], target: Any) -> dict[str, Any]:
    write = {"control": "number", "target": target}
    return {
        "schema_version": 1,
        "decoder": decoder,
        "channels": [{"key": "x", "name": "X", "source": "", "write": write}],
    }


@pytest.mark.parametrize(
    ("decoder", "target"),
    [
        (REGISTERS, {"register": "mode", "confirm_after": 1}),
        (TOPICS, {"topic": "~/set", "payload": "{value}", "retain": True, "qos": 2}),
        (CHARACTERISTICS, {"characteristic": "2a38", "type": "uint8", "response": False}),
        ({**CHARACTERISTICS, "frame_check": {"algorithm": "sum8"}}, {"characteristic": "2a38"}),
        (LINES, {"frame": "B={value}\\r", "answer": {"prefix": "OK"}}),
    ],
)
def test_each_kind_of_device_is_written_in_its_own_way(decoder: dict[str, Any], target: Any) -> None:
    (channel,) = DeviceProfile.from_dict(profile(decoder, target)).channels

    assert channel.write is not None
    assert channel.write.target == target


@pytest.mark.parametrize(
    ("decoder", "target", "path"),
    [
        (REGISTERS, {"register": "made"}, ".register"),
        (REGISTERS, {"register": "read"}, ".register"),
        (REGISTERS, {"topic": "~/set"}, ""),
        (TOPICS, {"topic": "home/+/set"}, ".topic"),
        (TOPICS, {}, ".topic"),
        (TOPICS, {"topic": "~/set", "payload": 5}, ".payload"),
        (TOPICS, {"topic": "~/set", "retain": "yes"}, ".retain"),
        (TOPICS, {"topic": "~/set", "qos": 3}, ".qos"),
        (TOPICS, {"register": "mode"}, ""),
        (CHARACTERISTICS, {"characteristic": "level"}, ".characteristic"),
        (CHARACTERISTICS, {"characteristic": "2a38", "type": "medfloat16"}, ".type"),
        (CHARACTERISTICS, {"characteristic": "2a38", "response": "yes"}, ".response"),
        (CHARACTERISTICS, {"frame": "x"}, ""),
        (LINES, {}, ".frame"),
        (LINES, {"frame": "{nonsense"}, ".frame"),
        (LINES, {"topic": "~/set"}, ""),
    ],
)
def test_a_target_of_which_the_link_knows_nothing_is_named(decoder: dict[str, Any], target: Any, path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        DeviceProfile.from_dict(profile(decoder, target))

    assert caught.value.path == f"channels[0].write.target{path}"
