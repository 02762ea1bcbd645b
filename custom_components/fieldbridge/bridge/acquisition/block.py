"""The block of an ``async with`` whose source can fail while the block waits for something else."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

UNREAD_S = 1.0
"""Seconds for a block to begin reading after its source failed."""
READ_S = 5.0
"""Seconds for a block that reads to work on one item."""


class Block:
    """Ends a wait in the block, by cancelling it, when nobody hears of the failure of its source.

    Whoever reads is told as it reads, after all that was there before. ``progress`` returns how many items were read,
    None once the failure was told. Belongs to the task that makes it.
    """

    def __init__(
        self, progress: Callable[[], int | None], *, unread_s: float = UNREAD_S, read_s: float = READ_S
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  - made in a coroutine
        self._task = task
        self._cancelling = task.cancelling()
        self._progress = progress
        self._unread_s = unread_s
        self._read_s = read_s
        self._looking: asyncio.TimerHandle | None = None
        self._has_ended = False
        self._is_left = False

    def source_failed(self) -> None:
        """Watch whether somebody reads."""
        if not self._is_left:
            self._look(before=None)

    def leave(self) -> None:
        """Watch no more: the block is over, or does not want its source any longer. Idempotent."""
        self._is_left = True
        if self._looking is not None:
            self._looking.cancel()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Keep a cancellation from the outer world that was meant for the block alone."""
        self.leave()
        if not self._has_ended:
            return False
        return self._task.uncancel() <= self._cancelling and isinstance(exc, asyncio.CancelledError)

    def _look(self, before: int | None) -> None:
        progress = self._progress()
        if progress is None:
            return
        if progress == before:
            self._has_ended = self._task.cancel()
        else:
            wait_s = self._read_s if progress else self._unread_s
            self._looking = asyncio.get_running_loop().call_later(wait_s, self._look, progress)
