"""The topic layout: the one place that knows where things are published."""

from collections.abc import Sequence
from itertools import combinations, zip_longest

_FORBIDDEN = frozenset("/+#\0")
_DELETE = 0x7F


def device_topic(prefix: str, device: str, channel: str, *, is_root: bool = False) -> str:
    """Return ``{prefix}/{device}/{channel}``; a root device has no segment of its own."""
    return f"{prefix}/{channel}" if is_root else f"{prefix}/{device}/{channel}"


def check_segment(name: str, what: str = "Name") -> None:
    """Raise ValueError for what cannot be one segment of a topic, or would garble a log."""
    if not name:
        raise ValueError(f"{what} must not be empty")
    if _FORBIDDEN & set(name):
        raise ValueError(
            f"{what} must be one segment of a topic, {name!r} holds invalid MQTT characters (/ + # or NUL)"
        )
    if any(ord(char) < ord(" ") or ord(char) == _DELETE for char in name):
        raise ValueError(f"{what} must not hold control characters, got {name!r}")


def matches(topic_filter: str, topic: str) -> bool:
    """True when an MQTT filter (``+`` for one segment, ``#`` for the rest) covers ``topic``, or all of a filter."""
    if topic.startswith("$") and topic_filter.startswith(("+", "#")):
        return False  # topics of the broker itself have to be named
    wanted, given = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        given = given[: len(wanted)]
    if len(wanted) != len(given) or "#" in given:
        return False
    return all(a in {"+", b} for a, b in zip(wanted, given, strict=True))


def partly_overlapping(filters: Sequence[str]) -> tuple[str, str] | None:
    """Return two filters that share topics although none of all covers another of them, None where there are none."""
    filters = list(dict.fromkeys(filters))
    widest = [each for each in filters if not any(matches(other, each) for other in filters if other != each)]
    return next((pair for pair in combinations(widest, 2) if _overlap(*pair)), None)


def _overlap(first: str, second: str) -> bool:
    if first.startswith("$") != second.startswith("$"):  # no wildcard stands for the broker's own
        return False
    for one, other in zip_longest(first.split("/"), second.split("/")):
        if "#" in (one, other):
            return True
        if one is None or other is None or (one != other and "+" not in (one, other)):
            return False
    return True


def status_topic(prefix: str) -> str:
    """Return the topic of the heartbeat and of the will."""
    return f"{prefix}/status"


def error_topic(prefix: str) -> str:
    """Return the topic on which every error is published."""
    return f"{prefix}/error"
