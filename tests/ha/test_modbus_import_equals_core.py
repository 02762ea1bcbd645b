"""What is imported from Home Assistant's Modbus YAML shows what Home Assistant showed, register for register."""

from pathlib import Path
from random import Random
from typing import Any

from homeassistant.components.modbus.schemas import CONFIG_SCHEMA
from homeassistant.components.modbus.sensor import ModbusRegisterSensor

from custom_components.fieldbridge.bridge.modbus import RegisterDecoder
from custom_components.fieldbridge.bridge.modbus.importers.core_yaml import import_core_config, read_core_yaml
from custom_components.fieldbridge.bridge.yaml_text import Tagged, read_yaml

SUNGROW = (Path(__file__).parents[1] / "data" / "core-modbus-sungrow.yaml").read_text()
SECRETS = {"sungrow_modbus_host_ip": "192.0.2.7"}

EVERY_TYPE = [
    {"data_type": name, "address": 10 * index, **({"swap": swap} if swap else {}), **more}
    for index, (name, swap, more) in enumerate(
        (name, swap, more)
        for name in ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64")
        for swap in (None, "byte", "word", "word_byte")
        if swap in (None, "byte") or not name.endswith("16")
        for more in ({}, {"scale": 0.1, "precision": 2}, {"scale": 0.01, "offset": -40}, {"nan_value": 0x7FFF})
    )
]


def with_secrets(data: Any) -> Any:
    if isinstance(data, Tagged):
        return SECRETS.get(data.value, 1)
    if isinstance(data, dict):
        return {name: with_secrets(value) for name, value in data.items()}
    return [with_secrets(item) for item in data] if isinstance(data, list) else data


def show_as_home_assistant(sensor: dict[str, Any], words: list[int]) -> str | None:
    nobody: Any = None  # neither Home Assistant nor a hub is asked anything
    entity = ModbusRegisterSensor(nobody, nobody, dict(sensor), 0)
    shown: str | None = entity.unpack_structure_result(words, entity._scale, entity._offset)  # noqa: SLF001
    return shown


def assert_same_values(config: dict[str, Any], words_of: Any) -> int:
    """Compare every sensor of a validated configuration on some words; return how many values were compared."""
    device = import_core_config(config).devices[0]
    decoder = device.profile.decoder
    assert isinstance(decoder, RegisterDecoder)
    by_key = {channel.key: channel for channel in device.profile.channels}
    channels = {old.name: by_key[key] for key, old in device.old_entities.items() if old.platform == "sensor"}
    compared = 0
    for sensor in config["modbus"][0]["sensors"]:
        channel = channels[sensor["name"]]
        register = decoder.registers[channel.source]
        if channel.kind == "text":
            continue
        for _ in range(20):
            words = words_of(register.size)
            raw, theirs = register.decode(words), show_as_home_assistant(sensor, words)
            if raw is None or theirs is None:
                assert (raw is None) == (theirs is None), sensor
                continue
            try:
                ours = channel.converter()(raw)
            except ValueError:
                assert sensor.get("min_value") is not None or sensor.get("max_value") is not None
                continue
            assert float(theirs) == float(ours), (sensor, words)
            compared += 1
    return compared


def random_words(seed: int) -> Any:
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    edges = (0, 1, 0x7FFF, 0x8000, 0xFFFF)

    def words(count: int) -> list[int]:
        return [random.choice(edges) if random.random() < 0.3 else random.randrange(0x10000) for _ in range(count)]

    return words


def test_the_sungrow_file_shows_the_same_values() -> None:
    config = CONFIG_SCHEMA({"modbus": with_secrets(read_yaml(SUNGROW, home_assistant=True).data["modbus"])})
    assert assert_same_values(config, random_words(1)) > 1000


def test_every_type_swap_and_scale_shows_the_same_values() -> None:
    sensors = [{"name": f"Sensor {index}", **sensor} for index, sensor in enumerate(EVERY_TYPE)]
    config = CONFIG_SCHEMA({"modbus": {"type": "tcp", "host": "192.0.2.7", "port": 502, "sensors": sensors}})
    assert assert_same_values(config, random_words(2)) > 1000


def test_a_text_and_the_validated_configuration_give_the_same_devices() -> None:
    data = with_secrets(read_yaml(SUNGROW, home_assistant=True).data["modbus"])
    secrets = {
        "sungrow_modbus_host_ip": "192.0.2.7",
        "sungrow_modbus_port": 1,
        "sungrow_modbus_wait_milliseconds": 1,
        "sungrow_modbus_device_address": 1,
    }
    assert import_core_config(CONFIG_SCHEMA({"modbus": data})).links == read_core_yaml(SUNGROW, secrets).links
