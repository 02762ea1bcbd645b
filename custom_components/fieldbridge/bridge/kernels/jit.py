"""How kernels are compiled: every option of numba stands here."""

from collections.abc import Callable
from typing import Any

import numba


def compiled[F: Callable[..., Any]](signature: str, *, contract: bool = False) -> Callable[[F], F]:
    """Compile to ``signature`` and cache the result.

    No kernel releases the interpreter lock: in the event loop's thread every release is an invitation to wait 5 ms for
    a busy neighbour, and a chunk takes microseconds. ``contract`` (fused multiply-add) is for reordered forms only;
    exact forms round after every operation, as plain Python does.
    """
    decorate: Any = numba.njit(
        signature,
        cache=True,
        nogil=False,
        error_model="numpy",
        boundscheck=False,
        fastmath={"contract"} if contract else False,
    )
    return decorate  # type: ignore[no-any-return]
