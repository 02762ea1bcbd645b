"""What Home Assistant is told of an app's devices over MQTT, and what is taken back."""

from dataclasses import dataclass, field
import itertools
import json
from typing import Any, Literal

import pytest

from custom_components.fieldbridge.bridge.app.discovery import MAX_INFERRED
from custom_components.fieldbridge.bridge.controls import NumberControl, SelectControl, SwitchControl, controls
from custom_components.fieldbridge.bridge.embedding import embedded
from custom_components.fieldbridge.bridge.schema import temperature
from custom_components.fieldbridge.bridge.stores import MemoryStore
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

type Reading = dict[str, object]


@dataclass
class Wind:
    speed: float


@dataclass
class Roof:
    wind: Wind
    wet: bool
    mode: Literal["day", "night"]
    air: float = field(metadata=temperature("Air"))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def harness(store: MemoryStore) -> AppHarness:
    harness = AppHarness.create(name="house", version="1.2.3", store=store, clock=ManualClock())

    async def read() -> Reading:
        return {}

    harness.app.add_telemetry("roof", read, interval=60, state_model=Roof)
    harness.app.add_telemetry("untold", read, interval=60)
    harness.app.discovery()
    return harness


async def config(harness: AppHarness, name: str) -> Any:
    async with harness.running():
        pass
    ((payload, retain, qos),) = harness.mqtt.get_messages_for(f"homeassistant/device/{name}/config")
    assert (retain, qos) == (True, 1)
    return json.loads(payload)


async def test_every_field_of_a_state_is_an_entity_of_its_device(harness: AppHarness) -> None:
    roof = await config(harness, "house_roof")
    assert roof["device"] == {
        "identifiers": ["house_roof"],
        "name": "Roof",
        "via_device": "house",
        "sw_version": "1.2.3",
    }
    assert [each["topic"] for each in roof["availability"]] == ["house/status", "house/roof/availability"]
    assert roof["components"]["wind.speed"] == {
        "platform": "sensor",
        "name": "Wind speed",
        "state_topic": "house/roof/state",
        "value_template": '{{ value_json["wind"]["speed"] }}',
        "state_class": "measurement",
        "unique_id": "house_roof_wind_speed",
    }
    assert roof["components"]["wet"]["platform"] == "binary_sensor"
    assert roof["components"]["mode"]["options"] == ["day", "night"]
    air = roof["components"]["air"]
    assert (air["name"], air["device_class"], air["unit_of_measurement"]) == ("Air", "temperature", "°C")


async def test_the_app_is_a_device_that_says_whether_it_runs(harness: AppHarness) -> None:
    app = await config(harness, "house")
    assert app["components"]["running"]["state_topic"] == "house/status"
    assert "availability" not in app
    assert not harness.messages_for("homeassistant/device/house_untold/config")


async def test_values_that_nobody_declared_are_offered_by_what_they_look_like(
    harness: AppHarness, store: MemoryStore
) -> None:
    states: list[Reading] = [{"n": 1, "wet": True, "cells": [3.5], "later": None}, {"n": 2}, {"later": "now", "n": "x"}]

    async def read() -> Reading | None:
        return states.pop(0) if states else None

    harness.app.add_telemetry("meter", read, interval=1)
    async with harness.running():
        await harness.advance_time(2)
    first, second = map(json.loads, harness.messages_for("homeassistant/device/house_meter/config"))
    assert {key: (each["platform"], each["value_template"]) for key, each in first["components"].items()} == {
        "n": ("sensor", '{{ value_json["n"] }}'),
        "wet": ("binary_sensor", "{{ 'ON' if value_json[\"wet\"] else 'OFF' }}"),
        "cells.0": ("sensor", '{{ value_json["cells"][0] }}'),
    }
    assert first["components"]["n"]["state_class"] == "measurement"
    assert "state_class" not in second["components"]["later"]
    assert first["components"].items() <= second["components"].items()

    again = AppHarness.create(name="house", version="1.2.3", store=store, clock=ManualClock())
    again.app.add_telemetry("meter", read, interval=1)
    again.app.discovery()
    assert await config(again, "house_meter") == second


async def test_a_device_that_never_repeats_a_name_does_not_fill_the_registry(harness: AppHarness) -> None:
    number = itertools.count()

    async def read() -> Reading:
        return {f"key{next(number)}": 1 for _ in range(150)}

    harness.app.add_telemetry("meter", read, interval=1)
    async with harness.running():
        await harness.advance_time(5)
    configs = harness.messages_for("homeassistant/device/house_meter/config")
    assert [len(json.loads(each)["components"]) for each in configs] == [150, MAX_INFERRED]


async def test_what_a_control_shows_is_not_offered_a_second_time(harness: AppHarness) -> None:
    @harness.app.command("door")
    @controls(NumberControl("Position", state="position"))
    async def door(payload: str) -> Reading:
        return {"position": 5, "moved": 1}

    async with harness.running():
        await harness.inject_command("door", "5")
    config = json.loads(harness.messages_for("homeassistant/device/house_door/config")[-1])
    assert config["components"].keys() == {"control Position", "moved"}


async def test_the_app_has_the_last_word_on_every_entity(harness: AppHarness, caplog: pytest.LogCaptureFixture) -> None:
    def enrich(device: str, key: str, config: dict[str, Any]) -> None:
        if (device, key) == ("meter", "n"):
            config.update(unit_of_measurement="kWh", device_class="energy", state_class="total_increasing")
        if key == "wet":
            raise ValueError("no idea")

    async def read() -> Reading:
        return {"n": 1, "wet": True}

    harness.app.add_telemetry("meter", read, interval=1)
    harness.app.discovery(enrich=enrich)
    components = (await config(harness, "house_meter"))["components"]
    assert components["n"]["device_class"] == "energy"
    assert components["wet"]["platform"] == "binary_sensor"
    assert "Enriching wet of meter failed" in caplog.text


async def test_controls_are_entities_that_send_commands(harness: AppHarness) -> None:
    @harness.app.command("roof")
    @controls(
        NumberControl("Angle", state="angle", maximum=90, unit="°"),
        SwitchControl("Open", on="OPEN", off="CLOSE", state="is_open"),
        SelectControl("Mode", options=("day", "night"), sub_topic="mode"),
    )
    async def roof(payload: str) -> None: ...

    components = (await config(harness, "house_roof"))["components"]
    assert components["control Angle"] == {
        "platform": "number",
        "name": "Angle",
        "command_topic": "house/roof/set",
        "state_topic": "house/roof/state",
        "value_template": '{{ value_json["angle"] }}',
        "min": 0.0,
        "max": 90,
        "step": 1.0,
        "unit_of_measurement": "°",
        "unique_id": "house_roof_control_Angle",
    }
    assert components["control Open"]["payload_on"] == "OPEN"
    assert components["control Mode"]["command_topic"] == "house/roof/mode/set"
    assert "state_topic" not in components["control Mode"]


async def test_a_device_that_is_gone_is_taken_back(harness: AppHarness, store: MemoryStore) -> None:
    await config(harness, "house_roof")
    later = AppHarness.create(name="house", store=store, clock=ManualClock())
    later.app.discovery()
    async with later.running():
        assert later.messages_for("homeassistant/device/house_roof/config") == [""]
        later.assert_published("homeassistant/device/house/config", contains="running")


async def test_nothing_is_offered_unless_asked_for_nor_from_inside_home_assistant(harness: AppHarness) -> None:
    with embedded({}):
        async with harness.running():
            assert not any(topic.startswith("homeassistant/") for topic, *_ in harness.published())
    silent = AppHarness.create(clock=ManualClock())
    async with silent.running():
        assert not any(topic.startswith("homeassistant/") for topic, *_ in silent.published())


def test_a_prefix_is_one_segment(harness: AppHarness) -> None:
    with pytest.raises(ValueError, match="one segment"):
        harness.app.discovery(discovery_prefix="home/assistant")
