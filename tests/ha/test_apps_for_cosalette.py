"""Apps that were written for cosalette 0.5 run inside Home Assistant as they are."""

from pathlib import Path

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

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
