"""What must not leave the house with a capture: the fields that a profile marks as private."""

from collections.abc import Iterable
import re

from ..codecs.frame import Batch
from ..errors import DecodeError
from .channel import Channel
from .profile import DeviceProfile

_READABLE = re.compile(rb"[0-9A-Za-z]")
_MASK = b"*"


class Masker:
    """Masks the private fields of the devices behind a link; without such a field it changes nothing."""

    def __init__(self, profiles: Iterable[DeviceProfile]) -> None:
        self._profiles = [
            (profile, [profile.decoder.getter(channel.source) for channel in profile.channels if _is_masked(channel)])
            for profile in profiles
        ]
        self._profiles = [(profile, getters) for profile, getters in self._profiles if getters]

    @property
    def is_needed(self) -> bool:
        """Whether any device has a private field."""
        return bool(self._profiles)

    def mask_frames(self, batch: Batch) -> Batch:
        """Return the frames of one read, each masked."""
        return [frame._replace(data=self.mask(frame.data)) for frame in batch] if self.is_needed else batch

    def mask(self, data: bytes) -> bytes:
        """Return a frame with ``*`` in the place of what is private; of the same length.

        A frame that nobody understands may hold the same, cut or garbled: all that can be read in it is masked.
        """
        masked, understood = data, False
        for profile, getters in self._profiles:
            try:
                fields = profile.decoder.parse(data)
            except DecodeError:
                continue
            understood = True
            for get in getters:
                try:
                    text = str(get(fields)).strip().encode(errors="surrogatepass")
                except LookupError, TypeError:
                    continue  # this message does not carry it
                if text and text in masked:
                    masked = masked.replace(text, _READABLE.sub(_MASK, text))
                elif text:
                    return _MASK * len(data)  # a number of a binary frame: its bytes are not known
        if self.is_needed and not understood:
            return _READABLE.sub(_MASK, data)
        return masked


def _is_masked(channel: Channel) -> bool:
    return channel.private and bool(channel.source)
