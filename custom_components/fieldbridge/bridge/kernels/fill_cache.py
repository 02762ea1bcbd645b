"""Run by path in a process of its own: compiles every kernel into a folder.

The first argument is the full name of the kernels' package: numba stores it, so it has to be that of the process which
loads the cache. The packages around it are stand-ins, since theirs may import a whole host.
"""

import importlib
import os
from pathlib import Path
import sys
from types import ModuleType

LOWEST_PRIORITY = 19


def main(package: str, cache: Path) -> None:
    """Compile the kernels below stand-ins for the packages above them."""
    if hasattr(os, "nice"):
        os.nice(LOWEST_PRIORITY)
    folder = Path(__file__).resolve().parent
    # The folder of this script must not hide modules of the same name.
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != folder]
    parents = package.split(".")
    # The kernels' siblings (errors) are reached through the bridge's stand-in.
    for depth in range(len(parents) - 1, 0, -1):
        folder = folder.parent
        stand_in = ModuleType(".".join(parents[:depth]))
        stand_in.__path__ = [str(folder)]
        sys.modules[stand_in.__name__] = stand_in
    importlib.import_module(f"{package}.compiled_chain")
    importlib.import_module(f"{package}.jit").compile_all(cache)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
