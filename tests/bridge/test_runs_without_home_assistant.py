"""The bridge lives alone: in a process that has no Home Assistant it loads under its own name and runs an app."""

from pathlib import Path
import subprocess
import sys

BRIDGE = Path(__file__).parents[2] / "custom_components" / "fieldbridge" / "bridge"

LOAD = """
import importlib, importlib.util, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("homeassistant", "custom_components"):
            raise ModuleNotFoundError(f"{name} must not be imported here")

sys.meta_path.insert(0, Absent())
folder = sys.argv[1]
spec = importlib.util.spec_from_file_location(
    "fieldbridge", f"{folder}/__init__.py", submodule_search_locations=[folder]
)
fieldbridge = importlib.util.module_from_spec(spec)
sys.modules["fieldbridge"] = fieldbridge
spec.loader.exec_module(fieldbridge)
"""

IMPORT_EVERYTHING = """
for module in pkgutil.walk_packages(fieldbridge.__path__, "fieldbridge."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name in fieldbridge.__all__:
    getattr(fieldbridge, name)
print("imported")
"""

RUN_AN_APP = """
import asyncio
from fieldbridge import App, DeviceContext, MockMqttClient, Stream, StreamablePort

class Scale:
    async def open(self): pass
    async def close(self): pass
    async def start_scan(self):
        for grams in (1, 2, 3):
            self.deliver(grams)
    async def stop_scan(self): pass
    def register_callback(self, cb): self.deliver = cb

app = App("demo")
app.adapter(StreamablePort[int], Scale)
done = asyncio.Event()
seen = set()

def finished(what):
    seen.add(what)
    if seen == {"room", "scale"}:
        done.set()

@app.telemetry("room", interval=60.0)
async def room() -> dict[str, object]:
    finished("room")
    return {"celsius": 21.5}

@app.stream("scale")
async def scale(stream: Stream[int], ctx: DeviceContext):
    async for grams in stream:
        await ctx.publish_state({"grams": grams})
        if grams == 3:
            finished("scale")
        yield

mqtt = MockMqttClient()
asyncio.run(app.run_async(mqtt=mqtt, shutdown_event=done, embedded=True))
states = [(topic, payload) for topic, payload, _, _ in mqtt.published if topic.endswith("/state")]
assert ("demo/room/state", '{"celsius":21.5}') in states, states
assert [p for t, p in states if t == "demo/scale/state"] == [f'{{"grams":{n}}}' for n in (1, 2, 3)], states
print("ran")
"""

IMPORT_APP_ALONE = """
import asyncio
before = set(sys.modules)
app = fieldbridge.App("demo")
heavy = {"numba", "numpy", "aiomqtt", "pydantic", "pydantic_settings", "typer", "serialx", "sqlite3"}
print(sorted(heavy & (set(sys.modules) - before)))
"""


def run_alone(script: str) -> str:
    """Run a script with the bridge loaded as ``fieldbridge``; returns what it prints."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD + script, str(BRIDGE)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd="/",
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_every_module_loads() -> None:
    assert run_alone(IMPORT_EVERYTHING) == "imported"


def test_an_app_runs_to_completion() -> None:
    assert run_alone(RUN_AN_APP) == "ran"


def test_app_alone_loads_nothing_heavy() -> None:
    assert run_alone(IMPORT_APP_ALONE) == "[]"
