"""Shipped profiles of Bluetooth LE services: messages as the specification lays them out become the right values."""

from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.codecs.characteristics import CharacteristicInfo, ServiceInfo, message
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.links.ble_link import BleDescription
from custom_components.fieldbridge.bridge.links.ble_profiles import combined, link_data, matching, with_patience
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles
from custom_components.fieldbridge.bridge.transports.ble import BleSettings, Connecting

PROFILES = {file.profile.id: file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "ble"}

MESSAGES: list[tuple[str, list[tuple[str, str]], dict[str, Any]]] = [
    (
        "ble_heart_rate",
        [("2a37", "1e 48 10 00 00 04 00 03"), ("2a38", "01")],
        {"heart_rate": 72, "energy": 16, "rr_interval": 750.0, "contact": True, "location": "Chest"},
    ),
    ("ble_heart_rate", [("2a37", "00 00")], {"heart_rate": None, "contact": False}),
    ("ble_battery", [("2a19", "5a")], {"battery": 90}),
    (
        "ble_environmental_sensing",
        [
            ("2a6e", "29 09"),
            ("2a6e#2", "18 fc"),
            ("2a6f", "a0 0f"),
            ("2a6d", "cd 75 0f 00"),
            ("2a76", "05"),
            ("2a7b", "fe"),
        ],
        {
            "temperature": 23.45,
            "temperature_2": -10.0,
            "humidity": 40.0,
            "pressure": 1013.2,
            "uv_index": 5,
            "dew_point": -2,
        },
    ),
    ("ble_environmental_sensing", [("2a6e", "00 80"), ("2a6f", "ff ff")], {"temperature": None, "humidity": None}),
    (
        "ble_cycling_power",
        [("2a63", "35 08 fa 00 64 40 00 10 27 00 00 00 08 e8 03 00 04 2a 00")],
        {"power": 250, "balance": 50.0, "wheel_revolutions": 10000, "crank_revolutions": 1000, "energy": 42},
    ),
    ("ble_cycling_power", [("2a63", "00 00 f6 ff")], {"power": -10}),
    ("ble_weight_scale", [("2a9d", "00 98 3a")], {"weight": 75.0}),
    ("ble_weight_scale", [("2a9d", "01 98 3a")], {"weight": 68.039}),
    (
        "ble_weight_scale",
        [("2a9d", "0e 98 3a ea 07 0b 15 10 00 00 02 eb 00 12 07")],
        {"weight": 75.0, "user": 2, "bmi": 23.5},
    ),
    ("ble_weight_scale", [("2a9d", "00 ff ff")], {"weight": None}),
]


@pytest.mark.parametrize(("name", "messages", "expected"), MESSAGES)
def test_values_come_out_of_the_messages(name: str, messages: list[tuple[str, str]], expected: dict[str, Any]) -> None:
    session = DeviceSession(PROFILES[name].device)
    session.accept([Frame(1.0, message(reference, bytes.fromhex(value))) for reference, value in messages])

    assert not session.counters.rejected
    assert {key: session.value(key) for key in expected} == expected


def test_every_profile_with_channels_has_a_message_here() -> None:
    assert {name for name, *_ in MESSAGES} == {name for name, profile in PROFILES.items() if profile.device.channels}


def offers(*services: tuple[str, dict[str, str]]) -> list[ServiceInfo]:
    return [
        ServiceInfo(
            uuid=uuid,
            name=uuid,
            characteristics=tuple(
                CharacteristicInfo(reference=reference, name=reference, properties=tuple(properties.split()))
                for reference, properties in characteristics.items()
            ),
        )
        for uuid, characteristics in services
    ]


STRAP = offers(("180d", {"2a37": "notify", "2a38": "read"}), ("180f", {"2a19": "read notify"}))


def found(services: list[ServiceInfo]) -> tuple[list[Profile], list[CharacteristicInfo]]:
    return matching(PROFILES.values(), services), [one for each in services for one in each.characteristics]


def test_a_device_is_put_together_from_the_profiles_of_its_services() -> None:
    profiles, offered = found(STRAP)
    device = combined(profiles, offered)

    assert {profile.id for profile in profiles} == {"ble_heart_rate", "ble_battery"}
    assert {channel.key for channel in device.channels} >= {"heart_rate", "battery", "location"}
    assert DeviceProfile.from_dict(device.to_dict()) == device
    assert link_data(profiles, offered) == {
        "notify": ["2a37", "2a19"],
        "read": {"2a38": 3600.0, "2a19": 3600.0},
        "connecting": "always",
    }


def test_a_device_has_channels_only_for_what_it_offers() -> None:
    profiles, offered = found(offers(("181a", {"2a6e": "read", "2a6e#2": "read"})))
    device = combined(profiles, offered)

    assert [channel.key for channel in device.channels] == ["temperature", "temperature_2"]
    assert link_data(profiles, offered)["read"] == {"2a6e": 60.0, "2a6e#2": 60.0}


def test_a_service_without_a_known_characteristic_proposes_nothing() -> None:
    assert not found(offers(("181a", {"2aff": "read"}), ("fff0", {"fff1": "notify"})))[0]


def test_a_scale_is_connected_when_it_is_seen_and_its_silence_means_nothing() -> None:
    profiles, offered = found(offers(("181d", {"2a9d": "indicate"}), ("180f", {"2a19": "read"})))

    assert combined(profiles, offered).event_like
    assert link_data(profiles, offered)["connecting"] == "seen"


def test_a_byte_stream_is_proposed_by_its_service() -> None:
    nordic = "6e40000{}-b5a3-f393-e0a9-e50e24dcca9e"
    assert not found(offers((nordic.format(1), {})))[0]
    (profile,), _ = found(offers((nordic.format(1), {nordic.format(3): "notify"})))
    assert profile.link["stream"]["receive"] == nordic.format(3)
    (profile,), _ = found(offers(("ffe0", {"ffe1": "notify"})))
    assert profile.id == "ble_hm10_uart"


def test_a_value_that_is_read_may_be_as_old_as_three_readings() -> None:
    profiles, offered = found(STRAP)
    device = with_patience(combined(profiles, offered), {"connecting": "always", "read": {"2a19": 3600.0, "2a38": 5.0}})
    patience = {channel.key: channel.stale_after for channel in device.channels}

    assert patience["battery"] == 10800
    assert patience["location"] == 30
    assert patience["heart_rate"] is None


def test_every_value_of_a_short_connection_may_be_as_old_as_three_connections() -> None:
    profiles, offered = found(STRAP)
    device = with_patience(combined(profiles, offered), {"connecting": "rate", "interval": 600.0})
    assert {channel.stale_after for channel in device.channels} == {1800}


def test_an_entry_describes_what_is_done_with_a_peripheral() -> None:
    described = BleDescription.from_dict(
        {
            "notify": ["2a37"],
            "read": {"2a19": 0.1},
            "start": [{"characteristic": "2a39", "hex": "0x01 02"}],
            "pair": True,
            "connecting": "rate",
            "interval": 300,
        }
    )
    assert described.framer is None
    assert described.settings == BleSettings(
        notify=("2a37",),
        read={"2a19": 1.0},
        start=(("2a39", b"\x01\x02"),),
        pair=True,
        connecting=Connecting.RATE,
        interval=300.0,
    )


def test_a_byte_stream_has_a_framer_and_a_way_back() -> None:
    described = BleDescription.from_dict(
        {"stream": {"receive": "ffe1", "send": "ffe2", "framing": {"kind": "delimiter", "delimiter": ";"}}}
    )
    assert described.settings.notify == ("ffe1",)
    assert described.settings.send == "ffe2"
    assert described.framer is not None
    assert described.framer.feed(b"a;b") == [b"a"]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"connecting": "never"}, "connecting"),
        ({"notify": ["heart"]}, "notify"),
        ({"read": {"heart": 1}}, "read"),
        ({"start": [{"characteristic": "2a39", "hex": "xy"}]}, "hex"),
        ({"stream": {"receive": "ffe1", "framing": {"kind": "magic"}}}, "stream.framing.kind"),
    ],
)
def test_a_wrong_entry_names_the_place(data: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        BleDescription.from_dict(data)
    assert caught.value.path == path
