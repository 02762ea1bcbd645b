"""Texts: complete in every language, none of them forgotten, none without use."""

import ast
from collections.abc import Iterator
import json
import re
from typing import Any

from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS
import pytest

from custom_components.fieldbridge.bridge.channels.recognised_fields import UNITS
from custom_components.fieldbridge.bridge.recordings import RecordingEnd
from custom_components.fieldbridge.config_flow import DEVICE_FLOWS, ConfigFlow
from custom_components.fieldbridge.config_flow.app_options_flow import AppOptionsFlow
from custom_components.fieldbridge.live_sensor import LIVE_KEY
from custom_components.fieldbridge.presets import PRESETS
from custom_components.fieldbridge.recording_entities import RECORDING_SENSORS
from custom_components.fieldbridge.sensor import LINK_SENSORS
from custom_components.fieldbridge.units import suggest_classes, usual_unit

from .flows import TEXTS, TRANSLATIONS

INTEGRATION = TRANSLATIONS.parent


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text."""
    if isinstance(node, str):
        yield path, node
        return
    for key, child in node.items():
        yield from leaves(child, f"{path}.{key}")


@pytest.mark.parametrize("language", [path.stem for path in TRANSLATIONS.glob("*.json")])
def test_every_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    texts = dict(leaves(json.loads((TRANSLATIONS / f"{language}.json").read_text())))
    english = dict(leaves(TEXTS))
    assert texts.keys() == english.keys()
    for path, text in texts.items():
        assert text.strip() == text != ""
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[path])), path
        # These mean something to the formatter, or are refused by Home Assistant's own checks.
        assert not re.search(r"<|https?://|'\{", text), path


def test_german_says_du_as_home_assistant_does() -> None:
    german = dict(leaves(json.loads((TRANSLATIONS / "de.json").read_text())))
    assert not {path: text for path, text in german.items() if re.search(r"[\w,] (Sie|Ihnen|Ihre?[nmrs]?)\b", text)}


def test_titles_of_menus_have_no_placeholders_since_the_frontend_does_not_fill_them() -> None:
    flows = [TEXTS["config"], TEXTS["options"], *TEXTS["config_subentries"].values()]
    titles = {name: step["title"] for flow in flows for name, step in flow["step"].items() if "menu_options" in step}
    assert titles
    assert not {name: title for name, title in titles.items() if "{" in title}


@pytest.mark.parametrize(
    ("flows", "texts"),
    [
        ([ConfigFlow], TEXTS["config"]),
        # The devices of every kind of link share their texts.
        (list(DEVICE_FLOWS.values()), TEXTS["config_subentries"]["device"]),
        ([AppOptionsFlow], TEXTS["options"]),
    ],
)
def test_every_text_of_a_step_belongs_to_a_step(flows: list[type], texts: dict[str, Any]) -> None:
    choices = [choice for content in texts["step"].values() for choice in content.get("menu_options", {})]
    for step in (*texts["step"], *choices):
        assert any(hasattr(flow, f"async_step_{step}") for flow in flows), step


def test_titles_of_menus_and_of_waiting_hold_no_placeholder() -> None:
    """The frontend fills those of forms alone; it shows an error of its formatter for the others."""
    sources = "".join(path.read_text() for path in (INTEGRATION / "config_flow").glob("*.py"))
    waiting = set(re.findall(r'async_show_progress\(\s*step_id="(\w+)"', sources))
    assert "listen" in waiting
    for part in (TEXTS["config"], TEXTS["options"], *TEXTS["config_subentries"].values()):
        for step, content in part["step"].items():
            if "menu_options" in content or step in waiting:
                assert "{" not in content.get("title", ""), step


def test_every_exception_has_a_text_and_every_text_its_exception() -> None:
    raised = set()
    for path in (*INTEGRATION.glob("*.py"), *INTEGRATION.glob("connections/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (keys := _keywords(node)).keys() >= {"translation_domain"}:
                raised.add(ast.literal_eval(keys["translation_key"]))
    assert raised == set(TEXTS["exceptions"])


def test_the_panel_has_every_text_that_it_asks_for() -> None:
    sources = "".join(path.read_text() for path in (INTEGRATION / "frontend").glob("*.js"))
    asked = set(re.findall(r'(?:\btexts?|_texts)\("([a-z_.]+)"', sources))
    assert "live.capture_saved" in asked
    assert asked <= {path.removeprefix(".") for path, _ in leaves(TEXTS["config_panel"])}
    assert set(TEXTS["config_panel"]["end"]) == set(RecordingEnd)


def test_every_counter_has_a_name_and_an_icon() -> None:
    keys = {description.translation_key for description in LINK_SENSORS}
    keys |= {description.key for description in RECORDING_SENSORS} | {LIVE_KEY}
    icons = json.loads((INTEGRATION / "icons.json").read_text())
    assert keys == set(TEXTS["entity"]["sensor"]) == set(icons["entity"]["sensor"])


def test_every_simulated_signal_has_a_name() -> None:
    assert set(PRESETS) == set(TEXTS["selector"]["signals"]["options"])


def test_home_assistant_accepts_what_a_unit_suggests() -> None:
    for written in UNITS:
        unit = usual_unit(written)
        device_class, state_class = suggest_classes(unit)
        if device_class is not None:
            assert unit in DEVICE_CLASS_UNITS[device_class], unit
            assert state_class in DEVICE_CLASS_STATE_CLASSES[device_class], unit
    assert [usual_unit(written) for written in ("degC", "VDC")] == ["°C", "V"]


def _keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
