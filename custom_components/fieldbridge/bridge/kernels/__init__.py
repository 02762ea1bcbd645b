"""Numeric kernels over chunks: plain Python and numpy at once, numba where it is installed and its cache is warm.

``active()`` is what the filters call. It holds the plain kernels until ``accelerate`` has loaded the compiled ones and
puts them in their place between two chunks; the filters keep their state in plain attributes, so nothing else changes.
Start-up of a host: ``await warm(cache)`` (compiles in a process of low priority), then ``accelerate(cache)`` in an
executor. Importing this package imports neither numpy nor numba.
"""

import asyncio
from importlib.util import find_spec
import os
from pathlib import Path
import sys

from ..errors import BridgeError
from .table import Kernels

__all__ = ["AccelerationError", "Kernels", "accelerate", "active", "available", "decelerate", "loaded", "warm"]

WARM_TIMEOUT = 300.0
"""Seconds; compiling takes about 3 on a PC and was seen ten times slower on small boards at low priority."""


class AccelerationError(BridgeError):
    """The compiled kernels cannot be had; the plain ones go on."""


_active: Kernels | None = None


def active() -> Kernels:
    """Return the kernels in use; the first call imports numpy, which blocks."""
    global _active  # noqa: PLW0603 - the one function table of the process
    if _active is None:
        from .plain import PLAIN

        _active = PLAIN
    return _active


def loaded() -> bool:
    """Return True once ``active`` was called: then a chunk costs no import. A host calls it in an executor."""
    return _active is not None


def available() -> bool:
    """Return True when numba is installed."""
    return find_spec("numba") is not None


def accelerate(cache: Path) -> Kernels:
    """Load the compiled kernels and use them from the next chunk on; blocks 0.5 s with a warm cache, seconds without.

    Raises AccelerationError when numba is missing or does not work here; the kernels in use stay.
    """
    global _active  # noqa: PLW0603
    try:
        from .compiled_chain import COMPILED
        from .jit import compile_all

        compile_all(_folder(cache))
    except Exception as err:
        # Whatever fails in a foreign compiler, the plain kernels go on.
        raise AccelerationError(f"numba cannot be used: {err}") from err
    _active = COMPILED
    return COMPILED


def decelerate() -> Kernels:
    """Use the plain kernels from the next chunk on."""
    global _active  # noqa: PLW0603
    _active = None
    return active()


def _folder(cache: Path) -> Path:
    """Return the folder of this package in the cache: what numba stores is bound to a package's full name."""
    return cache / __name__


async def warm(cache: Path) -> None:
    """Fill numba's cache in a process of low priority, so that ``accelerate`` has nothing to compile.

    Raises AccelerationError when numba is missing, when the process fails or takes longer than WARM_TIMEOUT.
    """
    if not available():
        raise AccelerationError("numba is not installed")
    # By path, not by module name: the package around the bridge may import a whole host.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("fill_cache.py")),
        __name__,
        str(_folder(cache)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WARM_TIMEOUT):
            _, complaint = await process.communicate()
    except TimeoutError as err:
        raise AccelerationError(f"compiling took longer than {WARM_TIMEOUT:.0f} s") from err
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last_line = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise AccelerationError(f"compiling failed: {last_line[:200]}")
