"""Bridge apps in ``<config>/fieldbridge/apps``: which there are, and what is in them.

Everything here reads files or runs the user's code, so it belongs into an executor. An app is imported under the name
of its file, as it would be on its own, so that it can import its own parts and name them in ``"module:Attribute"``.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
import importlib
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
import sys
import threading
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from .alias import install_aliases
from .bridge.app import App
from .bridge.app.registry import Registry
from .bridge.embedding import embedded
from .bridge.runners.states import declared_fields

if TYPE_CHECKING:
    from .bridge.settings import Settings

APPS_FOLDER: Final = Path("fieldbridge", "apps")
"""Inside the configuration folder."""

_SUBMODULES: Final = ("app", "main")
"""Where the App of a package may be when its ``__init__`` has none."""

_IMPORTING: Final = threading.Lock()
_PATIENCE: Final = 20.0
"""Seconds."""


class AppError(Exception):
    """An app cannot be run as it is; ``placeholders`` say which and why."""

    def __init__(self, **placeholders: str) -> None:
        super().__init__(", ".join(placeholders.values()))
        self.placeholders = placeholders


class AppNotFoundError(AppError):
    """There is no such file or package in the apps folder."""


class AppNameTakenError(AppError):
    """Python knows another module of this name."""


class NoSingleAppError(AppError):
    """The file holds no App, or several."""


class AppCodeError(AppError):
    """The user's code failed; ``place`` is file and line."""


class AppSettingsError(AppError):
    """The app's settings are not complete, or wrong."""

    def __init__(self, settings_class: type[Settings], messages: Mapping[str, str], **placeholders: str) -> None:
        error = "; ".join(f"{field}: {message}" for field, message in messages.items())
        super().__init__(error=error, **placeholders)
        self.settings_class = settings_class
        self.messages = messages
        """What is wrong, by the name of the setting."""


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """An imported app with its settings; ``values`` are what these were made from."""

    name: str
    path: Path
    app: App
    registry: Registry
    settings: Settings
    values: Mapping[str, Any]


def find_apps(folder: Path) -> list[str]:
    """Return the names of all apps in the folder, sorted."""
    if not folder.is_dir():
        return []
    files = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return sorted(name for name in files if _is_app_name(name))


def app_file(folder: Path, name: str) -> Path:
    """Return the file that holds an app, a package's ``__init__``. Raises AppNotFoundError, also outside the folder."""
    if _is_app_name(name):
        for path in (folder / f"{name}.py", folder / name / "__init__.py"):
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path
    raise AppNotFoundError(app=name)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one app after the other be imported: the modules and what an import of ``cosalette`` means are the process's.

    An app whose import does not end holds up the others only for a while.
    """
    is_alone = _IMPORTING.acquire(timeout=_PATIENCE)
    try:
        yield
    finally:
        if is_alone:
            _IMPORTING.release()


@_one_at_a_time()
def load_app(folder: Path, name: str, values: Mapping[str, Any]) -> LoadedApp:
    """Import an app anew, its settings made from ``values`` alone. Raises AppError."""
    path = app_file(folder, name)
    install_aliases()
    forget_app(name)
    taken = find_spec(name)
    if taken is not None and taken.origin is not None:
        raise AppNameTakenError(app=name, other=taken.origin)
    importlib.invalidate_caches()
    with embedded(values, folder.parent / "state"):
        try:
            app = _only_app(name, _import(name, path))
            settings = app.settings
            registry = app.registry.resolved(settings)
            _import_adapters(app)
            for registration in registry.all:
                declared_fields(registration)  # a model may name what does not exist
        except AppError:
            forget_app(name)
            raise
        except (Exception, SystemExit) as err:
            forget_app(name)
            _raise_settings_error(name, err, values)
            raise AppCodeError(app=name, place=place_of(err, path), error=_text_of(err)) from err
    return LoadedApp(name, path, app, registry, settings, values)


def forget_app(name: str) -> None:
    """Take an app's modules out of the interpreter, so that its next import reads its files."""
    for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[module]


def place_of(error: BaseException, path: Path) -> str:
    """Return ``file:line`` of the innermost line of the app that ``error`` passed."""
    root = path.parent if path.name == "__init__.py" else path
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(root):
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else path.name


def _is_app_name(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_")


def _import(name: str, path: Path) -> ModuleType:
    search = [str(path.parent)] if path.name == "__init__.py" else None
    spec = spec_from_file_location(name, path, submodule_search_locations=search)
    assert spec is not None  # noqa: S101 - a .py file has a loader
    assert spec.loader is not None  # noqa: S101
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _only_app(name: str, module: ModuleType) -> App:
    apps = _apps_in([vars(module)])
    for submodule in _SUBMODULES if not apps and hasattr(module, "__path__") else ():
        if find_spec(f"{name}.{submodule}") is not None:
            apps = _apps_in([vars(importlib.import_module(f"{name}.{submodule}"))])
            break
    if len(apps) != 1:
        raise NoSingleAppError(app=name, count=str(len(apps)))
    return apps[0]


def _import_adapters(app: App) -> None:
    """Import the adapters that are given by name here, since the running app would do it in the event loop."""
    for registration in app.adapters.values():
        for variant in (registration.impl, registration.dry_run):
            if isinstance(variant, str):
                importlib.import_module(variant.partition(":")[0])


def _apps_in(namespaces: Iterable[Mapping[str, Any]]) -> list[App]:
    values = [value for namespace in namespaces for value in namespace.values()]
    return list({id(value): value for value in values if isinstance(value, App)}.values())


def _raise_settings_error(name: str, error: BaseException, values: Mapping[str, Any]) -> None:
    """Raise AppSettingsError when the app, as far as it came, has settings that cannot be made from ``values``."""
    from .bridge.settings import Settings

    namespaces = [frame.f_globals for frame, _ in traceback.walk_tb(error.__traceback__)]
    classes = [app.settings_class for app in _apps_in(namespaces)] or [
        value
        for namespace in namespaces
        for value in namespace.values()
        if isinstance(value, type) and issubclass(value, Settings) and value is not Settings
    ]
    for settings_class in classes:
        if messages := check_settings(settings_class, values):
            raise AppSettingsError(settings_class, messages, app=name) from error


def check_settings(settings_class: type[Settings], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with ``values``, by the name of the setting; empty when nothing is."""
    from pydantic import ValidationError

    try:
        settings_class.from_values(**values)
    except ValidationError as err:
        return {".".join(map(str, error["loc"])): error["msg"] for error in err.errors()}
    return {}


def _text_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
