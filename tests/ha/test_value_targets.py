"""What triggers of values can be asked for: entities, devices and channels, in the units that a person sees."""

from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.trigger import async_validate_trigger_config
from homeassistant.helpers.trigger.descriptions import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.trigger import async_get_triggers

from .flows import TEXTS
from .links import device_id_of, set_up
from .tank import LEVEL, new_tank, send
from .value_triggers import ABOVE_50, after, listen


@pytest.fixture
async def tank(hass: HomeAssistant) -> MockConfigEntry:
    """A link whose device is played by the test."""
    entry = new_tank()
    await set_up(hass, entry)
    return entry


async def test_limits_and_values_are_in_the_unit_that_a_person_sees(hass: HomeAssistant) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    tank = new_tank()
    await set_up(hass, tank)
    in_fahrenheit = await listen(
        hass,
        "value_crossed_threshold",
        {"entity_id": "sensor.tank_temperature"},
        threshold={"type": "above", "value": {"number": 75}},
    )
    hass.states.async_set("sensor.limit", "25", {"unit_of_measurement": "°C"})
    of_an_entity = await listen(
        hass,
        "value_crossed_threshold",
        {"entity_id": "sensor.tank_temperature"},
        threshold={"type": "above", "value": {"entity": "sensor.limit"}},
    )
    send(tank, 20, 24.5, 30, key="temp")
    await hass.async_block_till_done()

    state = hass.states.get("sensor.tank_temperature")
    assert state is not None
    assert state.attributes["unit_of_measurement"] == "°F"
    assert [(each["value"], each["previous_value"], each["unit"]) for each in in_fahrenheit] == [
        (pytest.approx(76.1), pytest.approx(68), "°F")
    ]
    assert of_an_entity.values == [pytest.approx(86)]


async def test_another_unit_of_an_entity_is_no_crossing(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    entity_id = "sensor.tank_temperature"
    heard = await listen(hass, "value_crossed_threshold", {"entity_id": entity_id}, threshold=ABOVE_50)
    send(tank, 20, key="temp")
    er.async_get(hass).async_update_entity_options(entity_id, "sensor", {"unit_of_measurement": "°F"})
    await hass.async_block_till_done()
    send(tank, 20, key="temp")
    await hass.async_block_till_done()
    assert heard == []

    send(tank, 0, 20, key="temp")
    await hass.async_block_till_done()
    assert heard.values == [pytest.approx(68)]


async def test_the_unit_of_an_entity_holds_while_it_is_disabled(hass: HomeAssistant) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    tank = new_tank()
    await set_up(hass, tank)
    entity_id = "sensor.tank_temperature"
    er.async_get(hass).async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await hass.config_entries.async_reload(tank.entry_id)
    heard = await listen(hass, "value_crossed_threshold", {"entity_id": entity_id}, threshold=ABOVE_50)
    send(tank, 0, 20, key="temp")
    await hass.async_block_till_done()

    assert hass.states.get(entity_id) is None
    assert heard.values == [pytest.approx(68)]


async def test_a_device_stands_for_its_values_and_channels_choose_among_them(
    hass: HomeAssistant, tank: MockConfigEntry
) -> None:
    target = {"device_id": device_id_of(hass, "Tank")}
    shown = await listen(hass, "value_changed", target, unchanged=True)
    chosen = await listen(hass, "value_changed", target, unchanged=True, channels=["Level", "hidden"])
    for key in ("level", "hidden", "pump"):
        send(tank, 1, key=key)
    await hass.async_block_till_done()

    assert hass.states.get("sensor.tank_hidden") is None
    assert [each["channel"] for each in shown] == ["level", "pump"]
    assert [(each["channel"], each["entity_id"]) for each in chosen] == [
        ("level", LEVEL),
        ("hidden", "sensor.tank_hidden"),
    ]


async def test_a_target_follows_what_it_means(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    heard = await listen(hass, "value_changed", {"label_id": "watched"}, unchanged=True)
    send(tank, 20)
    er.async_get(hass).async_update_entity(LEVEL, labels={"watched"})
    await hass.async_block_till_done()
    send(tank, 21)
    er.async_get(hass).async_update_entity(LEVEL, labels=set())
    await hass.async_block_till_done()
    send(tank, 22)
    await after(hass, 2)

    assert heard.values == [21]


async def test_an_automation_waits_for_its_device_and_hears_of_a_disabled_entity(hass: HomeAssistant) -> None:
    tank = new_tank()
    await set_up(hass, tank)
    er.async_get(hass).async_update_entity(LEVEL, disabled_by=er.RegistryEntryDisabler.USER)
    assert await hass.config_entries.async_unload(tank.entry_id)
    heard: list[Any] = []

    async def hear(call: ServiceCall) -> None:
        heard.append(call.data["what"])

    hass.services.async_register("test", "hear", hear)
    automation = {
        "triggers": {
            "trigger": "fieldbridge.value_crossed_threshold",
            "target": {"entity_id": LEVEL},
            "options": {"threshold": ABOVE_50},
        },
        "actions": {
            "action": "test.hear",
            "data": {"what": "{{ trigger.value }} {{ trigger.unit }}: {{ trigger.description }}"},
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    assert await hass.config_entries.async_setup(tank.entry_id)
    await hass.async_block_till_done()
    send(tank, 20, 80)
    await hass.async_block_till_done()

    assert hass.states.get(LEVEL) is None
    assert heard == [f"80 %: value of {LEVEL} crossed its threshold"]


async def test_the_editor_offers_every_trigger_with_texts_and_defaults_that_fit(
    hass: HomeAssistant, tank: MockConfigEntry
) -> None:
    described = await async_get_all_descriptions(hass)
    for name, trigger in (await async_get_triggers(hass)).items():
        description = described[f"fieldbridge.{name}"]
        assert description is not None
        fields = description["fields"]
        assert fields.keys() == TEXTS["triggers"][name]["fields"].keys()
        if "target" in description:
            options = {key: field["default"] for key, field in fields.items() if "default" in field}
            required = {"threshold": ABOVE_50, "to": ["on"]}
            options |= {key: value for key, value in required.items() if key in fields and key not in options}
            target = {"area_id": "somewhere"}
            assert await trigger.async_validate_config(hass, {"target": target, "options": options})


@pytest.mark.parametrize(
    ("name", "target", "options", "error"),
    [
        ("value_changed", {}, {}, "The target names nothing"),
        ("value_changed", {"entity_id": "sun.sun"}, {}, "sun.sun is no value of a Fieldbridge device"),
        ("value_changed", {"entity_id": "binary_sensor.hall_connectivity"}, {}, "is no value of a Fieldbridge device"),
        ("value_changed", {"device_id": "0123"}, {}, "Device 0123 is not one of Fieldbridge"),
        (
            "value_crossed_threshold",
            {"entity_id": "sensor.tank_mode"},
            {"threshold": ABOVE_50},
            "sensor.tank_mode is a text value; this is for number values",
        ),
        ("value_became", {"entity_id": LEVEL}, {"to": "on"}, "this is for binary or text values"),
        ("value_crossed_threshold", {"entity_id": LEVEL}, {}, "threshold"),
        ("value_crossed_threshold", {"entity_id": LEVEL}, {"threshold": {"type": "any"}}, "any"),
        ("value_became", {"entity_id": "sensor.tank_mode"}, {"to": []}, "to"),
        ("value_changed", {"entity_id": LEVEL}, {"at_most_every": 0}, "at_most_every"),
    ],
)
async def test_what_can_never_trigger_is_refused(
    hass: HomeAssistant, tank: MockConfigEntry, name: str, target: dict[str, Any], options: dict[str, Any], error: str
) -> None:
    hass.states.async_set("sun.sun", "up")
    raw = {"trigger": f"fieldbridge.{name}", "target": target, "options": options}
    with pytest.raises(probatio.Invalid, match=error):
        await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([raw]))


async def test_an_unknown_channel_is_refused_with_those_there_are(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    target = {"device_id": device_id_of(hass, "Tank")}
    with pytest.raises(probatio.Invalid, match="No channel depth; the device has: level, hidden, temp, pump, mode"):
        await listen(hass, "value_changed", target, channels=["depth"])


async def test_a_target_that_means_no_value_is_told_once_when_it_goes_and_once_when_it_is_back(
    hass: HomeAssistant, tank: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    registry = er.async_get(hass)
    await listen(hass, "value_changed")
    assert "The target of a trigger" not in caplog.text

    registry.async_update_entity(LEVEL, new_entity_id="sensor.renamed")
    registry.async_update_entity("sensor.renamed", name="Other")
    await hass.async_block_till_done()
    assert caplog.text.count(f"The target of a trigger has no value of a Fieldbridge device: {LEVEL}") == 1

    registry.async_update_entity("sensor.renamed", new_entity_id=LEVEL)
    await hass.async_block_till_done()
    assert caplog.text.count(f"The target of a trigger has values again: {LEVEL}") == 1
