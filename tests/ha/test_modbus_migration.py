"""A hub of Home Assistant's Modbus YAML is taken over in two phases: entity ids stay, and nothing is touched early."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from homeassistant.components.modbus.const import DOMAIN as MODBUS
from homeassistant.config import async_hass_config_yaml
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.fieldbridge.bridge.modbus import Table
from custom_components.fieldbridge.const import CONF_MIGRATION, DOMAIN
from custom_components.fieldbridge.repairs import async_create_fix_flow
from tests.bridge.links.modbus_bus import Bus, tcp_server

from .flows import TEXTS, Flow, check_texts
from .links import until, until_state

HUB = """\
  - name: plant
    type: tcp
    host: 127.0.0.1
    port: !secret port
    timeout: 1
    sensors:
      - name: Voltage
        unique_id: v1
        slave: 1
        address: 100
        scale: 0.1
        precision: 1
        unit_of_measurement: V
        scan_interval: 5
      - {name: Plain Count, slave: 2, address: 7, scan_interval: 5}
    switches:
      - {name: Pump, unique_id: p1, slave: 1, address: 4, write_type: coil, verify: }
    climates:
      - {name: Hall, slave: 1, address: 20, target_temp_register: 21, max_temp: 30, min_temp: 10, temp_step: 1}
"""


class Home:
    """A configuration folder and the bus that its hub polls."""

    def __init__(self, folder: Path, bus: Bus, port: int) -> None:
        self.folder = folder
        self.bus = bus
        (folder / "secrets.yaml").write_text(f"port: {port}\n")
        self.write("modbus:\n" + HUB)

    def write(self, text: str) -> None:
        (self.folder / "configuration.yaml").write_text(text)

    def remove_hub(self) -> None:
        self.write("modbus: []\n")


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Allow what Home Assistant's own entities leave: one that is removed during its poll sets one more timer."""
    return True


@pytest.fixture
async def home(loopback_sockets: None, hass: HomeAssistant, tmp_path: Path) -> AsyncIterator[Home]:
    """Home Assistant with a hub in its YAML, which runs."""
    bus = Bus(1, 2)
    bus.units[1].tables[Table.HOLDING] = {100: 2301, 20: 200, 21: 210}
    bus.units[1].tables[Table.COIL] = {4: 1}
    bus.units[2].tables[Table.HOLDING] = {7: 42}
    async with tcp_server(bus) as port:
        hass.config.config_dir = str(tmp_path)
        home = Home(tmp_path, bus, port)
        assert await async_setup_component(hass, MODBUS, await async_hass_config_yaml(hass))
        await hass.async_block_till_done()
        yield home
        home.remove_hub()
        await hass.services.async_call(MODBUS, "reload", blocking=True)
        for entry in hass.config_entries.async_loaded_entries(DOMAIN):
            await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


async def plan(hass: HomeAssistant) -> ConfigEntry[Any]:
    """Go through the dry run; return the entry that waits."""
    flow = await Flow.config(hass, "modbus_yaml", "modbus_yaml_running")
    assert flow.step == "modbus_yaml_plan"
    assert "sensor.renamed → plant 1, v1" in flow.text("entities")
    assert "sensor.plain_count → plant 2, plain_count" in flow.text("entities")
    assert "Hall: Left out, there is no counterpart: climates" in flow.text("remarks")
    await flow.submit({})
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    return entry


async def submit_repair(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dict[str, Any]:
    issue_id = f"migration_{entry.entry_id}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    flow: Any = await async_create_fix_flow(hass, issue_id, issue.data)
    flow.hass, flow.handler, flow.flow_id, flow.context = hass, DOMAIN, "1", {}
    texts = TEXTS["issues"]["migration_waits"]["fix_flow"]
    check_texts(await flow.async_step_init(), texts)
    result: dict[str, Any] = await flow.async_step_confirm({})
    if result["type"] == "form":
        check_texts(result, texts)
    await hass.async_block_till_done()
    return result


def rename(hass: HomeAssistant) -> None:
    er.async_get(hass).async_update_entity("sensor.voltage", new_entity_id="sensor.renamed")


def platforms(hass: HomeAssistant) -> dict[str, str]:
    return {row.entity_id: row.platform for row in er.async_get(hass).entities.values()}


async def test_while_the_yaml_runs_the_entry_waits_and_touches_no_registry(hass: HomeAssistant, home: Home) -> None:
    rename(hass)
    before = platforms(hass)
    entry = await plan(hass)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "configuration.yaml" in str(entry.reason)
    assert platforms(hass) == before
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"migration_{entry.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert "configuration.yaml, line 2" in issue.translation_placeholders["where"]


async def test_a_repair_of_an_entry_that_was_removed_meanwhile_just_ends(hass: HomeAssistant, home: Home) -> None:
    rename(hass)
    entry = await plan(hass)
    issue_id = f"migration_{entry.entry_id}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    flow: Any = await async_create_fix_flow(hass, issue_id, issue.data)
    flow.hass, flow.handler, flow.flow_id, flow.context = hass, DOMAIN, "1", {}
    await hass.config_entries.async_remove(entry.entry_id)

    assert (await flow.async_step_confirm({}))["type"] == "create_entry"


async def test_once_the_hub_is_gone_every_entity_id_continues(hass: HomeAssistant, home: Home) -> None:
    rename(hass)
    entry = await plan(hass)
    home.remove_hub()
    assert (await submit_repair(hass, entry))["type"] == "create_entry"
    await until(lambda: entry.state is ConfigEntryState.LOADED, "loaded")
    found = platforms(hass)
    assert [found[entity_id] for entity_id in ("sensor.renamed", "sensor.plain_count", "switch.pump")] == [DOMAIN] * 3
    assert not [entity_id for entity_id in found if entity_id.endswith("_2")]
    await until_state(hass, "sensor.renamed", "230.1")
    await until_state(hass, "sensor.plain_count", "42")
    await until_state(hass, "switch.pump", "on")
    registry = er.async_get(hass)
    row = registry.async_get("sensor.plain_count")
    assert row is not None
    assert row.config_subentry_id in entry.subentries
    assert row.unique_id == f"{row.config_subentry_id}_plain_count"
    assert row.device_id is not None
    assert CONF_MIGRATION not in entry.data
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"migration_{entry.entry_id}") is None


async def test_the_repair_says_when_the_hub_is_still_there(hass: HomeAssistant, home: Home) -> None:
    rename(hass)
    entry = await plan(hass)
    result = await submit_repair(hass, entry)
    assert result["errors"] == {"base": "hub_still_there"}
    assert entry.state is ConfigEntryState.SETUP_RETRY
    home.write("modbus: [\n")  # a person in the middle of an edit
    assert (await submit_repair(hass, entry))["errors"] == {"base": "yaml_unreadable"}
    await until_state(hass, "sensor.plain_count", "42")  # Home Assistant was not told to read that


async def test_an_entry_that_is_removed_while_it_waits_leaves_nothing(hass: HomeAssistant, home: Home) -> None:
    rename(hass)
    entry = await plan(hass)
    before = platforms(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert platforms(hass) == before
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"migration_{entry.entry_id}") is None


async def test_after_a_restart_the_entities_continue_under_the_ids_that_they_had(
    hass: HomeAssistant, loopback_sockets: None, tmp_path: Path
) -> None:
    bus = Bus(1, 2)
    bus.units[1].tables[Table.HOLDING] = {100: 2301}
    bus.units[2].tables[Table.HOLDING] = {7: 42}
    async with tcp_server(bus) as port:
        hass.config.config_dir = str(tmp_path)
        home = Home(tmp_path, bus, port)
        er.async_get(hass).async_get_or_create("sensor", MODBUS, "v1", suggested_object_id="renamed")
        entry = await plan(hass)  # the YAML is there, its entities are not loaded yet
        assert entry.state is ConfigEntryState.SETUP_RETRY
        home.remove_hub()
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: entry.state is ConfigEntryState.LOADED, "loaded")
        found = platforms(hass)
        assert found["sensor.renamed"] == found["sensor.plain_count"] == DOMAIN
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


async def test_without_a_hub_there_is_nothing_to_take_over(hass: HomeAssistant, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    (tmp_path / "configuration.yaml").write_text("sensor: []\n")
    flow = await Flow.config(hass, "modbus_yaml", "modbus_yaml_running")
    assert flow.ended_by == "no_modbus_yaml"


async def test_a_text_from_elsewhere_is_taken_over_by_its_names(
    hass: HomeAssistant, loopback_sockets: None, tmp_path: Path
) -> None:
    bus = Bus(1, 2)
    bus.units[1].tables[Table.HOLDING] = {100: 2301}
    bus.units[2].tables[Table.HOLDING] = {7: 42}
    async with tcp_server(bus) as port:
        hass.config.config_dir = str(tmp_path)
        (tmp_path / "configuration.yaml").write_text("")
        (tmp_path / "secrets.yaml").write_text(f"port: {port}\n")
        flow = await Flow.config(hass, "modbus_yaml", "modbus_yaml_pasted")
        await flow.submit({"definition": "modbus:\n  - {name: plant, type: tcp, port: 1, sensors: []}"})
        assert flow.errors == {"base": "bad_definition"}
        assert "host" in flow.text("error")
        await flow.submit({"definition": "modbus:\n" + HUB})
        assert flow.step == "modbus_yaml_plan"
        assert "sensor.voltage → plant 1, v1" in flow.text("entities")
        await flow.submit({})
        await hass.async_block_till_done()
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        await until(lambda: entry.state is ConfigEntryState.LOADED, "loaded")
        await until_state(hass, "sensor.voltage", "230.1")
        await until_state(hass, "sensor.plain_count", "42")
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
