"""A bridge app is added and changed by its forms: file, packages, settings, corrected values."""

from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import package
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fieldbridge.config_flow import ConfigFlow
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.repairs import PackagesFlow, async_create_fix_flow

from .apps import VALVE, WEATHER, app_entry, write_app
from .flows import Flow
from .links import entity_ids, set_up, until, until_state

BOILER = """
    from enum import StrEnum
    from typing import Literal

    from pydantic import BaseModel, Field, SecretStr

    from fieldbridge import App, Settings


    class Pump(StrEnum):
        SLOW = "slow"
        FAST = "fast"


    class Circuit(BaseModel):
        name: str = "floor"


    class BoilerSettings(Settings):
        address: str = Field(description="Where the boiler is found.")
        interval: float = Field(default=0.05, gt=0)
        unit: int = Field(default=1, ge=1, le=247)
        pump: Pump = Pump.SLOW
        mode: Literal["eco", "comfort"] = "eco"
        password: SecretStr | None = None
        circuits: list[str] = ["a"]
        circuit: Circuit = Circuit()
        verbose: bool = False


    app = App("boiler", settings_class=BoilerSettings)


    @app.telemetry("boiler", interval=app.settings.interval)
    async def boiler(settings: BoilerSettings) -> dict[str, object]:
        secret = settings.password.get_secret_value() if settings.password else ""
        return {"address": settings.address, "unit": settings.unit, "pump": settings.pump, "secret_length": len(secret)}
"""
FORM: dict[str, Any] = {
    "address": "10.0.0.7",
    "interval": 0.05,
    "unit": 3,
    "pump": "fast",
    "mode": "eco",
    "password": "hunter2",
    "circuits": ["a", "b"],
    "circuit": {"name": "wall"},
    "verbose": False,
}


@pytest.fixture(autouse=True)
def own_config_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Every test has apps of its own."""
    hass.config.config_dir = str(tmp_path)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Home Assistant was asked to install; ``impossible`` cannot be."""
    names: list[str] = []

    def install(package: str, **_: Any) -> bool:
        names.append(package)
        return "impossible" not in package

    # The edge of Home Assistant's own machinery, beyond which the package index begins.
    monkeypatch.setattr(package, "install_package", install)
    return names


def running_app(hass: HomeAssistant) -> Any:
    """Return the only entry."""
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    return entry


async def test_an_app_without_settings_is_added_by_choosing_its_file(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    write_app(hass, "garden/__init__", VALVE)
    write_app(hass, "_helper", "")
    write_app(hass, "not-a-name", "")

    flow = await Flow.config(hass, "app")
    assert flow.options_of("app") == ["garden", "weather"]
    await flow.submit({"app": "weather"})

    await until_state(hass, "sensor.roof_temperature", "20.5")
    assert running_app(hass).title == "Weather"
    assert (await Flow.config(hass, "app")).options_of("app") == ["garden"]


async def test_an_empty_folder_is_told(hass: HomeAssistant) -> None:
    flow = await Flow.config(hass, "app")

    assert flow.ended_by == "no_apps"
    assert flow.text("folder").endswith("fieldbridge/apps")


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("1 / 0", "app_failed", "weather.py:1"),
        ("", "no_single_app", "0"),
        (
            "# /// script\n# dependencies = ['x @ file:///tmp/x.whl']\n# ///\n",
            "requirement_refused",
            "x @ file:///tmp/x.whl",
        ),
        ("# /// script\n# dependencies = ['pytest<1']\n# ///\n", "requirement_refused", "pytest<1"),
        ("# /// script\n# dependencies = ['!']\n# ///\n", "requirement_refused", "!"),
        ("# /// script\n# dependencies = [\n# ///\n", "requirement_refused", "weather.py"),
    ],
)
async def test_what_is_wrong_with_a_file_is_told_where_it_is_chosen(
    hass: HomeAssistant, source: str, error: str, said: str
) -> None:
    write_app(hass, "weather", source)
    flow = await Flow.config(hass, "app")

    await flow.submit({"app": "weather"})

    assert flow.errors == {"app": error}
    assert said in flow.shown["description_placeholders"].values()


async def test_a_file_in_another_encoding_is_told_where_it_is_chosen(hass: HomeAssistant) -> None:
    write_app(hass, "weather", "").write_bytes("place = 'Köln'\n".encode("cp1252"))
    flow = await Flow.config(hass, "app")

    await flow.submit({"app": "weather"})

    assert flow.errors == {"app": "app_failed"}
    assert flow.shown["description_placeholders"]["place"] == "weather.py:1"


async def test_settings_are_asked_for_even_when_the_file_needs_them(hass: HomeAssistant) -> None:
    write_app(hass, "boiler", BOILER)
    flow = await Flow.config(hass, "app")
    await flow.submit({"app": "boiler"})

    assert flow.step == "app_settings"
    assert set(flow.shown["data_schema"].schema) == set(FORM)
    assert flow.suggested("unit") == 1
    assert flow.options_of("pump") == ["slow", "fast"]
    assert "Where the boiler is found." in flow.text("explanation")
    await flow.submit({**FORM, "mode": "comfort"})

    await until_state(hass, "sensor.boiler_address", "10.0.0.7")
    await until_state(hass, "sensor.boiler_unit", "3")
    await until_state(hass, "sensor.boiler_pump", "fast")
    await until_state(hass, "sensor.boiler_secret_length", "7")


async def test_wrong_settings_are_told_at_their_field(hass: HomeAssistant) -> None:
    write_app(hass, "boiler", BOILER)
    flow = await Flow.config(hass, "app")
    await flow.submit({"app": "boiler"})

    await flow.submit({**FORM, "interval": 0, "circuit": {"name": 5}})

    assert flow.errors == {"interval": "bad_setting", "circuit": "bad_setting"}
    assert "greater than 0" in flow.text("error")
    assert flow.suggested("address") == "10.0.0.7"


async def test_an_app_is_changed_by_its_options_and_has_no_devices_to_add(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)

    assert not ConfigFlow.async_get_supported_subentry_types(entry)
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))
    assert flow.ended_by == "app_has_options"
    flow = await Flow.options(hass, entry)
    await flow.choose("app_settings")
    assert flow.ended_by == "no_settings"


async def test_settings_come_from_the_entry_alone(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ADDRESS", "from the environment")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("UNIT=99\n")
    write_app(hass, "boiler", BOILER)

    await set_up(hass, app_entry("boiler", settings={"address": "from the entry"}))

    await until_state(hass, "sensor.boiler_address", "from the entry")
    await until_state(hass, "sensor.boiler_unit", "1")


async def test_missing_settings_are_an_error_that_names_them(hass: HomeAssistant) -> None:
    write_app(hass, "boiler", BOILER)
    entry = app_entry("boiler")
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert entry.error_reason_translation_key == "app_settings"
    assert (entry.error_reason_translation_placeholders or {})["error"] == "address: Field required"
    flow = await Flow.options(hass, entry)
    await flow.choose("app_settings")
    assert flow.step == "app_settings"


async def test_changed_settings_run_the_app_anew_and_secrets_stay(hass: HomeAssistant) -> None:
    write_app(hass, "boiler", BOILER)
    entry = app_entry("boiler", settings=FORM)
    await set_up(hass, entry)
    await until_state(hass, "sensor.boiler_secret_length", "7")

    flow = await Flow.options(hass, entry)
    await flow.choose("app_settings")
    assert flow.suggested("password") is None
    await flow.submit({key: value for key, value in FORM.items() if key != "password"} | {"unit": 8})

    await until_state(hass, "sensor.boiler_unit", "8")
    await until_state(hass, "sensor.boiler_secret_length", "7")


async def test_a_value_is_corrected_in_the_options(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)
    await until_state(hass, "sensor.roof_temperature", "20.5")

    flow = await Flow.options(hass, entry)
    await flow.choose("app_value")
    await flow.submit({"value": '["roof", "temperature"]'})
    form = {"name": "Air", "source": "temperature", "kind": "number", "device_class": "temperature", "scale": 2}
    await flow.submit({**form, "unit_of_measurement": "kWh"})
    assert flow.errors == {"unit_of_measurement": "unit_does_not_fit"}
    await flow.submit({**form, "unit_of_measurement": "°C"})

    await until_state(hass, "sensor.roof_temperature", "41.0")
    air = hass.states.get("sensor.roof_temperature")
    assert air is not None
    assert air.attributes["unit_of_measurement"] == "°C"
    assert air.attributes["friendly_name"] == "Roof Air"


async def test_a_value_that_is_not_published_any_more_is_not_corrected(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)
    await until_state(hass, "sensor.roof_temperature", "20.5")
    flow = await Flow.options(hass, entry, "app_value")

    write_app(hass, "weather", WEATHER.replace('"raining"', '"sunny"'))
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: hass.states.get("binary_sensor.roof_sunny") is not None)
    await flow.submit({"value": '["roof", "raining"]'})
    assert flow.ended_by == "device_gone"

    await hass.config_entries.async_unload(entry.entry_id)
    assert (await Flow.options(hass, entry, "app_value")).ended_by == "app_not_running"


async def test_a_value_of_another_kind_moves_to_its_platform(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER.replace('"raining": True', '"raining": 1'))
    entry = app_entry("weather")
    await set_up(hass, entry)
    await until_state(hass, "sensor.roof_raining", "1")

    flow = await Flow.options(hass, entry)
    await flow.choose("app_value")
    await flow.submit({"value": '["roof", "raining"]'})
    await flow.submit({"name": "Raining", "source": "raining", "kind": "binary"})

    await until_state(hass, "binary_sensor.roof_raining", STATE_ON)
    assert "sensor.roof_raining" not in entity_ids(hass, entry)


async def test_a_silent_device_is_unavailable_when_asked_for(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather")
    await set_up(hass, entry)

    flow = await Flow.options(hass, entry)
    await flow.choose("silence")
    await flow.submit({"stale_after": 90})
    await hass.async_block_till_done()

    assert entry.options["stale_after"] == 90
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    flow = await Flow.options(hass, entry)
    await flow.choose("silence")
    await flow.submit({})
    assert "stale_after" not in entry.options


async def test_the_mirror_is_an_option_of_an_app_too(hass: HomeAssistant) -> None:
    write_app(hass, "weather", WEATHER)
    entry = app_entry("weather", settings={"a": 1})
    await set_up(hass, entry)

    flow = await Flow.options(hass, entry)
    await flow.choose("mirror")
    await flow.submit({"mirror": "none"})

    assert dict(entry.options) == {"settings": {"a": 1}, "mirror": {"kind": "none"}}


PACKAGED = "# /// script\n# dependencies = ['surely-missing>=2', 'fieldbridge', 'pytest']\n# ///\n"


async def test_missing_packages_are_shown_before_they_are_installed(hass: HomeAssistant, installed: list[str]) -> None:
    path = write_app(hass, "weather", WEATHER)
    path.write_text(PACKAGED + path.read_text())

    flow = await Flow.config(hass, "app")
    await flow.submit({"app": "weather"})
    assert flow.step == "app_packages"
    assert "surely-missing>=2" in flow.text("packages")
    assert not installed
    await flow.submit({})
    await hass.async_block_till_done()
    await flow.refresh()

    assert installed == ["surely-missing>=2"]
    await until_state(hass, "sensor.roof_temperature", "20.5")
    assert running_app(hass).data["packages"] == ["surely-missing>=2"]


async def test_packages_are_found_behind_the_mark_that_windows_editors_write(
    hass: HomeAssistant, installed: list[str]
) -> None:
    path = write_app(hass, "weather", WEATHER)
    path.write_text(PACKAGED + path.read_text(), "utf-8-sig")

    flow = await Flow.config(hass, "app")
    await flow.submit({"app": "weather"})

    assert flow.step == "app_packages"
    assert "surely-missing>=2" in flow.text("packages")


async def test_packages_that_cannot_be_installed_are_told(hass: HomeAssistant, installed: list[str]) -> None:
    write_app(hass, "weather", "# /// script\n# dependencies = ['impossible']\n# ///\n")
    flow = await Flow.config(hass, "app")
    await flow.submit({"app": "weather"})
    await flow.submit({})
    await hass.async_block_till_done()
    await flow.refresh()

    assert flow.errors == {"app": "packages_failed"}
    assert flow.text("packages") == "impossible"


async def test_a_file_that_asks_for_more_packages_waits_for_consent(hass: HomeAssistant, installed: list[str]) -> None:
    path = write_app(hass, "weather", WEATHER)
    path.write_text(PACKAGED + path.read_text())
    entry = app_entry("weather")
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.error_reason_translation_key == "packages_unseen"
    assert not installed
    issue_id = f"app_packages_{entry.entry_id}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None

    flow = await async_create_fix_flow(hass, issue_id, issue.data)
    flow.hass, flow.handler, flow.context = hass, DOMAIN, {"issue_id": issue_id}
    assert isinstance(flow, PackagesFlow)
    await flow.async_step_confirm({})

    await until_state(hass, "sensor.roof_temperature", "20.5")
    assert installed == ["surely-missing>=2"]
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


async def test_diagnostics_of_an_app_hold_no_setting(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> None:
    write_app(hass, "boiler", BOILER)
    entry: MockConfigEntry = app_entry("boiler", settings=FORM)
    await set_up(hass, entry)
    await until_state(hass, "sensor.boiler_unit", "3")

    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert "hunter2" not in str(found)
    assert found["devices"]["boiler"]["values"]["unit"] == 3
    assert found["app"]["registrations"]["telemetry"][0]["name"] == "boiler"
