"""Triggers of values: they see what no state shows, compare like with like, and cannot flood anybody."""

from datetime import timedelta
from pathlib import Path
import time
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.trigger import NotTriggeredInfo, async_initialize_triggers, async_validate_trigger_config
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink

from .apps import app_entry, write_app
from .links import ROOM, device, device_id_of, serial_entry, set_up, until, until_state
from .tank import LEVEL, new_tank, send
from .value_triggers import ABOVE_50, after, listen, nothing


@pytest.fixture
async def tank(hass: HomeAssistant) -> MockConfigEntry:
    """A link whose device is played by the test."""
    entry = new_tank()
    await set_up(hass, entry)
    return entry


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
