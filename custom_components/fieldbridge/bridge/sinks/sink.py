"""What every sink is, and what can go wrong with one."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, override, runtime_checkable

from ..acquisition import Sample
from ..errors import BridgeError


class SinkError(BridgeError):
    """A sink cannot be used."""


class SinkDependencyError(SinkError, ImportError):
    """The sink needs a package that is not installed."""


class SinkExistsError(SinkError, FileExistsError):
    """There is a recording under this name already; it is never touched."""


class SinkWriteError(SinkError, OSError):
    """Writing failed, for instance because the disk is full. What was written before is intact."""


class DiskFullError(SinkWriteError):
    """There is no room left, or less than has to stay free."""


@runtime_checkable
class SampleSink(Protocol):
    """Takes samples between ``open`` and ``close``; an asynchronous context manager."""

    async def open(self) -> None:
        """Make ready; idempotent. Raises SinkError."""
        ...

    async def write_many(self, samples: Sequence[Sample]) -> None:
        """Write samples; none is fine. Raises RuntimeError when it is not open, SinkWriteError."""
        ...

    async def close(self) -> None:
        """Complete what was written; idempotent. Raises SinkWriteError."""
        ...

    async def __aenter__(self) -> Self:
        """Open."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        ...


@runtime_checkable
class BatchSink(Protocol):
    """A sink that takes the batches of ticks as they are: no sample has to be made on the event loop."""

    async def write_batches(self, batches: Sequence[Sequence[Sample]]) -> None:
        """Write batches; a wide sink makes one row of each."""
        ...


class InMemorySink:
    """Keeps samples in a list, also after it was closed."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._open = False

    async def open(self) -> None:
        """Make ready; idempotent."""
        self._open = True

    async def write_many(self, samples: Sequence[Sample]) -> None:
        """Keep samples. Raises RuntimeError when it is not open."""
        if not self._open:
            raise RuntimeError("the sink is not open")
        self.samples.extend(samples)

    async def close(self) -> None:
        """Take no more; idempotent."""
        self._open = False

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @override
    def __repr__(self) -> str:
        return f"<InMemorySink {len(self.samples)} samples>"
