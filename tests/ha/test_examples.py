"""Every example runs inside Home Assistant, from the very same file."""

from pathlib import Path
import shutil
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
import pytest

from .flows import Flow
from .links import until, until_state

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def apps_folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """The folder of the apps, with all examples in it."""
    hass.config.config_dir = str(tmp_path)
    return Path(shutil.copytree(EXAMPLES, tmp_path / "fieldbridge" / "apps"))


async def add(hass: HomeAssistant, app: str, settings: dict[str, Any] | None = None) -> None:
    """Add an app as a person does."""
    flow = await Flow.config(hass, "app")
    await flow.submit({"app": app})
    if settings is not None:
        await flow.submit(settings)
    await hass.async_block_till_done()


def number(hass: HomeAssistant, entity_id: str) -> float:
    """Return a state as a number."""
    state = hass.states.get(entity_id)
    assert state is not None
    return float(state.state)


async def test_the_machine_says_how_busy_it_is(hass: HomeAssistant, apps_folder: Path) -> None:
    await add(hass, "machine", {"interval": 0.5, "folder": str(apps_folder)})

    await until(lambda: hass.states.get("sensor.machine_free_on_disk"))
    await until(lambda: number(hass, "sensor.machine_free_on_disk") > 0)
    disk = hass.states.get("sensor.machine_free_on_disk")
    assert disk is not None
    assert disk.attributes["device_class"] == "data_size"
    assert hass.states.get("binary_sensor.machine_disk") is not None


async def test_the_scale_shows_no_nonsense_and_remembers(hass: HomeAssistant, apps_folder: Path) -> None:
    await add(hass, "scale")

    await until(lambda: hass.states.get("sensor.scale_weight"))
    assert number(hass, "sensor.scale_weight") == pytest.approx(500, abs=10)
    (entry,) = hass.config_entries.async_entries("fieldbridge")
    await hass.config_entries.async_unload(entry.entry_id)
    assert "heaviest" in (apps_folder / "scale.json").read_text()


async def test_the_garage_obeys(hass: HomeAssistant, apps_folder: Path) -> None:
    await add(hass, "garage")
    await until_state(hass, "binary_sensor.door_moving", STATE_OFF)

    move = {"entity_id": "number.door_position", "value": 10}
    await hass.services.async_call("number", "set_value", move, blocking=True)
    await until_state(hass, "binary_sensor.door_moving", STATE_ON)
    await until_state(hass, "number.door_position", "10")
    await hass.services.async_call("switch", "turn_on", {"entity_id": "switch.lamp_lamp"}, blocking=True)
    await until_state(hass, "switch.lamp_lamp", STATE_ON)
