"""The packages that an app's file asks for (PEP 723: a ``# /// script`` block of comments)."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
import re
import tomllib
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.requirements import RequirementsNotFound, async_process_requirements
from packaging.requirements import InvalidRequirement, Requirement

from .app_loader import AppError
from .const import DOMAIN

_BLOCK: Final = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""As the specification of inline script metadata gives it."""
_OURS: Final = frozenset({"fieldbridge", "cosalette"})
"""Inside Home Assistant these are the integration itself."""


class RequirementRefusedError(AppError):
    """A requirement is none that can be installed beside Home Assistant; ``requirement`` and ``error`` say why."""


class PackagesFailedError(AppError):
    """Packages could not be installed; Home Assistant tries the same ones again after a restart only."""


async def async_install(hass: HomeAssistant, app: str, requirements: Sequence[str]) -> None:
    """Install what the user has agreed to. Raises PackagesFailedError."""
    try:
        await async_process_requirements(hass, DOMAIN, list(requirements), is_built_in=False)
    except RequirementsNotFound as err:
        raise PackagesFailedError(app=app, packages=", ".join(err.requirements)) from err


def missing_requirements(file: Path) -> list[str]:
    """Return what has to be installed before an app can be imported; reads its file, so it blocks.

    Raises RequirementRefusedError for an address in the place of a name, and for another version of a package that is
    there: something else relies on it.
    """
    missing = []
    for text in _dependencies(file):
        try:
            requirement = Requirement(text)
        except InvalidRequirement as err:
            raise _refused(file, text, str(err)) from err
        if requirement.name.lower() in _OURS or (requirement.marker and not requirement.marker.evaluate()):
            continue
        if requirement.url:
            raise _refused(file, text, "only names from the package index are installed")
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            missing.append(text)
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            raise _refused(file, text, f"{requirement.name} {installed} is installed and used by others")
    return missing


def _dependencies(file: Path) -> list[str]:
    try:
        # What is no UTF-8 is told, with its line, by the import.
        text = file.read_text("utf-8-sig", errors="replace")
    except OSError:
        return []  # which the import tells as well
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        return []
    lines = blocks[0]["content"].splitlines()
    try:
        metadata: dict[str, Any] = tomllib.loads("\n".join(line[2:] for line in lines))
    except tomllib.TOMLDecodeError as err:
        raise _refused(file, "# /// script", str(err)) from err
    dependencies = metadata.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(each, str) for each in dependencies):
        raise _refused(file, "dependencies", "not a list of texts")
    return dependencies


def _refused(file: Path, requirement: str, error: str) -> RequirementRefusedError:
    return RequirementRefusedError(file=file.name, requirement=requirement, error=error)
