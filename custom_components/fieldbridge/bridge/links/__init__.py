"""Links made in the UI, compiled into registrations on an App."""

from .frame_link import FrameLink, FrameTransport
from .link import Link
from .serial_link import SerialLink

__all__ = ["FrameLink", "FrameTransport", "Link", "SerialLink"]
