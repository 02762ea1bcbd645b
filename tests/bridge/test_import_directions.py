"""The layers of the bridge import downwards only, and third parties stay where they belong.

Read from the syntax tree, so that an import inside a function counts as well. Imports for type checkers are left out:
they do not exist when the bridge runs.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

BRIDGE = Path(__file__).parents[2] / "custom_components" / "fieldbridge" / "bridge"

# Each part may import those of lower rank, and those of its own rank unless it is an edge.
EDGES = 3
RANKS = {
    "errors": 0,
    "interfaces": 1,
    "lazy": 1,
    "clock": 1,
    "di": 1,
    "embedding": 1,
    "alias": 1,
    "version": 1,
    "kernels": 1,
    "topics": 1,
    "payloads": 1,
    "yaml_text": 1,
    "logging": 2,
    "settings": 2,
    "retry": 2,
    "streams": 2,
    "acquisition": 2,
    "codecs": 2,
    "filters": 2,
    "channels": 2,
    "modbus": 2,
    "strategies": 2,
    "persist": 2,
    "schema": 2,
    "controls": 2,
    "cron": 2,
    "transports": EDGES,
    "sinks": EDGES,
    "stores": EDGES,
    "profiles": EDGES,
    "mqtt": EDGES,
    "health": EDGES,
    "recordings": 4,
    "runners": 4,
    "app": 5,
    "introspection": 5,
    "links": 6,
    "testing": 6,
    "__main__": 8,
}
CONFINED = {
    "serialx": ("transports/",),
    "bleak": ("transports/",),
    "bleak_retry_connector": ("transports/",),
    "modbus_connection": ("transports/",),
    "pymodbus": ("transports/",),
    "aiomqtt": ("mqtt/",),
    "numba": ("kernels/",),
    "yaml": ("yaml_text.py", "filters/"),
    "pyarrow": ("sinks/",),
    "pydantic": ("settings.py", "schema.py"),
    "pydantic_settings": ("settings.py",),
    "typer": ("app/cli.py",),
    "cronsim": ("cron.py",),
    "homeassistant": (),
    "custom_components": (),
}
MODULES = sorted(BRIDGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Return the folder or top-level module that a file belongs to."""
    return path.relative_to(BRIDGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, name): kind ``own`` with the part imported, or ``foreign`` with the top-level package."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for statement in guard.body
        for node in ast.walk(statement)
    }
    depth = len(path.relative_to(BRIDGE).parts)
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, "foreign", alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, "foreign", str(node.module).partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            for alias in node.names:
                yield node.lineno, "own", (node.module or alias.name).partition(".")[0]


def all_imports() -> Iterator[tuple[str, str, str, str]]:
    """Yield (part, kind, name, description) of every import of the bridge."""
    for path in MODULES:
        for line, kind, imported in imports(path):
            yield part_of(path), kind, imported, f"{path.relative_to(BRIDGE)}:{line} imports {imported}"


def test_imports_point_downwards() -> None:
    inside = [each for each in all_imports() if each[1] == "own" and each[0] not in {"__init__", each[2]}]
    assert not [where for part, _, imported, where in inside if RANKS[imported] > RANKS[part]]


def test_edges_never_import_each_other() -> None:
    inside = [each for each in all_imports() if each[1] == "own" and each[0] not in {"__init__", each[2]}]
    assert not [where for part, _, imported, where in inside if RANKS[imported] == RANKS[part] == EDGES]


def test_third_parties_stay_where_they_belong() -> None:
    foreign = [each for each in all_imports() if each[1] == "foreign" and each[2] in CONFINED]
    assert foreign
    assert not [where for _, _, imported, where in foreign if not where.startswith(CONFINED[imported])]


def test_the_bridge_names_itself_by_relative_imports_only() -> None:
    assert not [where for _, kind, imported, where in all_imports() if kind == "foreign" and imported == "fieldbridge"]


def test_every_part_has_a_rank() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} <= set(RANKS)
