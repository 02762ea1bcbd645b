"""How kernels are compiled: every option of numba stands here. Importing kernels compiles nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_kernels: list[tuple[Any, str]] = []
"""Dispatchers with their signatures, callees first."""


def compiled[F: Callable[..., Any]](signature: str, *, contract: bool = False) -> Callable[[F], F]:
    """Mark a function as a kernel of this one signature.

    No kernel releases the interpreter lock: in the event loop's thread every release is an invitation to wait 5 ms for
    a busy neighbour, and a chunk takes microseconds. ``contract`` (fused multiply-add) is for reordered forms only;
    exact forms round after every operation, as plain Python does.
    """
    fastmath = {"contract"} if contract else False
    decorate: Any = numba.njit(nogil=False, error_model="numpy", boundscheck=False, fastmath=fastmath)

    def register(function: F) -> F:
        dispatcher: Any = decorate(function)
        if dispatcher is not function:
            _kernels.append((dispatcher, signature))
        return dispatcher  # type: ignore[no-any-return]

    return register


def compile_all(cache: Path) -> None:
    """Load every kernel that was imported from the cache, or compile it into the cache; raises what numba raises."""
    numba.config.CACHE_DIR = str(cache)  # type: ignore[attr-defined]
    for dispatcher, signature in _kernels:
        if not dispatcher.signatures:
            dispatcher.enable_caching()
            dispatcher.compile(signature)
            # Another type of argument must be an error, never seconds of compiling in the event loop.
            dispatcher.disable_compile()
