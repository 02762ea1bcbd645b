"""Commands reach the devices of a bridge app, and nothing else."""

from pathlib import Path
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN

from .apps import VALVE, app_entry, device_id, write_app
from .links import entity_ids, set_up, until_state

SLOW = """
    import asyncio
    from pathlib import Path

    from fieldbridge import App

    app = App("garden")


    @app.command("valve")
    async def valve(payload: str) -> dict[str, object]:
        while not (Path(__file__).parent / "done").exists():
            await asyncio.sleep(0.02)
        return {"position": payload}
"""


@pytest.fixture
async def garden(hass: HomeAssistant, tmp_path: Path) -> MockConfigEntry:
    """A running app with a valve and a pump."""
    hass.config.config_dir = str(tmp_path)
    write_app(hass, "garden", VALVE)
    entry = app_entry("garden")
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.garden_running", STATE_ON)
    return entry


async def send(hass: HomeAssistant, device: str, command: object, **more: Any) -> None:
    """Call the action."""
    data = {"device_id": device, "command": command, **more}
    await hass.services.async_call(DOMAIN, "send_command", data, blocking=True)


async def test_a_text_reaches_the_handler_as_it_is(hass: HomeAssistant, garden: MockConfigEntry) -> None:
    await send(hass, device_id(hass, garden, "valve"), "half open")

    await until_state(hass, "sensor.valve_position", "half open")


async def test_everything_else_reaches_the_handler_as_json(hass: HomeAssistant, garden: MockConfigEntry) -> None:
    await send(hass, device_id(hass, garden, "valve"), {"percent": 40})

    await until_state(hass, "sensor.valve_position", '{"percent":40}')


async def test_the_action_answers_the_state_that_the_handler_returns(
    hass: HomeAssistant, garden: MockConfigEntry
) -> None:
    data = {"device_id": device_id(hass, garden, "valve"), "command": "open"}
    answer = await hass.services.async_call(DOMAIN, "send_command", data, blocking=True, return_response=True)

    assert answer == {"state": {"position": "open"}}


async def test_a_handler_that_fails_is_an_error_of_the_action(hass: HomeAssistant, garden: MockConfigEntry) -> None:
    with pytest.raises(HomeAssistantError) as failed:
        await send(hass, device_id(hass, garden, "pump"), "fast", sub_topic="speed")

    assert failed.value.translation_key == "command_failed"
    assert failed.value.translation_placeholders == {
        "device": "Pump",
        "error": "could not convert string to float: 'fast'",
    }


async def test_a_part_that_a_device_does_not_have_is_an_error_of_the_action(
    hass: HomeAssistant, garden: MockConfigEntry
) -> None:
    with pytest.raises(HomeAssistantError) as failed:
        await send(hass, device_id(hass, garden, "pump"), "fast", sub_topic="torque")

    assert failed.value.translation_key == "command_failed"


async def test_a_handler_that_takes_long_is_said_to_have_the_command(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.fieldbridge.app_commands.PATIENCE", 0.05)
    hass.config.config_dir = str(tmp_path)
    write_app(hass, "garden", SLOW)
    entry = app_entry("garden")
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.garden_running", STATE_ON)

    with pytest.raises(HomeAssistantError) as late:
        await send(hass, device_id(hass, entry, "valve"), "open")

    assert late.value.translation_key == "command_queued"
    (tmp_path / "fieldbridge" / "apps" / "done").touch()
    await until_state(hass, "sensor.valve_position", "open")


async def test_a_part_of_a_device_is_commanded_by_its_sub_topic(hass: HomeAssistant, garden: MockConfigEntry) -> None:
    await send(hass, device_id(hass, garden, "pump"), "1500", sub_topic="speed")

    await until_state(hass, "sensor.pump_speed", "1500.0")


@pytest.mark.parametrize("sub_topic", ["", "a/b", "#"])
async def test_a_sub_topic_is_one_segment(hass: HomeAssistant, garden: MockConfigEntry, sub_topic: str) -> None:
    with pytest.raises(probatio.Invalid):
        await send(hass, device_id(hass, garden, "pump"), "1500", sub_topic=sub_topic)


async def test_what_is_no_device_of_an_app_is_refused(hass: HomeAssistant, garden: MockConfigEntry) -> None:
    app = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, garden.entry_id), garden.entry_id)
    assert app is not None

    with pytest.raises(ServiceValidationError) as refused:
        await send(hass, app.id, "open")

    assert refused.value.translation_key == "no_app_device"


async def test_a_device_without_commands_refuses_them(hass: HomeAssistant, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    source = "from fieldbridge import App\n\napp = App('roof')\n\n\n"
    source += "@app.telemetry('sun', interval=1)\nasync def sun() -> dict[str, object]:\n    return {'lux': 7}\n"
    write_app(hass, "roof", source)
    entry = app_entry("roof")
    await set_up(hass, entry)
    await until_state(hass, "sensor.sun_lux", "7")

    with pytest.raises(ServiceValidationError) as refused:
        await send(hass, device_id(hass, entry, "sun"), "open")

    assert refused.value.translation_key == "no_commands"


HEATER = """
    from fieldbridge import App, DeviceContext
    from fieldbridge.controls import (
        ButtonControl, NumberControl, SelectControl, SwitchControl, TextControl, controls,
    )

    app = App("heater")


    @app.command("heater")
    @controls(
        SwitchControl("Power", on="GO", off="STOP", state="power"),
        SelectControl("Mode", options=("eco", "comfort")),
        ButtonControl("Reset", payload="RESET"),
        TextControl("Message"),
    )
    async def heater(payload: str) -> dict[str, object]:
        return {"power": payload == "GO", "last": payload}


    @app.device("pump")
    @controls(NumberControl("Speed", maximum=3000, unit="rpm", state="speed", sub_topic="speed"))
    async def pump(ctx: DeviceContext) -> None:
        @ctx.on_command("speed")
        async def speed(sub_topic: str, payload: str) -> None:
            await ctx.publish_state({"speed": float(payload)})

        while not ctx.shutdown_requested:
            await ctx.sleep(60)
"""


@pytest.fixture
async def heater(hass: HomeAssistant, tmp_path: Path) -> MockConfigEntry:
    """A running app that declares what people may command."""
    hass.config.config_dir = str(tmp_path)
    write_app(hass, "heater", HEATER)
    entry = app_entry("heater")
    await set_up(hass, entry)
    await until_state(hass, "switch.heater_power", STATE_UNKNOWN)
    return entry


async def test_a_switch_shows_what_the_device_says(hass: HomeAssistant, heater: MockConfigEntry) -> None:
    target = {"entity_id": "switch.heater_power"}
    await hass.services.async_call("switch", "turn_on", target, blocking=True)
    await until_state(hass, "switch.heater_power", STATE_ON)
    await until_state(hass, "sensor.heater_last", "GO")

    await hass.services.async_call("switch", "turn_off", target, blocking=True)
    await until_state(hass, "switch.heater_power", STATE_OFF)

    assert "binary_sensor.heater_power" not in entity_ids(hass, heater)


@pytest.mark.parametrize(
    ("domain", "action", "entity", "data", "shown", "payload"),
    [
        ("select", "select_option", "mode", {"option": "comfort"}, "comfort", "comfort"),
        ("text", "set_value", "message", {"value": "hello"}, "hello", "hello"),
        ("button", "press", "reset", {}, None, "RESET"),
    ],
)
async def test_a_control_without_state_shows_what_was_sent(
    hass: HomeAssistant,
    heater: MockConfigEntry,
    domain: str,
    action: str,
    entity: str,
    data: dict[str, str],
    shown: str | None,
    payload: str,
) -> None:
    entity_id = f"{domain}.heater_{entity}"

    await hass.services.async_call(domain, action, {"entity_id": entity_id, **data}, blocking=True)

    await until_state(hass, "sensor.heater_last", payload)
    state = hass.states.get(entity_id)
    assert state is not None
    assert shown is None or state.state == shown


async def test_a_number_goes_to_its_part_of_the_device(hass: HomeAssistant, heater: MockConfigEntry) -> None:
    data = {"entity_id": "number.pump_speed", "value": 1500}
    await hass.services.async_call("number", "set_value", data, blocking=True)

    await until_state(hass, "number.pump_speed", "1500.0")
    speed = hass.states.get("number.pump_speed")
    assert speed is not None
    assert (speed.attributes["max"], speed.attributes["unit_of_measurement"]) == (3000, "rpm")


async def test_a_control_whose_handler_fails_says_so_and_shows_nothing_new(hass: HomeAssistant, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    write_app(hass, "heater", HEATER.replace('return {"power"', 'raise ValueError("no gas")\n        return {"power"'))
    await set_up(hass, app_entry("heater"))
    await until_state(hass, "text.heater_message", STATE_UNKNOWN)

    data = {"entity_id": "text.heater_message", "value": "hello"}
    with pytest.raises(HomeAssistantError, match="no gas"):
        await hass.services.async_call("text", "set_value", data, blocking=True)

    await until_state(hass, "text.heater_message", STATE_UNKNOWN)


async def test_a_text_that_is_longer_than_one_that_can_be_entered_is_shown_cut(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path)
    shown = 'TextControl("Message", max_length=5, state="last")'
    write_app(hass, "heater", HEATER.replace('TextControl("Message")', shown))
    entry = app_entry("heater")
    await set_up(hass, entry)
    await until_state(hass, "text.heater_message", STATE_UNKNOWN)

    data = {"device_id": device_id(hass, entry, "heater"), "command": "from another hand"}
    await hass.services.async_call("fieldbridge", "send_command", data, blocking=True)

    await until_state(hass, "text.heater_message", "from ")


async def test_states_that_are_numbers_are_shown_by_what_sets_them(hass: HomeAssistant, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    source = HEATER.replace('on="GO", off="STOP"', 'on="1", off="0"').replace(
        '{"power": payload == "GO"', '{"power": int(payload)'
    )
    write_app(hass, "heater", source.replace('("eco", "comfort")', '("0", "1"), state="power"'))
    await set_up(hass, app_entry("heater"))
    await until_state(hass, "switch.heater_power", STATE_UNKNOWN)

    for action, state, mode in (("turn_on", STATE_ON, "1"), ("turn_off", STATE_OFF, "0")):
        await hass.services.async_call("switch", action, {"entity_id": "switch.heater_power"}, blocking=True)
        await until_state(hass, "switch.heater_power", state)
        await until_state(hass, "select.heater_mode", mode)
