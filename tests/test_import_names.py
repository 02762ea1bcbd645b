"""Inside Home Assistant ``fieldbridge`` and ``cosalette`` are names of the one bridge, never copies of it."""

from collections.abc import Iterator
import importlib
from importlib.util import find_spec, module_from_spec
from pathlib import Path
import pkgutil
import sys
from types import ModuleType
import warnings

import pytest

from custom_components.fieldbridge import bridge
from custom_components.fieldbridge.alias import BridgeAlias, install_aliases
from custom_components.fieldbridge.bridge import alias as bridge_alias

NAMES = sorted(
    module.name.removeprefix(f"{bridge.__name__}.")
    for module in pkgutil.walk_packages(bridge.__path__, f"{bridge.__name__}.")
    if not module.name.endswith("__main__")
)


@pytest.fixture(autouse=True)
def aliases() -> Iterator[None]:
    """Have the names for the length of a test."""
    finders = list(sys.meta_path)
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if is_alias(name)}
    sys.meta_path[:] = [finder for finder in finders if not isinstance(finder, BridgeAlias)]
    install_aliases()
    yield
    for name in list(filter(is_alias, sys.modules)):
        del sys.modules[name]
    sys.modules.update(known)
    sys.meta_path[:] = finders


def is_alias(module: str) -> bool:
    """Whether a module has one of the names that are given to the bridge."""
    return module.partition(".")[0] in {"fieldbridge", "cosalette"}


@pytest.mark.parametrize("alias", ["fieldbridge", "cosalette"])
def test_every_module_is_the_bridges_own(alias: str) -> None:
    own = {name: module for name in NAMES if (module := import_or_none(f"{bridge.__name__}.{name}")) is not None}
    assert {"app", "testing", "filters", "mqtt", "schema", "stores", "strategies", "persist"} <= own.keys()

    copies = [name for name, module in own.items() if importlib.import_module(f"{alias}.{name}") is not module]
    renamed = [name for name, module in own.items() if getattr(module.__spec__, "name", "") != module.__name__]

    assert not copies
    assert not renamed


def import_or_none(name: str) -> ModuleType | None:
    """Return a module, None for one that needs what is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def test_two_threads_that_import_a_module_by_two_names_leave_it_as_it_is() -> None:
    module = importlib.import_module(f"{bridge.__name__}.topics")
    own = module.__spec__
    # The steps of the import system, as two threads may take them.
    specs = [find_spec(f"{alias}.topics") for alias in ("fieldbridge", "cosalette")]
    found = [(spec.loader, module_from_spec(spec)) for spec in specs if spec is not None]
    for loader, each in found:
        assert isinstance(loader, BridgeAlias)
        assert each is module
        loader.exec_module(each)

    assert len(found) == 2
    assert module.__spec__ is own


@pytest.mark.parametrize("alias", ["fieldbridge", "cosalette"])
def test_the_package_itself_is_the_bridge(alias: str) -> None:
    assert importlib.import_module(alias) is bridge
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert importlib.import_module(alias).App is bridge.App


def test_a_module_that_the_bridge_does_not_have_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match="nothing_of_ours"):
        importlib.import_module("fieldbridge.nothing_of_ours")


def test_an_installed_cosalette_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cosalette").mkdir()
    (tmp_path / "cosalette" / "__init__.py").write_text("REAL = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert importlib.import_module("cosalette").REAL
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("cosalette.testing")


def test_a_folder_called_like_an_alias_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fieldbridge" / "apps").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)

    assert importlib.import_module("fieldbridge") is bridge


def test_installing_twice_changes_nothing() -> None:
    before = list(sys.meta_path)
    install_aliases()
    assert sys.meta_path == before


def test_both_names_are_there_whichever_was_asked_for_first() -> None:
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, BridgeAlias)]
    bridge_alias.install_aliases()
    install_aliases()
    install_aliases()
    found = [finder.name for finder in sys.meta_path if isinstance(finder, BridgeAlias)]
    assert sorted(found) == ["cosalette", "fieldbridge"]


def test_what_was_asked_for_last_is_called_when_an_app_for_cosalette_is_imported() -> None:
    imports: list[str] = []
    for name in ("first", "second", "first"):

        def note(name: str = name) -> None:
            imports.append(name)

        bridge_alias.install_aliases(on_cosalette=note)
        install_aliases()
        bridge_alias.install_aliases(on_cosalette=note)
        importlib.import_module("cosalette")
    assert imports == ["first", "second", "first"]
