"""Code for a process of its own, in which the bridge is loaded without Home Assistant as ``fieldbridge``."""

from pathlib import Path
import sys
import textwrap

BRIDGE = Path(__file__).parents[3] / "custom_components" / "fieldbridge" / "bridge"

_LOAD = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location(
    "fieldbridge", {str(BRIDGE / "__init__.py")!r}, submodule_search_locations=[{str(BRIDGE)!r}]
)
sys.modules["fieldbridge"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["fieldbridge"])
"""


def command(code: str, *arguments: object) -> list[str]:
    """Return the command line that runs ``code`` with ``arguments`` as sys.argv[1:]."""
    return [sys.executable, "-c", _LOAD + textwrap.dedent(code), *map(str, arguments)]
