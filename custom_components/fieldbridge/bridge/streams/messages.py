"""The protocol between producers, consumers and whoever uses them: frozen values, nothing else.

Extra fields beyond the element, the demand and the references have defaults: a message made without them means what
it means between one producer and one consumer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .. import lazy
from .ends import CANCELLED, COMPLETED, OverflowPolicy, StreamEnd


class Tellable[M](Protocol):
    """Whatever takes messages."""

    def tell(self, message: M) -> None:
        """Take one message; never waits."""
        ...


@dataclass(frozen=True, slots=True)
class GetSink[E]:
    """Ask a producer for its input side."""

    reply_to: Tellable[lazy.SinkRef[E]]


@dataclass(frozen=True, slots=True)
class GetSource[E]:
    """Ask a consumer for its output side; only the first who asks gets it."""

    reply_to: Tellable[lazy.SourceRef[E]]


@dataclass(frozen=True, slots=True)
class StreamSubscribe[E]:
    """Join a producer, with credit for ``demand`` elements."""

    consumer: Tellable[Any]
    demand: int = 0
    overflow: OverflowPolicy = OverflowPolicy.BLOCK
    buffer_size: int | None = None
    """Elements kept at the producer while there is no demand; None is the producer's own size."""
    chunked: bool = False
    """Whether the consumer takes StreamChunk, which costs one message for many elements."""

    def __post_init__(self) -> None:
        OverflowPolicy(self.overflow)
        if min(self.demand, self.buffer_size or 0) < 0:
            raise ValueError(f"demand and buffer_size must not be negative, got {self.demand!r}, {self.buffer_size!r}")


Subscribe = StreamSubscribe


@dataclass(frozen=True, slots=True)
class StreamDemand:
    """Give credit for ``n`` more elements; without ``consumer`` to every one."""

    n: int
    consumer: Tellable[Any] | None = None

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"demand must not be negative, got {self.n!r}")


@dataclass(frozen=True, slots=True)
class StreamCancel:
    """Stop: one consumer leaves, or, without ``consumer``, the producer stops. It also stops after the last one."""

    consumer: Tellable[Any] | None = None
    end: StreamEnd = CANCELLED


@dataclass(frozen=True, slots=True)
class StreamElement[E]:
    """One element on its way to a consumer; uses up one demand."""

    element: E


@dataclass(frozen=True, slots=True)
class StreamChunk[E]:
    """Several elements on their way to a consumer; uses up as much demand."""

    elements: Sequence[E]


@dataclass(frozen=True, slots=True)
class StreamCompleted:
    """Nothing more comes; needs no demand."""

    end: StreamEnd = COMPLETED


@dataclass(frozen=True, slots=True)
class CompleteStream:
    """Tell a producer that no more is pushed; what is buffered is still delivered."""

    end: StreamEnd = COMPLETED


@dataclass(frozen=True, slots=True)
class Push[E]:
    """Hand a producer one element without waiting; lost and counted when its buffer is full."""

    element: E


@dataclass(frozen=True, slots=True)
class InputReady:
    """Tell a producer that its input holds something."""


type StreamProducerMsg[E] = (
    Push[E] | CompleteStream | StreamSubscribe[E] | StreamDemand | StreamCancel | GetSink[E] | InputReady
)
type StreamConsumerMsg[E] = (
    GetSource[E] | StreamDemand | StreamCancel | StreamElement[E] | StreamChunk[E] | StreamCompleted
)
