"""What a link counts about itself."""

from dataclasses import asdict, dataclass, field

from ..codecs.framing import FramingCounters


@dataclass(slots=True)
class TransportCounters:
    """Totals since the link was set up; kept over reconnects."""

    bytes_received: int = 0
    frames: int = 0
    framing: FramingCounters = field(default_factory=FramingCounters)

    def as_dict(self) -> dict[str, int]:
        """Return all counters in one flat dict."""
        return {"bytes_received": self.bytes_received, "frames": self.frames, **asdict(self.framing)}
