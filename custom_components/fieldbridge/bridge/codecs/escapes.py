"""Bytes as people write them in forms and profiles, and back."""

import re

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.)|$)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}
_HEX = re.compile(r"0[xX][0-9a-fA-F]{2}(?:[ ,]*(?:0[xX])?[0-9a-fA-F]{2})*")
_DUMP = re.compile(r"[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2})+")
_WRITTEN = {character: f"\\{letter}" for letter, character in _ESCAPED.items()}


def parse_bytes(text: str) -> bytes:
    r"""Return the bytes written as text with escapes (``\n``, ``\r``, ``\t``, ``\0``, ``\x03``) or as ``0xAA 0xC0``.

    Raises ValueError when an escape is malformed or a character is no single byte.
    """

    def unescape(match: re.Match[str]) -> str:
        code, letter = match.groups()
        if code is None and letter not in _ESCAPED:
            raise ValueError(f"unknown escape {match[0]} in {text!r}")
        return chr(int(code, 16)) if code else _ESCAPED[letter]

    if _HEX.fullmatch(text):
        return bytes.fromhex(re.sub(r"0[xX]|[ ,]", "", text))
    # Every escape is one byte, and so is every other character that a field device knows.
    try:
        return _ESCAPE.sub(unescape, text).encode("latin-1")
    except UnicodeEncodeError as err:
        raise ValueError(f"{err.object[err.start]!r} is no single byte") from err


def parse_lines(text: str) -> list[bytes]:
    """Return the frames that a person pasted, one per line: text with escapes, or hexadecimal bytes (``0b 41 8d``).

    Two-digit decimal numbers alone are text. Raises ValueError with the number of the line that is malformed.
    """
    frames = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare:
            continue
        is_dump = _DUMP.fullmatch(bare) is not None and not bare.replace(" ", "").isdecimal()
        try:
            frames.append(bytes.fromhex(bare) if is_dump else parse_bytes(line))
        except ValueError as err:
            raise ValueError(f"line {number}: {err}") from err
    return frames


def escape_bytes(data: bytes) -> str:
    """Return the text from which ``parse_bytes`` makes ``data``."""
    text = "".join(
        _WRITTEN.get(character) or (character if " " <= character <= "~" else f"\\x{ord(character):02X}")
        for character in data.decode("latin-1")
    )
    # A text that would be read as a row of hexadecimal bytes keeps its meaning by one escape.
    return f"\\x30{text[1:]}" if _HEX.fullmatch(text) else text
