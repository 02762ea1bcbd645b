"""Apps that were written for cosalette 0.5 run inside Home Assistant as they are."""

import asyncio
from pathlib import Path
import sys
import threading
from types import SimpleNamespace

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.fieldbridge.app_loader import APPS_FOLDER, load_app
from custom_components.fieldbridge.bridge import JsonFileStore

from .apps import app_entry, write_app
from .links import set_up, until_state

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(autouse=True)
def own_config_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Every test has apps of its own."""
    hass.config.config_dir = str(tmp_path)


@pytest.mark.parametrize(
    ("app", "entity", "state", "unit"),
    [
        ("greenhouse", "sensor.tomato_moisture", "6.0", "%"),
        ("cosalette/weather", "sensor.north_outside_wind_wind", "10.8", "km/h"),
        ("cosalette/heating", "sensor.flow_celsius", "1.0", None),
        ("cosalette/meter", "sensor.gas_litres", "410.0", None),
        ("cosalette/shades", "sensor.signal_sender", "0", None),
    ],
)
async def test_an_app_for_cosalette_becomes_devices(
    hass: HomeAssistant, app: str, entity: str, state: str, unit: str | None
) -> None:
    name = app.rpartition("/")[2]
    write_app(hass, name, (DATA / f"{app}.py.txt").read_text())
    entry = app_entry(name)

    await set_up(hass, entry)

    await until_state(hass, f"binary_sensor.{name}_running", "on")
    await until_state(hass, entity, state)
    shown = hass.states.get(entity)
    assert shown is not None
    assert shown.attributes.get("unit_of_measurement") == unit
    assert await hass.config_entries.async_unload(entry.entry_id)


TALLY = """
    import cosalette
    from cosalette import DeviceStore, SaveOnPublish

    app = cosalette.App("tally")


    @app.telemetry("door", interval=60, persist=SaveOnPublish())
    async def door(store: DeviceStore) -> dict[str, object]:
        store["opened"] = store.get("opened", 0) + 1
        return store.to_dict()
"""

STORED = 'from cosalette import App\napp = App("stored")\n'


async def test_an_app_that_names_no_store_keeps_its_state_beside_the_apps(hass: HomeAssistant, tmp_path: Path) -> None:
    write_app(hass, "tally", TALLY)
    entry = app_entry("tally")
    await set_up(hass, entry)
    await until_state(hass, "sensor.door_opened", "1")

    await hass.config_entries.async_reload(entry.entry_id)

    await until_state(hass, "sensor.door_opened", "2")
    assert (tmp_path / "fieldbridge" / "state" / "tally" / "store.json").exists()


async def test_an_app_of_ours_keeps_nothing_unless_it_says_so_whatever_ran_before(hass: HomeAssistant) -> None:
    write_app(hass, "tally", TALLY)
    await set_up(hass, app_entry("tally"))
    await until_state(hass, "sensor.door_opened", "1")
    write_app(
        hass,
        "own",
        TALLY.replace("import cosalette", "import fieldbridge as cosalette", 1).replace(
            "from cosalette", "from fieldbridge"
        ),
    )
    own = app_entry("own")

    await hass.config_entries.async_add(own)

    assert own.state is ConfigEntryState.SETUP_ERROR
    assert own.error_reason_translation_placeholders is not None
    assert "persist= requires a store=" in own.error_reason_translation_placeholders["error"]


async def test_apps_that_are_imported_at_the_same_time_keep_their_state_all_the_same(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = SimpleNamespace(begun=threading.Event(), is_the_other_in=threading.Event())
    monkeypatch.setitem(sys.modules, "gate", gate)
    # Waits in vain where apps are imported one after the other, so not for long.
    write_app(hass, "first", "import gate\ngate.begun.set()\ngate.is_the_other_in.wait(0.2)\n" + STORED)
    write_app(hass, "second", STORED + "import gate\ngate.is_the_other_in.set()\n")
    folder = tmp_path / APPS_FOLDER

    first = hass.async_add_executor_job(load_app, folder, "first", {})
    await hass.async_add_executor_job(gate.begun.wait)
    second = hass.async_add_executor_job(load_app, folder, "second", {})

    stores = [loaded.app.store for loaded in await asyncio.gather(first, second)]
    assert [type(store) for store in stores] == [JsonFileStore, JsonFileStore]
