"""What a decoder makes of frames: a table for a text, and the row under a form."""

from collections.abc import Sequence
from typing import Any, Final

from homeassistant.const import ATTR_FRIENDLY_NAME, STATE_UNKNOWN, Platform

from ..bridge.channels.recognise import RecognisedField
from ..bridge.codecs.decoders import Decoder
from ..bridge.errors import DecodeError
from ..presentable import printable
from .presentation import NOTHING, SHOWN_FRAMES, dotted

_SHOWN_TEXT: Final = 60
"""Characters of a frame."""
_SHOWN_FIELDS: Final = 24


def decoded_table(decoder: Decoder, fields: Sequence[RecognisedField], frames: Sequence[bytes]) -> str:
    """Return the last frames, each with its fields or the reason why it cannot be read."""
    lines = []
    for data in frames[-SHOWN_FRAMES:]:
        lines += [dotted(data)[:_SHOWN_TEXT] or NOTHING, f"    {decoded_line(decoder, fields, data)}"]
    return "\n".join(lines) or NOTHING


def decoded_line(decoder: Decoder, fields: Sequence[RecognisedField], data: bytes) -> str:
    """Return the fields of one frame in one line."""
    try:
        parsed = decoder.parse(data)
    except DecodeError as err:
        return printable(f"({err})")
    texts = []
    for field in fields[:_SHOWN_FIELDS]:
        try:
            value = decoder.getter(field.source)(parsed)
        except LookupError, TypeError:
            continue  # another kind of message
        shown = f"{value:.7g}" if isinstance(value, float) else str(value).strip()
        texts.append(f"{field.name} = {shown}")
    return printable("   ".join(texts)) or NOTHING


def decoded_row(decoder: Decoder, fields: Sequence[RecognisedField], frames: Sequence[bytes]) -> dict[str, Any]:
    """Return the entity row of the frontend: the newest frame as its name, the fields in it as its state."""
    if not frames:
        return {"state": STATE_UNKNOWN, "attributes": {}, "domain": Platform.SENSOR.value}
    name = dotted(frames[-1])[:_SHOWN_TEXT]
    state = decoded_line(decoder, [field for field in fields if field.certain], frames[-1])
    return {"state": state, "attributes": {ATTR_FRIENDLY_NAME: name}, "domain": Platform.SENSOR.value}
