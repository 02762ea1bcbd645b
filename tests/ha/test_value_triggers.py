"""Triggers of values: they see what no state shows, compare like with like, and cannot flood anybody."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
import time
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.trigger import NotTriggeredInfo, async_initialize_triggers, async_validate_trigger_config
from homeassistant.helpers.trigger.descriptions import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.trigger import async_get_triggers
from demo.pty_link import PtyLink

from .apps import app_entry, write_app
from .flows import TEXTS
from .links import ROOM, device, device_id_of, serial_entry, set_up, until, until_state
from .tank import LEVEL, new_tank, send

ABOVE_50 = {"type": "above", "value": {"number": 50}}


@pytest.fixture
async def tank(hass: HomeAssistant) -> MockConfigEntry:
    """A link whose device is played by the test."""
    entry = new_tank()
    await set_up(hass, entry)
    return entry


class Heard(list[dict[str, Any]]):
    """The data of a trigger, run by run."""

    stop: Callable[[], None]

    @property
    def values(self) -> list[Any]:
        return [each["value"] for each in self]


async def listen(hass: HomeAssistant, name: str, target: dict[str, Any] | None = None, **options: Any) -> Heard:
    """Hear of a trigger as an automation does."""
    raw = {"trigger": f"fieldbridge.{name}", "target": target or {"entity_id": LEVEL}, "options": options}
    config = await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([raw]))
    heard = Heard()

    @callback
    def hear(variables: dict[str, Any], context: Any = None) -> None:
        heard.append(variables["trigger"])

    stop = await async_initialize_triggers(hass, config, hear, DOMAIN, "test", lambda *_: None)
    assert stop is not None
    heard.stop = stop
    return heard


@callback
def nothing(variables: dict[str, Any], context: Any = None) -> None:
    """An automation without actions."""


async def after(hass: HomeAssistant, seconds: float) -> None:
    """Let time pass for timers."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await hass.async_block_till_done()


async def test_a_crossing_triggers_though_no_state_shows_it(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    heard = await listen(hass, "value_crossed_threshold", threshold=ABOVE_50)
    send(tank, 20)
    send(tank, 20, 80, 20, at=time.monotonic() - 3600)
    await hass.async_block_till_done()

    (data,) = heard
    state = hass.states.get(LEVEL)
    assert state is not None
    assert state.state == "20"
    assert (data["value"], data["previous_value"], data["unit"], data["left_out"]) == (80, 20, "%", 0)
    assert (data["entity_id"], data["device_id"], data["channel"]) == (LEVEL, device_id_of(hass, "Tank"), "level")
    assert timedelta(minutes=59) < dt_util.utcnow() - data["time"] < timedelta(minutes=61)


async def test_only_the_crossing_triggers_and_not_every_value_beyond(
    hass: HomeAssistant, tank: MockConfigEntry
) -> None:
    heard = await listen(hass, "value_crossed_threshold", threshold=ABOVE_50)
    for value in (80, 81, 20, 90, 91, 92):
        send(tank, value)
        await after(hass, 2)

    assert heard.values == [90]


@pytest.mark.parametrize(
    ("threshold", "crossing"),
    [
        ({"type": "below", "value": {"number": 50}}, [20, 10]),
        ({"type": "between", "value_min": {"number": 15}, "value_max": {"number": 25}}, [20]),
        ({"type": "outside", "value_min": {"number": 15}, "value_max": {"number": 60}}, [80]),
    ],
)
async def test_a_threshold_is_what_it_is_elsewhere_in_home_assistant(
    hass: HomeAssistant, tank: MockConfigEntry, threshold: dict[str, Any], crossing: list[int]
) -> None:
    heard = await listen(hass, "value_crossed_threshold", threshold=threshold)
    for value in (55, 20, 80, 10):
        send(tank, value)
        await after(hass, 2)

    assert heard.values == crossing


async def test_what_cannot_be_read_is_no_value(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    heard = await listen(hass, "value_changed", unchanged=True)
    send(tank, 20, "broken", None)
    await after(hass, 2)

    assert heard.values == [20]


@pytest.mark.parametrize("name", ["value_crossed_threshold", "value_changed"])
async def test_a_silence_is_no_crossing_and_no_change(hass: HomeAssistant, tank: MockConfigEntry, name: str) -> None:
    heard = await listen(hass, name, threshold=ABOVE_50)
    send(tank, 20)
    (session,) = tank.runtime_data.link.sessions.values()
    session.link_lost()
    send(tank, 80)
    assert heard == []

    send(tank, 20, 90)
    await hass.async_block_till_done()
    assert heard.values == [90]


async def test_a_trigger_outlives_a_reload_and_a_change_of_its_device(
    hass: HomeAssistant, tank: MockConfigEntry
) -> None:
    heard = await listen(hass, "value_crossed_threshold", threshold=ABOVE_50)
    send(tank, 20)
    assert await hass.config_entries.async_reload(tank.entry_id)
    send(tank, 80)
    await after(hass, 2)
    assert heard == []
    send(tank, 20, 81, 20)
    await after(hass, 2)

    (subentry,) = tank.subentries.values()
    hass.config_entries.async_update_subentry(tank, subentry, data={**subentry.data, "model": "Other"})
    await hass.async_block_till_done()
    send(tank, 80)
    await after(hass, 2)
    assert heard.values == [81]
    send(tank, 20, 82)
    await after(hass, 2)

    assert heard.values == [81, 82]


async def test_a_port_that_is_unplugged_ends_nothing(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Room", ROOM)))
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    heard = await listen(hass, "value_changed", {"entity_id": "sensor.room_temperature"}, unchanged=True)
    pty_link.write(b'\n{"temp": 21.5}\n')
    await until(lambda: heard.values == [21.5])
    pty_link.unplug()
    await until_state(hass, "binary_sensor.lab_port_connectivity", "off")
    pty_link.plug()
    await until_state(hass, "binary_sensor.lab_port_connectivity", "on")
    pty_link.write(b'\n{"temp": 22.5}\n')
    await until(lambda: heard.values == [21.5, 22.5])


async def test_what_an_app_publishes_triggers(hass: HomeAssistant, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    source = """
        from itertools import count

        from fieldbridge import App

        app, counter = App("press"), count(1)


        @app.telemetry("stamp", interval=0.02)
        async def stamp() -> dict[str, object]:
            return {"strokes": next(counter), "motor": {"running": True}}
    """
    await hass.async_add_executor_job(write_app, hass, "press", source)
    entry = app_entry("press")
    heard = await listen(
        hass,
        "value_crossed_threshold",
        {"entity_id": "sensor.stamp_strokes"},
        threshold={"type": "above", "value": {"number": 20}},
    )
    await set_up(hass, entry)
    await until(lambda: heard)
    assert await hass.config_entries.async_unload(entry.entry_id)

    (data,) = heard
    assert data["channel"] == "strokes"
    assert data["value"] > 20 >= data["previous_value"]


async def test_a_fast_signal_runs_an_automation_at_the_pace_and_what_is_left_out_is_counted(
    hass: HomeAssistant, tank: MockConfigEntry
) -> None:
    heard = await listen(hass, "value_changed", at_most_every=5)
    send(tank, *range(1001))
    await hass.async_block_till_done()
    assert [(each["value"], each["left_out"]) for each in heard] == [(1, 0)]

    await after(hass, 6)
    assert [(each["value"], each["left_out"]) for each in heard] == [(1, 0), (1000, 998)]

    await after(hass, 12)
    send(tank, 7)
    await hass.async_block_till_done()
    assert [(each["value"], each["left_out"]) for each in heard[2:]] == [(7, 0)]


async def test_values_that_stay_the_same_trigger_only_on_request(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    changes, all_values = await listen(hass, "value_changed"), await listen(hass, "value_changed", unchanged=True)
    for value in (20, 20, 21, 21):
        send(tank, value)
        await after(hass, 2)

    assert changes.values == [21]
    assert all_values.values == [20, 20, 21, 21]


async def test_a_crossing_that_has_to_last_triggers_once_it_has(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    heard = await listen(hass, "value_crossed_threshold", threshold=ABOVE_50, **{"for": {"seconds": 10}})
    send(tank, 20, 80)
    await after(hass, 8)
    send(tank, 20, 90, 20, 95)  # the time begins anew
    await after(hass, 9)
    send(tank, 96)
    assert heard == []

    await after(hass, 11)
    assert [(each["value"], each["for"]) for each in heard] == [(95, timedelta(seconds=10))]


async def test_what_does_not_last_does_not_trigger(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    heard = await listen(hass, "value_crossed_threshold", threshold=ABOVE_50, **{"for": {"seconds": 10}})
    send(tank, 20, 80)
    send(tank, 20)
    await after(hass, 11)
    send(tank, 80)
    (session,) = tank.runtime_data.link.sessions.values()
    session.link_lost()
    await after(hass, 30)

    assert heard == []


async def test_switch_states_and_texts_become_something(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    # YAML reads a bare on as a truth value.
    pump = await listen(hass, "value_became", {"entity_id": "binary_sensor.tank_pump"}, to=[True])
    mode = await listen(hass, "value_became", {"entity_id": "sensor.tank_mode"}, to=["error", "fault"])
    for value in (0, 1, 1, 0, 1):
        send(tank, value, key="pump")
        await after(hass, 2)
    for text in ("auto", "fault", "error", "auto", "error"):
        send(tank, text, key="mode")
        await after(hass, 2)

    assert pump.values == [True, True]
    assert mode.values == ["fault", "error"]


async def test_a_limit_may_be_what_another_entity_shows(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    limit = {"type": "above", "value": {"entity": "input_number.limit"}}
    heard = await listen(hass, "value_crossed_threshold", threshold=limit)
    send(tank, 20, 80)  # there is no limit yet
    hass.states.async_set("input_number.limit", "50")
    send(tank, 20, 81)
    hass.states.async_set("input_number.limit", "unavailable")
    send(tank, 20, 82)
    await hass.async_block_till_done()

    assert heard.values == [81]


async def test_why_a_limit_cannot_be_used_is_told_to_the_trace_once(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    raw = {
        "trigger": "fieldbridge.value_crossed_threshold",
        "target": {"entity_id": LEVEL},
        "options": {"threshold": {"type": "above", "value": {"entity": "input_number.limit"}}},
    }
    reasons: list[str] = []

    @callback
    def did_not_trigger(run_variables: dict[str, Any], info: NotTriggeredInfo, context: Any = None) -> None:
        reasons.append(info.reason)

    config = await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([raw]))
    await async_initialize_triggers(
        hass, config, nothing, DOMAIN, "test", lambda *_: None, did_not_trigger=did_not_trigger
    )
    send(tank, 1)
    send(tank, 2)
    hass.states.async_set("input_number.limit", "unknown")
    send(tank, 3)
    hass.states.async_set("input_number.limit", "50", {"unit_of_measurement": "W"})
    send(tank, 4)

    assert reasons == ["threshold_entity_not_found", "threshold_value_not_numeric", "threshold_unit_not_supported"]


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


async def test_nothing_is_heard_any_more_of_what_was_turned_off(hass: HomeAssistant, tank: MockConfigEntry) -> None:
    every = await listen(hass, "value_changed", unchanged=True)
    lasting = await listen(hass, "value_crossed_threshold", threshold=ABOVE_50, **{"for": {"seconds": 10}})
    send(tank, 20, 80)
    await hass.async_block_till_done()
    every.stop()
    lasting.stop()
    await after(hass, 30)
    send(tank, 20, 80)
    er.async_get(hass).async_update_entity(LEVEL, name="Water level")
    await after(hass, 60)

    assert every.values == [20]
    assert lasting == []


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
