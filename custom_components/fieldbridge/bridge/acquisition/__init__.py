"""Drift-free acquisition: a source is polled on an absolute schedule, and every slot is accounted for."""

from ..streams import OverflowPolicy
from .cadence import Cadence, ClockSleeper, Sleeper, TimerfdSleeper, make_sleeper
from .histogram import Histogram
from .polling import HeldPollSource, ManyPollSource, ParameterPollSource, PlainPollSource, PollSource, SamplesPollSource
from .recorder import Recording, record
from .row import Column, RowLayout, SampleRow
from .sample import ProtocolKind, Sample, Scalar, WallAnchor
from .session import StreamingSession, StreamMode, open_session
from .summary import AcquisitionSummary, Gap, Ledger

__all__ = [
    "AcquisitionSummary",
    "Cadence",
    "ClockSleeper",
    "Column",
    "Gap",
    "HeldPollSource",
    "Histogram",
    "Ledger",
    "ManyPollSource",
    "OverflowPolicy",
    "ParameterPollSource",
    "PlainPollSource",
    "PollSource",
    "ProtocolKind",
    "Recording",
    "RowLayout",
    "Sample",
    "SampleRow",
    "SamplesPollSource",
    "Scalar",
    "Sleeper",
    "StreamMode",
    "StreamingSession",
    "TimerfdSleeper",
    "WallAnchor",
    "make_sleeper",
    "open_session",
    "record",
]
