"""The code that the documents show for recordings runs, on a recording that was really made."""

import csv
from pathlib import Path
import re
import sys
from types import ModuleType
from typing import Any, override

import pytest

from custom_components.fieldbridge.bridge.recordings import Catalogue, Limits, RecordingPlan
from tests.bridge.recordings.devices import room

ROOT = Path(__file__).parents[1]


class Pyplot(ModuleType):
    """Stands in for matplotlib, which nothing here needs otherwise."""

    def __init__(self) -> None:
        super().__init__("matplotlib.pyplot")
        self.calls: dict[str, tuple[Any, ...]] = {}

    @override
    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.update({name: args})


def block(document: str, beginning: str) -> str:
    """Return the block of code that begins so."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    return next(each for each in blocks if each.startswith(beginning))


def drawing(folder: Path) -> str:
    """Return the drawing that was made in a folder."""
    return (folder / "plot.svg").read_text()


async def record(folder: Path) -> None:
    """Record a room that becomes warmer."""
    described, device = room()
    catalogue = Catalogue(folder, Limits(keep_free=0))
    recording = await catalogue.start(RecordingPlan(title="Heating up", devices=[(described, device)]))
    for second in range(3):
        device.say(float(second), temp=20.0 + second)
    device.say(3.0, door=True)
    await recording.stop()


async def test_the_plot_of_the_readme_shows_the_recorded_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record(tmp_path)
    pyplot = Pyplot()
    monkeypatch.chdir(tmp_path)
    package = ModuleType("matplotlib")
    monkeypatch.setattr(package, "pyplot", pyplot, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", package)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)

    code = block("README.md", "import csv")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102

    assert len(code.splitlines()) <= 11, "ten lines, one of them empty"
    times, values = pyplot.calls["plot"]
    assert values == [20.0, 21.0, 22.0]
    assert [(time - times[0]).total_seconds() for time in times] == [0.0, 1.0, 2.0]
    assert times[0].tzinfo is not None
    assert "savefig" in pyplot.calls


async def test_the_drawing_of_the_documents_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await record(tmp_path / "recordings")
    monkeypatch.chdir(tmp_path)
    code = block("docs/recordings.md", "from pathlib")

    exec(compile(code.replace("from fieldbridge.", "from custom_components.fieldbridge.bridge."), "docs", "exec"), {})  # noqa: S102

    assert "Temperature [°C]" in drawing(tmp_path)


def test_the_polled_recording_of_the_documents_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = block("docs/recordings.md", "import asyncio")

    exec(compile(code.replace("from fieldbridge.", "from custom_components.fieldbridge.bridge."), "docs", "exec"), {})  # noqa: S102

    with (tmp_path / "oven.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    skipped = 10 - len(rows)  # a busy machine may miss some
    assert rows[0]["device"] == "oven"
    assert 180 <= float(rows[0]["value"]) <= 181
    assert f"samples_emitted={len(rows)}, samples_late={skipped}" in capsys.readouterr().out
