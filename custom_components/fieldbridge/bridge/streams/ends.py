"""Why a stream ended, and what a consumer wants lost when it is too slow."""

from dataclasses import dataclass
from enum import StrEnum


class EndReason(StrEnum):
    """Why nothing more comes."""

    COMPLETED = "completed"
    """The producer said that it was done."""
    CANCELLED = "cancelled"
    """A consumer, or whoever owns the stream, does not want any more."""
    TIMED_OUT = "timed_out"
    """Nothing came for the time that the consumer was ready to wait."""
    FAILED = "failed"
    """The producer failed; the error says how."""


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The end of a stream; ``error`` is set when and only when it failed."""

    reason: EndReason
    error: Exception | None = None

    def __post_init__(self) -> None:
        if (self.error is not None) != (self.reason is EndReason.FAILED):
            raise ValueError("an end has an error when it failed, and only then")


COMPLETED = StreamEnd(EndReason.COMPLETED)
CANCELLED = StreamEnd(EndReason.CANCELLED)
TIMED_OUT = StreamEnd(EndReason.TIMED_OUT)


def failed(error: Exception) -> StreamEnd:
    """Return the end that ``error`` caused."""
    return StreamEnd(EndReason.FAILED, error)


class OverflowPolicy(StrEnum):
    """What happens when the buffer of a consumer is full."""

    BLOCK = "block"
    """The producer waits for this consumer; nothing is lost."""
    DROP_NEWEST = "drop_newest"
    """What does not fit is lost."""
    DROP_OLDEST = "drop_oldest"
    """What waits for the longest time is lost."""
    LATEST = "latest"
    """Only the last one is kept."""
