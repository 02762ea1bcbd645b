"""The version: that of the installed package, or of the integration that this is a part of."""

from importlib.metadata import PackageNotFoundError, version
import json
from pathlib import Path


def _version() -> str:
    manifest = Path(__file__).parents[1] / "manifest.json"
    if manifest.is_file():
        found: str = json.loads(manifest.read_text())["version"]
        return found
    try:
        return version("fieldbridge")
    except PackageNotFoundError:
        return "0.0.0"


__version__ = _version()
