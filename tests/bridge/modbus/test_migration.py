"""The dry run says of every old entity what becomes of it, and changes nothing."""

import json
from pathlib import Path

import pytest

from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.modbus.importers.core_yaml import import_core_config, read_core_yaml
from custom_components.fieldbridge.bridge.modbus.importers.result import Import
from custom_components.fieldbridge.bridge.modbus.migration import (
    Change,
    Difference,
    KnownEntity,
    MigrationPlan,
    plan_migration,
)

SUNGROW = (Path(__file__).parents[2] / "data" / "core-modbus-sungrow.yaml").read_text()


def hub(**entities: object) -> Import:
    return import_core_config({"modbus": {"type": "tcp", **entities}})


def known(entity_id: str, name: str = "", **more: str | None) -> KnownEntity:
    return KnownEntity(platform=entity_id.partition(".")[0], entity_id=entity_id, name=name, **more)


def test_every_entity_of_the_sungrow_file_continues_without_a_difference() -> None:
    imported = read_core_yaml(SUNGROW, {"sungrow_modbus_device_address": 1})
    entities = [
        KnownEntity(
            platform=old.platform,
            entity_id=f"{old.platform}.renamed_{index}",
            name=old.name,
            unique_id=old.unique_id,
            unit=old.unit,
            device_class=old.device_class,
            state_class=old.state_class,
        )
        for index, old in enumerate(imported.devices[0].old_entities.values())
    ]
    plan = plan_migration(imported, entities)
    assert plan.is_complete
    assert len(plan.steps) == 102
    assert [step for step in plan.steps if step.changes] == []
    assert plan.entity_ids == tuple(entity.entity_id for entity in entities)


def test_an_entity_is_found_by_its_unique_id_whatever_it_is_called_now() -> None:
    imported = hub(sensors=[{"name": "Power", "unique_id": "p1", "address": 1}])
    plan = plan_migration(imported, [known("sensor.kitchen", "Kitchen", unique_id="p1")])
    assert [(step.entity_id, step.channel) for step in plan.steps] == [("sensor.kitchen", "p1")]


def test_an_entity_without_unique_id_is_found_by_its_name_and_platform() -> None:
    imported = hub(sensors=[{"name": "Pump", "address": 1}], switches=[{"name": "Pump", "address": 2}])
    plan = plan_migration(imported, [known("switch.pump", "Pump"), known("sensor.pump", "Pump")])
    assert {(step.entity_id, step.channel) for step in plan.steps} == {
        ("sensor.pump", "pump"),
        ("switch.pump", "pump_2"),
    }


def test_units_of_one_hub_stay_apart() -> None:
    imported = hub(sensors=[{"name": "A", "address": 1, "slave": 1}, {"name": "B", "address": 1, "slave": 2}])
    plan = plan_migration(imported, [known("sensor.b", "B"), known("sensor.a", "A")])
    assert [(step.entity_id, step.device) for step in plan.steps] == [("sensor.a", 0), ("sensor.b", 1)]


def test_what_differs_is_said() -> None:
    imported = hub(sensors=[{"name": "Power", "address": 1, "unit_of_measurement": "W", "device_class": "power"}])
    plan = plan_migration(imported, [known("sensor.power", "Power", unit="kW", device_class="power")])
    assert plan.steps[0].changes == (Change(what=Difference.UNIT, old="kW", new="W"),)


def test_what_cannot_continue_is_left_and_what_is_new_is_named() -> None:
    imported = hub(
        sensors=[{"name": "Power", "address": 1}, {"name": "Disabled", "address": 2}],
        climates=[{"name": "Hall", "address": 3}],
    )
    plan = plan_migration(imported, [known("sensor.power", "Power"), known("climate.hall", "Hall")])
    assert plan.left == ("climate.hall",)
    assert not plan.is_complete
    assert plan.new == ((0, "disabled"),)


def test_a_plan_survives_storage() -> None:
    imported = hub(sensors=[{"name": "Power", "address": 1}, {"name": "Other", "address": 2}])
    plan = plan_migration(imported, [known("sensor.power", "Power", unit="W"), known("cover.gate", "Gate")])
    assert MigrationPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    "data", [None, {}, {"schema_version": 1}, {"schema_version": 1, "steps": [{}], "left": [], "new": []}]
)
def test_what_is_no_plan_is_refused(data: object) -> None:
    with pytest.raises(ProfileError):
        MigrationPlan.from_dict(data)
