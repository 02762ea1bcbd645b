"""Recordings as a whole: begun and ended, catalogued in a folder, drawn and replayed."""

from .capturing import RunningCapture
from .catalogue import Catalogue, Limits, RecordingError, RecordingInfo, RecordingState, UnknownRecordingError
from .description import Description, RecordedChannel, RecordedDevice, describe_device
from .names import safe_stem
from .plot import plot_svg
from .reading import RecordedRow, read_rows
from .replaying import ReplayableDevice, replay_devices, replay_frames
from .running import DeviceSource, RecordingEnd, RecordingPlan, RunningRecording, TappedSample

__all__ = [
    "Catalogue",
    "Description",
    "DeviceSource",
    "Limits",
    "RecordedChannel",
    "RecordedDevice",
    "RecordedRow",
    "RecordingEnd",
    "RecordingError",
    "RecordingInfo",
    "RecordingPlan",
    "RecordingState",
    "ReplayableDevice",
    "RunningCapture",
    "RunningRecording",
    "TappedSample",
    "UnknownRecordingError",
    "describe_device",
    "plot_svg",
    "read_rows",
    "replay_devices",
    "replay_frames",
    "safe_stem",
]
