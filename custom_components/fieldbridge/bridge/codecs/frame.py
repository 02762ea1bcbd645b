"""One message as it came from a link."""

from typing import NamedTuple


class Frame(NamedTuple):
    """The bytes between two frame borders, without the border."""

    time: float
    """Arrival, monotonic seconds."""
    data: bytes
