"""Every shipped Modbus profile reads its values out of an image of the device's registers.

The words are written down by hand from the register lists that the profiles name.
"""

from typing import Any

import pytest

from custom_components.fieldbridge.bridge.modbus import RegisterDecoder, Table, WriteTarget
from custom_components.fieldbridge.bridge.profiles import Profile, shipped_profiles

PROFILES = {
    file.profile.id: file.profile for file in shipped_profiles() if file.profile and file.profile.kind == "modbus"
}

# profile, table, {first address: words}, {channel: value}
IMAGES: list[tuple[str, str, dict[int, list[int]], dict[str, Any]]] = [
    (
        "eastron_sdm120",
        "input",
        {
            0x0000: [0x4366, 0x8000],
            0x0006: [0x3FC0, 0],
            0x000C: [0x43A5, 0x4000],
            0x0046: [0x4247, 0xD70A],
            0x0156: [0x447A, 0],
        },
        {"voltage": 230.5, "current": 1.5, "power": 330.5, "frequency": 49.96, "total_energy": 1000.0},
    ),
    (
        "eastron_sdm230",
        "input",
        {0x0024: [0xC1F0, 0], 0x0048: [0x42F6, 0xE979], 0x004A: [0x3F80, 0], 0x0054: [0x4316, 0]},
        {"phase_angle": -30.0, "import_energy": 123.46, "export_energy": 1.0, "power_demand": 150.0},
    ),
    (
        "eastron_sdm630",
        "input",
        {0x0002: [0x4367, 0], 0x0010: [0xC47A, 0], 0x0034: [0x453B, 0x8000], 0x015E: [0x4120, 0], 0x0166: [0x41A0, 0]},
        {"l2_voltage": 231.0, "l3_power": -1000.0, "power": 3000.0, "l3_import_energy": 10.0, "l1_total_energy": 20.0},
    ),
    (
        "carlo_gavazzi_em24",
        "input",
        {0x00: [2301, 0], 0x0C: [1500, 0], 0x28: [0xFF38, 0xFFFF], 0x35: [0xFC18], 0x37: [500], 0x42: [0x86A0, 0x0001]},
        {
            "l1_voltage": 230.1,
            "l1_current": 1.5,
            "power": -20.0,
            "power_factor": -1.0,
            "frequency": 50.0,
            "import_energy": 10000.0,
        },
    ),
    (
        "abb_b23",
        "holding",
        {
            0x5000: [0, 0, 0x0001, 0x86A0],
            0x5004: [0xFFFF] * 4,
            0x5B00: [0, 2305],
            0x5B14: [0xFFFF, 0xFF9C],
            0x5B2C: [5001],
            0x8908: [0x4231, 0x2E30, 0, 0, 0, 0, 0, 0],
        },
        {
            "import_energy": 1000.0,
            "export_energy": None,
            "l1_voltage": 230.5,
            "power": -1.0,
            "frequency": 50.01,
            "firmware": "B1.0",
        },
    ),
    (
        "schneider_iem3155",
        "holding",
        {
            0x0BB7: [0x4120, 0],
            0x0BD3: [0x4366, 0],
            0x0BF3: [0x3FC0, 0],
            0x0BF1: [0xFFC0, 0],
            0x0C25: [0x4248, 0],
            0xB02B: [0x461C, 0x4000],
        },
        {
            "l1_current": 10.0,
            "l1_voltage": 230.0,
            "power": 1500,
            "l3_power": None,
            "frequency": 50.0,
            "import_energy": 10000.0,
        },
    ),
    (
        "growatt_mic_min",
        "input",
        {
            3000: [0x0501],
            3001: [0, 12345],
            3003: [3456],
            3023: [0x0001, 0x0000],
            3025: [4998],
            3049: [0, 87],
            3093: [0xFFF6],
        },
        {
            "machine_status": "Normal",
            "pv_power": 1234,
            "pv1_voltage": 345.6,
            "output_power": 6554,
            "grid_frequency": 49.98,
            "energy_today": 8.7,
            "temperature": -1.0,
        },
    ),
    (
        "deye_sg04lp3",
        "holding",
        {
            3: [0x3233, 0x3034, 0x3536, 0x3738, 0x3930],
            0x1F4: [2],
            0x204: [0x86A0, 0x0001],
            0x21D: [1355],
            0x24C: [87],
            0x24E: [0xFE0C],
            0x271: [0xF830],
            0x2B2: [0xFFFF],
            0x2A0: [1200, 800],
        },
        {
            "serial_number": "2304567890",
            "status": "Normal",
            "battery_charge_total": 10000.0,
            "temperature": 35.5,
            "battery": 87,
            "battery_power": -500,
            "grid_power": -2000,
            "pv_power": 2000,
        },
    ),
    (
        "sungrow_sh",
        "input",
        {
            5007: [0xFFE7],
            5014: [0xFFFF],
            5016: [0x1388, 0x0000],
            5213: [0xFC18, 0xFFFF],
            5241: [5002],
            13002: [0x86A0, 0x0001],
            13009: [0xFFFF, 0x7FFF],
            13022: [805],
        },
        {
            "inverter_temperature": -2.5,
            "mppt3_voltage": None,
            "total_dc_power": 5000,
            "battery_power": -1000,
            "grid_frequency": 50.02,
            "total_pv_generation": 10000.0,
            "export_power": None,
            "battery_level": 80.5,
        },
    ),
    ("sungrow_sh", "holding", {13049: [2], 13050: [0xAA]}, {"ems_mode": "Forced", "forced_battery_command": "Charge"}),
    (
        "huawei_sun2000",
        "holding",
        {
            32016: [6543],
            32017: [0x7FFF],
            32064: [0, 5000],
            32080: [0xFFFF, 0xFFF6],
            32085: [5001],
            32089: [0x0200],
            32106: [0x0001, 0x86A0],
            37760: [455],
            37765: [0xFFFF, 0xFE0C],
        },
        {
            "pv1_voltage": 654.3,
            "pv1_current": None,
            "input_power": 5000,
            "active_power": -10,
            "frequency": 50.01,
            "status": "On grid",
            "total_yield": 1000.0,
            "battery": 45.5,
            "battery_power": -500,
        },
    ),
    (
        "waveshare_relay_8ch",
        "coil",
        {0: [1, 0, 0, 0, 0, 0, 0, 1]},
        {"relay_1": True, "relay_2": False, "relay_8": True},
    ),
    ("waveshare_relay_8ch", "holding", {0x8000: [200]}, {"software_version": 2.0}),
    ("xy_md02", "input", {1: [0xFFCE, 456]}, {"temperature": -5.0, "humidity": 45.6}),
]


def decoder_of(profile: Profile) -> RegisterDecoder:
    decoder = profile.device.decoder
    assert isinstance(decoder, RegisterDecoder)
    return decoder


@pytest.mark.parametrize(("name", "table", "image", "expected"), IMAGES)
def test_values_come_out_of_the_registers(
    name: str, table: str, image: dict[int, list[int]], expected: dict[str, Any]
) -> None:
    decoder = decoder_of(PROFILES[name])
    raw: dict[str, Any] = {}
    for register_name, register in decoder.registers.items():
        for start, words in image.items():
            if (
                register.table == table
                and register.size
                and start <= register.address < register.end <= start + len(words)
            ):
                raw[register_name] = register.decode(words[register.address - start : register.end - start])
    fields = decoder.combine(raw)
    channels = {channel.key: channel for channel in PROFILES[name].device.channels}
    values = {key: fields[channels[key].source] for key in expected}
    shown = {key: None if value is None else channels[key].converter()(value) for key, value in values.items()}
    assert shown == expected


def test_twelve_devices_are_described_and_each_has_an_image() -> None:
    assert len(PROFILES) == 12
    assert {name for name, *_ in IMAGES} == set(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_every_register_is_read_for_something(name: str) -> None:
    decoder = decoder_of(PROFILES[name])
    used = {channel.source for channel in PROFILES[name].device.channels}
    for source in list(used):
        used |= decoder.words_of(source)
    assert set(decoder.registers) - used == set()


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_set_has_a_target_and_a_way_back(name: str) -> None:
    registers = decoder_of(PROFILES[name]).registers
    for channel in PROFILES[name].device.channels:
        if channel.write is None:
            continue
        target = WriteTarget.from_dict(channel.write.target, registers)
        assert target.register.table in {Table.HOLDING, Table.COIL}
        if channel.write.control == "select":
            assert {text: str(raw) for text, raw in channel.write.options.items()} == {
                text: raw for raw, text in (channel.texts or {}).items()
            }
