"""Conditions on values: they judge what the filters said last, and nothing that is not known."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import async_from_config, async_validate_condition_config
from homeassistant.helpers.condition.descriptions import async_get_all_descriptions
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.condition import async_get_conditions

from .flows import TEXTS
from .links import device_id_of, set_up
from .tank import LEVEL, new_tank, send

ABOVE_50 = {"type": "above", "value": {"number": 50}}


@pytest.fixture
async def tank(hass: HomeAssistant) -> MockConfigEntry:
    """A link whose device is played by the test."""
    entry = new_tank()
    await set_up(hass, entry)
    return entry


async def holds(hass: HomeAssistant, name: str, target: dict[str, Any], **options: Any) -> bool | None:
    """Check a condition as an automation does."""
    raw = {"condition": f"fieldbridge.{name}", "target": target, "options": options}
    config = await async_validate_condition_config(hass, cv.CONDITION_SCHEMA(raw))
    return (await async_from_config(hass, config)).async_check()


async def test_the_latest_value_counts_though_no_state_shows_it(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    send(tank, 20, 80)
    send(tank, 90)
    await hass.async_block_till_done()
    state = hass.states.get(LEVEL)
    assert state is not None
    assert state.state == "80"

    assert await holds(hass, "is_value", {"entity_id": LEVEL}, threshold=ABOVE_50)
    assert await holds(hass, "is_value", {"entity_id": LEVEL}, threshold={"type": "above", "value": {"number": 85}})
    send(tank, 20)
    assert not await holds(hass, "is_value", {"entity_id": LEVEL}, threshold=ABOVE_50)


async def test_what_is_not_fresh_fulfils_nothing(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    for behavior in ("any", "all"):
        assert not await holds(hass, "is_value", {"entity_id": LEVEL}, threshold=ABOVE_50, behavior=behavior)
    send(tank, 80)
    assert await holds(hass, "is_value", {"entity_id": LEVEL}, threshold=ABOVE_50, behavior="all")
    (session,) = tank.runtime_data.link.sessions.values()
    session.link_lost()
    for behavior in ("any", "all"):
        assert not await holds(hass, "is_value", {"entity_id": LEVEL}, threshold=ABOVE_50, behavior=behavior)


async def test_one_value_or_every_one_has_to_fit(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    target = {"device_id": device_id_of(hass, "Tank")}
    send(tank, 80, key="level")
    send(tank, 20, key="hidden")
    both = {"threshold": ABOVE_50, "channels": ["level", "hidden"]}

    assert await holds(hass, "is_value", target, **both)
    assert not await holds(hass, "is_value", target, behavior="all", **both)
    assert not await holds(hass, "is_value", target, threshold=ABOVE_50, channels=["hidden"])


async def test_texts_and_switch_states_are_compared(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    send(tank, 1, key="pump")
    send(tank, "auto", key="mode")

    assert await holds(hass, "is_equal_to", {"entity_id": "binary_sensor.tank_pump"}, value=True)
    assert not await holds(hass, "is_equal_to", {"entity_id": "binary_sensor.tank_pump"}, value="off")
    assert await holds(hass, "is_equal_to", {"entity_id": "sensor.tank_mode"}, value=["auto", "hand"])


async def test_a_limit_is_in_the_unit_that_a_person_sees(hass: HomeAssistant) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    tank = new_tank()
    await set_up(hass, tank)
    send(tank, 24.5, key="temp")
    limits = {"type": "between", "value_min": {"number": 76}, "value_max": {"number": 77}}

    assert await holds(hass, "is_value", {"entity_id": "sensor.tank_temperature"}, threshold=limits)


async def test_what_can_never_be_judged_is_refused(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    with pytest.raises(probatio.Invalid, match="is a text value; this is for number values"):
        await holds(hass, "is_value", {"entity_id": "sensor.tank_mode"}, threshold=ABOVE_50)


async def test_the_editor_offers_every_condition_with_texts(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    described = await async_get_all_descriptions(hass)
    for name in await async_get_conditions(hass):
        description = described[f"fieldbridge.{name}"]
        assert description is not None
        assert description["fields"].keys() == TEXTS["conditions"][name]["fields"].keys()
