"""The wheel: an app runs from it on a machine that has nothing else of this project, and no Home Assistant."""

import asyncio
from pathlib import Path
import signal
import subprocess
import sys
from typing import Protocol

import aiomqtt
import pytest

ROOT = Path(__file__).parents[2]

APP = """
from fieldbridge import App

class Thermometer:
    def celsius(self):
        raise OSError("no thermometer here")

class Pretended(Thermometer):
    def celsius(self):
        return 21.5

app = App("roof", "1.2.3")
app.adapter(Thermometer, Thermometer, dry_run=Pretended)

@app.telemetry("sun", interval=60.0)
async def sun(thermometer: Thermometer) -> dict[str, object]:
    return {"celsius": thermometer.celsius()}
"""


class Broker(Protocol):
    """What these tests need of the broker's fixture."""

    host: str
    port: int


def run(*command: str | Path, cwd: Path = ROOT, expect: int = 0) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def private_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel and its requirements alone."""
    folder = tmp_path_factory.mktemp("wheel")
    with_index = 'source scripts/lib/env.sh; use_pip_index; exec uv "$@"'

    def uv(*arguments: str | Path) -> None:
        run("bash", "-c", with_index, "uv", *arguments)

    uv("build", "--wheel", "--quiet", "--out-dir", folder / "dist")
    uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
    (wheel,) = (folder / "dist").glob("*.whl")
    uv("pip", "install", "--quiet", "--python", folder / "venv" / "bin" / "python", wheel)
    return folder / "venv" / "bin"


@pytest.fixture
def app_file(tmp_path: Path) -> Path:
    file = tmp_path / "roof_app.py"
    file.write_text(APP)
    return file


def test_nothing_of_home_assistant_comes_with_it(private_bin: Path) -> None:
    find = "import importlib.util as u; print([n for n in ('fieldbridge', 'homeassistant', 'numpy') if u.find_spec(n)])"
    assert run(private_bin / "python", "-c", find, cwd=private_bin) == "['fieldbridge']"


def test_it_brings_its_types(private_bin: Path) -> None:
    (package,) = private_bin.parent.glob("lib/*/site-packages/fieldbridge")
    assert (package / "py.typed").exists()
    assert (package / "__init__.pyi").exists()


def test_an_app_says_what_it_is(private_bin: Path, app_file: Path) -> None:
    assert run(private_bin / "fieldbridge", "run", app_file, "--version") == "roof v1.2.3"
    listed = run(private_bin / "python", "-m", "fieldbridge", "run", app_file, "--show-devices", cwd=app_file.parent)
    assert listed.split() == ["sun", "telemetry", "sun"]


async def test_an_app_runs_until_it_is_told_to_stop(private_bin: Path, app_file: Path, mosquitto: Broker) -> None:
    folder = app_file.parent
    (folder / ".env").write_text(f"MQTT__HOST={mosquitto.host}\nMQTT__PORT={mosquitto.port}\n")
    program = str(private_bin / "fieldbridge")
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as subscriber:
        await subscriber.subscribe("roof/sun/state")
        running = await asyncio.create_subprocess_exec(program, "run", app_file, "--dry-run", cwd=folder)
        try:
            async with asyncio.timeout(20):
                message = await anext(subscriber.messages)
            assert message.payload == b'{"celsius":21.5}'
            health = await asyncio.to_thread(run, program, "run", app_file, "health", cwd=folder)
            assert '"version":"1.2.3"' in health
        finally:
            running.send_signal(signal.SIGTERM)
            assert await running.wait() == 0
    assert await asyncio.to_thread(run, program, "run", app_file, "health", cwd=folder, expect=3) == "offline"
