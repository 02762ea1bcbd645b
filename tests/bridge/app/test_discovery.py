"""What Home Assistant is told of an app's devices over MQTT, and what is taken back."""

from dataclasses import dataclass, field
import json
from typing import Any, Literal

import pytest

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
