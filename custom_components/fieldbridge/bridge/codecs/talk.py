"""What is sent to a device: frames when the link comes up, questions at a rate, and how their answers look."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ProfileError
from .decoders.decoder import MAX_TEXT_FRAME
from .decoders.texts import FRAME_TIMEOUT, compiled
from .escapes import escape_bytes, parse_bytes
from .template import FrameTemplate

_MOST_FRAMES = 32
_SHORTEST = 0.02
"""Seconds between two questions."""
_LONGEST = 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How the answer to a frame is told from what a device says by itself; without conditions it is any frame."""

    prefix: bytes = b""
    pattern: str = ""

    def matches(self, frame: bytes) -> bool:
        """Return whether ``frame`` may be the answer."""
        if not frame.startswith(self.prefix):
            return False
        if not self.pattern:
            return True
        try:
            text = frame[:MAX_TEXT_FRAME].decode("latin-1")
            return compiled(self.pattern).search(text, timeout=FRAME_TIMEOUT) is not None
        except TimeoutError:
            return False

    def resembles(self, other: Answer) -> bool:
        """Return whether a frame could be both answers, as far as their beginnings tell."""
        return self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        form = {"prefix": escape_bytes(self.prefix), "pattern": self.pattern}
        return {name: text for name, text in form.items() if text}

    @classmethod
    def from_dict(cls, data: Any, path: str) -> Answer:
        """Return the answer described by ``data``; raises ProfileError."""
        if not isinstance(data, dict) or not set(data) <= {"prefix", "pattern"}:
            raise ProfileError(path, "must be an object with prefix or pattern")
        prefix, pattern = data.get("prefix", ""), data.get("pattern", "")
        if not isinstance(prefix, str) or not isinstance(pattern, str):
            raise ProfileError(path, "prefix and pattern must be texts")
        try:
            compiled(pattern)
            return cls(prefix=parse_bytes(prefix), pattern=pattern)
        except ValueError as err:
            raise ProfileError(path, str(err)) from err


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A frame to send and what is expected of it."""

    frame: FrameTemplate
    answer: Answer | None = None
    """None: whether it arrived is not known."""
    confirm: float | None = None
    """Seconds within which the next reading must show what was written."""
    timeout: float = 1.0
    """Seconds for the answer."""

    @classmethod
    def from_dict(cls, data: Any, path: str) -> Question:
        """Return the question described by ``data``; raises ProfileError."""
        if not isinstance(data, Mapping):
            raise ProfileError(path, "must be an object with a frame")
        if unknown := sorted(set(data) - {"frame", "answer", "confirm", "timeout", "every"}):
            raise ProfileError(path, f"unknown: {', '.join(unknown)}")
        answer, confirm = data.get("answer"), data.get("confirm")
        return cls(
            frame=template_of(data.get("frame"), f"{path}.frame"),
            answer=None if answer is None else Answer.from_dict(answer, f"{path}.answer"),
            confirm=None if confirm is None else _seconds(confirm, f"{path}.confirm"),
            timeout=_seconds(data.get("timeout", 1.0), f"{path}.timeout"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """A question that is asked again and again."""

    question: Question
    every: float
    """Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """What one device is told without anybody asking for it."""

    init: tuple[FrameTemplate, ...] = ()
    """Sent in this order whenever the link came up."""
    polls: tuple[Poll, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"init": [frame.text for frame in self.init], "poll": [_poll_form(poll) for poll in self.polls]}

    @classmethod
    def from_dict(cls, data: Any, path: str = "talk") -> Talk:
        """Return the description in ``data``; raises ProfileError."""
        if not isinstance(data, dict) or not set(data) <= {"init", "poll"}:
            raise ProfileError(path, "must be an object with init or poll")
        init, polls = data.get("init", []), data.get("poll", [])
        for name, items in (("init", init), ("poll", polls)):
            if not isinstance(items, list) or len(items) > _MOST_FRAMES:
                raise ProfileError(f"{path}.{name}", f"must be a list of at most {_MOST_FRAMES}")
        frames = tuple(template_of(text, f"{path}.init[{index}]") for index, text in enumerate(init))
        questions = tuple(_poll(item, f"{path}.poll[{index}]") for index, item in enumerate(polls))
        for template in (*frames, *(poll.question.frame for poll in questions)):
            if template.names:
                raise ProfileError(path, f"nobody gives a value for {', '.join(sorted(template.names))}")
        return cls(init=frames, polls=questions)


def template_of(text: Any, path: str) -> FrameTemplate:
    """Return the template written as ``text``; raises ProfileError."""
    if not isinstance(text, str):
        raise ProfileError(path, "must be a text")
    try:
        return FrameTemplate(text)
    except ValueError as err:
        raise ProfileError(path, str(err)) from err


def _poll(data: Any, path: str) -> Poll:
    question = Question.from_dict(data, path)
    return Poll(question=question, every=_seconds(data.get("every"), f"{path}.every"))


def _poll_form(poll: Poll) -> dict[str, Any]:
    question = poll.question
    form: dict[str, Any] = {"frame": question.frame.text, "every": poll.every, "timeout": question.timeout}
    return form if question.answer is None else {**form, "answer": question.answer.to_dict()}


def _seconds(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _SHORTEST <= value <= _LONGEST:
        raise ProfileError(path, f"must be {_SHORTEST} to {_LONGEST:g} seconds")
    return float(value)
