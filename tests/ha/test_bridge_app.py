"""A bridge app runs inside Home Assistant: its devices are devices, its states entities, its end is told."""

import json
from pathlib import Path
import sys

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.fieldbridge.app_device import MAX_CHANNELS
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.repairs import ReloadFlow, async_create_fix_flow

from .apps import VALVE, WEATHER, app_entry, device_id, write_app
from .links import entity_ids, set_up, until, until_state


@pytest.fixture(autouse=True)
def own_config_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Every test has apps of its own."""
    hass.config.config_dir = str(tmp_path)


async def test_states_become_entities_of_their_kind(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")

    await set_up(hass, entry)

    await until_state(hass, "sensor.roof_temperature", "20.5")
    await until_state(hass, "binary_sensor.roof_raining", STATE_ON)
    await until_state(hass, "sensor.roof_wind_direction", "NW")
    await until_state(hass, "binary_sensor.weather_running", STATE_ON)
    temperature = hass.states.get("sensor.roof_temperature")
    assert temperature is not None
    assert temperature.attributes["state_class"] == "measurement"
    assert "sensor.roof_broken" not in entity_ids(hass, entry)


async def test_every_device_hangs_on_the_entry_behind_the_app(hass: HomeAssistant) -> None:
    write_app(hass, "garden", VALVE)
    entry = app_entry("garden")

    await set_up(hass, entry)

    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    by_name = {device.name: device for device in devices}
    assert set(by_name) == {"Garden", "Valve", "Pump"}
    assert by_name["Valve"].via_device_id == by_name["Garden"].id
    assert not entry.subentries


async def test_devices_that_are_registered_no_more_are_removed(hass: HomeAssistant) -> None:
    write_app(hass, "garden", VALVE)
    entry = app_entry("garden")
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.garden_running", STATE_ON)

    write_app(hass, "garden", VALVE.replace('"valve"', '"main_valve"'))
    await hass.config_entries.async_reload(entry.entry_id)
    await until_state(hass, "binary_sensor.garden_running", STATE_ON)

    registry = dr.async_get(hass)
    assert device_id(hass, entry, "main_valve")
    assert registry.async_get_device_by_identifier((DOMAIN, f"{entry.entry_id}/valve"), entry.entry_id) is None


DOOR = """
    import asyncio

    from fieldbridge import App, DeviceContext

    app = App("house")
    visit = asyncio.Event()


    @app.device("door")
    async def door(ctx: DeviceContext) -> None:
        await visit.wait()
        async with ctx.sub_entity("bolt") as bolt:
            await bolt.publish_state({"locked": True})
            while not ctx.shutdown_requested:
                await ctx.sleep(60)
"""


@pytest.mark.parametrize(
    ("source", "part"),
    [(DOOR, "door/bolt"), (DOOR.replace('("door")', "()"), "bolt")],
    ids=["device", "root device"],
)
async def test_what_comes_and_goes_with_a_device_stays_while_it_is_away(
    hass: HomeAssistant, source: str, part: str
) -> None:
    locked = f"binary_sensor.{part.replace('/', '_')}_locked"

    async def part_comes() -> None:
        sys.modules["house"].visit.set()
        await until_state(hass, locked, STATE_ON)

    write_app(hass, "house", source)
    entry = app_entry("house")
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.house_running", STATE_ON)
    await part_comes()
    registry, device = dr.async_get(hass), device_id(hass, entry, part)
    changes = async_capture_events(hass, dr.EVENT_DEVICE_REGISTRY_UPDATED)

    await hass.config_entries.async_reload(entry.entry_id)
    await until_state(hass, "binary_sensor.house_running", STATE_ON)
    await until_state(hass, locked, STATE_UNAVAILABLE)
    await part_comes()
    assert not [change.data for change in changes if change.data["action"] != "update"]
    shown = registry.async_get(device)
    assert isinstance(shown, dr.DeviceEntry)
    assert shown.via_device_id == device_id(hass, entry, "door")

    write_app(hass, "house", VALVE.replace('"garden"', '"house"'))
    await hass.config_entries.async_reload(entry.entry_id)
    await until_state(hass, "binary_sensor.house_running", STATE_ON)
    assert registry.async_get(device) is None


async def test_unloading_ends_the_app_and_its_modules(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)
    await until_state(hass, "sensor.roof_temperature", "20.5")

    await hass.config_entries.async_unload(entry.entry_id)

    await until_state(hass, "sensor.roof_temperature", STATE_UNAVAILABLE)
    assert "weather" not in sys.modules


@pytest.mark.parametrize(
    ("source", "key", "said"),
    [
        ("from fieldbridge import App\n\nraise ValueError('no')\n", "app_failed", {"place": "weather.py:3"}),
        ("def broken(:\n", "app_failed", {"place": "weather.py:1"}),
        ("import surely_missing\n", "app_failed", {"place": "weather.py:1"}),
        ("from fieldbridge import App\n", "no_single_app", {"count": "0"}),
        ("from fieldbridge import App\na, b = App('a'), App('b')\n", "no_single_app", {"count": "2"}),
        ("raise SystemExit(1)\n", "app_failed", {"error": "SystemExit: 1"}),
    ],
)
async def test_an_app_that_cannot_be_imported_is_told_with_its_place(
    hass: HomeAssistant, source: str, key: str, said: dict[str, str]
) -> None:
    write_app(hass, "weather", source)
    entry = app_entry("weather")
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == key
    assert said.items() <= (entry.error_reason_translation_placeholders or {}).items()


@pytest.mark.parametrize("name", ["../weather", "/etc/passwd", "weather.py", "_weather", "class-room"])
async def test_only_the_folder_of_the_apps_is_looked_into(hass: HomeAssistant, name: str) -> None:
    write_app(hass, "../weather", WEATHER)
    entry = app_entry(name)
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert entry.error_reason_translation_key == "app_not_found"


async def test_a_link_out_of_the_folder_is_no_app(hass: HomeAssistant) -> None:
    outside = write_app(hass, "../outside", WEATHER).resolve()
    write_app(hass, "garden", VALVE).with_name("weather.py").symlink_to(outside)
    entry = app_entry("weather")
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert entry.error_reason_translation_key == "app_not_found"


async def test_an_app_does_not_take_the_name_of_another_module(hass: HomeAssistant) -> None:
    write_app(hass, "json", WEATHER)
    entry = app_entry("json")
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert entry.error_reason_translation_key == "app_name_taken"


async def test_a_broken_app_leaves_the_others_alone(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    write_app(hass, "garden", "1 / 0\n")
    whole, broken = app_entry("weather"), app_entry("garden")
    broken.add_to_hass(hass)

    await set_up(hass, whole)

    assert broken.state is ConfigEntryState.SETUP_ERROR
    await until_state(hass, "sensor.roof_temperature", "20.5")


async def test_a_package_imports_its_own_parts(hass: HomeAssistant) -> None:
    write_app(hass, "weather/__init__", '"""The package."""')
    write_app(hass, "weather/station", "TEMPERATURE = 11")
    write_app(
        hass,
        "weather/main",
        """
        from weather.station import TEMPERATURE

        from fieldbridge import App

        app = App("weather")


        @app.telemetry("roof", interval=1)
        async def roof() -> dict[str, object]:
            return {"temperature": TEMPERATURE}
        """,
    )

    await set_up(hass, app_entry("weather"))

    await until_state(hass, "sensor.roof_temperature", "11")


async def test_an_app_that_calls_run_in_its_file_is_run_once_and_by_home_assistant(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER.replace('if __name__ == "__main__":', "if True:"))

    await set_up(hass, app_entry("weather"))

    await until_state(hass, "sensor.roof_temperature", "20.5")


async def test_an_app_for_cosalette_runs_unmodified(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER.replace("from fieldbridge", "from cosalette"))

    await set_up(hass, app_entry("weather"))

    await until_state(hass, "sensor.roof_temperature", "20.5")


async def test_what_cannot_be_opened_is_tried_again(hass: HomeAssistant) -> None:
    write_app(
        hass,
        "weather",
        """
        from pathlib import Path

        from fieldbridge import App


        class Port:
            async def __aenter__(self) -> "Port":
                if not (Path(__file__).parent / "plugged").exists():
                    raise OSError("nothing is plugged in")
                return self

            async def __aexit__(self, *_: object) -> None:
                pass


        app = App("weather", adapters={Port: Port})


        @app.telemetry("roof", interval=1)
        async def roof(port: Port) -> dict[str, object]:
            return {"temperature": 20.5}
        """,
    )
    entry = app_entry("weather")
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.weather_running", STATE_OFF)

    (Path(hass.config.config_dir) / "fieldbridge" / "apps" / "plugged").touch()

    await until_state(hass, "sensor.roof_temperature", "20.5")


async def test_a_device_that_fails_is_a_repair_at_once_and_until_it_works_again(hass: HomeAssistant) -> None:
    # No heartbeat comes in time: it is told by the failure itself.
    write_app(
        hass,
        "weather",
        """
        from pathlib import Path

        from fieldbridge import App

        app = App("weather", heartbeat_interval=3600)


        @app.telemetry("roof", interval=0.05)
        async def roof() -> dict[str, object]:
            if (Path(__file__).parent / "broken").exists():
                raise ValueError("no answer")
            return {"temperature": 20.5}
        """,
    )
    broken = Path(hass.config.config_dir) / "fieldbridge" / "apps" / "broken"
    entry = app_entry("weather")
    await set_up(hass, entry)
    await until_state(hass, "sensor.roof_temperature", "20.5")

    broken.touch()

    await until_state(hass, "sensor.roof_temperature", STATE_UNAVAILABLE)
    issue_id = f"app_device_failed_{entry.entry_id}/roof"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["place"] == "weather.py:11"
    assert issue.translation_placeholders["error"] == "ValueError: no answer"
    broken.unlink()
    await until_state(hass, "sensor.roof_temperature", "20.5")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


async def test_an_app_that_ends_by_an_error_is_a_repair_that_runs_it_again(hass: HomeAssistant) -> None:
    broken = WEATHER.replace('version="1.2.3"', "lifespan=lifespan").replace(
        "    app = App", "\n    def lifespan(ctx):\n        raise RuntimeError('no licence')\n\n\n    app = App"
    )
    write_app(hass, "weather", broken)
    entry = app_entry("weather")
    await set_up(hass, entry)
    issue_id = f"app_crashed_{entry.entry_id}"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders == {
        "app": "Weather",
        "place": "weather.py:5",
        "error": "RuntimeError: no licence",
    }

    write_app(hass, "weather", WEATHER)
    flow = await async_create_fix_flow(hass, issue_id, issue.data)
    flow.hass, flow.handler, flow.context = hass, DOMAIN, {"issue_id": issue_id}
    assert isinstance(flow, ReloadFlow)
    await flow.async_step_confirm({})

    await until_state(hass, "sensor.roof_temperature", "20.5")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


async def test_a_repair_of_an_app_that_was_removed_meanwhile_just_ends(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER.replace('version="1.2.3"', "lifespan=lambda ctx: 1 / 0"))
    entry = app_entry("weather")
    await set_up(hass, entry)
    issue_id = f"app_crashed_{entry.entry_id}"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    flow = await async_create_fix_flow(hass, issue_id, issue.data)
    flow.hass, flow.handler, flow.context = hass, DOMAIN, {"issue_id": issue_id}
    assert isinstance(flow, ReloadFlow)
    await hass.config_entries.async_remove(entry.entry_id)

    assert (await flow.async_step_confirm({}))["type"] == "create_entry"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


async def test_what_the_app_declares_is_there_before_its_first_value(hass: HomeAssistant) -> None:
    write_app(
        hass,
        "weather",
        """
        from dataclasses import dataclass, field
        from pathlib import Path
        from typing import Literal

        from fieldbridge import App
        from fieldbridge.schema import consumer, temperature


        @dataclass
        class Roof:
            celsius: float = field(metadata=temperature("Air"))
            wet: bool = field(metadata=consumer(device_class="moisture"))
            sky: Literal["clear", "cloudy"] = "clear"
            wrong: float = field(default=0.0, metadata=consumer(device_class="temperature", unit="kWh"))


        app = App("weather")


        @app.telemetry("roof", interval=0.05, state_model=Roof)
        async def roof() -> dict[str, object] | None:
            if not (Path(__file__).parent / "measured").exists():
                return None
            return {"celsius": 20.5, "wet": True, "sky": "cloudy", "wrong": 1, "extra": 5}
        """,
    )
    await set_up(hass, app_entry("weather"))
    await until_state(hass, "binary_sensor.weather_running", STATE_ON)
    await until_state(hass, "sensor.roof_air", STATE_UNAVAILABLE)

    (Path(hass.config.config_dir) / "fieldbridge" / "apps" / "measured").touch()

    await until_state(hass, "sensor.roof_air", "20.5")
    await until_state(hass, "binary_sensor.roof_wet", STATE_ON)
    await until_state(hass, "sensor.roof_sky", "cloudy")
    await until_state(hass, "sensor.roof_extra", "5")
    attributes = {
        name: state.attributes for name in ("air", "wrong") if (state := hass.states.get(f"sensor.roof_{name}"))
    }
    assert attributes["air"]["device_class"] == "temperature"
    assert attributes["air"]["unit_of_measurement"] == "°C"
    assert "device_class" not in attributes["wrong"]


async def test_what_an_app_lost_is_counted_whoever_lost_it(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)
    link = entry.runtime_data.link
    await until(lambda: link.is_up)

    devices = {"roof": {"status": "ok", "dropped": 2}}
    heartbeat = {"status": "online", "uptime_s": 1.0, "version": "1", "devices": devices, "dropped": {"outbox": 3}}
    await link.publish(f"{link.prefix}/status", json.dumps(heartbeat))

    assert link.statistics()["dropped"] == 5


async def test_a_state_model_that_cannot_be_read_is_told_with_the_app(hass: HomeAssistant) -> None:
    model = "from typing import TypedDict\n\n    class Roof(TypedDict):\n        temperature: Celsius\n\n    app = App"
    source = WEATHER.replace("app = App", model, 1)
    write_app(hass, "weather", source.replace("interval=0.05", "interval=0.05, state_model=Roof"))
    entry = app_entry("weather")
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert "weather.py:6" in str(entry.reason)


@pytest.mark.parametrize("payload", ["running", "3", "{}", '{"devices": []}'])
async def test_what_an_app_publishes_in_the_place_of_its_heartbeat_is_none(hass: HomeAssistant, payload: str) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)
    link = entry.runtime_data.link
    await until(lambda: link.is_up)

    await link.publish(f"{link.prefix}/status", payload)

    assert link.is_up


async def test_a_device_that_floods_with_new_names_does_not_fill_the_registry(hass: HomeAssistant) -> None:
    flood = WEATHER.replace(
        'return {"temperature": 20.5,', 'return {**{f"v{n}": n for n in range(300)}, "temperature": 1,'
    )
    write_app(hass, "weather", flood)
    entry = app_entry("weather")

    await set_up(hass, entry)

    await until(lambda: len(entity_ids(hass, entry)) > 200)
    device = entry.runtime_data.link.devices["roof"]
    assert len(device.channels) == MAX_CHANNELS
    assert entry.runtime_data.link.statistics()["dropped"] > 0
