"""What a value is (source, unit, class, scale) and the life of the values of one device."""

from .channel import Channel, Value, ValueKind
from .profile import DeviceProfile
from .samples import Sample, SampleListener
from .session import DeviceSession
from .write import Write, WriteControl

__all__ = [
    "Channel",
    "DeviceProfile",
    "DeviceSession",
    "Sample",
    "SampleListener",
    "Value",
    "ValueKind",
    "Write",
    "WriteControl",
]
