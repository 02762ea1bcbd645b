"""Names of files, made from whatever a person wrote."""

import re
import unicodedata

MAX_STEM_BYTES = 120
"""Leaves room for a number, an ending and ``.part`` within the 255 bytes that file systems allow."""

_UNSAFE = re.compile(r"[^\w\-. ]+")
_BLANKS = re.compile(r"\s+")


def safe_stem(name: str, *, fallback: str = "recording") -> str:
    """Return ``name`` as the stem of a file in any folder: no separators, no control characters, no leading dot."""
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", name.encode(errors="replace").decode()))
    text = _BLANKS.sub(" ", text).strip(" ._")
    text = text.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" ._")
    # A dot within the name would look like the beginning of an ending.
    return text.replace(".", "_") or fallback
