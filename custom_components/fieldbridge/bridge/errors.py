"""What can go wrong in the bridge, named for the state of the resource or the duty of the caller.

This module imports nothing of ours. Foreign exceptions are turned into these once, where they cross into the
bridge (a transport, a decoder, a store), always with ``from err``; the runners decide what is retried.
"""


class BridgeError(Exception):
    """Base of every error that the bridge raises by itself."""


class LinkError(BridgeError, ConnectionError):
    """The link is down: it could not be opened, or it was lost. Trying again later may help."""


class LinkClosedError(LinkError):
    """The far end closed the link in good order (end of file)."""


class NotInRangeError(LinkError):
    """Nothing sees the device: it is switched off, asleep, or too far from every radio."""


class NoConnectionSlotError(LinkError):
    """Every radio near the device holds as many connections as it can."""


class PairingNeededError(LinkError):
    """The device answers only those that it is paired with."""


class DecodeError(BridgeError, ValueError):
    """One frame could not be understood; the next one may be.

    ``reason`` is a short constant word (``checksum``, ``encoding`` ...) under which the failure is counted.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class WriteError(BridgeError):
    """A value could not be written to a device; the text says why, and what would be allowed."""


class ProfileError(BridgeError, ValueError):
    """A description of a device or a link is wrong; ``path`` says where (``channels[2].scale``)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
