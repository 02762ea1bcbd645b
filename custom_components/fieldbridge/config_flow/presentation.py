"""Bytes, fields and values as text for a person; nothing that a device sends can change the text around it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from homeassistant.helpers.selector import SelectOptionDict

from ..bridge.channels import DeviceProfile
from ..bridge.channels.recognise import RecognisedField, fields_found
from ..bridge.codecs.decoders import Decoder, SeparatedDecoder
from ..bridge.codecs.frame import Frame
from ..bridge.codecs.recognise_framing import is_text
from ..bridge.errors import DecodeError
from ..bridge.modbus import RegisterDecoder
from ..presentable import printable

SHOWN_FRAMES = 8
_SHOWN_BYTES = 96
_BYTES_PER_LINE = 16
NOTHING = "\N{EN DASH}"  # a hyphen alone would be the bullet of an empty list


def frames_text(frames: Sequence[bytes]) -> str:
    """Return the last frames, one per line."""
    return "\n".join(printable(frame) for frame in frames[-SHOWN_FRAMES:]) or NOTHING


def timed_frames_text(frames: Sequence[Frame]) -> str:
    """Return the last frames as text and in hexadecimal, each with the seconds since the one before."""
    lines = []
    first = max(len(frames) - SHOWN_FRAMES, 0)
    for place in range(first, len(frames)):
        data = frames[place].data
        pause = f"+{frames[place].time - frames[place - 1].time:.3f} s" if place else ""
        more = " …" if len(data) > 2 * _BYTES_PER_LINE else ""
        lines += [f"{pause:>10}  {dotted(data)}", f"{'':10}  {data[: 2 * _BYTES_PER_LINE].hex(' ')}{more}"]
    return "\n".join(lines) or NOTHING


def dotted(data: bytes) -> str:
    """Return a frame as text; binary ones as dumps have it, with a dot for what is no character."""
    if is_text(data):
        return printable(data)
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x60 else "." for byte in data[:_SHOWN_BYTES])


def hex_text(data: bytes) -> str:
    """Return the last bytes in hexadecimal."""
    shown = data[-_SHOWN_BYTES:]
    lines = (shown[start : start + _BYTES_PER_LINE] for start in range(0, len(shown), _BYTES_PER_LINE))
    return "\n".join(line.hex(" ") for line in lines) or NOTHING


def field_label(field: RecognisedField) -> str:
    """Return what was found in one field: ``Oxygen = 20.379 %``."""
    value = f"{field.name} = {field.sample}"
    return printable(f"{value} {field.unit}" if field.unit else value)


def format_text(decoder: Decoder, texts: Mapping[str, str]) -> str:
    """Return how frames are read: the separator, or the kind of decoder in the words of the selectors' ``texts``."""
    if isinstance(decoder, SeparatedDecoder):
        return {" ": "␣", "\t": "\\t"}.get(decoder.separator, decoder.separator)
    kind = str(decoder.to_dict()["kind"])
    return texts.get(f"decoder_kind.options.{kind}", kind)


def check_text(decoder: Decoder, framing: Mapping[str, Any] | None = None) -> str:
    """Return the checksum that was found, in the fields or by the framing."""
    if framing is not None and "check" in framing:
        return str(framing["check"]["algorithm"])
    check = decoder.check if isinstance(decoder, SeparatedDecoder) else None
    return check.algorithm if check else NOTHING


def framing_text(framing: Mapping[str, Any] | None, texts: Mapping[str, str]) -> str:
    r"""Return a framing in one line: ``Fixed length, length 12, start \x0BA``; lines where there is none."""
    kind = "line" if framing is None else str(framing["kind"])
    named = texts.get(f"framing_kind.options.{kind}", kind)
    if framing is None:
        return named
    values = (f"{name} {value}" for name, value in framing.items() if name not in ("kind", "check") and value != "")
    return printable(", ".join([named, *values]))


def source_options(decoder: Decoder, frame: bytes) -> list[SelectOptionDict]:
    """Return the fields of a frame that ``decoder`` reads, each with its text: what a channel can be made of."""
    if isinstance(decoder, RegisterDecoder):
        return [SelectOptionDict(value=name, label=name) for name in decoder.registers]
    if isinstance(decoder, SeparatedDecoder):
        return [
            SelectOptionDict(value=str(position), label=printable(f"{position}: {text.strip()}"))
            for position, text in enumerate(decoder.parse(frame))
        ]
    return [SelectOptionDict(value=field.source, label=field_label(field)) for field in fields_found(decoder, [frame])]


def decoded_text(profile: DeviceProfile, key: str, frames: Iterable[bytes]) -> str:
    """Return lines of raw field, decoded value and, where there are filters, what comes out of them."""
    channel = next(channel for channel in profile.channels if channel.key == key)
    get, convert, chain = profile.decoder.getter(channel.source), channel.converter(), channel.chain()
    unit = f" {channel.unit}" if channel.unit else ""
    lines = []
    for frame in frames:
        try:
            raw = get(profile.decoder.parse(frame))
        except DecodeError, LookupError, TypeError:
            continue  # a frame of another kind, or without this channel
        try:
            value = convert(raw)
            shown = f"{value}{unit}"
            if chain is not None:
                filtered = chain.update(float(value))
                shown += "  →  ·" if filtered is None else f"  →  {filtered:.6g}{unit}"
        except ValueError as err:
            shown = f"({err})"
        lines.append(printable(f"{str(raw).strip()}  →  {shown}"))
    return "\n".join(lines[-SHOWN_FRAMES:]) or NOTHING
