"""One message as it came from a link."""

from collections.abc import Sequence
from typing import NamedTuple


class Frame(NamedTuple):
    """The bytes between two frame borders, without the border."""

    time: float
    """Arrival, monotonic seconds."""
    data: bytes
    retained: bool = False
    """Kept by a broker since an unknown time: a value, but no sign of life."""


type Batch = Sequence[Frame]
"""The frames of one read: what transports deliver, since the way up costs the same for one frame as for many."""
