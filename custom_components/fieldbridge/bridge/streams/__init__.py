"""Push meets pull: a hardware callback puts, consumers iterate."""

from .stream import Backpressure, Stream, StreamFullError

__all__ = ["Backpressure", "Stream", "StreamFullError"]
