"""The store of apps that name none, for those that ask for one: ``set_default_store_backend(SqliteStore)``."""

from collections.abc import Callable
import os
from pathlib import Path
import re

from ..embedding import Guest, guest
from ..interfaces import Store
from .json_file import JsonFileStore

type StoreBackend = Callable[[Path], Store]
"""Makes a store at a path, which need not exist yet."""

# Of an app on its own; a guest has its own, so that apps in one process do not decide for each other.
_alone = Guest({})


def set_default_store_backend(factory: StoreBackend | None) -> None:
    """Have apps that are made from now on without ``store=`` keep their state in ``factory(path)``; None ends that.

    The path is ``$<NAME>_STORE_PATH``, else ``<app>/store.json`` below ``$XDG_STATE_HOME`` or ``~/.local/state``. An
    embedded app's is below the folder of its host, whatever the environment says.
    """
    (guest() or _alone).store_backend = factory


def keep_state_by_default() -> None:
    """Have apps that name no store keep their state in a file, as they do in cosalette."""
    set_default_store_backend(JsonFileStore)


def default_store(app: str) -> Store | None:
    """Return the store of an app that names none. Raises ValueError for an app whose name is no name of a folder."""
    host = guest() or _alone
    return None if host.store_backend is None else host.store_backend(_path(app, host))


def _path(app: str, host: Guest) -> Path:
    variable = re.sub(r"[^A-Z0-9_]", "_", app.upper()) + "_STORE_PATH"
    variable = f"_{variable}" if variable[0].isdigit() else variable
    if host is _alone and (path := os.environ.get(variable)):
        return Path(path)
    if app.strip(". ") == "" or re.search(r"[/\\:\0]", app):
        raise ValueError(f"App name {app!r} is no name of a folder for its store; set {variable}, or give store=")
    return _folder(host) / app / "store.json"


def _folder(host: Guest) -> Path:
    if host.state_folder is not None:
        return host.state_folder
    stated = Path(os.environ.get("XDG_STATE_HOME", ""))
    return stated if stated.is_absolute() else Path.home() / ".local" / "state"
