"""Bytes as people write them in forms and profiles, and back."""

import re

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.)|$)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}
_HEX = re.compile(r"0[xX][0-9a-fA-F]{2}(?:[ ,]*(?:0[xX])?[0-9a-fA-F]{2})*")
_WRITTEN = {character: f"\\{letter}" for letter, character in _ESCAPED.items()}


def parse_bytes(text: str) -> bytes:
    r"""Return the bytes written as text with escapes (``\n``, ``\r``, ``\t``, ``\0``, ``\x03``) or as ``0xAA 0xC0``.

    Raises ValueError when an escape is malformed.
    """

    def unescape(match: re.Match[str]) -> str:
        code, letter = match.groups()
        if code is None and letter not in _ESCAPED:
            raise ValueError(f"unknown escape {match[0]} in {text!r}")
        return chr(int(code, 16)) if code else _ESCAPED[letter]

    if _HEX.fullmatch(text):
        return bytes.fromhex(re.sub(r"0[xX]|[ ,]", "", text))
    # Every escape is one byte, and so is every other character that a field device knows.
    return _ESCAPE.sub(unescape, text).encode("latin-1")


def escape_bytes(data: bytes) -> str:
    """Return the text from which ``parse_bytes`` makes ``data``."""
    text = "".join(
        _WRITTEN.get(character) or (character if " " <= character <= "~" else f"\\x{ord(character):02X}")
        for character in data.decode("latin-1")
    )
    # A text that would be read as a row of hexadecimal bytes keeps its meaning by one escape.
    return f"\\x30{text[1:]}" if _HEX.fullmatch(text) else text
