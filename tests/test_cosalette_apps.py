"""An app that was written for cosalette 0.5 runs on the bridge as it is."""

from collections.abc import Iterator
import importlib
import json
from pathlib import Path
import sys
from types import ModuleType

import pytest

from custom_components.fieldbridge.alias import BridgeAlias
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

SOURCE = Path(__file__).parent / "data" / "greenhouse.py.txt"


@pytest.fixture
def greenhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The app, imported where ``cosalette`` is a name of the bridge."""
    (tmp_path / "greenhouse.py").write_text(SOURCE.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [BridgeAlias("cosalette"), *sys.meta_path])
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "cosalette"}
    yield importlib.import_module("greenhouse")
    for name in list(sys.modules):
        if name.partition(".")[0] in {"cosalette", "greenhouse"}:
            del sys.modules[name]
    sys.modules.update(known)


async def test_an_app_for_cosalette_does_here_what_it_does_there(greenhouse: ModuleType) -> None:
    clock = ManualClock()
    harness = AppHarness(greenhouse.app, MockMqttClient(), clock, greenhouse.GreenhouseSettings.from_values())

    async with harness.running():
        await harness.inject_command("valve", '{"command": "open", "seconds": 5}')
        await harness.inject_command("door/bolt", "lock")
        await clock.advance(9)
        await harness.inject_command("air", '{"why": "hot"}')
        await clock.advance(1)
        await harness.inject_command("valve", '{"command": "close"}')
        await clock.advance(30)

    def states(device: str) -> list[object]:
        return [json.loads(text) if text else None for text in harness.messages_for(f"greenhouse/{device}/state")]

    assert states("air")[:2] == [{"celsius": 21.0, "most": 21.0}, {"celsius": 23.0, "most": 23.0}]
    assert states("tomato") == [{"moisture": 6.0}]
    assert states("basil") == [{"moisture": 5.0}]
    assert states("garden/level") == [{"value": 0.5}]
    assert states("valve") == [{"open": True, "seconds": 5}, {"open": False}]
    assert states("door/bolt") == [{"locked": True}, None]
    assert states("radio") == [{"level": 1.0}, {"level": 50.5}, {"level": 2.0}, {"level": 3.0}]
    assert harness.messages_for("greenhouse/door/bolt/availability") == ["online", "offline"]
    lines = greenhouse.journal.lines
    assert (lines[0], lines[-1]) == ("up with 2 beds", "down")
    assert {"water for 5 s", "air: hot", "tidied"} <= set(lines)
