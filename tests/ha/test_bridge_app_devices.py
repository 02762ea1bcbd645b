"""What a device of a bridge app publishes is taken apart, converted, and called old when it is."""

from collections.abc import Mapping
import json
from typing import Any

import pytest

from custom_components.fieldbridge.app_channels import AppChannels, readable
from custom_components.fieldbridge.app_device import AppDevice
from custom_components.fieldbridge.bridge.app import App
from custom_components.fieldbridge.bridge.channels import Value


def device(corrections: Mapping[str, Any] | None = None, *, stale_after: float | None = None) -> AppDevice:
    """Return an online device whose channels may be corrected by path."""
    made = AppDevice("room", AppChannels(App("home").registry, {"room": corrections or {}}), stale_after=stale_after)
    made.set_online(True, 0.0)
    return made


def published(state: object, **corrections: Mapping[str, Any]) -> dict[str, Value | None]:
    """Return the values of a device after one state."""
    made = device(corrections)
    made.take_state(json.dumps(state), 0.0)
    return made.values


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ({"a": {"b": {"c": 1}}}, {"a.b.c": 1}),
        ({"a": [1, {"b": 2}]}, {"a.0": 1, "a.1.b": 2}),
        ({"a": True, "b": 1.5, "c": "on"}, {"a": True, "b": 1.5, "c": "on"}),
        ({"a": None, "b": {}}, {}),
        (21.5, {"value": 21.5}),
    ],
)
def test_a_state_is_taken_apart_into_paths(state: object, values: dict[str, Value]) -> None:
    assert published(state) == values


def test_what_is_no_json_is_a_text() -> None:
    made = device()
    made.take_state("half open", 0.0)
    assert made.values == {"value": "half open"}


def test_a_value_that_is_missing_from_a_state_stays_and_null_is_unknown() -> None:
    made = device()
    made.take_state('{"a": 1, "b": 2}', 0.0)
    made.take_state('{"a": null}', 1.0)
    assert made.values == {"a": None, "b": 2}


def test_a_value_of_another_kind_than_before_is_unknown_and_counted() -> None:
    made = device()
    made.take_state('{"a": 1}', 0.0)
    made.take_state('{"a": "broken"}', 1.0)
    assert made.values == {"a": None}
    assert made.unreadable == 1


def test_a_correction_decides_what_a_value_is() -> None:
    power = {"key": "p", "name": "Power", "source": "p", "kind": "number", "scale": 1000.0, "unit": "W"}
    assert published({"p": 1.5}, p=power) == {"p": 1500.0}


def test_a_correction_that_cannot_be_read_is_left_out() -> None:
    assert published({"p": 1.5}, p={"key": "p", "kind": "colour"}) == {"p": 1.5}


def test_listeners_hear_of_changes_alone() -> None:
    made = device()
    heard: list[Value | None] = []
    made.on_value("a", heard.append)
    for state in ('{"a": 1}', '{"a": 1}', '{"a": 1.0}', '{"a": 2}'):
        made.take_state(state, 0.0)
    assert heard == [1, 1.0, 2]


def test_a_device_is_old_after_the_given_time_and_fresh_with_the_next_state() -> None:
    made, heard = device(stale_after=60), list[bool]()
    made.take_state('{"a": 1}', 0.0)
    made.on_availability(lambda: heard.append(made.available))
    made.check_silence(60.0)
    assert heard == []
    made.check_silence(60.1)
    made.take_state('{"a": 1}', 61.0)
    assert heard == [False, True]


def test_a_device_that_publishes_changes_only_never_grows_old_by_itself() -> None:
    made = device()
    made.take_state('{"a": 1}', 0.0)
    made.check_silence(1e9)
    assert made.available


@pytest.mark.parametrize(
    ("name", "text"), [("motor.speed_limit", "Motor speed limit"), ("kitchen/lamp", "Kitchen lamp"), ("CO2", "CO2")]
)
def test_names_are_written_as_people_write_them(name: str, text: str) -> None:
    assert readable(name) == text
