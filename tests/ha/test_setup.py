"""What must not stop a link, and what must stop it clearly."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.presets import PRESETS, simulated_profile

from .links import device, serial_entry, set_up, until, until_state


def simulated_entry() -> MockConfigEntry:
    """Return a link that needs no hardware."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Simulated",
        data={"kind": "simulated", "signals": list(PRESETS), "interval": 0.1},
        subentries_data=[device("Signals", simulated_profile(PRESETS))],
    )


async def test_a_broken_modbus_yaml_stops_nothing_of_ours(hass: HomeAssistant) -> None:
    hub_without_entities = {"modbus": [{"name": "hub", "type": "tcp", "host": "127.0.0.1", "port": 5020}]}
    assert not await async_setup_component(hass, "modbus", hub_without_entities)
    entry = simulated_entry()

    await set_up(hass, entry)

    assert entry.state is ConfigEntryState.LOADED
    await until_state(hass, "binary_sensor.simulated_connectivity", STATE_ON)


async def test_a_simulated_link_has_living_values_of_every_kind(hass: HomeAssistant) -> None:
    await set_up(hass, simulated_entry())

    await until_state(hass, "binary_sensor.signals_door", STATE_ON)
    await until_state(hass, "sensor.signals_temperature", "21.0")
    energy = hass.states.get("sensor.signals_energy")
    assert energy is not None
    assert energy.attributes["state_class"] == "total_increasing"


async def test_a_profile_that_cannot_be_read_is_a_clear_error(hass: HomeAssistant) -> None:
    broken = device("Signals", simulated_profile(PRESETS))
    broken["data"] = {"schema_version": 1}
    entry = serial_entry("/dev/none", broken)
    entry.add_to_hass(hass)

    assert not await hass.config_entries.async_setup(entry.entry_id)

    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "bad_profile"


async def test_stopping_home_assistant_stops_the_link(hass: HomeAssistant) -> None:
    entry = simulated_entry()
    await set_up(hass, entry)
    link = entry.runtime_data.link
    await until(lambda: link.statistics()["frames"] > 1)

    await hass.async_stop(force=True)

    frames = link.statistics()["frames"]
    await until(lambda: True)
    assert link.statistics()["frames"] == frames
