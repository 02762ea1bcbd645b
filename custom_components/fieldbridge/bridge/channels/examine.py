"""One frame as a person wants to see it: is it this device's, does it hold, and what is in it."""

from typing import NamedTuple

from ..codecs.topics import TopicDecoder
from ..errors import DecodeError
from .channel import Value
from .profile import DeviceProfile

GOOD = "ok"
NOT_OURS = "not_ours"
UNREADABLE = "unreadable"


class Examined(NamedTuple):
    """The verdict on a frame: ``ok``, ``not_ours``, ``unreadable``, or the reason why it could not be decoded."""

    verdict: str
    detail: str
    values: dict[str, Value | None]
    """Values by channel key, before filters; None where a field is no value of its kind."""


def examine(profile: DeviceProfile, data: bytes) -> Examined:
    """Decode one frame once more; for eyes, not for the way of a value, and never raising on any frame."""
    decoder, condition = profile.decoder, profile.condition
    if condition is not None and not data.startswith(condition.prefix):
        return Examined(NOT_OURS, "", {})
    try:
        fields = decoder.parse(data)
    except DecodeError as err:
        return Examined(err.reason, str(err), {})
    if condition is not None and condition.source:
        try:
            found = str(decoder.getter(condition.source)(fields)).strip()
        except LookupError, TypeError:
            found = ""
        if found != condition.equals:
            return Examined(NOT_OURS, "", {})
    values: dict[str, Value | None] = {}
    for channel in profile.channels:
        if not channel.source:
            continue
        try:
            values[channel.key] = channel.converter()(decoder.getter(channel.source)(fields))
        except LookupError, TypeError:
            continue
        except ValueError:
            values[channel.key] = None
    if not values and isinstance(decoder, TopicDecoder) and not decoder.is_availability(fields):
        return Examined(NOT_OURS, "", {})  # a topic of another device
    unreadable = [key for key, value in values.items() if value is None]
    return Examined(UNREADABLE if unreadable else GOOD, ", ".join(unreadable), values)
