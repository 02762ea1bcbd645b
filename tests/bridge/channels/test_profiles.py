"""A profile keeps its form through JSON, and a wrong one is refused with the place of the mistake."""

import json
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind
from custom_components.fieldbridge.bridge.channels.profile import FrameCondition, unique_key
from custom_components.fieldbridge.bridge.codecs.checks import FieldCheck
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder, SeparatedDecoder
from custom_components.fieldbridge.bridge.errors import ProfileError

FULL = DeviceProfile(
    decoder=SeparatedDecoder(separator=";", fields=6, check=FieldCheck(algorithm="sum16", start=1)),
    channels=(
        Channel(
            key="o2",
            name="Oxygen",
            source="2",
            unit="%",
            device_class="oxygen",
            state_class="measurement",
            precision=3,
            scale=0.1,
            offset=-1,
            min_interval=2.5,
        ),
        Channel(key="state", name="State", source="3", kind=ValueKind.TEXT),
    ),
    condition=FrameCondition(source="0", equals="I1"),
    stale_after=12.5,
    event_like=True,
    manufacturer="Acme",
    model="M1",
)
SMALLEST = DeviceProfile(decoder=JsonDecoder(), channels=())


@pytest.mark.parametrize("profile", [FULL, SMALLEST])
def test_a_profile_keeps_its_form_through_json(profile: DeviceProfile) -> None:
    assert DeviceProfile.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile


@pytest.mark.parametrize("channel", FULL.channels)
def test_a_channel_keeps_its_form_through_json(channel: Channel) -> None:
    assert Channel.from_dict(json.loads(json.dumps(channel.to_dict()))) == channel


def changed(place: str, value: object) -> dict[str, Any]:
    """Return the full profile as data with the value at ``place`` replaced."""
    data: dict[str, Any] = json.loads(json.dumps(FULL.to_dict()))
    target: Any = data
    *path, last = place.replace("[", ".[").split(".")
    for part in path:
        target = target[int(part[1:-1])] if part.startswith("[") else target[part]
    target[int(last[1:-1]) if last.startswith("[") else last] = value
    return data


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("schema_version", 2),
        ("schema_version", None),
        ("decoder", None),
        ("decoder.kind", "xml"),
        ("decoder.separator", ""),
        ("decoder.fields", "6"),
        ("decoder.check.algorithm", "crc99"),
        ("channels", None),
        ("channels", {"o2": {}}),
        ("channels[1]", "o2"),
        ("channels[0].key", ""),
        ("channels[0].name", None),
        ("channels[0].source", 2),
        ("channels[0].source", "two"),
        ("channels[1].source", "-1"),
        ("channels[0].kind", "complex"),
        ("channels[0].unit", 5),
        ("channels[0].device_class", []),
        ("channels[0].scale", 0),
        ("channels[0].scale", None),
        ("channels[0].scale", "0.1"),
        ("channels[0].scale", float("nan")),
        ("channels[0].offset", True),
        ("channels[0].offset", None),
        ("channels[0].precision", 10),
        ("channels[0].precision", 1.5),
        ("channels[0].precision", True),
        ("channels[0].min_interval", -1),
        ("condition", "I1"),
        ("condition.source", "x"),
        ("stale_after", 0.5),
        ("stale_after", "60"),
        ("stale_after", float("nan")),
        ("manufacturer", 7),
        ("model", []),
    ],
)
def test_a_mistake_is_named_with_its_place(place: str, value: object) -> None:
    with pytest.raises(ProfileError) as error:
        DeviceProfile.from_dict(changed(place, value))
    assert error.value.path == place
    assert str(error.value).startswith(f"{place}: ")


@pytest.mark.parametrize(("data", "path"), [([], ""), (None, ""), ({}, "schema_version")])
def test_what_is_no_profile_is_refused(data: object, path: str) -> None:
    with pytest.raises(ProfileError) as error:
        DeviceProfile.from_dict(data)
    assert error.value.path == path


def test_an_unknown_property_of_a_channel_is_refused_by_name() -> None:
    with pytest.raises(ProfileError, match=r"channels\[1\]: unknown: colour"):
        DeviceProfile.from_dict(changed("channels[1].colour", "red"))


def test_a_condition_needs_source_and_text() -> None:
    with pytest.raises(ProfileError, match="needs source and equals"):
        DeviceProfile.from_dict(changed("condition.equals", 5))


def test_a_key_that_is_used_twice_is_refused() -> None:
    with pytest.raises(ProfileError, match="only once"):
        DeviceProfile.from_dict(changed("channels[1].key", "o2"))


def test_keys_are_made_from_names_and_never_clash() -> None:
    assert unique_key("Air PM2.5", set()) == "air_pm2_5"
    assert unique_key("Oxygen", {"oxygen", "oxygen_2"}) == "oxygen_3"
    assert unique_key("Температура", set()) == "channel"
