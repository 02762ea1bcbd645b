"""The bridge under other names: ``import fieldbridge``, ``import cosalette``; always this bridge, never a copy of it.

Why a finder: with an entry in ``sys.modules`` alone, ``import fieldbridge.testing`` would load a second copy of the
module, whose classes are other classes.
"""

from collections.abc import Callable, Sequence
import importlib
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
import sys
from types import ModuleType
from typing import Final, override

_BRIDGE: Final = __name__.rpartition(".")[0]
_OWN_SPECS: Final[dict[str, ModuleSpec]] = {}
"""The specs of the bridge's modules by their names. Of all aliases: two threads may import one by two of them."""


class BridgeAlias(MetaPathFinder, Loader):
    """Hands out the modules of the bridge under another top-level name.

    ``yields``: only while no package of that name is installed. ``on_import`` is called when the name is imported.
    """

    def __init__(self, name: str, *, yields: bool = False, on_import: Callable[[], None] | None = None) -> None:
        self.name = name
        self._yields = yields
        self.on_import = on_import

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec that leads to the bridge's module, None for names that are not ours."""
        top, _, rest = fullname.partition(".")
        if top != self.name or (self._yields and self._is_taken()):
            return None
        if find_spec(_real_name(fullname)) is None:
            return None
        return ModuleSpec(fullname, self, is_package=not rest)

    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the bridge's module."""
        if self.on_import is not None and spec.name == self.name:
            self.on_import()
        module = importlib.import_module(_real_name(spec.name))
        own = module.__spec__
        if own is not None and own.name == module.__name__:  # not while another thread gives it another name
            _OWN_SPECS[module.__name__] = own
        return module

    @override
    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own spec, which the import machinery has just replaced."""
        module.__spec__ = _OWN_SPECS[module.__name__]

    def _is_taken(self) -> bool:
        if self.name in sys.modules:
            return sys.modules[self.name] is not sys.modules[_BRIDGE]
        found = PathFinder.find_spec(self.name)
        return found is not None and found.origin is not None


def install_aliases(*names: str, on_cosalette: Callable[[], None] | None = None) -> None:
    """Make ``names``, and ``cosalette`` where that is not installed, names of the bridge; idempotent.

    ``on_cosalette`` is called when the next app imports that name, and no longer what was given here before.
    """
    present = {finder.name: finder for finder in sys.meta_path if isinstance(finder, BridgeAlias)}
    wanted = [present.get(name) or BridgeAlias(name) for name in names]
    cosalette = present.get("cosalette") or BridgeAlias("cosalette", yields=True)
    cosalette.on_import = on_cosalette
    sys.meta_path[:0] = [finder for finder in (*wanted, cosalette) if finder not in sys.meta_path]
    # What an app before it imported under this name is imported anew; it is the same module.
    if sys.modules.get("cosalette") is sys.modules[_BRIDGE]:
        del sys.modules["cosalette"]


def _real_name(alias: str) -> str:
    _, dot, rest = alias.partition(".")
    return f"{_BRIDGE}{dot}{rest}"
