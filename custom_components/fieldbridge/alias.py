"""Bridge apps ``import fieldbridge``: inside Home Assistant that is the bridge of this integration, not a copy of it.

Why a finder: with an entry in ``sys.modules`` alone, ``import fieldbridge.testing`` would load a second copy of the
module, whose classes are other classes. ``<config>/fieldbridge`` is no package either, but it would be found as one.
"""

from collections.abc import Sequence
import importlib
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
import sys
from types import ModuleType
from typing import override

from . import bridge

_BRIDGE = bridge.__name__


class BridgeAlias(MetaPathFinder, Loader):
    """Hands out the modules of the bridge under another top-level name.

    ``yields``: only while no package of that name is installed.
    """

    def __init__(self, name: str, *, yields: bool = False) -> None:
        self._name = name
        self._yields = yields
        self._own_specs: dict[str, ModuleSpec | None] = {}

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec that leads to the bridge's module, None for names that are not ours."""
        top, _, rest = fullname.partition(".")
        if top != self._name or (self._yields and self._is_taken()):
            return None
        if find_spec(_real_name(fullname)) is None:
            return None
        return ModuleSpec(fullname, self, is_package=not rest)

    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the bridge's module."""
        module = importlib.import_module(_real_name(spec.name))
        self._own_specs[spec.name] = module.__spec__
        return module

    @override
    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own spec, which the import machinery has just replaced."""
        assert module.__spec__ is not None  # noqa: S101 - it is ours, set a moment ago
        module.__spec__ = self._own_specs.pop(module.__spec__.name)

    def _is_taken(self) -> bool:
        if self._name in sys.modules:
            return sys.modules[self._name] is not bridge
        found = PathFinder.find_spec(self._name)
        return found is not None and found.origin is not None


def install_aliases() -> None:
    """Make ``fieldbridge``, and ``cosalette`` where that is not installed, names of the bridge; idempotent."""
    if not any(isinstance(finder, BridgeAlias) for finder in sys.meta_path):
        sys.meta_path[:0] = [BridgeAlias("fieldbridge"), BridgeAlias("cosalette", yields=True)]


def _real_name(alias: str) -> str:
    _, dot, rest = alias.partition(".")
    return f"{_BRIDGE}{dot}{rest}"
