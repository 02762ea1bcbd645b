"""The topic layout: the one place that knows where things are published."""


def device_topic(prefix: str, device: str, channel: str, *, is_root: bool = False) -> str:
    """Return ``{prefix}/{device}/{channel}``; a root device has no segment of its own."""
    return f"{prefix}/{channel}" if is_root else f"{prefix}/{device}/{channel}"


def matches(topic_filter: str, topic: str) -> bool:
    """True when an MQTT filter (``+`` for one segment, ``#`` for the rest) covers ``topic``."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(a in {"+", b} for a, b in zip(wanted, given, strict=True))


def status_topic(prefix: str) -> str:
    """Return the topic of the heartbeat and of the will."""
    return f"{prefix}/status"


def error_topic(prefix: str) -> str:
    """Return the topic on which every error is published."""
    return f"{prefix}/error"
