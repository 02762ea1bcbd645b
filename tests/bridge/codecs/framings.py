"""One description of every kind of framing, and frames that it must find."""

from collections.abc import Callable
from dataclasses import dataclass
import itertools
from typing import Any

from custom_components.fieldbridge.bridge.codecs.catalogue import function_of
from custom_components.fieldbridge.bridge.codecs.framing import Framer, framer_from_dict

MAX = 40


def sum16(body: bytes) -> bytes:
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


def modbus(body: bytes) -> bytes:
    return body + function_of("crc-16/modbus")(body).to_bytes(2, "little")


def fixed(content: bytes) -> bytes:
    return sum16(b"\x42\x4d" + content[:8].ljust(8, b"\0"))


def counted(content: bytes) -> bytes:
    content = content[:20]
    return modbus(b"\xa5\x5a" + bytes([len(content) + 2]) + content)


def escaped(content: bytes, escape: int, special: bytes, change: Callable[[int], int]) -> bytes:
    return b"".join(bytes([escape, change(byte)]) if byte in special else bytes([byte]) for byte in content)


def stuffed(content: bytes) -> bytes:
    blocks = content.split(b"\0")
    return b"".join(bytes([len(block) + 1]) + block for block in blocks)


def plain(content: bytes) -> bytes:
    """Return content without any byte that stands for a border somewhere."""
    return bytes(byte for byte in content if byte not in b"\r\n\x02\x03;/!E")


@dataclass(frozen=True)
class Example:
    """A kind of framing: content to the bytes on the line and the frame that is cut out of them."""

    form: dict[str, Any]
    line: Callable[[bytes], bytes]
    frame: Callable[[bytes], bytes]

    def framer(self, **changes: Any) -> Framer:
        return framer_from_dict({"max_length": MAX, **self.form, **changes})


SUM16 = {"algorithm": "sum16"}
CRC16 = {"algorithm": "crc-16/modbus", "encoding": "little"}
EXAMPLES = {
    "line": Example({"kind": "line"}, lambda content: plain(content) + b"\r\n", plain),
    "delimiter": Example({"kind": "delimiter", "delimiter": ";"}, lambda content: plain(content) + b";", plain),
    "fixed": Example({"kind": "fixed", "length": 12, "start": "BM", "check": SUM16}, fixed, fixed),
    "fixed by its check": Example({"kind": "fixed", "length": 12, "check": SUM16}, fixed, fixed),
    "length": Example(
        {"kind": "length", "start": "0xA5 5A", "offset": 2, "extra": 3, "check": CRC16}, counted, counted
    ),
    "marks": Example(
        {"kind": "marks", "start": "\\x02", "end": "\\x03", "keep_marks": False},
        lambda content: b"\x02" + plain(content) + b"\x03",
        plain,
    ),
    "end mark": Example(
        {"kind": "marks", "end": "END", "after": 1},
        lambda content: plain(content) + b"END!",
        lambda content: plain(content) + b"END!",
    ),
    "telegram": Example(
        {"kind": "telegram", "start": "/", "end": "!"},
        lambda content: b"/X\r\n" + plain(content) + b"\r\n!12\r\n",
        lambda content: b"/X\r\n" + plain(content) + b"\r\n!12",
    ),
    "slip": Example(
        {"kind": "slip"},
        lambda content: escaped(content, 0xDB, b"\xc0\xdb", lambda byte: 0xDC if byte == 0xC0 else 0xDD) + b"\xc0",
        bytes,
    ),
    "cobs": Example({"kind": "cobs"}, lambda content: stuffed(content) + b"\0", bytes),
    "dle": Example(
        {"kind": "dle"},
        lambda content: b"\x10\x02" + content.replace(b"\x10", b"\x10\x10") + b"\x10\x03",
        bytes,
    ),
    "stuffed between equal marks": Example(
        {"kind": "escaped", "start": "~", "end": "~", "escape": "}", "invert": 32},
        lambda content: b"~" + escaped(content, 0x7D, b"}~\x11\x13", lambda byte: byte ^ 32) + b"~",
        bytes,
    ),
    "stuffed between STX and ETX": Example(
        {"kind": "escaped", "start": "\\x02", "end": "\\x03", "escape": "\\x1b"},
        lambda content: b"\x02" + escaped(content, 0x1B, b"\x02\x03\x1b", int) + b"\x03",
        bytes,
    ),
}


def cut(data: bytes, positions: list[int]) -> list[bytes]:
    """Return ``data`` in pieces."""
    borders = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(borders)]
