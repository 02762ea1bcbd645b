"""What people see of the public names: signatures at run time, types in their checker."""

import ast
import inspect
import os
from pathlib import Path
import subprocess
import sys
import typing

import pytest

from custom_components.fieldbridge import bridge
from custom_components.fieldbridge.bridge import App
from custom_components.fieldbridge.bridge.settings import Settings

ROOT = Path(__file__).parents[2]
STUB = Path(str(bridge.__file__)).with_suffix(".pyi")

USER = """
from typing import assert_type

from fieldbridge import App, Command, DeviceContext, Every, OnChange, PublishStrategy, Settings, Stream

app = App("roof", settings_class=Settings)
strategy: PublishStrategy = Every(seconds=1) | OnChange()


@app.telemetry("sun", interval=10, publish=strategy)
async def sun() -> dict[str, object]:
    return {"lux": 1}


@app.device("pump")
async def pump(ctx: DeviceContext) -> None:
    @ctx.on_command
    async def take(command: Command) -> None:
        assert_type(command.payload, str)


async def read(stream: Stream[float]) -> None:
    async for value in stream:
        assert_type(value, float)


async def call() -> None:
    assert_type(await sun(), dict[str, object])
    assert_type(app.settings.mqtt.port, int)
    app.telemetry(intervall=10)
"""


def public_functions() -> list[object]:
    """Return the public classes and functions, and the public methods of the classes."""
    found: list[object] = []
    for name in bridge.__all__:
        value = getattr(bridge, name)
        if isinstance(value, type) and not issubclass(value, Settings.__mro__[-2]):
            methods = inspect.getmembers(value, inspect.isfunction)
            found += [method for key, method in methods if not key.startswith("_") or key == "__init__"]
        if inspect.isfunction(value) or isinstance(value, type):
            found.append(value)
    # numpy, which the filters' blocks are annotated with, need not be there.
    return [each for each in found if getattr(each, "__name__", "") != "block"]


def test_signatures_and_types_of_all_public_names_can_be_asked_for() -> None:
    functions = public_functions()
    assert len(functions) > 200
    for function in functions:
        assert callable(function)
        inspect.signature(function)
        typing.get_type_hints(function)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has installed the bridge as ``fieldbridge``."""
    library = tmp_path / "lib"
    library.mkdir()
    (library / "fieldbridge").symlink_to(STUB.parent)
    return {**os.environ, "MYPYPATH": str(library), "PYTHONPATH": str(library)}


def test_an_app_shows_its_default_settings_class() -> None:
    signature = inspect.signature(App)
    assert list(signature.parameters)[:4] == ["name", "version", "description", "settings_class"]
    assert signature.parameters["settings_class"].default is Settings
    assert App("a").settings_class is Settings


def test_an_app_without_settings_of_its_own_is_made_without_pydantic(tmp_path: Path, installed: dict[str, str]) -> None:
    ask = "import sys; from fieldbridge import App; App('a'); print('pydantic' in sys.modules)"
    command = [sys.executable, "-c", ask]
    done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_stub_and_the_table_name_the_same() -> None:
    named = {
        node.module: tuple(alias.name for alias in node.names)
        for node in ast.parse(STUB.read_text()).body
        if isinstance(node, ast.ImportFrom)
    }
    assert named == vars(bridge)["_WHERE"]
    (everything,) = (node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.Assign))
    assert ast.literal_eval(everything.value) == bridge.__all__
    assert STUB.with_name("py.typed").exists()


@pytest.mark.timeout(180)
def test_the_type_checker_of_a_user_knows_the_types(tmp_path: Path, installed: dict[str, str]) -> None:
    (tmp_path / "user.py").write_text(USER)
    examples = map(str, sorted((ROOT / "examples").glob("*.py")))
    checker = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="]
    command = [*checker, "user.py", *examples]
    done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=False)
    (mistake,) = (line for line in done.stdout.splitlines() if " error: " in line)
    assert mistake.startswith('user.py:30: error: Unexpected keyword argument "intervall" for "telemetry"')
