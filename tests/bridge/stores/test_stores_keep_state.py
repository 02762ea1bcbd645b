"""What a store keeps, what it leaves alone, and that saving at the same time loses nothing."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import threading
from typing import override

import pytest

from custom_components.fieldbridge.bridge.interfaces import Store
from custom_components.fieldbridge.bridge.persist import (
    AllSavePolicy,
    AnySavePolicy,
    SaveOnChange,
    SaveOnPublish,
    SaveOnShutdown,
)
from custom_components.fieldbridge.bridge.stores import (
    DeviceStore,
    JsonFileStore,
    MemoryStore,
    NullStore,
    SqliteStore,
)

type Open = Callable[[], Store]


@pytest.fixture(params=["json", "sqlite"])
def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open a store on one and the same file as often as called."""
    opened: list[SqliteStore] = []

    def open_store() -> Store:
        if request.param == "json":
            return JsonFileStore(tmp_path / "deep" / "state.json")
        opened.append(SqliteStore(tmp_path / "deep" / "state.db"))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def check_keeping(store: Store) -> None:
    assert store.load("room") is None
    store.save("room", {"total": 1})
    store.save("cellar", {"total": 2})
    store.save("room", {"total": 3})
    assert (store.load("room"), store.load("cellar")) == ({"total": 3}, {"total": 2})
    assert isinstance(store, Store)


def test_what_was_saved_is_loaded(on_disk: Open) -> None:
    check_keeping(on_disk())


def test_memory_keeps_what_was_saved() -> None:
    check_keeping(MemoryStore())


def test_state_outlives_the_process(on_disk: Open) -> None:
    on_disk().save("room", {"total": 1})
    assert on_disk().load("room") == {"total": 1}


def test_two_threads_that_save_different_keys_lose_nothing(on_disk: Open) -> None:
    lost: list[int] = []

    def save_and_look(key: str, store: Store) -> None:
        for number in range(40):
            store.save(key, {"number": number})
            if store.load(key) != {"number": number}:
                lost.append(number)

    # Two stores on one file, as two apps have them.
    threads = [threading.Thread(target=save_and_look, args=(key, on_disk())) for key in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []


def test_a_null_store_keeps_nothing() -> None:
    store = NullStore()
    store.save("room", {"total": 1})
    assert store.load("room") is None


def test_a_memory_store_shares_nothing_with_its_callers() -> None:
    initial: dict[str, dict[str, object]] = {"room": {"list": [1]}}
    store = MemoryStore(initial)
    loaded = store.load("room")
    assert loaded is not None
    loaded["list"] = []
    initial["room"]["list"] = []
    assert store.load("room") == {"list": [1]}
    assert repr(store) == "MemoryStore(keys=['room'])"


@pytest.mark.parametrize("content", ["{broken", "[1, 2]", "\udcff"])
def test_an_unreadable_file_is_told_and_then_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    store = JsonFileStore(path)
    assert store.load("room") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    store.save("room", {"total": 1})
    assert json.loads(path.read_text()) == {"room": {"total": 1}}


def test_a_failed_save_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    store = JsonFileStore(tmp_path / "state.json")
    store.save("room", {"total": 1})
    with pytest.raises(TypeError):
        store.save("room", {"total": object()})
    assert store.load("room") == {"total": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_the_rights_of_an_existing_folder_are_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    JsonFileStore(tmp_path / "state.json").save("room", {})
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_closed_database_can_be_closed_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.close()
    store.close()


class TestDeviceStore:
    """The dict-like part of a store that belongs to one device."""

    def test_nothing_works_before_load(self) -> None:
        store = DeviceStore(MemoryStore(), "room")
        with pytest.raises(RuntimeError, match=r"DeviceStore.load\(\) must be called"):
            store.get("total")

    def test_it_behaves_like_a_dict(self) -> None:
        store = DeviceStore(MemoryStore({"room": {"a": 1}}), "room")
        store.load()
        store["b"] = 2
        store.update({"c": 3}, d=4)
        assert store.setdefault("e", 5) == 5
        del store["a"]
        assert "a" not in store
        assert store.get("a", 0) == 0
        assert store.to_dict() == {"b": 2, "c": 3, "d": 4, "e": 5} == dict(store.items())
        assert list(store) == list(store.keys())
        assert (len(store), sum(store.values())) == (4, 14)

    @pytest.mark.parametrize(
        ("change", "dirty"),
        [
            (lambda store: store.get("a"), False),
            (lambda store: store.setdefault("a", 2), False),
            (lambda store: store.update({}), False),
            (lambda store: store.setdefault("b", 2), True),
            (lambda store: store.update(b=2), True),
            (lambda store: store.__setitem__("a", 2), True),
            (lambda store: store.__delitem__("a"), True),
            (lambda store: store.mark_dirty(), True),
        ],
    )
    def test_changes_make_it_dirty_and_saving_clean(self, change: Callable[[DeviceStore], object], dirty: bool) -> None:
        store = DeviceStore(MemoryStore({"room": {"a": 1}}), "room")
        store.load()
        change(store)
        assert store.dirty is dirty
        store.save()
        assert not store.dirty

    def test_a_failed_save_leaves_it_dirty(self) -> None:
        class Full(MemoryStore):
            @override
            def save(self, key: str, data: dict[str, object]) -> None:
                raise OSError("disk full")

        store = DeviceStore(Full(), "room")
        store.load()
        store["a"] = 1
        with pytest.raises(OSError, match="disk full"):
            store.save()
        assert store.dirty

    def test_what_changes_while_it_is_written_is_written_next_time(self) -> None:
        backend = MemoryStore()
        store = DeviceStore(backend, "room")
        store.load()
        store["list"] = [1]
        write = store.prepare_save()
        store["list"].append(2)
        store.mark_dirty()
        write()
        assert backend.load("room") == {"list": [1]}
        assert store.dirty


def test_policies_say_when_to_save() -> None:
    store = DeviceStore(MemoryStore(), "room")
    store.load()
    assert SaveOnPublish().should_save(store, published=True)
    assert not (SaveOnPublish() & SaveOnChange()).should_save(store, published=True)
    assert not SaveOnShutdown().should_save(store, published=True)
    store["a"] = 1
    assert (SaveOnShutdown() | SaveOnChange()).should_save(store, published=False)
    assert repr(SaveOnPublish() | SaveOnChange() | SaveOnShutdown()) == (
        "AnySavePolicy(SaveOnPublish(), SaveOnChange(), SaveOnShutdown())"
    )
    for kind in (AnySavePolicy, AllSavePolicy):
        with pytest.raises(ValueError, match="at least one child"):
            kind()


def test_a_device_store_shows_whose_it_is_and_not_what_it_keeps() -> None:
    store = DeviceStore(MemoryStore({"room": {"pin": "secret"}}), "room")
    store.load()
    store["celsius"] = 21
    assert repr(store) == "DeviceStore(key='room', dirty=True)"


def test_a_save_that_comes_late_does_not_replace_a_newer_one() -> None:
    backend = MemoryStore()
    store = DeviceStore(backend, "room")
    store.load()
    store["total"] = 1
    first = store.prepare_save()
    store["total"] = 2
    second = store.prepare_save()

    second()  # threads begin in any order
    first()

    assert backend.load("room") == {"total": 2}
    assert not store.dirty
