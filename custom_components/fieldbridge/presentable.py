"""Bytes of a device as a text that a person can read, and that changes nothing around it."""

_SHOWN_CHARACTERS = 200


def printable(data: bytes | str) -> str:
    """Return one line in which everything invisible, and what could end a code block, is escaped."""
    text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data
    safe = "".join(
        character if character.isprintable() and character != "`" else _escaped(character)
        for character in text[:_SHOWN_CHARACTERS]
    )
    return f"{safe}…" if len(text) > _SHOWN_CHARACTERS else safe


def given_name(text: str, otherwise: str) -> str:
    """Return a name that a person typed on one line, ``otherwise`` for a blank one."""
    return " ".join(text.split())[:_SHOWN_CHARACTERS] or otherwise


def size_text(count: int) -> str:
    """Return a number of bytes as a person reads it."""
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
