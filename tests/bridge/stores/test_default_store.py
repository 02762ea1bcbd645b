"""Apps that name no store have none, unless somebody said what it is to be and where."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from custom_components.fieldbridge.bridge import App, DeviceStore, JsonFileStore, SqliteStore, set_default_store_backend
from custom_components.fieldbridge.bridge.embedding import embedded
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.persist import SaveOnPublish
from custom_components.fieldbridge.bridge.stores import MemoryStore
from custom_components.fieldbridge.bridge.testing import AppHarness, ManualClock, make_settings


@pytest.fixture(autouse=True)
def state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A place for the state of apps, and no backend left behind."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield tmp_path
    set_default_store_backend(None)


def remembering(places: list[Path]) -> Callable[[Path], MemoryStore]:
    """Return a backend that keeps nothing but the places that it was given."""

    def backend(path: Path) -> MemoryStore:
        places.append(path)
        return MemoryStore()

    return backend


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    app = App("house")
    assert (app.store, app.store_is_default) == (None, True)
    set_default_store_backend(JsonFileStore)
    assert App("house").store is not None
    assert App("house", store=None).store is None
    store = MemoryStore()
    assert (App("house", store=store).store, App("house", store=store).store_is_default) == (store, False)
    set_default_store_backend(None)
    assert App("house").store is None


async def test_an_app_that_names_no_store_keeps_its_state_in_the_default_one(state_folder: Path) -> None:
    set_default_store_backend(SqliteStore)
    for total in (1, 2):
        app = App("house")

        @app.telemetry("meter", interval=60, persist=SaveOnPublish())
        async def meter(store: DeviceStore) -> dict[str, object]:
            store["total"] = store.get("total", 0) + 1
            return {"total": store["total"]}

        harness = AppHarness(app, MockMqttClient(), ManualClock(), make_settings())
        async with harness.running():
            while not harness.messages_for("house/meter/state"):  # noqa: ASYNC110 - a real thread reads the store
                await asyncio.sleep(0.001)
        harness.assert_state("house/meter/state", {"total": total}, count=1)
        assert isinstance(app.store, SqliteStore)
        app.store.close()
    assert (state_folder / "house" / "store.json").exists()


@pytest.mark.parametrize(
    ("app", "variable"), [("my-app", "MY_APP_STORE_PATH"), ("1wire", "_1WIRE_STORE_PATH"), ("a/b", "A_B_STORE_PATH")]
)
def test_the_environment_may_say_where(monkeypatch: pytest.MonkeyPatch, app: str, variable: str) -> None:
    monkeypatch.setenv(variable, "/somewhere/else.json")
    places: list[Path] = []
    set_default_store_backend(remembering(places))
    App(app)
    assert places == [Path("/somewhere/else.json")]


@pytest.mark.parametrize("name", ["..", ".. ", "a/b", "a\\b", "C:"])
def test_the_name_of_an_app_never_leads_out_of_the_folder(name: str) -> None:
    set_default_store_backend(JsonFileStore)
    with pytest.raises(ValueError, match="no name of a folder for its store"):
        App(name)


def test_a_guest_decides_for_itself_alone_and_stays_in_the_folder_of_its_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUSE_STORE_PATH", "/somewhere/else.json")
    places: list[Path] = []
    with embedded({}, tmp_path / "state"):
        set_default_store_backend(remembering(places))
        App("house")
    with embedded({}, tmp_path / "state"):
        assert App("house").store is None
    assert App("house").store is None
    assert places == [tmp_path / "state" / "house" / "store.json"]
