"""What a package offers to those who import it: names, parameters with their defaults, members of classes.

Run where cosalette is installed, this prints what ``data/cosalette_0_5_surface.json`` holds:
``python cosalette_surface.py > cosalette_0_5_surface.json``.
"""

from annotationlib import Format, get_annotations
import importlib
import inspect
import json
import sys
from typing import Any

MODULES = ("", ".di", ".filters", ".mqtt", ".persist", ".schema", ".stores", ".strategies", ".testing")
"""The public modules; ``mcp`` is a tool for developers, not for apps."""


def surface(package: str) -> dict[str, dict[str, Any]]:
    """Return what the public modules of a package hold, by their names below it; what the package holds is no news."""
    top = importlib.import_module(package)
    modules = {name: importlib.import_module(package + name) for name in MODULES}
    return {
        module: {
            name: {"kind": "same"} if module and getattr(top, name, None) is value else _described(value)
            for name, value in _named(modules[module]).items()
        }
        for module in MODULES
    }


def parameters(function: Any) -> list[tuple[str, str, str | None]] | None:
    """Return (name, kind, default) of all public parameters, None of what has no signature; no default is None."""
    try:
        signature = inspect.signature(function, annotation_format=Format.FORWARDREF)
    except TypeError, ValueError:
        return None
    return [
        (each.name, each.kind.name.lower(), None if each.default is each.empty else _shown(each.default))
        for each in signature.parameters.values()
        if not each.name.startswith("_") and each.name != "self"
    ]


def members(kind: type) -> dict[str, Any]:
    """Return the public members of a class that packages other than Python's own gave it."""
    owners = [each for each in kind.__mro__ if each.__module__.partition(".")[0] == kind.__module__.partition(".")[0]]
    names = {name for each in owners for name in (*vars(each), *get_annotations(each, format=Format.FORWARDREF))}
    return {name: _member(kind, name) for name in sorted(names) if not name.startswith("_")}


def _member(kind: type, name: str) -> Any:
    if not inspect.isroutine(getattr(kind, name, None)):
        return "attribute"
    function = getattr(kind, name)
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return {"async": is_async, "parameters": parameters(function)}


def _named(module: Any) -> dict[str, Any]:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    names = sorted(getattr(module, "__all__", own))
    return {name: getattr(module, name) for name in names if not name.startswith("_") or name == "__version__"}


def _described(value: Any) -> dict[str, Any]:
    if isinstance(value, type):
        kind = "exception" if issubclass(value, Exception) else "class"
        return {"kind": kind, "parameters": parameters(value), "members": members(value)}
    if inspect.isroutine(value):
        return {"kind": "function", "parameters": parameters(value)}
    return {"kind": "value"}


def _shown(default: object) -> str:
    if default is None or isinstance(default, bool | int | float | str | tuple):
        return repr(default)
    return default.__name__ if isinstance(default, type) else f"<{type(default).__name__}>"


if __name__ == "__main__":
    lines = (
        f"{json.dumps(f'{module}:{name}')}: {json.dumps(described)}"
        for module, names in surface("cosalette").items()
        for name, described in names.items()
    )
    sys.stdout.write("{" + ",\n".join(lines) + "}\n")
