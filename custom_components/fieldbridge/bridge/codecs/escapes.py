"""Bytes as people write them in forms and profiles, and back."""

import json
import re

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.)|$)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}
_HEX = re.compile(r"0[xX][0-9a-fA-F]{2}(?:[ ,]*(?:0[xX])?[0-9a-fA-F]{2})*")
_DUMP = re.compile(r"[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2})+")
_WRITTEN = {character: f"\\{letter}" for letter, character in _ESCAPED.items()}


def parse_bytes(text: str, encoding: str = "latin-1") -> bytes:
    r"""Return the bytes written as text with escapes (``\n``, ``\r``, ``\t``, ``\0``, ``\x03``) or as ``0xAA 0xC0``.

    Every escape is one byte, and so is every other character, as field devices have it, unless the ``encoding`` says
    otherwise. Raises ValueError when an escape is malformed or a character has no bytes.
    """
    if _HEX.fullmatch(text):
        return bytes.fromhex(re.sub(r"0[xX]|[ ,]", "", text))
    data, end = bytearray(), 0
    for match in _ESCAPE.finditer(text):
        data += _encoded(text[end : match.start()], encoding)
        end = match.end()
        code, letter = match.groups()
        if _is_unknown(match):
            raise ValueError(f"unknown escape {match[0]} in {text!r}")
        data.append(int(code, 16) if code else ord(_ESCAPED[letter]))
    return bytes(data + _encoded(text[end:], encoding))


def _is_unknown(match: re.Match[str]) -> bool:
    code, letter = match.groups()
    return code is None and letter not in _ESCAPED


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as err:
        raise ValueError(f"{err.object[err.start]!r} is no single byte") from err


def parse_lines(text: str, encoding: str = "latin-1") -> list[bytes]:
    """Return the frames that a person pasted, one per line: text with escapes, or hexadecimal bytes (``0b 41 8d``).

    Two-digit decimal numbers alone are text. JSON and lines with any other escape, which is the device's own, are taken
    as they are written. Raises ValueError with the number of the line that has a character without bytes.
    """
    frames = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare:
            continue
        is_dump = _DUMP.fullmatch(bare) is not None and not bare.replace(" ", "").isdecimal()
        try:
            if is_dump:
                frames.append(bytes.fromhex(bare))
            else:
                frames.append(_encoded(line, encoding) if _is_as_written(bare) else parse_bytes(line, encoding))
        except ValueError as err:
            raise ValueError(f"line {number}: {err}") from err
    return frames


def _is_as_written(line: str) -> bool:
    r"""Return whether the escapes of a line are not ours: a JSON object or list, or one like ``\q``."""
    if any(map(_is_unknown, _ESCAPE.finditer(line))):
        return True
    if line[0] not in "{[":
        return False
    try:
        json.loads(line)
    except ValueError, RecursionError:
        return False
    return True


def escape_bytes(data: bytes) -> str:
    """Return the text from which ``parse_bytes`` makes ``data``."""
    text = "".join(
        _WRITTEN.get(character) or (character if " " <= character <= "~" else f"\\x{ord(character):02X}")
        for character in data.decode("latin-1")
    )
    # A text that would be read as a row of hexadecimal bytes keeps its meaning by one escape.
    return f"\\x30{text[1:]}" if _HEX.fullmatch(text) else text
