"""An app that was written for cosalette 0.5 runs on the bridge as it is."""

from collections.abc import Callable, Iterator
import importlib
import json
from pathlib import Path
import sys
from types import ModuleType

import pytest

from custom_components.fieldbridge.alias import BridgeAlias
from custom_components.fieldbridge.bridge.app.cli import load_app
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

DATA = Path(__file__).parent / "data"

type Importer = Callable[[Path], ModuleType]


@pytest.fixture(autouse=True)
def no_names_are_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have only the modules that were there before, and no alias that was not."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    aliases = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "cosalette"}
    apps = {path.name.partition(".")[0] for path in DATA.rglob("*.py.txt")}
    yield
    for name in list(sys.modules):
        if name.partition(".")[0] in {"cosalette", *apps}:
            del sys.modules[name]
    sys.modules.update(aliases)


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    """Imports the text of an app where ``cosalette`` is a name of the bridge."""
    sys.path.insert(0, str(tmp_path))
    sys.meta_path.insert(0, BridgeAlias("cosalette"))

    def import_app(source: Path) -> ModuleType:
        name = source.name.removesuffix(".py.txt")
        (tmp_path / f"{name}.py").write_text(source.read_text())
        return importlib.import_module(name)

    return import_app


def test_the_command_line_runs_an_app_for_cosalette_where_that_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "greenhouse.py"
    path.write_text((DATA / "greenhouse.py.txt").read_text())
    assert load_app(path).name == "greenhouse"


@pytest.fixture
def greenhouse(imported: Importer) -> ModuleType:
    return imported(DATA / "greenhouse.py.txt")


def test_the_contract_of_an_app_is_the_document_that_cosalette_makes(imported: Importer) -> None:
    document = json.loads((DATA / "cosalette" / "contract.asyncapi.json").read_text())
    assert imported(DATA / "cosalette" / "contract.py.txt").app.asyncapi() == document


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
