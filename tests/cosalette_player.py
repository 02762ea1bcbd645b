"""Runs an app for cosalette through a script of moments and messages, and tells what it published.

Run where cosalette 0.5.10 is installed, this prints what the files in ``data/cosalette`` hold:
``python cosalette_player.py data/cosalette/heating.py.txt > data/cosalette/heating.json``.
"""

import asyncio
import importlib
import json
from pathlib import Path
import shutil
import sys
import tempfile
from types import ModuleType
from typing import Any

TURNS = 100
"""Turns of the loop in which everything that needs no time is done."""

type Step = float | tuple[str, str]
"""Seconds to let pass, or a message: its topic and payload."""


class PlayedClock:
    """Time passes when the player says so; of those that are due at once, who waited first goes first."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Return the seconds that were played."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the player has come so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._now + seconds, asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1]
        finally:
            self._sleepers.remove(sleeper)

    async def advance(self, seconds: float) -> None:
        """Let time pass, from one sleeper to the next."""
        end = self._now + seconds
        await settle()
        while due := [each for each in self._sleepers if each[0] <= end + 1e-6 and not each[1].done()]:
            self._now, wake = min(due, key=lambda each: each[0])
            wake.set_result(None)
            await settle()
        self._now = end


async def settle() -> None:
    """Let everything happen that needs no time."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def play(module: ModuleType) -> list[list[Any]]:
    """Return [topic, payload, retain] of all that ``module.app`` published while ``module.SCRIPT`` was played."""
    testing = importlib.import_module("cosalette.testing")
    mqtt, clock, shutdown = testing.MockMqttClient(), PlayedClock(), asyncio.Event()
    settings = module.app.settings_class(_env_file=None, **getattr(module, "SETTINGS", {}))
    running = asyncio.create_task(
        module.app._run_async(mqtt=mqtt, settings=settings, shutdown_event=shutdown, clock=clock)  # noqa: SLF001
    )
    await clock.advance(0)
    for step in module.SCRIPT:
        if isinstance(step, tuple):
            await mqtt.deliver(*step)
            await clock.advance(0)
        else:
            await clock.advance(step)
    shutdown.set()
    await clock.advance(0)
    await running
    published = [[topic, readable(payload), retain] for topic, payload, retain, _ in mqtt.published]
    # The contract on a topic, which App.asyncapi() returns as well.
    return [message for message in published if not message[0].endswith("/_meta/registry")]


def readable(payload: str) -> Any:
    """Return what a payload says, without what no two runs have in common."""
    try:
        said = json.loads(payload)
    except ValueError:
        return payload
    if isinstance(said, dict):
        for passing in ("timestamp", "uptime_s", "id"):
            said.pop(passing, None)
    return said


def imported(source: Path, folder: Path) -> ModuleType:
    """Return the app of a ``.py.txt``, imported from a copy in ``folder``."""
    name = source.name.removesuffix(".py.txt")
    shutil.copy(source, folder / f"{name}.py")
    sys.path.insert(0, str(folder))
    return importlib.import_module(name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        messages = asyncio.run(play(imported(Path(sys.argv[1]), Path(place))))
    sys.stdout.write("[" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in messages) + "]\n")
