"""Propose devices, values and availability topics from messages that were heard, so that a person only has to tick.

``heard`` is always the last payload by topic.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
import re

from ..codecs.decoders import JsonDecoder
from ..codecs.topics import Availability
from ..errors import DecodeError
from ..topics import matches
from .channel import ValueKind, parse_number, to_bool
from .recognise import RecognisedField, recognise

type Heard = Mapping[str, bytes]

_MOST_PATTERNS = 30
_WORDS = (
    ("online", "offline"),
    ("available", "unavailable"),
    ("connected", "disconnected"),
    ("alive", "dead"),
    ("up", "down"),
    ("true", "false"),
    ("1", "0"),
)
_UNMISTAKABLE = 4
"""So many of the pairs mean availability wherever they stand; the others only on a topic that is called so."""
_AVAILABILITY_NAMES = frozenset({"availability", "available", "connected", "connection", "lwt", "online", "status"})
_COMMAND_NAMES = frozenset({"set", "get", "cmd", "command", "cmnd"})


def propose_patterns(heard: Heard, trees: Iterable[str]) -> list[str]:
    """Return base topics with a ``+`` for the name of the device: those of the trees first, then what fits most."""
    found: Counter[str] = Counter()
    for topic in heard:
        levels = topic.split("/")
        for depth in range(1, len(levels)):
            found["/".join([*levels[:depth], "+"])] += 1
    wanted = [tree.removesuffix("/#") + "/+" for tree in trees if tree.endswith("/#")]
    first = [pattern for pattern in wanted if bases_of(pattern, heard)]
    rest = [pattern for pattern, _ in found.most_common() if pattern not in first]
    return [*first, *rest][:_MOST_PATTERNS]


def bases_of(pattern: str, heard: Heard) -> list[str]:
    """Return the base topics of the devices that a pattern stands for; without ``+`` it is one itself."""
    depth = len(pattern.split("/"))
    bases = {"/".join(topic.split("/")[:depth]) for topic in heard}
    return sorted(base for base in bases if matches(pattern, base))


def fields_of(base: str, heard: Heard) -> list[RecognisedField]:
    """Return the values below a base topic: leaves of JSON objects, and whole payloads of anything else."""
    found: list[RecognisedField] = []
    for topic, payload in sorted(heard.items()):
        if (topic != base and not topic.startswith(f"{base}/")) or topic.rpartition("/")[2].lower() in _COMMAND_NAMES:
            continue
        source = f"~{topic.removeprefix(base)}"
        below = topic.removeprefix(base).strip("/")
        if _is_object(payload):
            recognition = recognise([payload])
            found += [
                replace(field, source=f"{source}#{field.source}", name=_name(below, field.name))
                for field in (recognition.fields if recognition else ())
            ]
        elif (field := _whole(payload, source, below or base.rpartition("/")[2])) is not None:
            found.append(field)
    return found


def availability_of(base: str, heard: Heard) -> list[Availability]:
    """Return where it may be said whether the device is there: its own topics first, then those for all devices."""
    own = [topic for topic in sorted(heard) if topic.startswith(f"{base}/")]
    others = [topic for topic in sorted(heard) if topic not in own and topic.endswith(("/bridge/state", "/status"))]
    return [said for topic in (*own, *others) if (said := _availability(topic, base, heard[topic])) is not None]


def _availability(topic: str, base: str, payload: bytes) -> Availability | None:
    source = f"~{topic.removeprefix(base)}" if topic.startswith(f"{base}/") else topic
    word = payload.decode(errors="replace").strip()
    if _is_object(payload):
        recognition = recognise([payload])
        state = next((field for field in recognition.fields if field.source == "state"), None) if recognition else None
        if state is None:
            return None
        source, word = f"{source}#state", state.sample
    is_called_so = topic.rpartition("/")[2].lower() in _AVAILABILITY_NAMES
    for online, offline in _WORDS if is_called_so else _WORDS[:_UNMISTAKABLE]:
        if word.lower() in (online, offline):
            return Availability(source=source, online=_like(word, online), offline=_like(word, offline))
    return None


def _like(seen: str, word: str) -> str:
    """Return a word written with the capitals of the one that was seen."""
    if seen.isupper():
        return word.upper()
    return word.capitalize() if seen[:1].isupper() else word


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(JsonDecoder().parse(payload), dict)
    except DecodeError:
        return False


def _whole(payload: bytes, source: str, name: str) -> RecognisedField | None:
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        return None
    if not text or text.startswith(("{", "[")):
        return None
    decimals = re.fullmatch(r"[+-]?\d+\.(\d{1,9})", text)
    return RecognisedField(
        source=source,
        name=_name(name),
        kind=_kind(text),
        sample=text[:60],
        precision=len(decimals[1]) if decimals else None,
    )


def _kind(text: str) -> ValueKind:
    """Return what a whole payload looks like; ``1`` and ``0`` are numbers until somebody says otherwise."""
    for kind, convert in ((ValueKind.NUMBER, parse_number), (ValueKind.BINARY, to_bool)):
        try:
            convert(text)
        except ValueError:
            continue
        return kind
    return ValueKind.TEXT


def _name(*parts: str) -> str:
    words = re.sub(r"[/._\s]+", " ", " ".join(part for part in parts if part)).strip()
    return words[:1].upper() + words[1:]
