"""What must not stop a link, and what must stop it clearly."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.presets import PRESETS, simulated_profile
from demo.pty_link import PtyLink

from .flows import Flow
from .links import ROOM, device, serial_entry, set_up, until, until_state

WRONG_TARGET = {
    "key": "temp",
    "name": "Temperature",
    "source": "temp",
    "write": {"control": "number", "target": {"frame": "T={nonsense"}},
}


def issues_of(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return the repairs of the integration."""
    return [issue for (domain, _), issue in ir.async_get(hass).issues.items() if domain == DOMAIN]


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


async def test_a_device_that_cannot_be_read_cannot_be_changed_but_says_what_is_wrong(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    broken = device("Broken", ROOM)
    broken["data"] = {**broken["data"], "decoder": {}}
    entry = serial_entry(pty_link.path, broken)
    await set_up(hass, entry)
    flow = await Flow.change_device(hass, entry)
    assert flow.ended_by == "bad_profile"
    assert "decoder" in flow.text("error")


@pytest.mark.parametrize(
    ("place", "wrong"),
    [("decoder", {}), ("channels", [WRONG_TARGET])],
    ids=["a decoder that is missing", "a target that the link cannot use"],
)
async def test_a_device_that_cannot_be_read_has_a_repair_and_the_others_go_on(
    hass: HomeAssistant, pty_link: PtyLink, place: str, wrong: Any
) -> None:
    right, broken = device("Room", ROOM), device("Broken", ROOM)
    broken["data"] = {**broken["data"], place: wrong}
    entry = serial_entry(pty_link.path, broken, right)
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b'\n{"temp": 21.5}\n')
    await until_state(hass, "sensor.room_temperature", "21.5")
    (issue,) = issues_of(hass)
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["device"] == "Broken"
    assert place in issue.translation_placeholders["error"]

    first = next(iter(entry.subentries.values()))
    hass.config_entries.async_update_subentry(entry, first, data=ROOM.to_dict())
    await until(lambda: not issues_of(hass))
    pty_link.write(b'{"temp": 22.5}\n')
    await until_state(hass, "sensor.broken_temperature", "22.5")

    hass.config_entries.async_update_subentry(entry, first, data=broken["data"])
    await until(lambda: issues_of(hass))
    assert list(entry.runtime_data.link.sessions) == [list(entry.subentries)[1]]

    hass.config_entries.async_remove_subentry(entry, first.subentry_id)
    await until(lambda: not issues_of(hass))


async def test_stopping_home_assistant_stops_the_link(hass: HomeAssistant) -> None:
    entry = simulated_entry()
    await set_up(hass, entry)
    link = entry.runtime_data.link
    await until(lambda: link.statistics()["frames"] > 1)

    await hass.async_stop(force=True)

    frames = link.statistics()["frames"]
    await until(lambda: True)
    assert link.statistics()["frames"] == frames
