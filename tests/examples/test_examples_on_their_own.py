"""Every example runs without Home Assistant, against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import shutil
import signal
import sys
from typing import Any

import aiomqtt
import pytest

from tests.mosquitto import Mosquitto

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def environment(tmp_path: Path, mosquitto: Mosquitto) -> dict[str, str]:
    """An environment in which the bridge is a package of its own, as the wheel makes it one."""
    (tmp_path / "site" / "fieldbridge").parent.mkdir()
    (tmp_path / "site" / "fieldbridge").symlink_to(ROOT / "custom_components" / "fieldbridge" / "bridge")
    broker = {"MQTT__HOST": mosquitto.host, "MQTT__PORT": str(mosquitto.port)}
    return {**os.environ, **broker, "PYTHONPATH": str(tmp_path / "site")}


@asynccontextmanager
async def running(name: str, environment: dict[str, str], folder: Path) -> AsyncIterator[aiomqtt.Client]:
    """Run a copy of an example, so that what it stores does not lie among the examples."""
    file = shutil.copy(ROOT / "examples" / f"{name}.py", folder)
    async with aiomqtt.Client(environment["MQTT__HOST"], int(environment["MQTT__PORT"])) as broker:
        await broker.subscribe(f"{name}/#")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fieldbridge", "run", file, env=environment, cwd=folder
        )
        try:
            async with asyncio.timeout(30):
                yield broker
        finally:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


async def state_of(broker: aiomqtt.Client, topic: str, **expected: object) -> dict[str, Any]:
    """Return the first state on a topic that holds what is expected."""
    async for message in broker.messages:
        if str(message.topic) == topic:
            state: dict[str, Any] = json.loads(str(message.payload, "utf-8"))
            if expected.items() <= state.items():
                return state
    raise AssertionError("the broker is gone")


async def test_the_machine_says_how_busy_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    async with running("machine", {**environment, "INTERVAL": "0.5"}, tmp_path) as broker:
        state = await state_of(broker, "machine/machine/state")

    assert state["disk_free"] > 0
    assert state.keys() == {"load", "disk_free", "disk_low"}


async def test_the_scale_shows_no_nonsense_and_remembers(environment: dict[str, str], tmp_path: Path) -> None:
    async with running("scale", environment, tmp_path) as broker:
        state = await state_of(broker, "scale/scale/state")

    assert state["weight"] == pytest.approx(500, abs=10)
    assert json.loads((tmp_path / "scale.json").read_text())["scale"]["heaviest"] >= state["heaviest"]


async def test_the_garage_obeys(environment: dict[str, str], tmp_path: Path) -> None:
    async with running("garage", environment, tmp_path) as broker:
        await state_of(broker, "garage/door/state", position=0, moving=False)
        await broker.publish("garage/door/set", "20")
        await state_of(broker, "garage/door/state", position=20, moving=False)
        await broker.publish("garage/lamp/set", "ON")
        await state_of(broker, "garage/lamp/state", on=True)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_read_at_a_glance(file: Path) -> None:
    assert len(file.read_text().splitlines()) < 60


def test_every_example_is_tested() -> None:
    assert {file.stem for file in EXAMPLES} == {"machine", "scale", "garage"}
