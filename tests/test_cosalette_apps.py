"""An app that was written for cosalette 0.5 runs on the bridge as it is."""

from collections.abc import Callable, Iterator
import importlib
import json
import logging
from pathlib import Path
import sys
from types import ModuleType
from typing import Any

import pytest

from custom_components.fieldbridge.alias import BridgeAlias
from custom_components.fieldbridge.bridge import JsonFileStore, set_default_store_backend
from custom_components.fieldbridge.bridge.app.cli import load_app
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock

from .cosalette_player import play

DATA = Path(__file__).parent / "data"

type Importer = Callable[[Path], ModuleType]


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have only the modules that were there before, no alias that was not, and no store of the process."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    aliases = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "cosalette"}
    apps = {path.name.partition(".")[0] for path in DATA.rglob("*.py.txt")}
    yield
    set_default_store_backend(None)
    for name in list(sys.modules):
        if name.partition(".")[0] in {"cosalette", *apps}:
            del sys.modules[name]
    sys.modules.update(aliases)


# What differs on purpose, by app and topic: the reason, and what is published here.
ON_PURPOSE: dict[str, dict[str, tuple[str, list[object]]]] = {
    "weather": {},
    "meter": {},
    "heating": {
        "heating/valve/error": ("a device with commands comes back after its adapter was started again", []),
        "heating/valve/state": (
            "so its next command is carried out",
            [
                [{"open": False, "boiler": 1}, True],
                [{"open": True}, False],
                [{"open": False, "boiler": 2}, True],
                [{"open": False}, False],
            ],
        ),
        "heating/error": (
            "and there is one error less",
            [
                ["refused of target", False],
                ["bus of target", False],
                ["error of target", False],
                ["bus of flow", False],
            ],
        ),
    },
    "shades": {
        "shades/signal/availability": (
            "a stream is available while its link is up",
            [["offline", True], ["online", True], ["offline", True]],
        ),
        "shades/clock/tick": (
            "a device may end in good order",
            [[0, False], [5, False], [10, False], ["stopped True", False]],
        ),
    },
}


def by_topic(messages: list[list[Any]]) -> dict[str, list[object]]:
    """Return the messages by topic, without what both may say in words of their own."""
    topics: dict[str, list[object]] = {}
    for topic, payload, retain in messages:
        topics.setdefault(topic, []).append([comparable(topic, payload), retain])
    return topics


def comparable(topic: str, payload: Any) -> object:
    """Return what is the same in both: kinds of errors, the devices of a heartbeat, everything else as it is."""
    if topic.endswith("/error"):
        # Here an error is published in its words, there as the name of its class, unless the app knows it.
        kind = payload["error_type"].replace("invalid_payload", "error")
        return f"{kind} of {payload['device']}"
    if topic.endswith("/status") and isinstance(payload, dict):
        return {**payload, "devices": dict(sorted(payload["devices"].items()))}
    return payload


@pytest.fixture
def own_log() -> Iterator[None]:
    """Let an app have the log of the process for a while: it runs as its own program would."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("own_log")
@pytest.mark.parametrize("app", ON_PURPOSE)
async def test_an_app_publishes_here_what_it_publishes_there(imported: Importer, app: str) -> None:
    here = by_topic(await play(imported(DATA / "cosalette" / f"{app}.py.txt")))
    there = by_topic(json.loads((DATA / "cosalette" / f"{app}.json").read_text()))
    on_purpose = {topic: messages for topic, (_, messages) in ON_PURPOSE[app].items()}
    assert {topic: here.get(topic, []) for topic in on_purpose} == on_purpose
    assert {topic: said for topic, said in here.items() if topic not in on_purpose} == {
        topic: said for topic, said in there.items() if topic not in on_purpose
    }


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


def test_the_command_line_keeps_the_state_of_an_app_for_cosalette_where_that_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "contract.py"
    path.write_text('from cosalette import App\napp = App("tally")\n')
    store = load_app(path).store
    assert isinstance(store, JsonFileStore)
    store.save("door", {"opened": 1})
    assert json.loads((tmp_path / "tally" / "store.json").read_text()) == {"door": {"opened": 1}}


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
